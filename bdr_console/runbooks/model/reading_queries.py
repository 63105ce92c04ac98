"""Questions that several steps and checks ask of one reading. Pure."""

from collections.abc import Collection, Iterable, Sequence

from bdr_console.cluster.poolers import PoolDatabase, PoolerFacts
from bdr_console.cluster.proxies import ProxyServer
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.traffic import Taker, split_words, takers_of
from bdr_console.cluster.traffic import traffic as where_traffic_goes
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.model.reading import Reading, ServerConnection
from bdr_console.runbooks.model.run import Proof
from bdr_console.runbooks.model.step import Act, Remainder, TrafficBefore

_UNNAMED = "unix"
"""How HAProxy and PgBouncer write the end of a connection over a UNIX socket: it names no connection."""

Subject = tuple[str, str]
"""A HAProxy's configured name, and `backend/server` there."""


def in_maintenance(reading: Reading, subject: Subject) -> bool | None:
    """Whether that server is in maintenance; None when its HAProxy does not answer or does not know it."""
    server = reading.server(*subject)
    return None if server is None else server.in_maintenance


def state_line(reading: Reading, subject: Subject) -> str:
    """One line of evidence for a HAProxy server."""
    proxy, name = subject
    server = reading.server(proxy, name)
    if server is not None:
        return f"{proxy}: {name} is {server.status} with {server.sessions} sessions"
    if reading.proxy(proxy) is not None:
        return f"{proxy}: has no server {name} any more"
    return f"{proxy}: no answer ({error_of(reading, proxy)})"


def state_lines(reading: Reading, acts: Sequence[Act]) -> tuple[str, ...]:
    """One line of evidence for the server of each act."""
    return tuple(state_line(reading, (act.target, act.subject)) for act in acts)


def proof_of(states: Iterable[bool | None]) -> Proof:
    """UNMET wins over UNKNOWN: what is known not to be so can be acted upon."""
    states = tuple(states)
    if any(state is False for state in states):
        return Proof.UNMET
    return Proof.UNKNOWN if any(state is None for state in states) else Proof.MET


def error_of(reading: Reading, target: str) -> str:
    """Why that target did not answer just now."""
    snapshot = reading.snapshot
    errors = {node.name: node.error for node in snapshot.nodes}
    errors |= {proxy.name: proxy.error for proxy in snapshot.proxies if proxy.error}
    errors |= {pooler.name: pooler.error for pooler in snapshot.poolers if pooler.error}
    return errors.get(target) or "not read"


def others(reading: Reading, subject: Subject, node: str) -> tuple[Taker, ...]:
    """The other servers of the same backend that do not stand for `node`, each with whether it can take the
    traffic."""
    proxy, name = subject
    facts, server = reading.proxy(proxy), reading.server(proxy, name)
    if facts is None or server is None:
        return ()
    return tuple(
        other
        for other in takers_of(facts, server.backend, reading.present())
        if other.server.name != server.name and other.server.node != node
    )


def usable_others(reading: Reading, subject: Subject, node: str) -> tuple[ProxyServer, ...]:
    """Those of them that can take the traffic."""
    return tuple(other.server for other in others(reading, subject, node) if other.takes)


def last_server(reading: Reading, subject: Subject, node: str) -> str:
    """Why that server must stay: no other of its backend can take the traffic, and why not. Empty when one
    can."""
    beside = others(reading, subject, node)
    if any(other.takes for other in beside):
        return ""
    reasons = "; ".join(f"{other.server.name}: {other.why}" for other in beside)
    return (
        f"{subject[1]} is the last server that can take traffic in its backend on {subject[0]}"
        f" ({reasons or 'there is no other'})"
    )


def paused(reading: Reading, pooler: str, database: str) -> bool | None:
    """Whether that database is paused there; None when PgBouncer does not answer or does not list it.

    One made by a `*` entry is hidden while no client is connected, and stays paused.
    """
    facts = reading.pooler(pooler)
    found = next((d for d in facts.databases if d.name == database), None) if facts else None
    return None if found is None else found.paused


def server_behind(reading: Reading) -> dict[str, tuple[str, str]]:
    """Which (proxy, backend/server) each HAProxy session goes to, by the session's source host:port."""
    return {
        session.source: (proxy, f"{session.backend}/{session.server}")
        for proxy, sessions in reading.sessions.items()
        for session in sessions
        if not session.source.startswith(_UNNAMED)
    }


def pooler_of(reading: Reading) -> dict[str, tuple[str, ServerConnection]]:
    """Which (pooler, connection) each source host:port belongs to."""
    return {
        connection.local: (pooler, connection)
        for pooler, connections in reading.connections.items()
        for connection in connections
        if not connection.local.startswith(_UNNAMED)
    }


def unpooled(reading: Reading, subjects: Collection[Subject]) -> tuple[str, ...]:
    """`source on proxy` of each session on those servers that no known PgBouncer has."""
    pooled = pooler_of(reading)
    return tuple(
        f"{session.source} on {proxy}"
        for proxy, found in reading.sessions.items()
        for session in found
        if (proxy, f"{session.backend}/{session.server}") in subjects and session.source not in pooled
    )


def describe(pooler: str, connection: ServerConnection, reading: Reading) -> str:
    """Who holds a server connection: client, application, transaction, pid."""
    parts = [f"app={connection.application or '(unnamed)'}"]
    if connection.client:
        parts.append(f"client {connection.client}")
    parts.append(f"through {pooler}")
    pid = connection.remote_pid
    open_since = [t for held in reading.activity.values() for t in held if t.pid == pid]
    if len(open_since) == 1:
        parts.append(f"{open_since[0].state} for {open_since[0].age:.0f} s")
    elif connection.since:
        parts.append(f"{connection.state} since {connection.since}")
    if pid:
        parts.append(f"pid {pid}")
    return ", ".join(parts)


def traffic(reading: Reading, subjects: tuple[Subject, ...]) -> str:
    """Where new connections go, by the stick tables."""
    told = []
    for proxy, backend in dict.fromkeys((proxy, name.split("/")[0]) for proxy, name in subjects):
        facts = reading.proxy(proxy)
        stuck = {entry.server for entry in (facts.stick or ()) if entry.table == backend} if facts else set()
        names = ", ".join(sorted(name for name in stuck if name))
        told.append(f"New connections to {backend} on {proxy} go to {names or 'the first active server'}.")
    return " ".join(told)


def moved(reading: Reading, before: tuple[TrafficBefore, ...]) -> Remainder:
    """What of the traffic is not as it was, a line for each backend; `split` when it goes to two nodes."""
    now = where_traffic_goes(reading.snapshot, reading.snapshot.taken_at)
    lines = []
    for way in before:
        name = f"{way.backend} on {way.proxy}"
        nodes = now.takers_of(f"{way.proxy}/{way.backend}")
        if way.proxy in now.unknown:
            lines.append(f"{way.proxy} does not answer: where its new connections go is not known.")
        elif set(nodes) != set(way.nodes):
            here, there = ", ".join(nodes) or "no node", ", ".join(way.nodes) or "no node"
            line = f"New connections to {name} go to {here}; before the run they went to {there}."
            if len(nodes) == 1 and way.nodes:
                line += f" To move them back: bdr-console switchover {nodes[0]}"
            lines.append(line)
    split = now.split and bool(lines or not before)  # one that was there before the run is not its doing
    if split:
        lines.insert(
            0, f"Writes are split: {split_words(now)}. Make the HAProxies agree before anything else."
        )
    return Remainder(tuple(dict.fromkeys(lines)), split)


def lsn(text: str) -> int:
    """`16/B3748` -> its position in bytes; raises ValueError."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


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
