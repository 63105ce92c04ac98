"""How far behind in time a link is, measured by ourselves. Pure.

PostgreSQL's own replay_lag keeps its last figure while apply is blocked, and nothing tells since when it is.
So the positions that the sender's WAL has reached are kept with their moments (`WalSeries`): what lies behind
the position applied at the receiver was written between two of them. All moments are of the sender's clock.
Positions are bytes from 0/0.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bdr_console.cluster.nodes import NodeFacts, Slot, Subscription
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.text import format_seconds

_RUNS = 512
"""Positions kept of one node; then they are thinned."""
_SPACING = 24
"""Two positions may be apart by one part in so many of their age: a lag of an hour is known to 3 minutes."""
_EXACT = 0.1
"""The share of itself by which a lag may be uncertain and still be one figure."""
_SHOWN_FROM = 0.05
"""Seconds: a lower bound below says nothing."""


@dataclass(frozen=True, slots=True)
class LagTime:
    """How old the oldest change is that was not applied, in seconds."""

    at_least: float
    at_most: float | None
    """None where nothing bounds it: no position is known that was reached before."""
    figure: float | None
    """The one figure between both, where they are close or the engine knows better; None where it is not
    known."""

    @property
    def proved(self) -> float:
        """The figure, else the lower bound."""
        return self.at_least if self.figure is None else self.figure

    @property
    def text(self) -> str:
        """`1.2 s`, `>= 1.8 s` where that much alone is known, `unknown` where nothing is."""
        if self.figure is not None:
            return format_seconds(self.figure)
        return f">= {format_seconds(self.at_least)}" if self.at_least >= _SHOWN_FROM else "unknown"


Row = tuple[int, datetime, datetime]
"""A position, and the first and the last moment at which the WAL was seen there."""

IN_STEP = LagTime(0.0, 0.0, 0.0)
"""Everything was applied that had been written."""
UNKNOWN = LagTime(0.0, None, None)


@dataclass(frozen=True, slots=True)
class Position:
    """How far one link is, by one reading of its sender."""

    at: datetime
    """The sender's clock."""
    written: int
    """How far its WAL reached, so far as it can be sent."""
    applied: int
    """How far the receiver has applied it."""


class WalSeries:
    """The positions that one node's WAL reached, with the moments at which it was seen there, oldest first.

    Each position has the first and the last moment of it. The older, the wider apart they are kept: about 500
    reach back for months.
    """

    __slots__ = ("_first", "_last", "_positions")

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._first: list[datetime] = []
        self._last: list[datetime] = []

    def add(self, at: datetime, position: int) -> None:
        """Remember that the WAL reached `position` at `at`. A position before the last one is another
        server's, or that of one restored from a backup: what was known is forgotten. So are moments of a
        clock that has been set back since."""
        if self._positions and position < self._positions[-1]:
            self._cut(0)
        while self._first and self._first[-1] > at:
            self._cut(len(self._first) - 1)
        if self._positions and position == self._positions[-1]:
            self._last[-1] = at
            return
        if self._last and self._last[-1] > at:
            self._last[-1] = at
        self._positions.append(position)
        self._first.append(at)
        self._last.append(at)
        if len(self._positions) > _RUNS:
            self._thin(at)

    def measured(
        self,
        position: Position,
        precision: float,
        *,
        at_least: float = 0.0,
        at_most: float | None = None,
        engine: float | None = None,
    ) -> LagTime:
        """Return how old the first position is that was not applied.

        `precision`: seconds between two readings, below which nothing can be told apart; `at_least` and
        `at_most`: what else is known; `engine`: its own figure, which counts between the bounds alone.
        """
        if position.applied >= position.written:
            return IN_STEP
        behind = bisect_right(self._positions, position.applied)
        lower, upper, estimate = max(0.0, at_least), at_most, None
        if behind < len(self._positions):
            lower = max(lower, (position.at - self._first[behind]).total_seconds())
        if behind:
            reached = (position.at - self._last[behind - 1]).total_seconds()
            upper = reached if upper is None else min(reached, upper)
            estimate = self._between(position, behind)
        if upper is None:
            return LagTime(lower, None, None) if lower else UNKNOWN
        upper = max(upper, lower)
        if engine is not None and lower <= engine <= upper:
            return LagTime(lower, upper, engine)
        if upper - lower <= max(precision, _EXACT * upper):
            return LagTime(lower, upper, upper if estimate is None else min(max(estimate, lower), upper))
        return LagTime(lower, upper, None)

    def _between(self, position: Position, behind: int) -> float:
        """When the position applied was reached, taking WAL for written evenly between two moments."""
        before, since = self._positions[behind - 1], self._last[behind - 1]
        if behind < len(self._positions):
            after, until = self._positions[behind], self._first[behind]
        else:
            after, until = position.written, position.at
        share = (position.applied - before) / (after - before) if after > before else 0.0
        return (position.at - since - share * (until - since)).total_seconds()

    def merge(self, rows: Iterable[Row]) -> None:
        """Add what was seen in earlier looks, or in others. Rows that our newest one contradicts are another
        server's: then all of them are."""
        known = {position: (first, last) for position, first, last in self.rows()}
        newest = (self._positions[-1], self._last[-1]) if self._positions else None
        for position, first, last in rows:
            if newest is not None and position > newest[0] and first <= newest[1]:
                return
            before = known.get(position)
            known[position] = (
                (first, last) if before is None else (min(first, before[0]), max(last, before[1]))
            )
        kept: list[Row] = []
        for position in sorted(known, reverse=True):
            first, last = known[position]
            if kept:
                last = min(last, kept[-1][1])
            if first <= last:  # else a moment of a clock that has been set back since
                kept.append((position, first, last))
        kept.reverse()
        self._positions = [position for position, _, _ in kept]
        self._first = [first for _, first, _ in kept]
        self._last = [last for _, _, last in kept]
        if len(kept) > _RUNS:
            self._thin(self._last[-1])

    def rows(self) -> list[Row]:
        """Every position with its first and last moment, oldest first."""
        return list(zip(self._positions, self._first, self._last, strict=True))

    def _cut(self, place: int) -> None:
        del self._positions[place:], self._first[place:], self._last[place:]

    def _thin(self, now: datetime) -> None:
        """Leave out what lies between two that are near enough to one another for their age."""
        kept = [len(self._positions) - 1]
        for place in range(len(self._positions) - 2, -1, -1):
            older = self._first[max(0, place - 1)]
            if place == 0 or (self._first[kept[-1]] - older) * _SPACING > now - older:
                kept.append(place)
        kept.reverse()
        self._positions = [self._positions[place] for place in kept]
        self._first = [self._first[place] for place in kept]
        self._last = [self._last[place] for place in kept]


def lsn_number(lsn: str | None) -> int | None:
    """Return X/Y as bytes from 0/0; None for no position."""
    high, slash, low = (lsn or "").partition("/")
    try:
        return (int(high, 16) << 32) + int(low, 16) if slash else None
    except ValueError:
        return None


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
