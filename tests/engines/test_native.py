"""Native logical replication on a real server: two databases as two nodes."""

import asyncio
import subprocess
from datetime import UTC, datetime

import psycopg
import pytest

from bdr_console.cluster.nodes import Membership, NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import Link, links
from bdr_console.cluster.slot_owners import with_slot_owners
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.engines import Probe
from bdr_console.engines.native import KIND, caveats, failures
from bdr_console.links.postgres import PostgresReader
from tests.engines.test_bdr3 import identity
from tests.links.servers import PASSWORD, Postgres, program
from tests.waiting import eventually, wait_until


async def read(postgres: Postgres, database: str, user: str = "postgres") -> Observed[NodeFacts]:
    """One reading of that database as a node of its name."""
    reader = PostgresReader(database, postgres.dsn(user, database))
    try:
        facts = await Probe(reader).read()
    finally:
        await reader.close()
    return Observed(database, reader.address, facts, datetime.now(UTC), took_ms=1.0)


async def link(postgres: Postgres, origin: str, target: str) -> Link:
    """That direction as both ends tell of it now."""
    nodes = with_slot_owners([await read(postgres, "pub"), await read(postgres, "sub")])
    snapshot = Snapshot("two", "test", datetime.now(UTC), 10.0, nodes, (), ())
    return next(found for found in links(snapshot, datetime.now(UTC)) if found.key == (origin, target))


def test_every_statement_runs_as_it_is_in_psql(postgres: Postgres) -> None:
    with psycopg.connect(postgres.dsn()) as connection:
        version = connection.info.server_version
    engine = KIND.make(identity(), "native with addresses")
    asked = {**engine.statements(), **engine.seldom(), **engine.positions(), "version": KIND.version}
    assert version >= 150000
    for name, text in asked.items():
        done = subprocess.run(
            [program("psql"), "-X", "-v", "ON_ERROR_STOP=1", postgres.dsn()],
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"


async def test_a_subscription_and_its_slot_make_a_link_and_a_stopped_one_says_so_while_its_lag_grows(
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

    async def says(state: str, reason: str) -> bool:
        found = await link(postgres, "pub", "sub")
        return (found.state, found.reason) == (state, reason)

    async def all_confirmed() -> bool:
        return (await link(postgres, "pub", "sub")).lag_seconds is not None

    try:
        await eventually(lambda: says("streaming", "slot active and apply running"), "changes stream")
        await eventually(all_confirmed, "once nothing is outstanding the lag is known, not unknown")
        facts = (await read(postgres, "sub")).facts
        assert facts
        assert facts.engine.endswith(", native replication")
        assert facts.membership is Membership.READY
        assert facts.unread == ()
        assert facts.subscriptions[0].apply_pid
        assert facts.subscriptions[0].origin_address == f"127.0.0.1:{postgres.port}"
        postgres.run("ALTER SUBSCRIPTION s DISABLE", database="sub")
        await eventually(lambda: says("paused", "apply is disabled on sub"), "the subscription is stopped")
        postgres.run("INSERT INTO public.t SELECT generate_series(1, 1000)", database="pub")
        lag = (await link(postgres, "pub", "sub")).lag_bytes
        assert lag is not None
        assert lag > 10_000, "lag grows while nobody reads the slot"
        back = await link(postgres, "sub", "pub")
        assert back.reason == "pub does not subscribe to sub: changes made there do not reach it"
        postgres.run(f"CREATE ROLE watcher LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
        seen = (await read(postgres, "sub", "watcher")).facts
        assert seen
        assert seen.unread == (), "where a subscription connects to may stay hidden"
        assert seen.subscriptions[0].origin_address is None
        assert seen.subscriptions[0].slot_name == "s"
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


async def test_a_database_that_replicates_nothing_is_a_plain_server_until_it_publishes(
    postgres: Postgres,
) -> None:
    before = (await read(postgres, "postgres")).facts
    assert before
    assert before.membership is Membership.UNKNOWN
    assert "native" not in before.engine
    postgres.run("CREATE PUBLICATION here FOR ALL TABLES")
    try:
        after = (await read(postgres, "postgres")).facts
        assert after
        assert after.membership is Membership.READY
        assert after.engine == f"{before.engine}, native replication"
    finally:
        postgres.run("DROP PUBLICATION here")


@pytest.mark.parametrize(
    ("conninfo", "place"),
    [
        ("host=db1 port=5433 user=u password='a b'", ("db1", "5433")),
        ("dbname=x host='10.0.0.1'", ("10.0.0.1", "5432")),
        ("user=u hostaddr=10.0.0.2 dbname=x", ("10.0.0.2", "5432")),
        ("dbname=x", (None, "5432")),
        ("password='a host=leaked port=1' host=db5", ("db5", "5432")),
        (r"password='a\' host=leaked' host=db6", ("db6", "5432")),
        ("postgresql://u:secret@db2:6000/x?sslmode=require", ("db2", "6000")),
        ("postgres://db3/x", ("db3", "5432")),
        ("postgresql://u:12345@db4/x", ("db4", "5432")),
        ("postgresql://u:a@7@db5/x", ("db5", "5432")),
        ("postgresql://u:a@[fd00::1]:6001/x", ("[fd00::1]", "6001")),
    ],
)
def test_a_connection_string_gives_up_its_host_and_port_alone(
    conninfo: str, place: tuple[str | None, str], postgres: Postgres
) -> None:
    text = KIND.make(identity(), "native with addresses").seldom()["origins"]
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(
            "CREATE TEMP TABLE pg_subscription AS"
            " SELECT 's'::name AS subname, oid AS subdbid, %s AS subconninfo"
            "   FROM pg_database WHERE datname = current_database()",
            [conninfo],
        )
        connection.execute("SET search_path = pg_temp, pg_catalog")
        row = connection.execute(text.encode()).fetchone()
    assert row == ("s", *place)


def subscription(**changed: object) -> dict[str, object]:
    """A row of subscriptions.sql at ease."""
    row: dict[str, object] = {"subname": "s", "subenabled": True, "pid": 1, "subdisableonerr": False}
    return {**row, "counters": {"apply_error_count": 0, "sync_error_count": 0}, **changed}


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (subscription(), None),
        (subscription(subenabled=False, pid=None, counters={"apply_error_count": 2}), None),
        (subscription(pid=None), None),
        (subscription(counters={"apply_error_count": 2}), None),
        (
            subscription(pid=None, counters={"apply_error_count": 1, "sync_error_count": 0}),
            "1 error so far: the server log says why",
        ),
        (
            subscription(pid=None, counters={"apply_error_count": 3, "confl_update_exists": 2}),
            "3 errors so far, 2 of them an update to a key that exists: the server log names the row; delete",
        ),
    ],
)
def test_a_subscription_without_a_worker_says_what_it_failed_at(
    row: dict[str, object], text: str | None
) -> None:
    found = failures(row)
    assert found == text or (found and text and found.startswith(text))


def test_a_subscription_that_an_error_has_disabled_is_told_from_one_that_somebody_did() -> None:
    counters = {"apply_error_count": 2}
    (found,) = caveats(
        [subscription(subenabled=False, pid=None, subdisableonerr=True, counters=counters)], []
    )
    assert (found.severe, "disable_on_error" in found.text) == (True, True)
    assert caveats([subscription(subenabled=False, pid=None, counters=counters)], []) == ()
