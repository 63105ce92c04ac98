"""Who replicates to whom: the sender's slot and the receiver's subscription joined into one link."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bdr_console.cluster import manual_topology, trigger_links
from bdr_console.cluster.access import is_refused_login
from bdr_console.cluster.history import History
from bdr_console.cluster.lag_time import LagTime, Sender
from bdr_console.cluster.nodes import Membership, NodeFacts, Slot, Subscription, engine_name
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot

NO_WORKER = "no worker"
"""The status of a subscription whose engine has no word for it: its apply worker does not run."""


CAUGHT_UP = 64 * 1024
"""Bytes: with less outstanding a walsender that says catchup streams. BDR 1's says so for long at times."""


class LinkState(StrEnum):
    """The state of one direction between two nodes."""

    STREAMING = "streaming"
    CATCHUP = "catching up"
    PAUSED = "paused"
    DOWN = "down"
    UNKNOWN = "unknown"
    ABSENT = "no link"
    """None is to be expected: one end is parted, or has not joined yet, or nobody set it up."""


@dataclass(frozen=True, slots=True)
class Link:
    """One direction, origin to target, with what both ends say of it."""

    origin: str
    target: str
    state: LinkState
    reason: str
    """Why the state is what it is, for a reader who sees only this row."""
    slot: Slot | None
    subscription: Subscription | None
    lag_bytes: int | None
    """Measured at the origin's slot, so it grows for a dead receiver too; None when nobody can see it."""
    lag_time: LagTime | None
    """How old the oldest change is that was not applied; None when nobody can see it."""
    retained_bytes: int | None
    seen_at: datetime | None
    """When the older of the readings behind this row was made."""
    fresh: bool
    pending_rows: int | None = None
    """Rows that wait to be sent, where triggers capture changes and no byte can be counted."""

    receiver_seen_at: datetime | None = None
    """When the receiver was read; None when that is long ago, or the latest attempt failed."""
    slot_gone: bool = False
    """Whether the origin, read lately, has no slot for it any more, or one that has lost its WAL: what was
    written since is lost to the target, whatever either end does."""

    @property
    def key(self) -> tuple[str, str]:
        """(origin, target): what history is kept under."""
        return (self.origin, self.target)

    @property
    def lag_seconds(self) -> float | None:
        """The lag in time as one figure; None where no more than bounds are known."""
        return self.lag_time.figure if self.lag_time else None


def links(snapshot: Snapshot, now: datetime, history: History | None = None) -> tuple[Link, ...]:
    """Every ordered pair of configured nodes, judged from the origin's slot and the target's subscription.
    With `history`, as `memory.remember` fills it, their lag in time is known from earlier readings too."""
    by_engine_name = {
        engine_name(node): node
        for node in snapshot.nodes
        if not (node.facts and (node.facts.is_control or node.facts.shards))
    }
    control = next((node for node in snapshot.nodes if node.facts and node.facts.is_control), None)
    outside = _outside(snapshot, now)
    ends = {
        name: _End.of(
            name,
            node,
            Sender.of(node, history.wal(node.name) if history else None, snapshot.refresh),
            fresh=node.is_fresh(now, snapshot.refresh),
        )
        for name, node in by_engine_name.items()
    }
    return tuple(
        _captured(origin, target, control, snapshot.refresh, now)
        if origin.facts and origin.facts.pending is not None
        else _link(_Ends(ends[origin_name], ends[target_name]), outside)
        for origin_name, origin in by_engine_name.items()
        for target_name, target in by_engine_name.items()
        if origin is not target
    )


def _captured(
    origin: Observed[NodeFacts],
    target: Observed[NodeFacts],
    control: Observed[NodeFacts] | None,
    refresh: float,
    now: datetime,
) -> Link:
    """A direction of an engine whose triggers capture changes: there is neither slot nor position."""
    seen = trigger_links.judge(origin, target, control, refresh, now)
    return Link(
        origin.name,
        target.name,
        LinkState(seen.state),
        seen.reason,
        slot=None,
        subscription=None,
        lag_bytes=None,
        lag_time=None if seen.oldest is None else LagTime(seen.oldest, seen.oldest, seen.oldest),
        retained_bytes=None,
        seen_at=origin.seen_at,
        fresh=origin.is_fresh(now, refresh),
        pending_rows=seen.rows,
    )


def _outside(snapshot: Snapshot, now: datetime) -> dict[str, str]:
    """Who has no links, by engine name, and why: a parted node by the word of any other (never by its own),
    a joining one by anybody's."""
    found: dict[str, str] = {}
    for node in snapshot.nodes:
        if node.facts is None or not node.is_fresh(now, snapshot.refresh):
            continue
        for member in node.facts.members:
            if member.membership is Membership.PARTED and member.name != engine_name(node):
                found[member.name] = f"{member.name} is parted ({node.name} says {member.raw_state})"
            elif member.membership is Membership.JOINING:
                text = f"{member.name} is joining ({node.name} says {member.raw_state})"
                found.setdefault(member.name, text)
    return found


@dataclass(frozen=True, slots=True)
class _End:
    """One node with what it sends and receives by name, so that 50 nodes cost no more than their links."""

    name: str
    """What the engine calls it."""
    node: Observed[NodeFacts]
    fresh: bool
    """Whether it was read lately."""
    slots: dict[str | None, Slot]
    subscriptions: dict[str, Subscription]
    wal: Sender

    @classmethod
    def of(cls, name: str, node: Observed[NodeFacts], wal: Sender, *, fresh: bool) -> "_End":
        """That node; of two slots or subscriptions for one peer the first counts."""
        facts = node.facts
        return cls(
            name,
            node,
            fresh,
            {slot.target: slot for slot in reversed(facts.slots)} if facts else {},
            {one.origin: one for one in reversed(facts.subscriptions)} if facts else {},
            wal,
        )


@dataclass(frozen=True, slots=True)
class _Ends:
    """Both ends of a link."""

    sender: _End
    receiver: _End

    @property
    def origin_name(self) -> str:
        """What the engine calls the origin."""
        return self.sender.name

    @property
    def target_name(self) -> str:
        """What the engine calls the target."""
        return self.receiver.name

    @property
    def origin(self) -> Observed[NodeFacts]:
        """Where it comes from."""
        return self.sender.node

    @property
    def target(self) -> Observed[NodeFacts]:
        """Where it goes."""
        return self.receiver.node

    @property
    def slot(self) -> Slot | None:
        """What the origin sends it with."""
        return self.sender.slots.get(self.target_name)

    @property
    def subscription(self) -> Subscription | None:
        """What the target receives it with."""
        return self.receiver.subscriptions.get(self.origin_name)

    @property
    def one_way(self) -> bool:
        """Whether the origin receives from the target by a connection of one direction only."""
        back = self.sender.subscriptions.get(self.target_name)
        return back is not None and back.unidirectional


def _link(ends: _Ends, outside: dict[str, str]) -> Link:
    slot, subscription = ends.slot, ends.subscription
    sender_fresh, receiver_fresh = ends.sender.fresh, ends.receiver.fresh
    why_none = outside.get(ends.origin_name) or outside.get(ends.target_name)
    state, reason = _judge(ends, slot, subscription if receiver_fresh else None, sender_fresh, receiver_fresh)
    if why_none and state in (LinkState.DOWN, LinkState.UNKNOWN):
        state, reason = LinkState.ABSENT, why_none
    return Link(
        ends.origin.name,
        ends.target.name,
        state,
        reason,
        slot,
        subscription,
        slot.lag_bytes if slot else None,
        ends.sender.wal.lag_time(slot, subscription),
        slot.retained_bytes if slot else None,
        # Dated by the slot's reading where there is one: that is where the shown figures come from.
        ends.origin.seen_at if slot else ends.target.seen_at,
        sender_fresh if slot else receiver_fresh,
        receiver_seen_at=ends.target.seen_at if receiver_fresh and not ends.target.error else None,
        slot_gone=state is LinkState.DOWN and sender_fresh and _slot_gone(ends, slot) is not None,
    )


def _judge(
    ends: _Ends, slot: Slot | None, heard: Subscription | None, sender_fresh: bool, receiver_fresh: bool
) -> tuple[LinkState, str]:
    """`heard` is the target's side, when it was read lately."""
    origin, target = ends.origin, ends.target
    if heard and heard.is_off:
        off = f"apply is disabled on {target.name}"
        gone = _slot_gone(ends, slot) if sender_fresh else None
        return (LinkState.DOWN, f"{gone}; {off}") if gone else (LinkState.PAUSED, off)
    paused = receiver_fresh and target.facts is not None and target.facts.apply_paused is True
    broken = heard is not None and heard.status not in ("replicating", "unknown")
    told = _told(heard, origin.name, target.name) if heard is not None and (broken or not paused) else ""
    if sender_fresh:
        if slot is None:
            return _without_slot(ends)
        if stopped := _stopped(slot, target.name, "its apply is paused" if paused else told):
            return stopped
        if broken:
            return LinkState.DOWN, told
        if paused:
            return LinkState.PAUSED, f"apply is paused on {target.name}"
        if not receiver_fresh:
            return LinkState.UNKNOWN, f"slot active, but {target.name} does not answer"
        return slot_state(slot, target.name)
    if heard is not None and heard.status in ("down", NO_WORKER):
        # Its failures are lost connections: the dead end is named first, and they are not.
        lost = _told(replace(heard, last_error=None), origin.name, target.name)
        return LinkState.DOWN, f"{origin.name} does not answer; {lost}"
    return LinkState.UNKNOWN, f"{origin.name} does not answer"


def _slot_gone(ends: _Ends, slot: Slot | None) -> str | None:
    """Why the link cannot go on whatever the receiver does: its slot was dropped, or has lost its WAL."""
    if slot is None:
        state, why = _without_slot(ends)
        return why if state is LinkState.DOWN else None
    return _lost(ends.target.name) if slot.wal_status == "lost" else None


def slot_state(slot: Slot, target: str) -> tuple[LinkState, str]:
    """Judge a direction by the sender's slot alone; `target` is who reads it."""
    if stopped := _stopped(slot, target, ""):
        return stopped
    if slot.state not in ("streaming", ""):
        if slot.state == "catchup" and slot.lag_bytes is not None and slot.lag_bytes < CAUGHT_UP:
            return LinkState.STREAMING, "slot active and apply running; walsender still says catchup"
        return LinkState.CATCHUP, f"walsender says {slot.state}"
    return LinkState.STREAMING, "slot active and apply running"


def _stopped(slot: Slot, target: str, why: str) -> tuple[LinkState, str] | None:
    """A slot that sends nothing; `why` is what the reader says of it."""
    if slot.wal_status == "lost":
        return LinkState.DOWN, _lost(target)
    if slot.active:
        return None
    return LinkState.DOWN, f"slot inactive: {target} is not connected" + (f"; {why}" if why else "")


def _lost(target: str) -> str:
    return f"slot lost: WAL that {target} needs is gone, it must be joined anew"


def receiver_state(heard: Subscription, origin: str, target: str, *, paused: bool) -> tuple[LinkState, str]:
    """Judge a direction by the receiver's subscription alone; `paused`: whether `target` applies nothing."""
    if heard.is_off:
        return LinkState.PAUSED, f"apply is disabled on {target}"
    if paused:
        return LinkState.PAUSED, f"apply is paused on {target}"
    if heard.status not in ("replicating", "unknown"):
        return LinkState.DOWN, _told(heard, origin, target)
    return LinkState.STREAMING, "apply running"


def _told(heard: Subscription, origin: str, target: str) -> str:
    """What the target says of its side, with the engine's word for the last failure."""
    said = f"{target} says {heard.status}"
    if heard.status == NO_WORKER:
        said = f"no apply worker for {origin} runs on {target}"
    if not heard.last_error or heard.status == "replicating":
        return said
    refused = "login of the replication role refused: " if is_refused_login(heard.last_error) else ""
    return f"{said} ({refused}{heard.last_error})"


def _without_slot(ends: _Ends) -> tuple[LinkState, str]:
    """A missing slot is a broken link only where slots were read, and somebody wants to read one."""
    origin, target = ends.origin, ends.target
    why, name = (origin.facts.why_unread("slots"), origin.facts.node_name) if origin.facts else (None, None)
    if why:
        return LinkState.UNKNOWN, f"the slots of {origin.name} could not be read: {why}"
    if origin.facts and not origin.facts.meshed:
        return _by_hand(ends)
    if name is None:
        return LinkState.UNKNOWN, f"{origin.name} is no member of a group: its slots name no node"
    known = origin.facts is not None and any(m.name == ends.target_name for m in origin.facts.members)
    if not known and target.facts is None:
        text = f"{target.name} was never read, and {origin.name} knows no member of that name"
        return LinkState.UNKNOWN, text
    if not known and target.facts is not None and target.facts.membership is not Membership.READY:
        return LinkState.ABSENT, f"{target.name} has not joined: {origin.name} knows no such member yet"
    if ends.one_way:
        return LinkState.ABSENT, f"{origin.name} only receives from {target.name} (unidirectional)"
    return LinkState.DOWN, f"{origin.name} has no slot for {target.name}"


def _by_hand(ends: _Ends) -> tuple[LinkState, str]:
    if fault := manual_topology.without_slot(ends.origin, ends.target, ends.subscription):
        return LinkState.DOWN, fault
    if gone := manual_topology.absent(ends.origin, ends.target):
        return LinkState.ABSENT, gone
    return LinkState.UNKNOWN, manual_topology.unknown(ends.origin, ends.target)
