"""How far the nodes' clocks are apart, as far as one round trip can tell. Pure."""

from dataclasses import dataclass
from datetime import datetime
from statistics import median_low

from bdr_console.cluster.reach import read_lately
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_seconds

_STEP = 0.1
"""Seconds; less is of no use to a reader, and would change at every look."""


@dataclass(frozen=True, slots=True)
class Skew:
    """One node's clock against another's."""

    seconds: float
    """Positive when it is ahead."""
    uncertainty: float
    """Seconds by which the figure may be wrong either way: a clock is read somewhere within a round trip."""
    against: str
    """The node it is measured against: the one with the middle clock."""

    @property
    def words(self) -> str:
        """`clock 1.2 s ahead of node1's (give or take 3 ms)`, or `clock in step`."""
        if abs(self.seconds) - self.uncertainty < _STEP:
            return "clock in step"
        way = "ahead of" if self.seconds > 0 else "behind"
        doubt = format_seconds(self.uncertainty)
        return f"clock {format_seconds(abs(self.seconds))} {way} {self.against}'s (give or take {doubt})"


def skews(snapshot: Snapshot, now: datetime) -> dict[str, Skew]:
    """Every node that was read lately, by configured name, against the one in the middle (which is left out).

    Each clock is compared with ours at the middle of the reading, so that ours falls out of the difference.
    """
    offsets: dict[str, tuple[float, float]] = {}
    for node, facts in read_lately(snapshot, now):
        if facts.clock is None or node.seen_at is None or node.took_ms is None:
            continue
        half = node.took_ms / 2000
        offsets[node.name] = ((facts.clock - node.seen_at).total_seconds() + half, half)
    if len(offsets) < 2:
        return {}
    middle = median_low(offset for offset, _ in offsets.values())
    against = next(name for name, (offset, _) in offsets.items() if offset == middle)
    doubt = offsets[against][1]
    return {
        name: Skew(offset - middle, half + doubt, against)
        for name, (offset, half) in offsets.items()
        if name != against
    }
