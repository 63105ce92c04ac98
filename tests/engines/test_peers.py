"""Who else is in the cluster, and where: from each engine's catalogs, and never a password with it."""

from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

import bdr_console.engines
from bdr_console.engines import bdr1, native, pgactive
from bdr_console.engines.detect import KINDS
from bdr_console.engines.probe import Peer, peers, placed, shipped
from bdr_console.links.postgres import PostgresReader, Rows, Unreadable
from tests.engines.halls import BDR1, CAPTURES, PGACTIVE
from tests.engines.museum import Hall, Museum, State
from tests.links.servers import PASSWORD, Postgres

ENGINES = Path(bdr_console.engines.__file__).parent


def test_every_engine_that_knows_its_nodes_is_asked_by_a_shipped_statement() -> None:
    asked = {kind.word for kind in KINDS if kind.peers}
    assert asked == {path.parent.name for path in ENGINES.glob("*/peers.sql")}
    assert asked == {"bdr1", "bdr3", "pgactive", "spock", "pglogical", "bucardo", "native"}
    assert all(kind.peers in shipped() for kind in KINDS if kind.peers)


@pytest.mark.parametrize(
    ("hall", "state", "statement", "first_port"),
    [
        (BDR1, CAPTURES / "bdr1" / "04-healthy", bdr1.KIND.peers, 6441),
        (PGACTIVE, CAPTURES / "pgactive" / "01-healthy", pgactive.KIND.peers, 6461),
    ],
    ids=["bdr1", "pgactive"],
)
def test_the_catalogs_of_a_captured_group_tell_where_its_members_are(
    postgres: Postgres, hall: Hall, state: Path, statement: str, first_port: int
) -> None:
    museum = Museum(postgres, hall)
    try:
        rows = museum.answers(State(state), "node1", {"peers": statement})["peers"]
    finally:
        museum.close()
    assert not isinstance(rows, Unreadable), rows
    found = placed(rows)
    assert found[0] == Peer("node1", "127.0.0.1", str(first_port), "app")
    assert found[1] == Peer("node2", "127.0.0.1", str(first_port + 1), "app")


async def test_native_subscriptions_tell_where_they_connect_to(postgres: Postgres) -> None:
    postgres.run(
        "CREATE SUBSCRIPTION from_two CONNECTION 'host=10.0.0.7 port=5433 dbname=app password=hunter2'"
        " PUBLICATION all_of_it WITH (connect = false)"
    )
    reader = PostgresReader("node1", postgres.dsn())
    try:
        found = await peers(reader, native.KIND)
    finally:
        await reader.close()
        postgres.run("ALTER SUBSCRIPTION from_two SET (slot_name = NONE)")
        postgres.run("DROP SUBSCRIPTION from_two")
    assert found == (Peer(None, "10.0.0.7", "5433", "app"),)


def test_a_pgactive_dsn_that_names_a_foreign_server_leads_where_that_one_is(postgres: Postgres) -> None:
    made = """
        CREATE SCHEMA pgactive;
        CREATE FOREIGN DATA WRAPPER pgactive_fdw;
        CREATE SERVER "two" FOREIGN DATA WRAPPER pgactive_fdw
               OPTIONS (host '10.0.0.7', port '5433', dbname 'app');
        CREATE TABLE pgactive.pgactive_nodes AS SELECT 'node2' AS node_name, 'r' AS node_status,
               '7' AS node_sysid, 0 AS node_timeline, 1 AS node_dboid,
               'user_mapping=u pgactive_foreign_server=two' AS node_dsn;
        CREATE TABLE pgactive.pgactive_connections
               (conn_sysid text, conn_timeline int, conn_dboid int, conn_dsn text)"""
    with psycopg.connect(postgres.dsn(), row_factory=dict_row) as connection:
        for statement in made.split(";"):
            connection.execute(statement.encode())
        rows = connection.execute(pgactive.KIND.peers.encode()).fetchall()
        connection.rollback()
    assert placed(rows) == (Peer("node2", "10.0.0.7", "5433", "app"),)


async def test_a_role_that_may_not_see_where_they_are_is_told_so(postgres: Postgres) -> None:
    postgres.run(f"CREATE ROLE curious LOGIN PASSWORD '{PASSWORD}'")
    reader = PostgresReader("node1", postgres.dsn("curious"))
    try:
        found = await peers(reader, native.KIND)
    finally:
        await reader.close()
        postgres.run("DROP ROLE curious")
    assert isinstance(found, Unreadable)
    assert "permission denied" in found.why


@pytest.mark.parametrize(
    ("row", "peer"),
    [
        ({"dsn": "host=b port=5433 dbname=app password=hunter2"}, Peer("b", "b", "5433", "app")),
        ({"dsn": "postgresql://u:hunter2@[fd00::2]:5433/app"}, Peer("b", "fd00::2", "5433", "app")),
        ({"dsn": "hostaddr=10.0.0.2 host=b dbname=app"}, Peer("b", "b", "5432", "app")),
        ({"dsn": "dbname=app user=postgres password=hunter2"}, None),
        ({"dsn": "no dsn at all hunter2"}, None),
        ({"dsn": None}, None),
        ({"host": "b", "port": None, "dbname": "shop"}, Peer("b", "b", "5432", "shop")),
        ({"host": "", "port": "1", "dbname": "shop"}, None),
    ],
)
def test_a_row_becomes_a_place_without_its_password(row: dict[str, str | None], peer: Peer | None) -> None:
    rows: Rows = [{"node_name": "b", **row}]
    assert placed(rows) == ((peer,) if peer else ())
    assert "hunter2" not in repr(placed(rows))
