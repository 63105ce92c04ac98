"""The PgBouncer console on a real PgBouncer."""

import asyncio
import signal

import psycopg
import pytest

from bdr_console.errors import ConsoleError
from bdr_console.links.errors import LinkError
from bdr_console.links.pgbouncer import PgBouncerAdmin, PgBouncerReader, read_pooler
from bdr_console.links.pgbouncer_rows import connections
from tests.links.servers import PASSWORD, PgBouncer, Postgres, free_port, suspend
from tests.links.watching import heartbeat
from tests.waiting import eventually


def client(pooler: PgBouncer) -> psycopg.Connection[tuple[object, ...]]:
    """A client that has opened a transaction."""
    dsn = f"host=127.0.0.1 port={pooler.port} user=postgres password={PASSWORD}"
    connection = psycopg.connect(f"{dsn} dbname=postgres application_name=billing", prepare_threshold=None)
    connection.execute("SELECT 1")
    return connection


async def test_a_pool_in_use_is_shown_with_the_place_it_leads_to(
    pgbouncer: PgBouncer, postgres: Postgres
) -> None:
    reader = PgBouncerReader("pgb", pgbouncer.dsn())
    with client(pgbouncer):
        facts = await read_pooler(reader)
        (server,) = connections(await reader.show("servers"))
    await reader.close()
    (pool,) = facts.pools
    assert (pool.database, pool.user, pool.mode) == ("postgres", "postgres", "transaction")
    assert (pool.clients_active, pool.servers_active, pool.close_needed) == (1, 1, 0)
    (database,) = facts.databases
    assert (database.name, database.host, database.port) == ("postgres", "127.0.0.1", postgres.port)
    assert facts.version == reader.version
    assert reader.server_version >= 10900
    assert server.application == "billing"


async def test_the_console_survives_many_identical_questions(pgbouncer: PgBouncer) -> None:
    reader = PgBouncerReader("pgb", pgbouncer.dsn())
    for _ in range(12):
        assert await reader.show("POOLS")
    own = [row for row in await reader.show("CLIENTS") if row["database"] == "pgbouncer"]
    await reader.close()
    assert len(own) == 1, "it reconnected in between"


async def test_what_a_user_may_not_do_is_refused_with_the_setting_to_change(pgbouncer: PgBouncer) -> None:
    watcher = PgBouncerAdmin("pgb", pgbouncer.dsn("watcher"))
    assert (await read_pooler(watcher)).pools == ()
    with pytest.raises(LinkError, match="`RECONNECT app`: admin access needed") as caught:
        await watcher.act("RECONNECT app")
    assert "admin_users" in caught.value.remedy
    await watcher.close()
    for dsn, reason in (
        (pgbouncer.dsn("nobody"), "not allowed"),
        (pgbouncer.dsn().replace(PASSWORD, "hush-hush"), "login refused: password authentication failed"),
    ):
        with pytest.raises(LinkError) as caught:
            await PgBouncerReader("pgb", dsn).show("POOLS")
        assert caught.value.reason == reason
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize("what", ["FDS", "fds", "POOLS; RECONNECT", "HELP", "", "POOLS\n"])
async def test_nothing_but_known_shows_is_asked(what: str) -> None:
    with pytest.raises(ConsoleError, match="is not asked of PgBouncer"):
        await PgBouncerReader("pgb", f"host=127.0.0.1 port={free_port()}").show(what)


@pytest.mark.parametrize(
    "command",
    [
        "PAUSE",
        "RECONNECT",
        "SHUTDOWN",
        "RECONNECT a;b",
        "RECONNECT 'x'",
        "SUSPEND",
        "SET x = 1",
        "RELOAD app",
        "RELOAD; SHUTDOWN",
        "KILL a\n",
        "KILL_CLIENT",
        "KILL_CLIENT 0x5",
        "KILL_CLIENT 5; RELOAD",
    ],
)
async def test_nothing_but_known_acts_on_one_named_database_is_sent(command: str) -> None:
    with pytest.raises(ConsoleError, match="not a command the console sends"):
        await PgBouncerAdmin("pgb", f"host=127.0.0.1 port={free_port()}").act(command)


async def test_reconnect_flags_a_busy_connection_and_wait_close_ends_when_it_is_released(
    pgbouncer: PgBouncer,
) -> None:
    admin = PgBouncerAdmin("pgb", pgbouncer.dsn())
    with client(pgbouncer) as busy:
        assert await admin.act("RECONNECT postgres") == "RECONNECT"
        waiting = asyncio.create_task(admin.act_waiting("WAIT_CLOSE postgres"))
        facts = await read_pooler(admin)
        assert facts.pools[0].close_needed == 1
        (server,) = connections(await admin.show("SERVERS"))
        assert server.close_needed
        assert not waiting.done()
        busy.rollback()
    async with asyncio.timeout(10):
        assert await waiting == "WAIT_CLOSE"
    await admin.close()


async def test_giving_up_a_wait_close_closes_its_console_and_lifts_nobodys_pause(
    pgbouncer: PgBouncer,
) -> None:
    admin = PgBouncerAdmin("pgb", pgbouncer.dsn())

    async def consoles() -> int:
        return sum(row["database"] == "pgbouncer" for row in await admin.show("CLIENTS"))

    async def two_consoles() -> bool:
        return await consoles() == 2

    async def three_consoles() -> bool:
        return await consoles() == 3

    async def paused() -> bool:
        """Harmless on every version: the console's own database cannot be paused."""
        with pytest.raises(LinkError) as caught:
            await admin.act("PAUSE pgbouncer")
        return "already" in caught.value.reason  # "already paused" from 1.26 on, "suspended/paused" before

    dsn = pgbouncer.dsn() + " dbname=pgbouncer"
    with (
        psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as other,
        client(pgbouncer) as busy,
    ):
        await admin.act("RECONNECT postgres")
        waiting = asyncio.create_task(admin.act_waiting("WAIT_CLOSE postgres"))
        await eventually(three_consoles, "the command waits on a console of its own")
        pause = asyncio.create_task(asyncio.to_thread(other.execute, "PAUSE"))
        await eventually(paused, "somebody else's PAUSE is in force")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await eventually(two_consoles, "its console is closed")
        assert await paused(), "a cancel request would have lifted it"
        busy.rollback()
        async with asyncio.timeout(20):
            await pause
        other.execute("RESUME")
    await admin.close()


async def test_an_unknown_command_of_an_older_version_keeps_the_console(pgbouncer: PgBouncer) -> None:
    reader = PgBouncerReader("pgb", pgbouncer.dsn())
    await reader.show("POOLS")
    if reader.server_version < 11900:
        with pytest.raises(LinkError, match="invalid command 'SHOW STATE"):
            await reader.show("STATE")
    assert await reader.show("POOLS")
    await reader.close()


async def test_a_postgresql_in_place_of_a_console_is_refused_before_anything_is_sent(
    postgres: Postgres,
) -> None:
    reader = PgBouncerReader("pgb", postgres.dsn())
    with pytest.raises(LinkError, match="this is no PgBouncer console") as caught:
        await reader.show("POOLS")
    assert "PgBouncer's own port" in caught.value.remedy


async def test_a_frozen_pgbouncer_is_given_up_at_the_deadline_and_read_again_later(
    pgbouncer: PgBouncer,
) -> None:
    reader = PgBouncerReader("pgb", pgbouncer.dsn(), deadline=0.5)
    await reader.show("POOLS")
    assert pgbouncer.process
    suspend(pgbouncer.process.pid)
    async with heartbeat() as beats, asyncio.timeout(5):
        with pytest.raises(LinkError, match=r"`SHOW POOLS`: timed out after 0.5 s"):
            await reader.show("POOLS")
        with pytest.raises(LinkError, match=r"connecting: timed out after 0.5 s"):
            await reader.show("POOLS")
    assert len(beats) > 20, "the event loop stood still"
    pgbouncer.process.send_signal(signal.SIGCONT)
    assert await reader.show("POOLS")
    await reader.close()


async def test_a_stopped_pgbouncer_is_refused_and_options_of_the_environment_do_no_harm(
    pgbouncer: PgBouncer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1")
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "read-write")
    reader = PgBouncerReader("pgb", pgbouncer.dsn())
    assert await reader.show("POOLS")
    await asyncio.to_thread(pgbouncer.stop)
    with pytest.raises(LinkError):
        await reader.show("POOLS")
    with pytest.raises(LinkError, match="Connection refused"):
        await reader.show("POOLS")
