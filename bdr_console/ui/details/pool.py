"""Details of a PgBouncer or one of its pools, and of who holds its server connections. Pure."""

from dataclasses import dataclass

from bdr_console.cluster.activity import Transaction
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import Pool, PoolerConnections, PoolerFacts, PoolHold
from bdr_console.cluster.text import format_seconds
from bdr_console.ui.details.block import Block, Field, Goto, Part, Table, Words
from bdr_console.ui.details.shared import (
    answers,
    faded,
    findings_block,
    gone_block,
    seconds_since,
    span,
    subject_of,
    unseen_block,
)
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import QUESTION, Cell, Subject, SubjectKind
from bdr_console.ui.theming.styles import Tone


@dataclass(frozen=True, slots=True)
class Holding:
    """One held connection with what it does."""

    hold: PoolHold
    node: str | None
    transaction: Transaction | None
    """An open one of more than a second; None where none was found: there may be one."""

    @property
    def seconds(self) -> float | None:
        """For how long its transaction has been open."""
        return self.transaction.age if self.transaction else None

    @property
    def does(self) -> str:
        """`idle in transaction for 41.0 s, pid 2211 on node1: SELECT ...`, or since when it has been busy."""
        at = f"pid {self.hold.pid}" if self.hold.pid else "pid not known"
        if self.transaction is None:
            return f"last request {self.hold.since or '?'}, {at}; no long transaction was seen"
        one = self.transaction
        waits = f", waits for {one.waits_for}" if one.waits_for.startswith("Lock") else ""
        return f"{one.state} for {format_seconds(one.age)}, {at} on {self.node}{waits}: {one.query}"


def holding(hold: PoolHold, judged: JudgedSnapshot) -> Holding:
    """The transaction behind a held connection: the only one with its pid, user and application on a node
    that clients can be on."""
    fits = [
        (node.name, one)
        for node in judged.snapshot.nodes
        if node.facts and node.facts.activity and node.name in _reachable(judged)
        for one in node.facts.activity.transactions
        if one.pid == hold.pid
        and one.user == hold.user
        and (not hold.application or hold.application == one.application)
    ]
    return Holding(hold, *fits[0]) if len(fits) == 1 else Holding(hold, None, None)


def _reachable(judged: JudgedSnapshot) -> frozenset[str]:
    """Nodes that carry sessions behind some HAProxy; all of them where none is known."""
    carrying = {
        server.node
        for proxy in judged.snapshot.proxies
        for server in (proxy.facts.servers if proxy.facts else ())
        if server.node and server.sessions
    }
    return frozenset(carrying or {node.name for node in judged.snapshot.nodes})


def pool_blocks(key: tuple[str, ...], judged: JudgedSnapshot, _width: int) -> tuple[Block, ...]:
    """Clients, server connections, who holds them, who waits, where it leads."""
    name, database, user = key
    pooler = next((pooler for pooler in judged.snapshot.poolers if pooler.name == name), None)
    if pooler is None:
        return (gone_block(f"PgBouncer {name}"),)
    if pooler.facts is None:
        return unseen_block(pooler, judged), findings_block(judged, name)
    if not database:
        found = _pooler(pooler, pooler.facts, judged)
    else:
        pools = [p for p in pooler.facts.pools if p.database == database and user in ("", p.user)]
        found = _pool(pooler, pooler.facts, database, user, pools, judged)
    return found if pooler.is_fresh(judged.now, judged.snapshot.refresh) else faded(found)


def _pool(
    pooler: Observed[PoolerFacts],
    facts: PoolerFacts,
    database: str,
    user: str,
    pools: list[Pool],
    judged: JudgedSnapshot,
) -> tuple[Block, ...]:
    age = pooler.age(judged.now)
    about = (pooler.name, f"{pooler.name}/{database}")
    listed = facts.connections
    when = seconds_since(listed.at, judged.now) if listed else None
    state = Block("State", _state(pooler, facts, database, pools, judged), "SHOW POOLS, SHOW DATABASES", age)
    found = findings_block(judged, *about)
    held = Block(
        "Who holds server connections",
        _held(facts, database, user, judged),
        "SHOW SERVERS, SHOW CLIENTS",
        when,
    )
    waits = Block("Clients that wait", _waiting(facts, listed, database, user), "SHOW CLIENTS", when)
    around = Block(
        "Around it",
        (Goto(Subject(SubjectKind.POOL, (pooler.name, "", "")), Cell(f"PgBouncer {pooler.name}")),),
    )
    if any(pool.clients_waiting for pool in pools):  # then that is what one came for, on a small screen too
        return held, waits, state, found, around
    return state, found, held, waits, around


def _state(
    pooler: Observed[PoolerFacts],
    facts: PoolerFacts,
    database: str,
    pools: list[Pool],
    judged: JudgedSnapshot,
) -> tuple[Part, ...]:
    there = next((one for one in facts.databases if one.name == database), None)
    told: list[Part] = [Field("contact", answers(pooler, judged))]
    if there is not None:
        mark = "paused" if there.paused else "disabled" if there.disabled else "open"
        told.append(Field("database", Cell(mark, Tone.PLAIN if mark == "open" else Tone.LAG)))
        leads = QUESTION if there.host is None else Cell(f"{there.host}:{there.port}")
        told.append(Field("leads to", leads))
        size = f"{there.pool_size} for each user; {there.connections} connections now"
        told.append(Field("pool size", Cell(size)))
    if not pools:
        return (*told, Words(Cell("nobody has used it since PgBouncer started", Tone.STALE)))
    for pool in pools:
        told += _counts(pool, alone=len(pools) == 1)
    return tuple(told)


def _counts(pool: Pool, *, alone: bool) -> tuple[Part, ...]:
    """The counters of one pool; `alone`: its user need not be told."""
    waits = pool.clients_waiting
    clients = f"{pool.clients_active} active, {waits} wait"
    clients += f", the longest for {format_seconds(pool.max_wait)}" if waits else ""
    servers = f"{pool.servers_active} active, {pool.servers_idle} idle, {pool.servers_used} used, "
    servers += f"{pool.servers_tested} tested, {pool.servers_login} log in"
    closing = "? (not shown before 1.9)" if pool.close_needed is None else str(pool.close_needed)
    return (
        Field("mode" if alone else f"user {pool.user}", Cell(pool.mode)),
        Field("clients", Cell(clients, Tone.LAG if waits else Tone.PLAIN)),
        Field("to servers", Cell(servers)),
        Field("must close", Cell(closing, Tone.LAG if pool.close_needed else Tone.PLAIN)),
    )


def _held(facts: PoolerFacts, database: str, user: str, judged: JudgedSnapshot) -> tuple[Part, ...]:
    listed = facts.connections
    if listed is None:
        return (Words(Cell(facts.unread or "not read yet", Tone.UNKNOWN)),)
    held = [hold for hold in listed.held if hold.database == database and user in ("", hold.user)]
    if not held:
        return (Words(Cell("nobody: every server connection is free")),)
    found = sorted((holding(hold, judged) for hold in held), key=lambda one: -(one.seconds or 0.0))
    parts: list[Part] = [
        Table(("held by", "client", "mode", "does"), tuple(_holder_row(one) for one in found))
    ]
    if listed.held_more:
        parts.append(Words(Cell(f"and {listed.held_more} more on this PgBouncer")))
    if flagged := sum(hold.close_needed for hold in held):
        text = f"{flagged} must close before WAIT_CLOSE returns: each closes when its client lets go"
        parts.append(Words(Cell(text, Tone.LAG)))
    nodes = tuple(dict.fromkeys(one.node for one in found if one.node))
    parts += [
        Goto(Subject(SubjectKind.NODE, (node,)), Cell(f"node {node}, where they are at work"))
        for node in nodes
    ]
    return tuple(parts)


def _holder_row(one: Holding) -> tuple[Cell, ...]:
    hold = one.hold
    tone = Tone.LAG if hold.close_needed or (one.transaction and one.transaction.age >= 1) else Tone.PLAIN
    return (
        Cell(f"app={hold.application or '(unnamed)'}", tone),
        Cell(hold.client or "no client"),
        Cell("must close" if hold.close_needed else hold.state, tone),
        Cell(one.does, tone),
    )


def _waiting(
    facts: PoolerFacts, listed: PoolerConnections | None, database: str, user: str
) -> tuple[Part, ...]:
    if listed is None:
        return (Words(Cell(facts.unread or "not read yet", Tone.UNKNOWN)),)
    found = [one for one in listed.waiting if one.database == database and user in ("", one.user)]
    if not found:
        return (Words(Cell("none")),)
    rows = tuple(
        (span(one.wait), Cell(one.user), Cell(one.address), Cell(f"app={one.application or '(unnamed)'}"))
        for one in found
    )
    more = (Words(Cell(f"and {listed.waiting_more} more on this PgBouncer")),) if listed.waiting_more else ()
    return (Table(("waits", "user", "client", "application"), rows, frozenset((0,))), *more)


def _pooler(pooler: Observed[PoolerFacts], facts: PoolerFacts, judged: JudgedSnapshot) -> tuple[Block, ...]:
    age = pooler.age(judged.now)
    names = [pooler.name, *(f"{pooler.name}/{database.name}" for database in facts.databases)]
    clients = sum(pool.clients_active + pool.clients_waiting for pool in facts.pools)
    servers = sum(pool.servers for pool in facts.pools)
    about = (
        Field("address", Cell(pooler.address)),
        Field("contact", answers(pooler, judged)),
        Field("version", Cell(f"PgBouncer {facts.version}")),
        Field("clients", Cell(str(clients))),
        Field("connections", Cell(f"{servers} to servers")),
    )
    goes = []
    for pool in facts.pools:
        text = f"{pool.database} as {pool.user} ({pool.mode}): {pool.clients_active} clients active, "
        text += f"{pool.clients_waiting} wait, {pool.servers} server connections"
        tone = Tone.LAG if pool.clients_waiting else Tone.PLAIN
        goes.append(
            Goto(Subject(SubjectKind.POOL, (pooler.name, pool.database, pool.user)), Cell(text, tone))
        )
    return (
        Block("State", about, "SHOW VERSION", age),
        findings_block(judged, *(name for name in names if subject_of(name, judged))),
        Block("Pools", tuple(goes) or (Words(Cell("none yet")),), "SHOW POOLS", age),
    )
