"""What is wrong with conflicts: kinds that stop apply, and more of them than before. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bdr_console.cluster.conflicts import Collision, collisions
from bdr_console.cluster.findings import Finding, Level, Thresholds
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.reach import listed, read_lately
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_seconds
from bdr_console.cluster.traffic import traffic

_STOPS = frozenset({"unhandled_tx_abort", "multiple_unique_conflicts", "apply_error_ddl"})
"""Kinds that no engine resolves by itself: apply stops at them."""
_HANDED_OVER = frozenset({"update_origin_change", "update_origin_differs", "delete_origin_differs"})
"""Kinds that a row gives each time another node than before changes it, as after every switchover."""
_LATELY = timedelta(minutes=5)
_KEPT = timedelta(hours=1)
_MOST = 50
"""Conflicts that a node tells of, the newest."""
_STILL = 60.0
"""Seconds since the newest one, after which they rise no more."""


def conflict_findings(snapshot: Snapshot, limits: Thresholds, now: datetime) -> list[Finding]:
    """Collisions of the whole cluster, each once, without rows that were only handed over."""
    fresh = read_lately(snapshot, now)
    met = collisions(
        (node.name, conflict)
        for node, facts in fresh
        for conflict in facts.conflicts
        if not (conflict.kind in _HANDED_OVER and conflict.resolution == "apply_remote")
    )
    found = []
    lately = [one for one in met if now - one.conflict.at <= _LATELY]
    if stopping := [one for one in lately if one.conflict.kind in _STOPS]:
        found.append(
            Finding(
                Level.CRIT,
                stopping[0].seen_on[0],
                f"{_what(stopping[0])}: apply stops at it",
                "conflict.stops",
            )
        )
    if _rising(met, lately, limits.conflicts_warn, now):
        age = (now - met[0].conflict.at).total_seconds()
        when = f"{format_seconds(age)} ago" if age >= 1 else "just now"
        # A node tells of its newest 50 only: where all of them are of these minutes, there were more.
        full = any(
            len(facts.conflicts) >= _MOST and now - facts.conflicts[-1].at <= _LATELY for _, facts in fresh
        )
        rising = ", rising" if age <= _STILL else ""
        many = f"at least {len(lately)}" if full else f"{len(lately)}"
        text = f"{many} in the last 5 min{rising}; the newest {when}: {_what(met[0])}"
        found.append(Finding(Level.WARN, "conflicts", text, "conflict.rising"))
    found += _unresolved(snapshot, fresh, now)
    return found


def _unresolved(
    snapshot: Snapshot, fresh: Sequence[tuple[Observed[NodeFacts], NodeFacts]], now: datetime
) -> list[Finding]:
    """Several nodes take traffic, and nothing decides between two changes to one row. No counter tells of it:
    what PostgreSQL 18 counts as *_origin_differs, a row also gives when it was only handed over."""
    takers = traffic(snapshot, now).takers
    written = [node.name for node, facts in fresh if facts.last_arrival_wins and node.name in takers]
    if len(written) < 2:
        return []
    text = (
        f"{listed(written)} take new connections, and their replication keeps the last"
        " change to arrive: rows that they write at the same time differ for good"
    )
    return [Finding(Level.WARN, "conflicts", text, "conflict.unresolved")]


def _rising(met: tuple[Collision, ...], lately: list[Collision], least: int, now: datetime) -> bool:
    """Whether they come more than twice as often as before, within the hour that the nodes tell of."""
    if least <= 0 or len(lately) < least:
        return False
    earlier = len(met) - len(lately)
    if not earlier:
        return True
    # A node tells of its newest 50 only, so before the oldest one shown nothing is known.
    span = min(_KEPT, now - min(one.conflict.at for one in met)) - _LATELY
    per_window = earlier * _LATELY / span if span > timedelta(0) else 0.0
    return len(lately) > 2 * per_window


def _what(one: Collision) -> str:
    conflict = one.conflict
    origin = f" from {conflict.origin}" if conflict.origin else ""
    return f"{conflict.kind} on {conflict.table or 'an unknown table'}{origin}"
