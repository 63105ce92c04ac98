"""Reading a plain PostgreSQL, on a real one."""

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest

import bdr_console.engines
from bdr_console.cluster.nodes import Membership, NodeFacts, Slot
from bdr_console.engines import Probe
from bdr_console.engines.core.statements import statement
from bdr_console.engines.detect import DETECT
from bdr_console.engines.grants import helping_grant
from bdr_console.links.postgres import PostgresReader, Rows, Unreadable
from bdr_console.runbooks.execute.target_queries import backends
from tests.links.servers import PASSWORD, Postgres, program
from tests.waiting import eventually, wait_until

ENGINES = Path(bdr_console.engines.__file__).parent
SQL = sorted(
    path
    for path in (*ENGINES.glob("core/*.sql"), *ENGINES.glob("plain/*.sql"))
    if ".before-" not in path.name and path.name != "grants.sql"
)


async def read(postgres: Postgres, user: str = "postgres", database: str = "postgres") -> NodeFacts:
    reader = PostgresReader("node1", postgres.dsn(user, database))
    try:
        return await Probe(reader).read()
    finally:
        await reader.close()


@pytest.mark.parametrize("path", SQL, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_statement_runs_as_it_is_in_psql(path: Path, postgres: Postgres) -> None:
    done = subprocess.run(
        [program("psql"), "-X", "-v", "ON_ERROR_STOP=1", "-f", str(path), postgres.dsn()],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(("row)", "rows)"))


async def test_a_server_outside_any_group_shows_its_sessions_and_that_membership_is_unknown(
    postgres: Postgres,
) -> None:
    with psycopg.connect(postgres.dsn()) as busy:
        busy.execute("SELECT 1")
        pid = busy.info.backend_pid
        facts = await read(postgres)
    assert facts.engine.startswith("PostgreSQL 1")
    assert facts.membership is Membership.UNKNOWN
    assert facts.node_name is None
    assert facts.sessions
    assert facts.sessions.total == 1, "the console's own session is not counted"
    assert facts.sessions.idle_in_transaction == 1
    assert facts.sessions.oldest_transaction_pid == pid
    assert facts.sessions.oldest_transaction is not None
    assert facts.sessions.max_connections == 40
    assert facts.started_at
    assert facts.wal_lsn
    assert not facts.in_recovery
    assert not facts.read_only
    assert facts.unread == ()


async def test_a_node_set_read_only_is_shown_so_although_our_own_session_always_is(
    postgres: Postgres,
) -> None:
    postgres.run("CREATE DATABASE fenced", "ALTER DATABASE fenced SET default_transaction_read_only = on")
    assert (await read(postgres, database="fenced")).read_only
    assert not (await read(postgres)).read_only
    reader = PostgresReader("node1", postgres.dsn())
    try:
        probe = Probe(reader)
        assert not (await probe.read()).read_only
        postgres.run("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")

        async def read_only() -> bool:
            return (await probe.read()).read_only

        await eventually(read_only, "the setting is seen")
        postgres.run(
            "SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only"
        )
    finally:
        with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")
        await reader.close()


async def test_a_console_role_made_read_only_does_not_make_the_node_look_read_only(
    postgres: Postgres,
) -> None:
    postgres.run(
        f"CREATE ROLE hardened LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor",
        "ALTER ROLE hardened SET default_transaction_read_only = on",
    )
    assert not (await read(postgres, user="hardened")).read_only


async def test_a_role_without_pg_monitor_is_told_and_no_session_is_counted_as_zero(
    postgres: Postgres,
) -> None:
    postgres.run(f"CREATE ROLE blind LOGIN PASSWORD '{PASSWORD}'")
    with psycopg.connect(postgres.dsn()) as busy:
        busy.execute("SELECT 1")
        facts = await read(postgres, user="blind")
    assert facts.sessions is None
    assert "GRANT pg_monitor" in (facts.why_unread("sessions") or "")


async def test_native_subscriptions_and_their_slots_are_shown_and_a_stopped_one_is_down(
    postgres: Postgres,
) -> None:
    postgres.run("CREATE DATABASE pub", "CREATE DATABASE sub")
    table = "CREATE TABLE public.t (n int PRIMARY KEY)"
    postgres.run(table, "CREATE PUBLICATION p FOR TABLE public.t", database="pub")
    postgres.run("SELECT pg_create_logical_replication_slot('s', 'pgoutput')", database="pub")
    where = postgres.dsn(database="pub")
    postgres.run(
        table,
        f"CREATE SUBSCRIPTION s CONNECTION '{where}' PUBLICATION p WITH (create_slot = off, slot_name = 's')",
        database="sub",
    )
    seen: dict[str, Slot] = {}

    async def status(subscription: str, slot: str) -> bool:
        facts = await read(postgres, database="sub")
        seen["slot"] = next(s for s in facts.slots if s.name == "s")
        return (facts.subscriptions[0].status, seen["slot"].state) == (subscription, slot)

    async def all_confirmed() -> bool:
        return await status("replicating", "streaming") and seen["slot"].lag_seconds is not None

    try:
        await eventually(lambda: status("replicating", "streaming"), "changes stream")
        await eventually(all_confirmed, "once nothing is outstanding the lag is known, not unknown")
        assert seen["slot"].active
        assert seen["slot"].target is None
        assert seen["slot"].pid
        postgres.run("ALTER SUBSCRIPTION s DISABLE", database="sub")
        await eventually(lambda: status("disabled", "disconnected"), "the subscription is stopped")
        assert not seen["slot"].active
        postgres.run("INSERT INTO public.t SELECT generate_series(1, 1000)", database="pub")
        lag = (await read(postgres, database="sub")).slots[0].lag_bytes
        assert lag is not None
        assert lag > 10_000, "lag grows while nobody reads the slot"
    finally:
        postgres.run(
            "ALTER SUBSCRIPTION s DISABLE",
            "ALTER SUBSCRIPTION s SET (slot_name = NONE)",
            "DROP SUBSCRIPTION s",
            database="sub",
        )

        def released() -> bool:
            with psycopg.connect(postgres.dsn()) as connection:
                return connection.execute(
                    "SELECT count(*) FROM pg_replication_slots WHERE active"
                ).fetchone() == (0,)

        await asyncio.to_thread(wait_until, released, "the slot is released")
        postgres.run("SELECT pg_drop_replication_slot('s')")


async def test_the_catalogs_alone_tell_the_engine(postgres: Postgres) -> None:
    reader = PostgresReader("node1", postgres.dsn())
    (row,) = (await reader.fetch({"detect": DETECT}))["detect"]  # type: ignore[misc]
    await reader.close()
    assert row == {
        "server_version_num": row["server_version_num"],
        "server_version": row["server_version"],
        "superuser": True,
        "extensions": None,
        "comments": None,
        "tables": None,
    }


def test_an_engine_takes_a_name_of_the_core_only_to_answer_the_same_question() -> None:
    """Whoever reads the rows expects the core's columns."""
    core = {path.name.partition(".")[0] for path in (ENGINES / "core").glob("*.sql")}
    taken = {
        path.name.partition(".")[0]
        for path in ENGINES.glob("*/*.sql")
        if path.parent.name != "core" and path.name.partition(".")[0] in core
    }
    assert taken <= {"slots", "positions"}


def test_an_older_server_gets_its_own_statement() -> None:
    core = ENGINES / "core"
    assert "pg_current_xlog_insert_location" in statement(core, "server", 90424)
    assert "pg_current_xlog_insert_location" in statement(core, "server", 90624)
    assert "pg_current_wal_insert_lsn" in statement(core, "server", 100000)


async def test_what_a_plan_rests_on_is_asked_anew_though_watching_asks_it_seldom(postgres: Postgres) -> None:
    asked: list[set[str]] = []

    class Noting(PostgresReader):
        async def fetch(self, statements: Mapping[str, str]) -> dict[str, Rows | Unreadable]:
            asked.append(set(statements))
            return await super().fetch(statements)

    reader = Noting("node1", postgres.dsn())
    probe = Probe(reader)
    try:
        for fresh in (False, False, True):
            await probe.read(fresh=fresh)
    finally:
        await reader.close()
    assert ["plugins" in names for names in asked[-3:]] == [True, False, True]


@pytest.mark.parametrize("name", ["apply_blockers.before-100000.sql", "backends.before-90600.sql"])
def test_what_older_servers_are_asked_about_sessions_is_understood_here_too(
    name: str, postgres: Postgres
) -> None:
    path = ENGINES / "core" / name
    command = [program("psql"), "-X", "-v", "ON_ERROR_STOP=1", "-f", str(path), postgres.dsn()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_role_that_has_pg_monitor_and_does_not_inherit_it_is_told_what_helps_and_it_does(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GRANT alone would change nothing: from PostgreSQL 16 on the option of the grant stays as it was."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with psycopg.connect(postgres.dsn()) as asked:
        by_grant = asked.info.server_version >= 160000
    without = " WITH INHERIT FALSE" if by_grant else ""
    postgres.run(
        "DROP ROLE IF EXISTS heir",
        f"CREATE ROLE heir LOGIN NOINHERIT PASSWORD '{PASSWORD}'",
        f"GRANT pg_monitor TO heir{without}",
    )
    try:
        with psycopg.connect(postgres.dsn()):
            facts = await read(postgres, "heir")
            why = facts.why_unread("sessions")
            assert why is not None
            assert "does not inherit pg_monitor" in why
            helps = helping_grant("plain", "heir", why)
            assert helps == (
                'GRANT pg_monitor TO "heir" WITH INHERIT TRUE;' if by_grant else 'ALTER ROLE "heir" INHERIT;'
            )
            postgres.run(helps)
            assert (await read(postgres, "heir")).sessions is not None
    finally:
        postgres.run("DROP ROLE heir")


async def test_a_role_is_told_of_each_session_whether_it_may_signal_it(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    postgres.run(
        *(f"DROP ROLE IF EXISTS {role}" for role in ("judge", "clerk")),
        *(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'" for role in ("judge", "clerk")),
        "GRANT pg_monitor TO judge",
    )

    async def judged() -> dict[str, tuple[bool, bool]]:
        reader = PostgresReader("node1", postgres.dsn("judge", "postgres"))
        try:
            return {one.user: (one.may_signal, one.of_superuser) for one in await backends(reader) or ()}
        finally:
            await reader.close()

    try:
        with psycopg.connect(postgres.dsn()), psycopg.connect(postgres.dsn("clerk", "postgres")):
            before = await judged()
            postgres.run("GRANT pg_signal_backend TO judge")
            after = await judged()
        assert (before["clerk"], before["postgres"]) == ((False, False), (False, True))
        assert (after["clerk"], after["postgres"]) == ((True, False), (False, True))
    finally:
        postgres.run("DROP ROLE judge", "DROP ROLE clerk")
