"""Judgement: what the figures of a snapshot mean, each finding with its reason. Pure.

What is judged of which subject stands in the verdict_*.py beside this.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from bdr_console.cluster.history import History
from bdr_console.cluster.manual_topology import flaws
from bdr_console.cluster.replication import Link, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.client_impact import with_clients
from bdr_console.cluster.verdict.conflicts import conflict_findings, dropped_findings
from bdr_console.cluster.verdict.consensus import group_findings, lock_findings
from bdr_console.cluster.verdict.findings import Finding, Level, Thresholds, Verdict
from bdr_console.cluster.verdict.links import (
    blocked_findings,
    blocked_links,
    link_findings,
    slot_findings,
    worker_findings,
)
from bdr_console.cluster.verdict.members import lacking_findings, member_findings, unconfigured_findings
from bdr_console.cluster.verdict.nodes import clock_findings, node_findings, same_database_findings
from bdr_console.cluster.verdict.proxies import (
    pooler_findings,
    proxy_findings,
    refused,
    traffic_findings,
    unserved,
)
from bdr_console.cluster.verdict.roots import Work, verdict_of
from bdr_console.cluster.verdict.tables import table_findings

__all__ = ["Finding", "Level", "Thresholds", "Verdict", "configuration_findings", "judge"]


def configuration_findings(snapshot: Snapshot, now: datetime) -> list[Finding]:
    """Find what is wrong with the configuration itself: members that it lacks, nodes that are one server."""
    return [*lacking_findings(snapshot, now), *same_database_findings(snapshot, now)]


def judge(
    snapshot: Snapshot,
    thresholds: Thresholds,
    now: datetime,
    history: History | None = None,
    *,
    known: tuple[Link, ...] | None = None,
    works: Sequence[Work] = (),
    left: Iterable[Finding] = (),
    keys: bool = True,
) -> Verdict:
    """Every finding of this moment. `now` dates the readings: an old one is a finding of its own. With
    `history`, as `memory.remember` fills it, also what only more than one moment shows. `known` are the
    links at `now`, for a caller that has them already. `works` are the runs under way, `left` the findings
    about runs that ended and left something: both are known by their journals alone. `keys`: whether who
    reads it has the console's keys at hand; without them every remedy is a command."""
    past = history or History()
    if known is None:
        known = links(snapshot, now, past)
    found = [*left]
    found += [f for node in snapshot.nodes for f in node_findings(node, snapshot, thresholds, now, past)]
    found += member_findings(snapshot, now, past)
    found += unconfigured_findings(snapshot, thresholds, now, past)
    found += same_database_findings(snapshot, now)
    found += clock_findings(snapshot, thresholds, now)
    blocked = blocked_links(snapshot, known, now)
    found += [f for link in known for f in link_findings(link, thresholds, past, blocked.get(link.key))]
    found += blocked_findings(snapshot, blocked, thresholds, now)
    found += dropped_findings(snapshot, now, past)
    found += worker_findings(snapshot, now)
    found += [
        Finding(Level.CRIT if c.severe else Level.WARN, at, c.text, "topology")
        for at, c in flaws(snapshot.nodes)
    ]
    found += table_findings(snapshot, known, now, history)
    found += slot_findings(snapshot, thresholds, now)
    found += lock_findings(snapshot, thresholds, now, past)
    found += group_findings(snapshot, now, past if history else None)
    found += conflict_findings(snapshot, thresholds, now)
    found += [f for proxy in snapshot.proxies for f in proxy_findings(proxy, snapshot, now)]
    found += unserved(snapshot)
    found += refused(snapshot, now)
    found += traffic_findings(snapshot, thresholds, now, history)
    found += [f for pooler in snapshot.poolers for f in pooler_findings(pooler, snapshot, thresholds, now)]
    return verdict_of(with_clients(found, snapshot, now), snapshot, now, works, keys=keys)
