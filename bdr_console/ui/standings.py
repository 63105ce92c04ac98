"""How clusters stand, each in a few words: for their list, and for whoever looks at another one. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict import Level, Verdict
from bdr_console.ui.colours import Styles
from bdr_console.ui.words import Glyphs, level_symbol, level_tone

_NAMED = 2
"""Clusters that are named in the head of another one; it is one line at 80 cells."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One cluster in one line, as judged at `at` (UTC)."""

    name: str
    environment: str
    at: datetime
    level: Level
    headline: str
    """The word of the level and the worst finding: `CRITICAL: node2: timed out`."""
    alarms: int
    """Findings that are a warning or worse."""
    nodes_up: int
    """Nodes that answer."""
    nodes: int
    """Nodes there are; 0 before the first snapshot."""
    age: float | None
    """Seconds since the newest reading of any target; None before the first."""
    run: str = ""
    """Where the run under way stands; empty when none is."""

    @property
    def word(self) -> str:
        """The word of the level: `CRITICAL`."""
        return self.headline.partition(":")[0]


def standing(
    name: str,
    environment: str,
    now: datetime,
    snapshot: Snapshot | None,
    verdict: Verdict | None,
    *,
    trouble: str = "",
    run: str = "",
) -> Standing:
    """How a cluster stands; `trouble` is why it is not read, when it is not."""
    level, headline = Level.UNKNOWN, "UNKNOWN: not read yet"
    if verdict is not None:
        level, headline = verdict.level, verdict.headline
    if trouble:
        level, headline = Level.CRIT, f"NOT READING: {trouble}"
    nodes = snapshot.nodes if snapshot is not None else ()
    refresh = snapshot.refresh if snapshot is not None else 0.0
    return Standing(
        name,
        environment,
        now,
        level,
        headline,
        sum(finding.level >= Level.WARN for finding in verdict.findings) if verdict is not None else 0,
        sum(node.error is None and node.is_fresh(now, refresh) for node in nodes),
        len(nodes),
        _newest_age(snapshot, now) if snapshot is not None else None,
        run,
    )


def _newest_age(snapshot: Snapshot, now: datetime) -> float | None:
    ages = (
        *(node.age(now) for node in snapshot.nodes),
        *(proxy.age(now) for proxy in snapshot.proxies),
        *(pooler.age(now) for pooler in snapshot.poolers),
    )
    return min((age for age in ages if age is not None), default=None)


def elsewhere(others: Iterable[Standing], here: Level, styles: Styles, glyphs: Glyphs) -> Text | None:
    """Who of the other clusters stands worse than this one, or critically; None when nobody does."""
    others = tuple(others)
    worse = sorted(
        (one for one in others if one.level is Level.CRIT or one.level > max(here, Level.UNKNOWN)),
        key=lambda one: -one.level,
    )
    if not worse:
        return None
    text = Text(f" {len(others)} other cluster{'s' if len(others) > 1 else ''}: ", end="")
    for place, one in enumerate(worse[:_NAMED]):
        text.append(", " if place else "")
        text.append(f"{level_symbol(one.level, glyphs)} {one.name} {one.word}", styles[level_tone(one.level)])
    text.append(f" and {len(worse) - _NAMED} more" if len(worse) > _NAMED else "")
    text.append(": ").append("c", "bold").append(" lists them")
    return text
