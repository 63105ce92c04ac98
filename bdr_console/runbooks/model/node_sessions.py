"""Who is really on a node: its client sessions by PostgreSQL's own word, and how each got there. Pure.

HAProxy counts what its present process carries. A client that connects to the node itself, or through the old
process of a HAProxy that was reloaded, is in no list of HAProxy's; pg_stat_activity shows them all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bdr_console.cluster.text import counted, format_seconds
from bdr_console.cluster.traffic import Traffic
from bdr_console.config import ClusterSettings
from bdr_console.links import conninfo
from bdr_console.runbooks.model.reading import Backend, Reading, ServerConnection
from bdr_console.runbooks.model.reading_queries import server_behind

_CONSOLE = "bdr-console"
_ENGINE = re.compile(r"^(bdr|pgactive|pglogical|spock)[ :(]")
"""Ordinary connections of the engines (a join, a table that is copied); their streams are walsenders."""
_ENGINE_ROLE = "bucardo"
_NOBODYS = ("postgres", "template0", "template1")
"""Databases that are not replicated, where nothing says which ones are."""


class Way(StrEnum):
    """How a session got to the node, or why it is no client."""

    POOLER = "pooler"
    CONSOLE = "console"
    REPLICATION = "replication"
    MAINTENANCE = "maintenance"
    OTHER = "other"
    """Past every PgBouncer that is configured: nothing the console can say moves or pauses it."""


@dataclass(frozen=True, slots=True)
class ClientRules:
    """Which sessions of the nodes are clients of the replicated databases."""

    databases: tuple[str, ...] = ()
    """Empty for every database but those of no application."""
    console_roles: tuple[str, ...] = ()
    maintenance_roles: tuple[str, ...] = ()

    def includes(self, backend: Backend) -> bool:
        """Whether the session is in a database that counts; where the name is hidden it is taken to be."""
        if not backend.database:
            return True
        if self.databases:
            return backend.database in self.databases
        return backend.database not in _NOBODYS


@dataclass(frozen=True, slots=True)
class NodeSession:
    """One session on a node."""

    backend: Backend
    way: Way
    pooler: str = ""
    connection: ServerConnection | None = None
    """The pooler's own connection that it is the other end of."""

    @property
    def counts(self) -> bool:
        """Whether the node is not drained while it is there."""
        return self.way in (Way.POOLER, Way.OTHER)


def client_rules(settings: ClusterSettings, databases: Iterable[str] = ()) -> ClientRules:
    """The rules of one cluster; `databases` are those that clients reach through the poolers."""
    words = [conninfo.parse(name, node.dsn) for name, node in settings.nodes.items()]
    named = (*(word["dbname"] for word in words if word.get("dbname")), *databases)
    return ClientRules(
        tuple(dict.fromkeys(name for name in named if name)),
        tuple(dict.fromkeys(word["user"] for word in words if word.get("user"))),
        settings.maintenance_roles,
    )


def sessions_on(reading: Reading, node: str, rules: ClientRules) -> tuple[NodeSession, ...] | None:
    """Every session of the replicated databases on that node, the longest transaction first; None when the
    node did not show them. Needs BACKENDS; CONNECTIONS and SESSIONS to tell pooled ones."""
    backends = reading.backends.get(node)
    if backends is None:
        return None
    pooled = _pooled(reading, node)
    found = [
        NodeSession(backend, Way.POOLER, *pooled[backend.pid])
        if backend.pid in pooled and pooled[backend.pid][1].user == backend.user
        else NodeSession(backend, _way(backend, rules))
        for backend in backends
        if rules.includes(backend)
    ]
    found.sort(key=lambda one: (-(one.backend.transaction_age or -1.0), one.backend.started or ""))
    return tuple(found)


def others_on(reading: Reading, node: str, rules: ClientRules) -> tuple[NodeSession, ...] | None:
    """Those that came past every configured PgBouncer; None when the node did not show them."""
    found = sessions_on(reading, node, rules)
    return None if found is None else tuple(one for one in found if one.way is Way.OTHER)


@dataclass(frozen=True, slots=True)
class Stray:
    """Pooled connections that stay on a node where new ones do not go: clients write on two nodes."""

    node: str
    count: int
    poolers: tuple[str, ...]
    carried: bool = False
    """A HAProxy carries them, from before its new connections went elsewhere; else no HAProxy does which
    answers: a reloaded one's old process."""

    @property
    def text(self) -> str:
        """`6 server connections of pgb-tx on node2, which no HAProxy carries`."""
        count = counted(self.count, "server connection")
        why = "which gets no new ones" if self.carried else "which no HAProxy carries"
        return f"{count} of {', '.join(self.poolers)} on {self.node}, {why}"

    @property
    def remedy(self) -> str:
        """`RECONNECT on pgb-tx moves them between two transactions.`, after why they are there."""
        why = (
            "They stay where they were made: "
            if self.carried
            else "A HAProxy was reloaded and its old process still carries them: "
        )
        return f"{why}RECONNECT on {', '.join(self.poolers)} moves them between two transactions."


def strays(
    reading: Reading, rules: ClientRules, routes: Traffic, *, carried: bool = False
) -> tuple[Stray, ...]:
    """Those on nodes that get no new connection, with `carried` also those that a HAProxy carries; a new one
    may have been made between two readings. Those that RECONNECT has flagged, and those past HAProxy, are
    none. Needs SESSIONS, CONNECTIONS, BACKENDS."""
    behind = server_behind(reading)
    found: dict[tuple[str, bool], list[str]] = {}
    for node in reading.backends if routes.takers else ():
        for one in sessions_on(reading, node, rules) or ():
            connection = one.connection
            if connection is None or connection.close_needed or connection.local.startswith("unix"):
                continue
            if connection.local == one.backend.client:
                continue
            proxy, server = behind.get(connection.local, ("", ""))
            if proxy and not carried:
                continue
            takers = routes.takers_of(f"{proxy}/{server.partition('/')[0]}") if proxy else routes.takers
            if takers and node not in takers:
                found.setdefault((node, bool(proxy)), []).append(one.pooler)
    return tuple(
        Stray(node, len(poolers), tuple(sorted(set(poolers))), by_proxy)
        for (node, by_proxy), poolers in found.items()
    )


def describe_session(session: NodeSession) -> str:
    """One session for people: application, role, from where, since when, in a transaction or not."""
    backend = session.backend
    if backend.hidden:
        return f"pid {backend.pid} as {backend.user or 'an unknown role'}: the console's role may not see it"
    parts = [f"app={backend.application or '(unnamed)'}", f"as {backend.user}", f"from {backend.client}"]
    if session.pooler:
        parts.append(f"through {session.pooler}")
    if backend.started:
        parts.append(f"since {backend.started[:19]} UTC")
    age = backend.transaction_age
    parts.append(f"{backend.state} for {format_seconds(age)}" if age is not None else "in no transaction")
    return ", ".join([*parts, f"pid {backend.pid}"])


def _way(backend: Backend, rules: ClientRules) -> Way:
    if backend.application.startswith(_CONSOLE) and (
        not rules.console_roles or backend.user in rules.console_roles
    ):
        return Way.CONSOLE
    if _ENGINE.match(backend.application) or backend.user == _ENGINE_ROLE:
        return Way.REPLICATION
    if backend.user in rules.maintenance_roles:
        return Way.MAINTENANCE
    return Way.OTHER


def _pooled(reading: Reading, node: str) -> dict[int, tuple[str, ServerConnection]]:
    """The poolers' connections that end on that node, by the backend's pid.

    Which node it is HAProxy says, or both ends of a connection past it. One that neither knows (it goes
    through the old process of a HAProxy, or a UNIX socket) is here when no other node's backend fits.
    """
    behind = server_behind(reading)
    nodes = {
        (proxy.name, f"{server.backend}/{server.name}"): server.node
        for proxy in reading.snapshot.proxies
        if proxy.facts
        for server in proxy.facts.servers
    }
    own_ends = {backend.client: backend.node for found in reading.backends.values() for backend in found}
    holders: dict[tuple[int, str], set[str]] = {}
    for name, backends in reading.backends.items():
        for backend in backends:
            holders.setdefault((backend.pid, backend.user), set()).add(name)
    found = {}
    for pooler, connections in reading.connections.items():
        for connection in connections:
            pid = connection.remote_pid
            if pid is None:
                continue
            where = nodes.get(behind.get(connection.local, ("", ""))) or own_ends.get(connection.local)
            if where == node or (where is None and holders.get((pid, connection.user)) == {node}):
                found[pid] = (pooler, connection)
    return found
