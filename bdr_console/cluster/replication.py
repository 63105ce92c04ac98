"""Who replicates to whom: the sender's slot and the receiver's subscription joined into one link."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bdr_console.cluster import captured
from bdr_console.cluster.nodes import NodeFacts, Slot, Subscription
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot


class LinkState(StrEnum):
    """The state of one direction between two nodes."""

    STREAMING = "streaming"
    CATCHUP = "catching up"
    PAUSED = "paused"
    DOWN = "down"
    UNKNOWN = "unknown"


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
    lag_seconds: float | None
    retained_bytes: int | None
    seen_at: datetime | None
    """When the older of the readings behind this row was made."""
    fresh: bool
    pending_rows: int | None = None
    """Rows that wait to be sent, where triggers capture changes and no byte can be counted."""

    @property
    def key(self) -> tuple[str, str]:
        """(origin, target): what history is kept under."""
        return (self.origin, self.target)


def links(snapshot: Snapshot, now: datetime) -> tuple[Link, ...]:
    """Every ordered pair of configured nodes, judged from the origin's slot and the target's subscription."""
    by_engine_name = {
        (node.facts.node_name or node.name) if node.facts else node.name: node
        for node in snapshot.nodes
        if not (node.facts and (node.facts.is_control or node.facts.shards))
    }
    control = next((node for node in snapshot.nodes if node.facts and node.facts.is_control), None)
    return tuple(
        _captured(origin, target, control, snapshot.refresh, now)
        if origin.facts and origin.facts.pending is not None
        else _link(origin_name, origin, target_name, target, snapshot.refresh, now)
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
    seen = captured.judge(origin, target, control, refresh, now)
    return Link(
        origin.name,
        target.name,
        LinkState(seen.state),
        seen.reason,
        slot=None,
        subscription=None,
        lag_bytes=None,
        lag_seconds=seen.oldest,
        retained_bytes=None,
        seen_at=origin.seen_at,
        fresh=origin.is_fresh(now, refresh),
        pending_rows=seen.rows,
    )


def _link(
    origin_name: str,
    origin: Observed[NodeFacts],
    target_name: str,
    target: Observed[NodeFacts],
    refresh: float,
    now: datetime,
) -> Link:
    slot = next((s for s in origin.facts.slots if s.target == target_name), None) if origin.facts else None
    subscription = (
        next((s for s in target.facts.subscriptions if s.origin == origin_name), None)
        if target.facts
        else None
    )
    sender_fresh, receiver_fresh = origin.is_fresh(now, refresh), target.is_fresh(now, refresh)
    state, reason = _judge(origin, target, slot, subscription, sender_fresh, receiver_fresh)
    # Dated by the slot's reading where there is one: that is where the shown figures come from.
    seen_at = origin.seen_at if slot else target.seen_at
    return Link(
        origin.name,
        target.name,
        state,
        reason,
        slot,
        subscription,
        slot.lag_bytes if slot else None,
        slot.lag_seconds if slot else None,
        slot.retained_bytes if slot else None,
        seen_at,
        sender_fresh if slot else receiver_fresh,
    )


def _judge(
    origin: Observed[NodeFacts],
    target: Observed[NodeFacts],
    slot: Slot | None,
    subscription: Subscription | None,
    sender_fresh: bool,
    receiver_fresh: bool,
) -> tuple[LinkState, str]:
    if receiver_fresh and subscription and not subscription.enabled:
        return LinkState.PAUSED, f"apply is disabled on {target.name}"
    if sender_fresh:
        if slot is None:
            return _without_slot(origin, target)
        if not slot.active:
            told = f"; {target.name} says {subscription.status}" if receiver_fresh and subscription else ""
            return LinkState.DOWN, f"slot inactive: {target.name} is not connected{told}"
        if receiver_fresh and subscription and subscription.status not in ("replicating", "unknown"):
            return LinkState.DOWN, f"{target.name} says {subscription.status}"
        if not receiver_fresh:
            return LinkState.UNKNOWN, f"slot active, but {target.name} does not answer"
        if slot.state not in ("streaming", ""):
            return LinkState.CATCHUP, f"walsender says {slot.state}"
        return LinkState.STREAMING, "slot active and apply running"
    if receiver_fresh and subscription and subscription.status == "down":
        return LinkState.DOWN, f"{target.name} says down; {origin.name} does not answer"
    return LinkState.UNKNOWN, f"{origin.name} does not answer"


def _without_slot(origin: Observed[NodeFacts], target: Observed[NodeFacts]) -> tuple[LinkState, str]:
    """A missing slot is a broken link only where slots were read and the engine names the nodes."""
    why, name = (origin.facts.why_unread("slots"), origin.facts.node_name) if origin.facts else (None, None)
    if why:
        return LinkState.UNKNOWN, f"the slots of {origin.name} could not be read: {why}"
    if name is None:
        return LinkState.UNKNOWN, f"{origin.name} is no member of a group: its slots name no node"
    return LinkState.DOWN, f"{origin.name} has no slot for {target.name}"
