"""Bucardo from its captured tables in real databases; its daemons are real sessions that bear their names."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

import bdr_console.engines
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import links
from bdr_console.cluster.snapshot import Snapshot, to_json
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from bdr_console.engines import Probe
from bdr_console.links.postgres import PostgresReader
from tests.links.servers import PASSWORD, Postgres, program

CAPTURES = Path(__file__).parent.parent / "captures" / "bucardo"
BUCARDO = Path(bdr_console.engines.__file__).parent / "bucardo"
CONTROL_FILES = {"syncs", "members", "conflicts", "conflict_counts", "peers"}
DATABASES = ("control", "shop1", "shop2")


@pytest.fixture(scope="module")
def bucardo(postgres: Postgres) -> Postgres:
    """The captured control database and both members, one database each."""
    for name in DATABASES:
        kind = "control" if name == "control" else "member"
        postgres.run(f"CREATE DATABASE {name}")
        with psycopg.connect(postgres.dsn(database=name), autocommit=True) as connection:
            connection.execute((CAPTURES / f"{kind}.sql").read_text("utf-8").encode())
            for path in sorted(CAPTURES.glob(f"{name}.*.csv")):
                text = path.read_text("utf-8")
                columns = text.splitlines()[0]
                order = f"COPY bucardo.{path.name.split('.')[1]} ({columns}) FROM STDIN (FORMAT csv, HEADER)"
                with connection.cursor().copy(order.encode()) as copy:
                    copy.write(text)
            if kind == "member":
                connection.execute(
                    "UPDATE bucardo.bucardo_delta_targets SET tablename = 'public.t'::regclass"
                )
    return postgres


@dataclass(frozen=True)
class State:
    """What is the matter: which daemons have sessions where, what waits, what was asked for."""

    name: str
    level: Level
    said: tuple[str, ...] = ()
    """Each stands in a finding."""
    mcp: bool = True
    kid: bool = True
    down: str | None = None
    changes: tuple[str, ...] = ()
    """SQL for the member shop1, undone afterwards."""
    asked: tuple[str, ...] = ()
    """The same for the control database."""
    pending: dict[str, int] = field(default_factory=dict)


def waits(seconds: int) -> str:
    return f"INSERT INTO bucardo.delta_public_t VALUES (7, clock_timestamp() - interval '{seconds} s')"  # noqa: S608


STATES = [
    State("all is well", Level.OK, pending={"shop1 -> shop2": 0}),
    State(
        "paused with a row waiting: bucardo status says Good",
        Level.CRIT,
        ("no KID of sync shopsync is connected; 1 row waits, the oldest for",),
        kid=False,
        changes=(waits(6),),
        pending={"shop1 -> shop2": 1},
    ),
    State(
        "deactivated: bucardo status says Good",
        Level.WARN,
        ("sync shopsync is not active",),
        kid=False,
        asked=("UPDATE bucardo.sync SET status = 'inactive'",),
    ),
    State("the daemon is gone", Level.CRIT, ("no KID of sync",), mcp=False, kid=False),
    State(
        "a member is down and has been given up",
        Level.CRIT,
        ("Connection refused", "no KID of sync shopsync is connected; 1 row waits"),
        kid=False,
        down="shop2",
        changes=(waits(12),),
    ),
    State(
        "a member hangs: the KID is there, but nothing moves",
        Level.CRIT,
        ("shop2 does not answer; 1 row waits, the oldest for",),
        down="shop2",
        changes=(waits(12),),
    ),
    State(
        "rows wait although the KID runs",
        Level.CRIT,
        ("lags", "6m 4"),
        changes=(waits(400),),
        pending={"shop1 -> shop2": 1},
    ),
    State(
        "a KID that comes only when it is kicked need not be there",
        Level.OK,
        kid=False,
        asked=("UPDATE bucardo.sync SET kidsalive = false",),
    ),
    State(
        "more rows than are counted",
        Level.OK,
        changes=("INSERT INTO bucardo.delta_public_t SELECT g, now() FROM generate_series(1, 12000) g",),
        pending={"shop1 -> shop2": 10000},
    ),
]


@contextlib.contextmanager
def daemons(postgres: Postgres, state: State) -> Iterator[None]:
    """Sessions as the daemons of Bucardo have them: real ones, but nobody works in them."""
    with contextlib.ExitStack() as stack:
        for database in DATABASES:
            names = ["bucardo MCP (PID 11)", "bucardo VAC (PID 12)"] if state.mcp else []
            names += ["bucardo KID (shopsync) (PID 13)"] if state.kid else []
            for name in names:
                stack.enter_context(
                    psycopg.connect(postgres.dsn(database=database), application_name=name, autocommit=True)
                )
        yield


async def read(postgres: Postgres, database: str, user: str = "postgres") -> NodeFacts:
    reader = PostgresReader(database, postgres.dsn(user, database))
    try:
        return await Probe(reader).read()
    finally:
        await reader.close()


async def snapshot_of(postgres: Postgres, down: str | None = None) -> Snapshot:
    nodes: list[Observed[NodeFacts]] = []
    for database in DATABASES:
        if database == down:
            nodes.append(Observed(database, f"{database}:5432", error="Connection refused"))
            continue
        facts = await read(postgres, database)
        nodes.append(Observed(database, f"{database}:5432", facts=facts, seen_at=datetime.now(UTC)))
    return Snapshot("shop", "", datetime.now(UTC), 5.0, tuple(nodes), (), ())


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
async def test_the_verdict_is_that_of_rows_and_sessions_not_of_bucardos_own_good(
    state: State, bucardo: Postgres
) -> None:
    with (
        daemons(bucardo, state),
        _undone(bucardo, "shop1", state.changes),
        _undone(bucardo, "control", state.asked),
    ):
        snapshot = await snapshot_of(bucardo, state.down)
    verdict = judge(snapshot, Thresholds(), datetime.now(UTC))
    texts = [f"{finding.subject}: {finding.text}" for finding in verdict.findings]
    assert verdict.level is state.level, texts
    for words in state.said:
        assert any(words in text for text in texts), (words, texts)
    shown = {f"{link.origin} -> {link.target}": link for link in links(snapshot, datetime.now(UTC))}
    assert set(shown) == {"shop1 -> shop2", "shop2 -> shop1"}, "the control database has no links"
    for link, rows in state.pending.items():
        assert shown[link].pending_rows == rows
        assert shown[link].lag_bytes is None, "no byte can be counted, so none is shown"


@contextlib.contextmanager
def _undone(postgres: Postgres, database: str, statements: tuple[str, ...]) -> Iterator[None]:
    postgres_dsn = postgres.dsn(database=database)
    keep = ("delta_public_t", "track_public_t") if database != "control" else ("sync", "db", "syncrun")
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        for table in keep:
            connection.execute(f"CREATE TABLE public.keep_{table} AS TABLE bucardo.{table}")
        for statement in statements:
            connection.execute(statement.encode())
    try:
        yield
    finally:
        with psycopg.connect(postgres_dsn, autocommit=True) as connection:
            for table in keep:
                connection.execute(f"DELETE FROM bucardo.{table}")  # noqa: S608
                connection.execute(f"INSERT INTO bucardo.{table} TABLE public.keep_{table}")
                connection.execute(f"DROP TABLE public.keep_{table}")


async def test_the_control_database_is_found_out_and_its_members_syncs_and_version_are_shown(
    bucardo: Postgres,
) -> None:
    facts = await read(bucardo, "control")
    assert facts.engine == "Bucardo 5.6.0 (control database)"
    assert facts.is_control
    assert [(member.name, member.raw_state, member.kind) for member in facts.members] == [
        ("shop1", "active", "source"),
        ("shop2", "active", "source"),
    ]
    assert [(sync.name, sync.origin, sync.status) for sync in facts.subscriptions] == [
        ("shopsync", "group both", "down")
    ]
    member = await read(bucardo, "shop1")
    assert (member.engine, member.is_control, member.group) == ("Bucardo 5", False, "both")


async def test_conflicts_are_counted_by_run_because_bucardo_keeps_no_more(bucardo: Postgres) -> None:
    recent = "UPDATE bucardo.syncrun SET ended = clock_timestamp() - interval '1 min' WHERE conflicts > 0"
    with _undone(bucardo, "control", (recent,)):
        facts = await read(bucardo, "control")
    assert [(c.table, c.kind, c.resolution) for c in facts.conflicts] == [
        ("sync shopsync", "1 in one run", "bucardo_latest")
    ]
    assert [(c.origin, c.count) for c in facts.conflict_counts] == [("sync shopsync", 1)]


async def test_no_password_of_the_control_database_reaches_a_snapshot(bucardo: Postgres) -> None:
    secret = "UPDATE bucardo.db SET dbpass = 'never-shown', dbconn = 'sslpassword=never-shown'"
    with _undone(bucardo, "control", (secret,)):
        assert "never-shown" not in to_json(await snapshot_of(bucardo))


async def test_a_dead_daemon_is_told_by_the_control_database(bucardo: Postgres) -> None:
    assert [c.text for c in (await read(bucardo, "control")).caveats] == [
        "Bucardo does not run: its MCP has no session here"
    ]
    with daemons(bucardo, State("", Level.OK, kid=False)):
        (caveat,) = (await read(bucardo, "control")).caveats
    assert caveat.severe
    assert "sync shopsync is active, but no KID runs for it" in caveat.text


async def test_without_grants_what_waits_is_unknown_and_never_nothing(bucardo: Postgres) -> None:
    bucardo.run(f"CREATE ROLE blind LOGIN PASSWORD '{PASSWORD}'")
    with daemons(bucardo, State("", Level.OK)):
        facts = await read(bucardo, "shop1", user="blind")
    assert "permission denied" in (facts.why_unread("pending") or "")
    assert "GRANT pg_monitor" in (facts.why_unread("daemons") or "")


async def test_hostile_names_of_tables_are_quoted_by_the_server(bucardo: Postgres) -> None:
    name = 'x"; DROP TABLE public.t; --'
    track = "\"Track''s\""
    quoted = '"' + name.replace('"', '""') + '"'
    make = (
        f"CREATE TABLE bucardo.{quoted} (id int, txntime timestamptz)",
        f"INSERT INTO bucardo.{quoted} VALUES (1, now())",  # noqa: S608
        'CREATE TABLE bucardo."Track\'s" (txntime timestamptz, target text)',
        f"INSERT INTO bucardo.bucardo_delta_names VALUES ('odd', 'public.odd', '{quoted}', '{track}', now())",  # noqa: S608
    )
    with psycopg.connect(bucardo.dsn(database="shop1"), autocommit=True) as connection:
        for statement in make:
            connection.execute(statement.encode())
        try:
            facts = await read(bucardo, "shop1")
        finally:
            connection.execute("DELETE FROM bucardo.bucardo_delta_names WHERE sync = 'odd'")
            connection.execute(f'DROP TABLE bucardo.{quoted}, bucardo."Track\'s"'.encode())
        assert connection.execute("SELECT to_regclass('public.t') IS NOT NULL").fetchone() == (True,)
    assert {part.table: part.rows for part in facts.pending or ()} == {"public.odd": 1, "public.t": 0}


async def test_the_position_of_the_peers_is_reached_only_when_nothing_waits(bucardo: Postgres) -> None:
    async def reached() -> str | None:
        reader = PostgresReader("shop1", bucardo.dsn(database="shop1"))
        try:
            (peer,) = (await Probe(reader).positions()).peers
        finally:
            await reader.close()
        return peer.replay_lsn

    assert await reached() is not None
    with _undone(bucardo, "shop1", (waits(1),)):
        assert await reached() is None


@pytest.mark.parametrize("path", sorted(BUCARDO.glob("*.sql")), ids=lambda path: path.name)
def test_every_statement_runs_as_it_is_in_psql(path: Path, bucardo: Postgres) -> None:
    if path.name == "grants.sql":
        pytest.skip("it changes things and is tested with the others of its kind")
    database = "control" if path.stem in CONTROL_FILES else "shop1"
    done = subprocess.run(
        [program("psql"), "-X", "-v", "ON_ERROR_STOP=1", "-f", str(path), bucardo.dsn(database=database)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(("row)", "rows)"))
