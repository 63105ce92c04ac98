"""Which server can take the clients' traffic: one rule for plans, guards, verdict and panes. Pure.

A server takes traffic when HAProxy would send it a new connection (UP, effective weight above 0, neither
draining nor in maintenance), and a configured node stands behind it that answers, is a ready and writable
member by its own word and its peers', and lets in the users that the PgBouncers log in.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from bdr_console.cluster.access import Access, Account
from bdr_console.cluster.nodes import Member, Membership, NodeFacts, name_in_engine
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer, ServerState, StickEntry
from bdr_console.cluster.snapshot import Snapshot

Present = Mapping[str, NodeFacts]
"""The nodes, by configured name, whose readings may be taken for the present."""

_NO_DATA = ("witness", "standby", "subscriber-only")
"""Kinds of members that no client can write to."""
_OUTSIDE = (Membership.PARTED, Membership.PARTING, Membership.JOINING)
_STICKS = (ServerState.DRAIN, ServerState.STOPPING)
"""States in which HAProxy gives a server no new connection but those that a stick table sends there."""


@dataclass(frozen=True, slots=True)
class Taker:
    """One server, and whether it can take the traffic."""

    server: ProxyServer
    takes: bool | None
    """None when that cannot be told."""
    why: str
    """Why it does not, or why that cannot be told; empty when it does."""


def taker(server: ProxyServer, nodes: Present) -> Taker:
    """Judge one server by HAProxy's word, and the node behind it by all that is known."""
    if why := haproxy_refusal(server):
        return Taker(server, False, why)
    if server.node is None:
        return Taker(server, None, "no configured node stands behind it")
    takes, why = node_takes(server.node, nodes)
    return Taker(server, takes, f"{server.node} {why}" if why else "")


def node_takes(name: str, nodes: Present) -> tuple[bool | None, str]:
    """Whether a node can take the clients' writes, whatever HAProxy sends there: yes, no, or None where that
    cannot be told; and why not, to be read after its name."""
    if name not in nodes:
        return None, "does not answer"
    if why := node_refusal(name, nodes):
        return False, why
    if why := nodes[name].why_unread("logins") or "":
        return None, f"does not show whether users can log in: {why}"
    return True, ""


def takers_of(facts: ProxyFacts, backend: str, nodes: Present) -> tuple[Taker, ...]:
    """Every server of a backend that stands for something: empty slots of a server-template are none."""
    return tuple(
        taker(server, nodes)
        for server in facts.servers
        if server.backend == backend and not server.is_empty_slot
    )


def haproxy_refusal(server: ProxyServer) -> str:
    """Why HAProxy gives a server no new connection, stick tables aside; empty when it would."""
    if server.in_maintenance:
        return "is in maintenance"
    if server.state is ServerState.MAINT:
        return "has no address: its name cannot be resolved"
    if not server.state.accepts:
        return f"is {server.state.value}"
    return "has weight 0" if server.weight == 0 else ""


def node_refusal(name: str, nodes: Present) -> str:
    """Why a node that answers must not get the clients, to be read after its name; empty when nothing speaks
    against it."""
    if why := member_refusal(name, nodes):
        return why
    refused = refused_accounts(name, nodes)
    return f"refuses clients: {refused[0].refusal}" if refused else ""


def member_refusal(name: str, nodes: Present) -> str:
    """Why a node that answers is no ready, writable member, by its own word or by that of a peer that is a
    ready member itself and knows the whole group; empty when it is one."""
    facts = nodes[name]
    if why := _own_refusal(facts):
        return why
    return next(
        (f"is {row.membership.value} ({peer} says {row.raw_state})" for peer, row in _outside(name, nodes)),
        "",
    )


def is_outside(name: str, nodes: Present) -> bool:
    """Whether that node is parted or parting, by its own word or a ready peer's: nobody gets its changes."""
    gone = (Membership.PARTED, Membership.PARTING)
    return nodes[name].membership in gone or any(row.membership in gone for _, row in _outside(name, nodes))


def _outside(name: str, nodes: Present) -> Iterator[tuple[str, Member]]:
    """The peers that call it parted or not joined yet, each with its row of it."""
    wanted = name_in_engine(name, nodes[name])
    for peer, other in nodes.items():
        if peer == name or not other.meshed:
            continue
        row = _row(other, wanted)
        if row is not None and row.membership in _OUTSIDE and other.membership is Membership.READY:
            yield peer, row


def _own_refusal(facts: NodeFacts) -> str:
    own = next((member for member in facts.members if member.is_local), None)
    for is_so, text in (
        (facts.is_control, "holds the control database"),
        (facts.in_recovery, "is in recovery"),
        (facts.read_only, "is read-only (default_transaction_read_only)"),
        (
            facts.membership not in (Membership.READY, Membership.UNKNOWN),
            f"is {facts.membership.value}, not ready",
        ),
        (own is not None and bool(own.read_only), "is marked read-only in the group"),
        (own is not None and bool(own.fenced), "is fenced (route_fence)"),
        (own is not None and own.kind in _NO_DATA, f"is a {own.kind if own else ''} node"),
    ):
        if is_so:
            return text
    return ""


def _row(facts: NodeFacts, engine_name: str) -> Member | None:
    for member in facts.members:
        if member.name == engine_name:
            return member
    return None


def refused_accounts(name: str, nodes: Present) -> tuple[Access, ...]:
    """The accounts that a node refuses and another one admits. What every node refuses is no reason to keep
    clients off one: a database elsewhere, or a client with a mistyped name."""
    admitted: set[Account] = {
        known.account for facts in nodes.values() for known in facts.logins if not known.refusal
    }
    return tuple(known for known in nodes[name].logins if known.refusal and known.account in admitted)


def chosen(
    servers: Iterable[ProxyServer], stick: Iterable[StickEntry] | None, *, without: str = ""
) -> tuple[ProxyServer, ...]:
    """Where HAProxy sends the new connections of one backend, leaving aside the server of the name `without`:
    to the sticky server, else to the active ones, else to the first backup."""
    others = [server for server in servers if server.name != without and not server.in_maintenance]
    stuck = {entry.server for entry in stick or () if entry.server}
    if sticky := tuple(s for s in others if s.name in stuck and (s.state.accepts or s.state in _STICKS)):
        return sticky
    usable = tuple(server for server in others if not haproxy_refusal(server))
    return tuple(server for server in usable if not server.backup) or usable[:1]


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
