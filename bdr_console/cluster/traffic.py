"""Where the clients' traffic goes: from HAProxy's servers, and PgBouncers that lead to a node directly. Pure.

HAProxy does not know a write from a read: what is told is where new connections go and how many are there.
Whether they are new ones is the stick table's word where there is one, else that of the servers' states.
"""

from dataclasses import dataclass
from datetime import datetime

from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.traffic_takers import chosen


@dataclass(frozen=True, slots=True)
class Route:
    """One way by which clients reach one node."""

    via: str
    """`proxy/backend`, or `pooler/database` where a PgBouncer leads to the node itself."""
    node: str
    takes_new: bool
    """Whether a new connection by this way goes to this node (alone or with others)."""
    sessions: int
    """Sessions there now: HAProxy's current sessions, PgBouncer's server connections."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Every way that leads somewhere, and the ways of which nothing is known now."""

    routes: tuple[Route, ...]
    ways: tuple[str, ...]
    """Every way that was read, whether it leads anywhere or not."""
    unknown: tuple[str, ...]
    """Proxies that were not read lately; with any of these no node can be said to take nothing."""

    def of(self, node: str) -> tuple[Route, ...]:
        """The ways to one node."""
        return tuple(route for route in self.routes if route.node == node)

    def takers_of(self, way: str) -> tuple[str, ...]:
        """The nodes that new connections by one way go to."""
        return tuple(dict.fromkeys(r.node for r in self.routes if r.via == way and r.takes_new))

    @property
    def takers(self) -> tuple[str, ...]:
        """The nodes that new connections go to."""
        return tuple(dict.fromkeys(route.node for route in self.routes if route.takes_new))

    @property
    def split(self) -> bool:
        """Whether two proxies send the new connections of one backend to different nodes."""
        by_backend: dict[str, set[str]] = {}
        for via in {route.via for route in self.routes}:
            nodes = frozenset(r.node for r in self.routes if r.via == via and r.takes_new)
            if len(nodes) == 1:
                by_backend.setdefault(via.rpartition("/")[2], set()).update(nodes)
        return any(len(nodes) > 1 for nodes in by_backend.values())


def traffic(snapshot: Snapshot, now: datetime) -> Traffic:
    """Who gets the clients at `now`."""
    routes: list[Route] = []
    ways: list[str] = []
    unknown: list[str] = []
    for proxy in snapshot.proxies:
        if proxy.facts is None or not proxy.is_fresh(now, snapshot.refresh):
            unknown.append(proxy.name)
            continue
        for backend in proxy.facts.backends():
            ways.append(f"{proxy.name}/{backend}")
            routes += _backend(proxy.name, proxy.facts, backend)
    for pooler in snapshot.poolers:
        if pooler.facts is not None and pooler.is_fresh(now, snapshot.refresh):
            routes += _direct(pooler.name, pooler.facts)
    return Traffic(tuple(routes), tuple(ways), tuple(unknown))


def _backend(proxy: str, facts: ProxyFacts, backend: str) -> list[Route]:
    servers = [server for server in facts.servers if server.backend == backend]
    stick = [entry for entry in facts.stick or () if entry.table == backend]
    names = {server.name for server in chosen(servers, stick)}
    return [
        Route(f"{proxy}/{backend}", server.node, server.name in names, server.sessions)
        for server in servers
        if server.node is not None and (server.name in names or server.sessions)
    ]


def _direct(pooler: str, facts: PoolerFacts) -> list[Route]:
    return [
        Route(
            f"{pooler}/{database.name}",
            node,
            not (database.paused or database.disabled),
            database.connections,
        )
        for database in facts.databases
        for node in database.nodes
    ]


def uncarried(snapshot: Snapshot, now: datetime) -> int | None:
    """How many of the poolers' server connections that lead to a HAProxy are in no HAProxy's count of
    sessions: at least so many, for other clients are in that count too. None where a target was not read
    lately, or no database is known to lead to one (`listen`)."""
    fresh = [proxy.is_fresh(now, snapshot.refresh) for proxy in snapshot.proxies]
    fresh += [pooler.is_fresh(now, snapshot.refresh) for pooler in snapshot.poolers]
    if not snapshot.proxies or not all(fresh):
        return None
    leading = {
        (pooler.name, database.name)
        for pooler in snapshot.poolers
        if pooler.facts
        for database in pooler.facts.databases
        if database.proxies
    }
    connections = sum(
        pool.servers - pool.servers_login
        for pooler in snapshot.poolers
        if pooler.facts
        for pool in pooler.facts.pools
        if (pooler.name, pool.database) in leading
    )
    carried = sum(
        server.sessions for proxy in snapshot.proxies if proxy.facts for server in proxy.facts.servers
    )
    return connections - carried if leading else None


def route_words(routes: tuple[Route, ...], *, unknown: bool = False) -> str:
    """The ways with the sessions there: `haproxy1/bk_db 10`, `hap1/bk_db +1 18`, `4 left` where no new ones
    come; `-` for none, `?` with `unknown` ways."""
    coming = [route for route in routes if route.takes_new]
    sessions = sum(route.sessions for route in routes)
    if not coming:
        return f"{sessions} left" if sessions else "?" if unknown else "-"
    first = coming[0].via if len(coming) == 1 else f"{coming[0].via} +{len(coming) - 1}"
    return f"{first} {sessions}"


def split_words(seen: Traffic) -> str:
    """Who sends where: `hap1 to node1, hap2 to node2`."""
    return ", ".join(
        dict.fromkeys(
            f"{route.via.partition('/')[0]} to {route.node}" for route in seen.routes if route.takes_new
        )
    )


def traffic_words(seen: Traffic) -> str:
    """Who takes new connections, for the head: `traffic to node1, 10 sess`, or who sends where, or `?`."""
    if not seen.routes and not seen.ways and not seen.unknown:
        return ""
    takers = seen.takers
    if not takers:
        return "traffic ?" if seen.unknown else "traffic to no node"
    if seen.split:
        return f"traffic split: {split_words(seen)}"
    shown = ", ".join(takers) if len(takers) <= 3 else f"{len(takers)} nodes"
    sessions = sum(route.sessions for route in seen.routes if route.takes_new)
    return f"traffic to {shown}, {sessions} sess" + (" (some proxies silent)" if seen.unknown else "")
