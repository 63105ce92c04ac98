"""The load: its tables, the pgbench clients that write them, and the count of what arrived where."""

import json
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.lab import pgbench, pgbouncers, postgres_nodes, processes
from bdr_console.lab.layout import DATABASE, Layout, PoolerLayout
from bdr_console.lab.pgbench import Stall
from bdr_console.lab.processes import Process

NAME = "load"
CLIENTS = 256
"""Counters that are there for clients of the load: one row each."""
HELD_CLIENT = -1
"""One more counter, for the transaction that is held open on purpose."""
CONFLICT_CLIENT = -2
"""One more counter, for the row that two nodes change at the same time on purpose."""

DIRECT_CLIENT = -3
"""One more counter, for the transaction that a client past the PgBouncers holds open."""

TABLES = """
CREATE TABLE public.counter (client int PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE public.ledger (
  run bigint, client int, seq bigint, n bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run, client, seq));
ALTER TABLE public.counter OWNER TO app;
ALTER TABLE public.ledger OWNER TO app;
GRANT SELECT ON public.counter, public.ledger TO bdr_console;
"""

FIRST_ROWS = CLIENTS + 3
ROWS = "INSERT INTO public.counter SELECT client, 0 FROM generate_series(-3, 255) client"
"""DIRECT_CLIENT to CLIENTS - 1."""
_LONGEST = 4 * 3600
"""Seconds after which a load ends by itself: its ledger and its log must not fill the disk."""

_SCRIPT = """\
\\set seq :seq + 1
\\set client :first + :client_id
BEGIN;
UPDATE counter SET n = n + 1 WHERE client = :client RETURNING n \\gset
INSERT INTO ledger (run, client, seq, n) VALUES (:run, :client, :seq, :n);
END;
"""


@dataclass(frozen=True, slots=True)
class LoadShare:
    """The clients that go through one PgBouncer: a pgbench of its own."""

    pooler: str
    first: int
    """The number of its first client; each writes a counter of its own."""
    clients: int

    @property
    def name(self) -> str:
        """Of its process."""
        return f"{NAME}-{self.pooler}"


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What a load was asked to do."""

    run: int
    """Marks its rows in the ledger: milliseconds since 1970 at its start."""
    clients: int
    rate: int | None
    """Transactions per second of all clients together; None for as many as go."""
    protocol: str
    parts: tuple[LoadShare, ...]
    """In the order of their clients."""
    baseline: int
    """The sum of all counters before it began."""


@dataclass(frozen=True, slots=True)
class NodeCount:
    """What one node holds of a load after replication came to rest."""

    node: str
    increments: int
    ledger_rows: int
    """Transactions that were committed somewhere and arrived here: each leaves one row of its own."""
    lost: int
    """Increments that a client was told are done and that are not there."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A finished load, counted from pgbench's log and from the tables of every node."""

    order: LoadOrder
    started_at: datetime
    ended_at: datetime
    transactions: int
    """Transactions that pgbench counted as done."""
    failed: int
    """Transactions that failed, and one for each client that gave up."""
    aborted_clients: int
    longest_stall: Stall | None
    counts: tuple[NodeCount, ...]
    unread: Mapping[str, str]
    """Nodes that could not be counted, and why."""

    @property
    def lost(self) -> int | None:
        """The largest loss on any node; None when a node could not be counted."""
        return None if self.unread else max((count.lost for count in self.counts), default=0)


def _directory(layout: Layout) -> Path:
    return layout.directory / "load"


def order(layout: Layout) -> LoadOrder | None:
    """What the running or latest load was asked to do; None when there never was one."""
    try:
        kept = json.loads((_directory(layout) / "order.json").read_text(encoding="utf-8"))
        return LoadOrder(**{**kept, "parts": tuple(LoadShare(**part) for part in kept["parts"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def names(layout: Layout) -> dict[str, str]:
    """The processes of the running or latest load, and what each is."""
    given = order(layout)
    return {part.name: f"pgbench through {part.pooler}" for part in given.parts} if given else {}


def start(
    layout: Layout, clients: int, rate: int | None, protocol: str, pooler: str | None, seconds: int | None
) -> LoadOrder:
    """Start pgbench in the background and return once a transaction of every part has arrived on a node.

    Without a `pooler` the clients are spread over the transaction pools of all HAProxies.

    Raises ConsoleError for a bad request, when a load is running already, or when pgbench cannot begin.
    """
    _check(layout, clients, rate, protocol, pooler, seconds)
    account, directory = layout.account, _directory(layout)
    if directory.exists():
        for path in directory.iterdir():
            path.unlink()
    else:
        account.make_dir(directory)
    parts = _spread(_through(layout, pooler), clients)
    wanted = LoadOrder(time.time_ns() // 1_000_000, clients, rate, protocol, parts, _sum(layout))
    account.write(directory / "order.json", json.dumps(asdict(wanted)))
    account.write(directory / "load.sql", _SCRIPT)
    started = {}
    try:
        for part in parts:
            started[part] = _start_part(layout, wanted, part, seconds or _LONGEST)
        for part, process in started.items():
            _await_first(layout, wanted, part, process)
    except ConsoleError:
        processes.stop(started.values(), signal.SIGKILL)
        raise
    for part in parts:
        _settle(layout, layout.pooler(part.pooler))
    return wanted


def _through(layout: Layout, pooler: str | None) -> tuple[PoolerLayout, ...]:
    if pooler is not None:
        return (layout.pooler(pooler),)
    return tuple(known for known in layout.poolers if known.mode == "transaction")


def _spread(poolers: tuple[PoolerLayout, ...], clients: int) -> tuple[LoadShare, ...]:
    """As evenly as it goes; a PgBouncer that no client is left for has no part."""
    each, more = divmod(clients, len(poolers))
    parts, first = [], 0
    for index, pooler in enumerate(poolers):
        share = each + (index < more)
        if share:
            parts.append(LoadShare(pooler.name, first, share))
        first += share
    return tuple(parts)


def _start_part(layout: Layout, wanted: LoadOrder, part: LoadShare, seconds: int) -> Process:
    directory = _directory(layout)
    layout.log(part.name).unlink(missing_ok=True)
    command: list[str | Path] = [
        layout.programs.pgbench.path,
        *("--no-vacuum", "--log", "--log-prefix", directory / f"transactions.{part.pooler}"),
        # Before 15 a client gives up at the first error, and pgbench says so in its log alone.
        *(("--failures-detailed",) if layout.programs.pgbench.at_least(15) else ()),
        *("--client", str(part.clients), "--jobs", "1"),
        *("--protocol", wanted.protocol, "--file", directory / "load.sql", "--time", str(seconds)),
        *("--define", f"run={wanted.run}", "--define", "seq=0", "--define", f"first={part.first}"),
        *(("--rate", f"{wanted.rate * part.clients / wanted.clients:.3f}") if wanted.rate else ()),
        layout.dsn(layout.pooler(part.pooler).port, "app"),
    ]
    return processes.start(layout, part.name, command, cwd=directory, env={"PGAPPNAME": "load"})


def _await_first(layout: Layout, wanted: LoadOrder, part: LoadShare, process: Process) -> None:
    """Wait until a transaction of this part has arrived on a node; raises ConsoleError when none does."""

    def begun() -> bool:
        if not process.alive and not pgbench.read(_directory(layout), part.pooler):
            raise ConsoleError(f"the load did not start: {processes.last_words(layout, part.name)}")
        return any(_ledger_rows(layout, node.name, wanted.run, part) for node in layout.nodes)

    if not processes.wait(begun, 30, pause=0.05):
        raise ConsoleError(
            f"the load does not get through {part.pooler}: {processes.last_words(layout, part.name)}"
        )


def _settle(layout: Layout, pooler: PoolerLayout) -> None:
    """Wait until the pool has stopped growing: a PAUSE or RECONNECT while it logs in costs clients 15 s."""
    before = -1

    def settled() -> bool:
        nonlocal before
        rows = pgbouncers.admin(layout, pooler, "SHOW POOLS")
        pool = next((row for row in rows if row["database"] == DATABASE), {})
        last, before = before, sum(int(str(pool.get(f"sv_{kind}", 0))) for kind in ("active", "idle", "used"))
        return before == last and not pool.get("sv_login")

    processes.wait(settled, 5, pause=0.2)


def _check(
    layout: Layout, clients: int, rate: int | None, protocol: str, pooler: str | None, seconds: int | None
) -> None:
    poolers = _through(layout, pooler)
    if any(processes.find(layout, name) for name in names(layout)):
        raise ConsoleError("a load is running already", "Stop it first: bdr-console lab load stop.")
    if not 1 <= clients <= CLIENTS:
        raise ConsoleError(f"a load of {clients} clients cannot be made", f"Choose from 1 to {CLIENTS}.")
    if rate is not None and rate < 1:
        raise ConsoleError(f"a rate of {rate} transactions per second makes no load", "Choose 1 or more.")
    if seconds is not None and not 1 <= seconds <= _LONGEST:
        raise ConsoleError(f"a load of {seconds} s cannot be made", f"Choose from 1 to {_LONGEST}.")
    if protocol not in ("simple", "extended", "prepared"):
        raise ConsoleError(f"pgbench knows no protocol '{protocol}'", "Choose simple, extended or prepared.")
    if (
        protocol == "prepared"
        and poolers[0].mode == "transaction"
        and not layout.programs.pgbouncer.at_least(*pgbouncers.PREPARES)
    ):
        raise ConsoleError(
            f"{poolers[0].name} pools by transaction: prepared statements do not survive there"
            f" before PgBouncer 1.21, and this is {layout.programs.pgbouncer.version}",
            "Choose simple or extended, or the session pool.",
        )


def stop(layout: Layout, converge: float = 30) -> LoadResult:
    """End the load (or take note of its end), wait for replication to come to rest, and count.

    Clients finish the transaction they are in. Raises ConsoleError when there never was a load.
    """
    given = order(layout)
    if given is None:
        raise ConsoleError("no load was started in this lab", "Start one: bdr-console lab load start.")
    running = [process for part in given.parts if (process := processes.find(layout, part.name))]
    for process in running:
        # The end of --time comes as SIGALRM: pgbench lets its clients finish and writes its last lines.
        process.send(signal.SIGALRM)
    if not processes.wait(lambda: not any(process.alive for process in running), 20):
        processes.stop([process for process in running if process.alive], signal.SIGTERM)
    return result(layout, converge)


def result(layout: Layout, converge: float = 30) -> LoadResult:
    """Count the latest load; while it still runs, what it has done so far, without the nodes."""
    given = order(layout)
    if given is None:
        raise ConsoleError("no load was started in this lab", "Start one: bdr-console lab load start.")
    running = any(processes.find(layout, part.name) for part in given.parts)
    transactions = pgbench.read(_directory(layout))
    done = sum(not transaction.failed for transaction in transactions)
    aborted = sum(pgbench.aborted_clients(_log(layout, part)) for part in given.parts)
    counts, unread = (
        ((), {"every node": "the load still runs"}) if running else _count(layout, given, done, converge)
    )
    started = given.run / 1000
    return LoadResult(
        given,
        datetime.fromtimestamp(started, UTC),
        datetime.fromtimestamp(transactions[-1].ended if transactions else started, UTC),
        done,
        len(transactions) - done + aborted,
        aborted,
        pgbench.longest(transactions, 0, float("inf")),
        counts,
        unread,
    )


def _log(layout: Layout, part: LoadShare) -> str:
    try:
        return layout.log(part.name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def stall(layout: Layout, since: datetime, until: datetime) -> Stall | None:
    """The longest transaction in the window; waits until pgbench, which buffers, has written past it."""
    given = order(layout)
    parts = given.parts if given else ()

    def passed(part: LoadShare) -> bool:
        process = processes.find(layout, part.name)
        written = pgbench.read(_directory(layout), part.pooler)
        return process is None or (bool(written) and written[-1].ended > until.timestamp())

    processes.wait(lambda: all(passed(part) for part in parts), 30, pause=0.2)
    return pgbench.longest(pgbench.read(_directory(layout)), since.timestamp(), until.timestamp())


def _count(
    layout: Layout, given: LoadOrder, done: int, patience: float
) -> tuple[tuple[NodeCount, ...], dict[str, str]]:
    """Read every node until all hold the same and every finished transaction, or `patience` seconds pass."""
    latest: dict[str, tuple[int, int]] = {}
    unread: dict[str, str] = {}

    def settled() -> bool:
        latest.clear()
        for node in layout.nodes:
            if node.name in unread:
                continue
            try:
                latest[node.name] = (
                    _sum(layout, node.name) - given.baseline,
                    _ledger_rows(layout, node.name, given.run),
                )
            except ConsoleError as error:
                unread[node.name] = error.problem
        return len(set(latest.values())) <= 1 and all(rows >= done for _, rows in latest.values())

    processes.wait(settled, patience, pause=0.1)
    counts = tuple(
        # Who lost the connection at COMMIT never heard of a transaction that was done: the ledger knows it.
        NodeCount(name, increments, rows, max(done, rows) - increments)
        for name, (increments, rows) in latest.items()
    )
    return counts, unread


def _sum(layout: Layout, node: str | None = None) -> int:
    where = layout.node(node) if node else layout.nodes[0]
    with postgres_nodes.session(layout, where, timeout=10) as connection:
        row = connection.execute("SELECT sum(n)::bigint FROM counter WHERE client >= 0").fetchone()
    return int(row[0]) if row else 0


def _ledger_rows(layout: Layout, node: str, run: int, part: LoadShare | None = None) -> int:
    first, clients = (part.first, part.clients) if part else (0, CLIENTS)
    query = "SELECT count(*) FROM ledger WHERE run = %s AND client >= %s AND client < %s"
    with postgres_nodes.session(layout, layout.node(node), timeout=10) as connection:
        row = connection.execute(query, (run, first, first + clients)).fetchone()
    return int(row[0]) if row else 0
