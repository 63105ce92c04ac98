"""The lag in time of one link: from what both ends show, and earlier readings of the sender. Pure."""

from dataclasses import dataclass
from datetime import datetime

from bdr_console.cluster.lag_time import UNKNOWN, LagTime, Position, WalSeries, lsn_number
from bdr_console.cluster.nodes import NodeFacts, Slot, Subscription
from bdr_console.cluster.observed import Observed

_PRECISION = 2.0
"""Seconds: no lag in time is told more exactly, whatever the pace."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A node as the sender of its WAL."""

    at: datetime | None
    """When it was read, by its own clock."""
    written: int | None
    """How far its WAL reached then, so far as it can be sent."""
    series: WalSeries
    """How far it reached at earlier moments."""
    precision: float
    """Seconds between two readings, below which nothing can be told apart."""

    @classmethod
    def of(cls, node: Observed[NodeFacts], series: WalSeries | None, refresh: float) -> "Sender":
        """Take it from the node's last reading."""
        return cls(*wal_moment(node), series or WalSeries(), max(_PRECISION, 2.5 * refresh))

    def lag_time(self, slot: Slot | None, subscription: Subscription | None) -> LagTime | None:
        """Return how old the oldest change is that the slot's reader has not applied; None where nobody can
        see it. `subscription`: the reader's side, where that is known."""
        if slot is None or slot.lag_bytes is None:
            return None
        if self.at is None or self.written is None:
            # Nothing to measure by: the engine's own figure is all there is.
            known = 0.0 if slot.lag_bytes == 0 else slot.lag_seconds
            return UNKNOWN if known is None else LagTime(known, known, known)
        applied = lsn_number(slot.applied_lsn)
        if applied is None:
            applied = self.written - slot.lag_bytes
        waits_since, until = _of_receiver(subscription, applied)
        return self.series.measured(
            Position(self.at, self.written, applied),
            self.precision,
            at_least=0.0 if waits_since is None else (self.at - waits_since).total_seconds(),
            at_most=None if until is None else max(0.0, (self.at - until).total_seconds()),
            engine=slot.lag_seconds,
        )


def wal_moment(node: Observed[NodeFacts]) -> tuple[datetime | None, int | None]:
    """Return when a node was read, by its own clock where that was read too, and how far its WAL reached."""
    facts = node.facts
    if facts is None:
        return None, None
    return facts.clock or node.seen_at, lsn_number(facts.flushed_lsn or facts.wal_lsn)


def _of_receiver(subscription: Subscription | None, applied: int) -> tuple[datetime | None, datetime | None]:
    """(when something was sent that has arrived and was not applied, until when everything was applied)."""
    if subscription is None:
        return None, None
    received = lsn_number(subscription.received_lsn)
    waits = received is not None and received > applied
    return subscription.received_at if waits else None, subscription.applied_until
