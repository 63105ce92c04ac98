"""Who holds a waiting step up, and what can be done about each. Pure.

The chain: the pooler's client (SHOW CLIENTS) -> its server connection (SHOW SERVERS: local port, backend pid)
-> the HAProxy session from that port -> the server, hence the node -> the backend with that pid there.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Iterable, Sequence

from bdr_console.cluster.access import ends_sessions
from bdr_console.cluster.text import format_seconds
from bdr_console.runbooks.model.node_sessions import NodeSession
from bdr_console.runbooks.model.reading import Area, Backend, Reading, ServerConnection
from bdr_console.runbooks.model.reading_queries import Subject, server_behind
from bdr_console.runbooks.model.run import Command, Holder, Offer
from bdr_console.runbooks.model.step import Act, Intervention, World

_STARTED = re.compile(r"[0-9][0-9 :.+TZ-]{8,40}")

Held = tuple[str, ServerConnection]
"""A pooler's configured name, and one of its server connections."""


def holders(reading: Reading, held: Iterable[Held]) -> tuple[Holder, ...]:
    """The holder of each connection, in the order given; needs SESSIONS and BACKENDS in the reading.

    A backend is named only where it is the only one that fits: through a proxy that is no HAProxy of ours the
    pid of a pooler's connection may be any number, and pids repeat from node to node.
    """
    behind = server_behind(reading)
    nodes = {
        (proxy.name, f"{server.backend}/{server.name}"): server.node
        for proxy in reading.snapshot.proxies
        if proxy.facts
        for server in proxy.facts.servers
    }
    return tuple(
        _holder(reading, pooler, connection, nodes.get(behind.get(connection.local, ("", ""))))
        for pooler, connection in held
    )


def session_holders(reading: Reading, sessions: Iterable[NodeSession]) -> tuple[Holder, ...]:
    """The holder for each session on a node, with the pooler's client where it is a pooled one."""
    return tuple(
        Holder(
            id=holder_id(one.backend),
            pooler=one.pooler,
            database=one.connection.database if one.connection else one.backend.database,
            application=(one.connection.application if one.connection else "") or one.backend.application,
            client=one.connection.client if one.connection else one.backend.client,
            state=one.backend.state,
            node=one.backend.node,
            pid=one.backend.pid,
            backend_start=one.backend.started,
            transaction_age=one.backend.transaction_age,
            query=one.backend.query,
            client_id=one.connection.client_id if one.connection else None,
            user=one.backend.user,
            may_not=why_not_ended(reading, one.backend),
        )
        for one in sessions
    )


def _holder(reading: Reading, pooler: str, connection: ServerConnection, node: str | None) -> Holder:
    found = backend_of(reading, connection, node)
    application = connection.application or (found.application if found else "")
    return Holder(
        id=holder_id(found) if found and found.started else f"{pooler}:{connection.local}",
        pooler=pooler,
        database=connection.database,
        application=application,
        client=connection.client,
        state=found.state if found else f"{connection.state} since {connection.since}",
        node=found.node if found else node,
        pid=found.pid if found else connection.remote_pid,
        backend_start=found.started if found else None,
        transaction_age=found.transaction_age if found else None,
        query=found.query if found else "",
        client_id=connection.client_id,
        user=connection.user,
        may_not=why_not_ended(reading, found) if found else "",
    )


def backend_of(reading: Reading, connection: ServerConnection, node: str | None) -> Backend | None:
    """The only backend that a pooler's connection can lead to; None when there is none, or more than one."""
    fits = [
        backend
        for name, backends in reading.backends.items()
        if node is None or name == node
        for backend in backends
        if backend.pid == connection.remote_pid and backend.user == connection.user
    ]
    return fits[0] if len(fits) == 1 else None


def why_not_ended(reading: Reading, backend: Backend) -> str:
    """Why the console's role may not cancel or terminate that session, and who may; empty when it may."""
    if backend.may_signal:
        return ""
    if backend.of_superuser:
        return "The console's role may not end it: only a superuser may end a superuser's session."
    facts = reading.node(backend.node)
    return f"The console's role may not end it. {ends_sessions(facts.server_version if facts else None)}"


def how_to_end(reading: Reading, backend: Backend) -> str:
    """What to do about a session that a plan cannot go past: the guarded statement that would be sent, where
    backend_start may be seen, and who may send it."""
    if backend.started is None:
        return f"Wait until it ends, or have its owner end it on {backend.node}."
    statement = signal_sql("terminate", backend.pid, backend.started)
    return f"Wait until it ends, or on {backend.node}: {statement} {why_not_ended(reading, backend)}".rstrip()


def holder_id(backend: Backend) -> str:
    """What a word names a backend by; another backend that gets the same pid later has another name."""
    digest = hashlib.sha256(f"{backend.pid} {backend.started}".encode()).hexdigest()
    return f"{backend.node}:{backend.pid}:{digest[:6]}"


def describe(holder: Holder) -> str:
    """One line of evidence: client, application, transaction, pid."""
    parts = [f"app={holder.application or '(unnamed)'}"]
    if holder.client:
        parts.append(f"client {holder.client}")
    parts.append(f"through {holder.pooler}" if holder.pooler else holder.way)
    if holder.transaction_age is not None:
        parts.append(f"{holder.state} for {format_seconds(holder.transaction_age)}")
    else:
        parts.append(holder.state)
    if holder.pid:
        parts.append(f"pid {holder.pid}" + (f" on {holder.node}" if holder.node else ""))
    query = f": {holder.query[:80]}" + ("…" if len(holder.query) > 80 else "") if holder.query else ""
    return ", ".join(parts) + query + (f" ({holder.may_not})" if holder.may_not else "")


def interventions(
    reading: Reading, held: Sequence[Holder], acts: Sequence[Act], most: int = 10
) -> tuple[Intervention, ...]:
    """What the operator may do now: end each backend (cancel it too while it runs a statement), or its client
    where no backend is known, as of a node that hangs, or the role may not end it; or cut all clients of a
    pooler's database that still holds the step up.

    `acts` are the step's own commands to the poolers: they say how each pooler and database is addressed.
    """
    places = {node.name: f"{node.name} ({node.address})" for node in reading.snapshot.nodes}
    poolers = {pooler.name: f"{pooler.name} ({pooler.address})" for pooler in reading.snapshot.poolers}
    poolers |= {act.target: act.command.host for act in acts}
    found: dict[str, Intervention] = {}
    for holder in held[:most]:
        if (holder.backend_start is None or holder.may_not) and holder.client_id:
            host = poolers.get(holder.pooler, holder.pooler)
            client = f"client {holder.client} (app={holder.application or 'unnamed'}) of {holder.pooler}"
            command = Command(host, f"KILL_CLIENT {holder.client_id}")
            offer = Offer(f"terminate {holder.id}", f"terminate {client}", (command,))
            found[offer.word] = Intervention(offer, "kill-client", holder.pooler, command, subject=client)
        for how in ("cancel", "terminate") if holder.state == "active" else ("terminate",):
            started = holder.backend_start or ""
            if holder.node is None or holder.pid is None or holder.may_not:
                continue
            if not _STARTED.fullmatch(started):
                continue
            word = f"{how} {holder.id}"
            label = f"{how} app={holder.application or '(unnamed)'} pid {holder.pid} on {holder.node}"
            place = places.get(holder.node, holder.node)
            command = Command(place, signal_sql(how, holder.pid, started))
            found[word] = Intervention(
                Offer(word, label, (command,)),
                "cancel" if how == "cancel" else "terminate",
                holder.node,
                command,
                pid=holder.pid,
                backend_start=started,
            )
    for act in acts:
        name = act.command.text.partition(" ")[2]
        here = [h for h in held if (h.pooler, h.database) == (act.target, act.subject)]
        if here:
            word = f"kill-db {act.target}/{act.subject}"
            label = f"cut every client of {act.subject} on {act.target}, then resume"
            kill, resume = (Command(act.command.host, f"{verb} {name}") for verb in ("KILL", "RESUME"))
            found[word] = Intervention(
                Offer(word, label, (kill, resume)),
                "kill",
                act.target,
                kill,
                resume,
                subject=act.subject,
            )
    return tuple(found.values())


def resumption(killed: Act) -> Intervention:
    """The RESUME of a database that a KILL has left paused."""
    assert killed.undo is not None  # noqa: S101 - a KILL has one
    where = f"{killed.target}/{killed.subject}"
    offer = Offer(f"resume-db {where}", f"resume {killed.subject} on {killed.target}", (killed.undo,))
    return Intervention(offer, "resume", killed.target, killed.undo, subject=killed.subject)


def signal_sql(how: str, pid: int, started: str) -> str:
    """The guarded statement, exactly as it is announced, journaled and sent; a pid that was given to another
    backend since then has another backend_start, and nothing happens. Raises ValueError for a `started` that
    no server writes."""
    if not _STARTED.fullmatch(started):
        raise ValueError(f"'{started}' is not a backend_start")
    return (
        f"SELECT pg_{how}_backend(pid) FROM pg_stat_activity "  # noqa: S608 - checked figures and a moment
        f"WHERE pid = {pid:d} AND backend_start = '{started}'"
    )


_FIRST_AFTER = 0.2
"""Seconds of waiting after which it is worth asking: most transactions have ended by then."""
_EVERY = 1.0
"""Seconds between two look-ups; each costs a query on every node."""
_SHOWN = 20


class Chain:
    """Client -> server connection -> backend, as of the last look-up that came back.

    Under a PAUSE every client waits, so the look-up runs beside the proof: a node that hangs delays only the
    names.
    """

    def __init__(self) -> None:
        self._next = time.monotonic() + _FIRST_AFTER
        self._asked: asyncio.Task[Reading] | None = None
        self._found: tuple[Holder, ...] = ()
        self._interventions: tuple[Intervention, ...] = ()

    @property
    def holders(self) -> tuple[Holder, ...]:
        """Who holds a connection, the longest first."""
        return self._found

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """What may be done about them: cancel, terminate."""
        return self._interventions

    def look(self, world: World, pools: tuple[Subject, ...]) -> None:
        """Take what the last look-up brought of these (PgBouncer, database), and begin the next when it is
        due."""
        if self._asked is not None and self._asked.done():
            self._take(self._asked.result(), frozenset(pools))
            self._asked, self._next = None, time.monotonic() + _EVERY
        if self._asked is None and time.monotonic() >= self._next:
            parts = Area.CONNECTIONS | Area.SESSIONS | Area.PROXIES | Area.BACKENDS
            self._asked = asyncio.create_task(world.read(parts))

    def forget(self) -> None:
        """Nobody is waited for any more."""
        self._found, self._interventions = (), ()

    def _take(self, reading: Reading, pools: frozenset[Subject]) -> None:
        busy = [
            (pooler, connection)
            for pooler, connections in reading.connections.items()
            for connection in connections
            if (pooler, connection.database) in pools
            and (connection.client or connection.state in ("active", "tested"))
        ]
        busy.sort(key=lambda item: (item[1].since, item[1].local))
        self._found = holders(reading, busy)[:_SHOWN]
        # No KILL here: its RESUME would let clients go on before everything is applied elsewhere.
        self._interventions = interventions(reading, self._found, ())
