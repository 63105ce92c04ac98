"""Which databases lead to the HAProxies, and which node has the traffic of another one. Pure."""

from bdr_console.cluster.poolers import PoolDatabase, PoolerFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings


def routed_databases(facts: PoolerFacts, settings: ClusterSettings) -> tuple[PoolDatabase, ...]:
    """The databases of a PgBouncer that lead to one of the HAProxies. While a HAProxy does not say where it
    listens, also those that lead nowhere that is known.

    One made by `*` leaves SHOW DATABASES while nobody is connected, but keeps its server connections: its
    pool shows it, and nothing says where it leads. It is taken to lead here; a RECONNECT of an idle pool
    that does not costs nobody anything.
    """
    all_listen = bool(settings.proxies) and all(proxy.listen for proxy in settings.proxies.values())
    listed = {database.name for database in facts.databases}
    hidden = {pool.database for pool in facts.pools if pool.servers} - listed - {"pgbouncer"}
    return (
        *(
            database
            for database in facts.databases
            if database.name != "pgbouncer" and (database.proxies or not (all_listen or database.nodes))
        ),
        *(PoolDatabase(name, None, None, False, False, 0, 0) for name in sorted(hidden)),
    )


def switch_back_target(snapshot: Snapshot, node: str, *, had_traffic: bool | None = True) -> str | None:
    """The node that has the traffic of `node`'s backends now: taking it out with the same runbook sends the
    traffic back to `node`. None when that is `node` itself, when no stick table tells, or when `node` did not
    have the traffic before: then there is nothing to switch back."""
    if not had_traffic:
        return None
    for proxy in snapshot.proxies:
        if proxy.facts is None:
            continue
        backends = {server.backend for server in proxy.facts.servers if server.node == node}
        stuck = {(entry.table, entry.server) for entry in proxy.facts.stick or ()}
        for server in proxy.facts.servers:
            if server.backend in backends and (server.backend, server.name) in stuck and server.node != node:
                return server.node
    return None
