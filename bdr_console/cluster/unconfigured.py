"""Members of the group that the configuration does not name: nobody watches them. Pure.

Of such a member nothing is read, but its peers tell of it: by their slots for it and their apply workers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bdr_console.cluster.history import History
from bdr_console.cluster.lag_time import LagTime, Sender
from bdr_console.cluster.nodes import Member, Membership, NodeFacts, Slot, Subscription, engine_name
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import Link, LinkState, receiver_state, slot_state
from bdr_console.cluster.snapshot import Snapshot, read_lately

_SENDS_NOTHING = ("witness", "standby", "subscriber-only")
"""Kinds of members to which, or from which, an engine may keep no slot."""


@dataclass(frozen=True, slots=True)
class UnconfiguredMember:
    """One member that no configured node is."""

    name: str
    """What the engine calls it."""
    member: Member
    """A row of it, as the first node that knows it shows it."""
    known_to: tuple[str, ...]
    """The configured nodes that know it."""


@dataclass(frozen=True, slots=True)
class Unconfigured:
    """Those members, and how many of them may be configured nodes that were never read."""

    members: tuple[UnconfiguredMember, ...]
    unidentified: int
    """Configured nodes of which nobody knows yet what the engine calls them."""


def unconfigured(snapshot: Snapshot, now: datetime) -> Unconfigured:
    """Find the members that ready nodes know and that no configured node is."""
    fresh = [
        (node, facts)
        for node, facts in read_lately(snapshot, now)
        if facts.is_control or (facts.node_name is not None and not facts.shards)
    ]
    known = {engine_name(node) for node in snapshot.nodes} | {node.name for node in snapshot.nodes}
    parted = {m.name for _, facts in fresh for m in facts.members if m.membership is Membership.PARTED}
    found: dict[str, tuple[Member, list[str]]] = {}
    for node, facts in fresh:
        if facts.membership is not Membership.READY and not facts.is_control:
            continue
        for member in _others(facts):
            if member.name not in known and member.name not in parted:
                found.setdefault(member.name, (member, []))[1].append(node.name)
    named = {member.name for _, facts in fresh for member in facts.members}
    unidentified = [node for node in snapshot.nodes if not _identified(node) and node.name not in named]
    return Unconfigured(
        tuple(UnconfiguredMember(name, member, tuple(by)) for name, (member, by) in found.items()),
        len(unidentified),
    )


def links_to_unconfigured(
    found: Sequence[UnconfiguredMember], snapshot: Snapshot, now: datetime, history: History
) -> tuple[Link, ...]:
    """Both directions between each such ready member and each node that knows it, as that node shows them."""
    fresh = read_lately(snapshot, now)
    return tuple(
        link
        for one in found
        if one.member.membership is Membership.READY
        for node, facts in fresh
        if node.name in one.known_to and facts.pending is None and not facts.is_control
        for link in (
            *_sent(one, node, facts, Sender.of(node, history.wal(node.name), snapshot.refresh)),
            *_received(one, node, facts),
        )
    )


def _others(facts: NodeFacts) -> Iterable[Member]:
    """The other members. Where links are made by hand a name alone is none: it may be left from long ago."""
    linked = {one.origin for one in facts.subscriptions} | {slot.target for slot in facts.slots}
    for member in facts.members:
        if not member.is_local and (facts.meshed or facts.is_control or member.name in linked):
            yield member


def _identified(node: Observed[NodeFacts]) -> bool:
    if node.facts is None:
        return False
    unknown = node.facts.members or node.facts.why_unread("members")
    return node.facts.node_name is not None or node.facts.is_control or not unknown


def _sent(
    one: UnconfiguredMember, node: Observed[NodeFacts], facts: NodeFacts, wal: Sender
) -> Iterable[Link]:
    slot = next((slot for slot in facts.slots if slot.target == one.name), None)
    if slot is None:
        if facts.meshed and not facts.why_unread("slots") and one.member.kind not in _SENDS_NOTHING:
            state = (LinkState.DOWN, f"{node.name} has no slot for {one.name}")
            yield _link(node, (node.name, one.name), state)
        return
    yield _link(node, (node.name, one.name), slot_state(slot, one.name), slot, wal.lag_time(slot, None))


def _received(one: UnconfiguredMember, node: Observed[NodeFacts], facts: NodeFacts) -> Iterable[Link]:
    subscription = next((each for each in facts.subscriptions if each.origin == one.name), None)
    if subscription is not None:
        state = receiver_state(subscription, one.name, node.name, paused=bool(facts.apply_paused))
        yield _link(node, (one.name, node.name), state, subscription=subscription)


def _link(
    node: Observed[NodeFacts],
    ends: tuple[str, str],
    state: tuple[LinkState, str],
    slot: Slot | None = None,
    lag_time: LagTime | None = None,
    *,
    subscription: Subscription | None = None,
) -> Link:
    return Link(
        *ends,
        *state,
        slot,
        subscription,
        slot.lag_bytes if slot else None,
        lag_time,
        slot.retained_bytes if slot else None,
        node.seen_at,
        fresh=True,
    )
