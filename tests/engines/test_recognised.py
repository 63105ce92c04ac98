"""Engines known from their documentation only: documented-shape tables, made here, in a real PostgreSQL."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

import bdr_console.engines
from bdr_console.cluster.nodes import Membership, NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.engines import Probe
from bdr_console.engines.detect import kind_of
from bdr_console.engines.engine import Identity
from bdr_console.links.postgres import PostgresReader
from tests.links.servers import PASSWORD, Postgres, program

SHAPES = sorted((Path(__file__).parent / "documented_shape").glob("*.sql"))
RECOGNISED = Path(bdr_console.engines.__file__).parent / "recognised"


@pytest.fixture(scope="module")
def documented(postgres: Postgres) -> Postgres:
    """The documented tables of all of them, side by side."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        for path in SHAPES:
            connection.execute(path.read_text("utf-8").encode())
    return postgres


async def read(postgres: Postgres, engine: str, user: str = "postgres") -> NodeFacts:
    reader = PostgresReader(engine, postgres.dsn(user))
    try:
        return await Probe(reader, engine).read()
    finally:
        await reader.close()


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ("_edb_replicator_pub.xdb_pub_database", "xdb"),
        ("anywhere.sym_node", "symmetricds"),
        ("public.rr_pending_changes", "rubyrep"),
        ("pg_catalog.pgxc_node", "xc"),
    ],
)
def test_each_is_recognised_by_a_table_of_its_own(table: str, word: str) -> None:
    assert kind_of(Identity(150018, "15.18", {}, frozenset({table}))).word == word


async def test_symmetricds_shows_its_nodes_what_waits_and_what_could_not_be_loaded(
    documented: Postgres,
) -> None:
    facts = await read(documented, "symmetricds")
    assert facts.engine == "SymmetricDS (from documentation, never run)"
    assert (facts.node_name, facts.group) == ("corp", "corp")
    assert {member.name: member.membership for member in facts.members} == {
        "corp": Membership.READY,
        "store-1": Membership.READY,
        "old": Membership.UNKNOWN,
    }
    assert [(p.name, p.target, p.rows, p.oldest) for p in facts.pending or ()] == [
        ("sale", "store-1", 7, None)
    ]
    (conflict,) = facts.conflicts
    assert (conflict.at, conflict.table) == (datetime(2026, 3, 1, 12, tzinfo=UTC), "item")
    assert (conflict.kind, conflict.resolution) == ("by_time", "unresolved")
    assert {(c.origin, c.kind): c.count for c in facts.conflict_counts} == {
        ("store-1", "won"): 0,
        ("store-1", "lost"): 2,
    }
    assert [(c.severe, c.text) for c in facts.caveats] == [
        (True, "1 batches to store-1 failed on channel sale: duplicate <key>")
    ]
    assert facts.unread == ()


async def test_rubyrep_shows_its_pending_changes_and_logged_conflicts(documented: Postgres) -> None:
    facts = await read(documented, "rubyrep")
    assert facts.engine == "rubyrep (from documentation, never run)"
    assert (facts.node_name, facts.membership) == ("left", Membership.READY)
    assert {p.table: p.rows for p in facts.pending or ()} == {"shop": 2, "till": 1}
    assert [(c.table, c.kind, c.resolution) for c in facts.conflicts] == [
        ("shop", "update/delete", "left_wins")
    ]
    assert facts.unread == ()


async def test_the_edb_replication_server_shows_unresolved_conflicts_and_no_password(
    documented: Postgres,
) -> None:
    facts = await read(documented, "xdb")
    assert facts.engine == "EDB Replication Server (from documentation, never run)"
    assert [member.name for member in facts.members] == ["1 a:5444/edb", "2 b:5444/edb"]
    assert {p.table: p.rows for p in facts.pending or ()} == {"edb_dept": 3}
    assert {(c.origin, c.kind): c.count for c in facts.conflict_counts} == {
        ("to database 2", "UU, unresolved"): 1,
        ("to database 2", "II"): 1,
    }
    assert [c.severe for c in facts.caveats] == [True]
    assert "1 unresolved conflicts on dept" in facts.caveats[0].text
    assert "never-shown" not in repr(facts)
    assert facts.unread == ()


async def test_a_postgres_xc_coordinator_shows_the_cluster_and_captures_nothing(documented: Postgres) -> None:
    facts = await read(documented, "xc")
    assert facts.engine == "Postgres-XC/X2/XL (from documentation, never run)"
    assert [(m.name, m.kind, m.raw_state) for m in facts.members] == [
        ("coord1", "coordinator", "a:5432"),
        ("coord2", "coordinator", "b:5432"),
        ("dn1", "datanode", "a:15432"),
    ]
    assert facts.pending is None
    assert facts.unread == ()
    nodes = tuple(Observed(name, name, facts=facts, seen_at=datetime.now(UTC)) for name in ("a", "b"))
    snapshot = Snapshot("shards", "", datetime.now(UTC), 5.0, nodes, (), ())
    assert links(snapshot, datetime.now(UTC)) == (), "a cluster of shards has no replication to be broken"


async def test_a_role_without_grants_is_told_so_part_by_part(documented: Postgres) -> None:
    documented.run(f"CREATE ROLE stranger LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
    facts = await read(documented, "symmetricds", user="stranger")
    assert {part.what for part in facts.unread} >= {"members", "pending", "conflicts"}
    assert all("permission denied" in part.why for part in facts.unread)


@pytest.mark.parametrize(
    "path", sorted(RECOGNISED.rglob("*.sql")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_every_statement_runs_as_it_is_in_psql(path: Path, documented: Postgres) -> None:
    done = subprocess.run(
        [program("psql"), "-X", "-v", "ON_ERROR_STOP=1", "-f", str(path), documented.dsn()],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(("row)", "rows)"))
