"""What is proved of a cluster with nothing wrong, in one line: a green word alone proves nothing. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bdr_console.cluster.reach import listed
from bdr_console.cluster.replication import Link, LinkState
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, format_bytes, format_seconds
from bdr_console.cluster.traffic import traffic

_NAMED = 3
"""Nodes that are named as those that serve clients."""
_OWN = "pgbouncer"


def proof_words(snapshot: Snapshot, links: Sequence[Link], now: datetime) -> str:
    """`3 nodes, 6 links in step (worst 120 ms), node1 serves 14 clients`."""
    fresh = sum(node.facts is not None and node.is_fresh(now, snapshot.refresh) for node in snapshot.nodes)
    return ", ".join(
        part for part in (counted(fresh, "node"), _links(links), _clients(snapshot, now)) if part
    )


def _links(links: Sequence[Link]) -> str:
    working = [
        link for link in links if link.state in (LinkState.STREAMING, LinkState.CATCHUP) and link.fresh
    ]
    if not working:
        return ""
    times = [link.lag_seconds for link in working if link.lag_seconds is not None]
    sizes = [link.lag_bytes for link in working if link.lag_bytes is not None]
    if len(times) == len(working):
        worst = f"worst {format_seconds(max(times))}"
    elif len(sizes) == len(working):
        worst = f"worst {format_bytes(max(sizes))}"
    else:
        unknown = sum(link.lag_seconds is None and link.lag_bytes is None for link in working)
        worst = f"lag of {unknown or len(working) - len(times)} unknown"
    return f"{counted(len(working), 'link')} in step ({worst})"


def _clients(snapshot: Snapshot, now: datetime) -> str:
    """Who has the clients: those of the PgBouncers where one node has them all, else the sessions of each."""
    seen = traffic(snapshot, now)
    if not seen.takers:
        return ""
    pools = [
        pool
        for pooler in snapshot.poolers
        if pooler.facts and pooler.is_fresh(now, snapshot.refresh)
        for pool in pooler.facts.pools
        if pool.database != _OWN
    ]
    if len(seen.takers) == 1 and pools:
        clients = sum(pool.clients_active + pool.clients_waiting for pool in pools)
        return f"{seen.takers[0]} serves {counted(clients, 'client')}"
    if len(seen.takers) > _NAMED:
        sessions = sum(route.sessions for route in seen.routes)
        return f"{len(seen.takers)} nodes serve {counted(sessions, 'session')}"
    each = [
        f"{node} serves {counted(sum(route.sessions for route in seen.of(node)), 'session')}"
        for node in seen.takers
    ]
    return listed(each)
