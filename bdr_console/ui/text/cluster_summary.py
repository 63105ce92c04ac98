"""Clusters in a few words each: for their list, and for the head of another one. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted
from bdr_console.cluster.verdict.alarm import Alarm
from bdr_console.cluster.verdict.findings import Level, Verdict
from bdr_console.cluster.verdict.headline import headline
from bdr_console.ui.text.words import level_symbol, level_tone
from bdr_console.ui.theming.styles import Glyphs, Styles

_NAMED = 2
"""Clusters that are named in the head of another one; it is one line at 80 cells."""


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """One cluster in one line, as judged at `at` (UTC)."""

    name: str
    environment: str
    at: datetime
    level: Level
    headline: str
    """Its verdict as its own head says it: `CRITICAL: node2: timed out, since 12:03:10, 4m 02s`."""
    alarms: int
    """Alarms that are a warning or worse and that nobody has acknowledged."""
    acknowledged: int
    """Those that somebody has."""
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
        return self.state.partition(" (")[0]

    @property
    def state(self) -> str:
        """The same, and whether that is acknowledged: `CRITICAL (acknowledged) and DEGRADED`."""
        return self.headline.partition(":")[0]

    @property
    def alarm_words(self) -> str:
        """`2 alarms, 1 acknowledged`; empty when there is none."""
        if not self.alarms and not self.acknowledged:
            return ""
        known = f"{self.acknowledged} acknowledged" if self.acknowledged else ""
        return ", ".join(filter(None, [counted(self.alarms, "alarm") if self.alarms else "", known]))


def standing(
    name: str,
    environment: str,
    now: datetime,
    snapshot: Snapshot | None,
    verdict: Verdict | None,
    alarms: Sequence[Alarm] = (),
    *,
    trouble: str = "",
    run: str = "",
) -> ClusterSummary:
    """How a cluster stands; `trouble` is why it is not read, when it is not."""
    level, said = Level.UNKNOWN, "UNKNOWN: not read yet"
    if verdict is not None:
        level, said = verdict.level, headline(verdict, alarms, now)
    if trouble:
        level, said = Level.CRIT, f"NOT READING: {trouble}"
    bad = [alarm for alarm in alarms if alarm.finding.level >= Level.WARN]
    known = sum(alarm.ack is not None for alarm in bad)
    nodes = snapshot.nodes if snapshot is not None else ()
    refresh = snapshot.refresh if snapshot is not None else 0.0
    return ClusterSummary(
        name,
        environment,
        now,
        level,
        said,
        len(bad) - known,
        known,
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


def worse_clusters(
    others: Iterable[ClusterSummary], here: Level, styles: Styles, glyphs: Glyphs
) -> Text | None:
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
        text.append(
            f"{level_symbol(one.level, glyphs)} {one.name} {one.state}", styles[level_tone(one.level)]
        )
    text.append(f" and {len(worse) - _NAMED} more" if len(worse) > _NAMED else "")
    text.append(": ").append("c", "bold").append(" lists them")
    return text
