"""Changes that a node has thrown away because the row they were for is not there. Pure.

The node that counts them is the one that differs: its peers sent the change and are fine.
"""

from collections.abc import Hashable
from datetime import datetime

from bdr_console.cluster.findings import Finding, Level
from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.reach import listed, read_lately
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, format_seconds

_DROPPED = {"update_missing": "update", "update_deleted": "update", "delete_missing": "delete"}
"""Counters that say: this node has thrown a change away."""
_LATELY = 300.0
"""Seconds within which a counter that grew counts as growing."""


def dropped_findings(snapshot: Snapshot, now: datetime, past: History) -> list[Finding]:
    """One finding for each subscription that has dropped changes: critical while updates are being dropped,
    a warning until the counters are reset, for nobody else says when the rows were compared."""
    found = []
    for node, facts in read_lately(snapshot, now):
        for origin, counts in _counts(facts).items():
            what = [counted(count, noun) for noun, count in counts.items() if count]
            if not what:
                continue
            grown = {noun: _grown(past, dropped_key(node.name, origin, noun)) for noun in counts}
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
    return sorted(found, key=lambda finding: "update" not in finding.text)  # what leaves a difference first


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
