"""What is wrong with conflicts: changes thrown away, kinds that stop apply, more than before. Pure."""

from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta

from bdr_console.cluster.conflicts import Collision, collisions
from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot, read_lately
from bdr_console.cluster.text import counted, format_seconds, listed
from bdr_console.cluster.traffic import traffic
from bdr_console.cluster.verdict.findings import Finding, Level, Thresholds

_DROPPED = {"update_missing": "update", "update_deleted": "update", "delete_missing": "delete"}
"""Counters that say: this node has thrown a change away."""
_LATELY = 300.0
"""Seconds within which a counter that grew counts as growing."""


def dropped_findings(snapshot: Snapshot, now: datetime, past: History) -> list[Finding]:
    """One finding for each subscription that has dropped changes: critical while updates are being dropped,
    a warning until the counters are reset, for nobody else says when the rows were compared.

    A delete without its row leaves nothing that differs: two nodes have deleted the same row, or it was
    missing here before. So deletes alone are a finding only while they come."""
    found = []
    for node, facts in read_lately(snapshot, now):
        for origin, counts in _counts(facts).items():
            what = [counted(count, noun) for noun, count in counts.items() if count]
            if not what:
                continue
            grown = {noun: _grown(past, dropped_key(node.name, origin, noun)) for noun in counts}
            if not counts["update"]:
                if grown["delete"]:
                    found.append(_deletes(node.name, origin, grown["delete"]))
                continue
            since = next((c.since for c in facts.conflict_counts if c.origin == origin and c.since), None)
            text = f"subscription {origin} threw {listed(what)} away here, for the row was not there"
            text += f" (since {since:%Y-%m-%d %H:%M}Z)" if since else ""
            lately = [counted(more, noun) for noun, more in grown.items() if more]
            text += f"; {listed(lately)} in the last {format_seconds(_LATELY)}" if lately else ""
            level = Level.CRIT if grown.get("update") else Level.WARN
            remedy = (
                f"compare the rows of {node.name} with its peers', then on {{at}}:"
                " SELECT pg_stat_reset_subscription_stats(NULL)"
            )
            found.append(Finding(level, node.name, text, f"conflict.dropped:{origin}", remedy))
    return sorted(found, key=lambda finding: not finding.remedy)  # what leaves a difference first


def _deletes(node: str, origin: str, count: int) -> Finding:
    what = f"{counted(count, 'delete')} in the last {format_seconds(_LATELY)}"
    text = f"subscription {origin} had no row for {what}: another node deleted it too, or it was missing here"
    return Finding(Level.WARN, node, text, f"conflict.deletes:{origin}")


def dropped(facts: NodeFacts) -> dict[tuple[str, str], int]:
    """(subscription, update or delete) -> how many it has thrown away."""
    return {
        (origin, noun): count for origin, counts in _counts(facts).items() for noun, count in counts.items()
    }


def dropped_key(node: str, origin: str, noun: str) -> Hashable:
    """How many changes of that sort a subscription of the node has thrown away."""
    return ("dropped:", node, origin, noun)


def _counts(facts: NodeFacts) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for one in facts.conflict_counts:
        if noun := _DROPPED.get(one.kind):
            counts = found.setdefault(one.origin, {"update": 0, "delete": 0})
            counts[noun] += one.count
    return found


def _grown(past: History, key: Hashable) -> int:
    """By how much a counter has grown lately; none when it was reset meanwhile."""
    values = [value for _, value in past.window(key, _LATELY)]
    return max(0, round(values[-1] - values[0])) if values else 0


_STOPS = frozenset({"unhandled_tx_abort", "multiple_unique_conflicts", "apply_error_ddl"})
"""Kinds that no engine resolves by itself: apply stops at them."""
_HANDED_OVER = frozenset({"update_origin_change", "update_origin_differs", "delete_origin_differs"})
"""Kinds that a row gives each time another node than before changes it, as after every switchover."""
_RECENT = timedelta(minutes=5)
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
    lately = [one for one in met if now - one.conflict.at <= _RECENT]
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
            len(facts.conflicts) >= _MOST and now - facts.conflicts[-1].at <= _RECENT for _, facts in fresh
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
    span = min(_KEPT, now - min(one.conflict.at for one in met)) - _RECENT
    per_window = earlier * _RECENT / span if span > timedelta(0) else 0.0
    return len(lately) > 2 * per_window


def _what(one: Collision) -> str:
    conflict = one.conflict
    origin = f" from {conflict.origin}" if conflict.origin else ""
    return f"{conflict.kind} on {conflict.table or 'an unknown table'}{origin}"
