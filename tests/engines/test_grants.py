"""What `bdr-console grants` prints is enough to watch, and not enough to read a DSN."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import bdr_console.engines
from bdr_console.engines import Probe
from bdr_console.engines.grants import grants, helping_grant, words
from bdr_console.errors import ConsoleError
from bdr_console.links.postgres import PostgresReader
from tests.links.servers import PASSWORD, Postgres, program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bdr_console.lab import Lab

ENGINES = Path(bdr_console.engines.__file__).parent
ROLE = 'watch\'er "1"'
"""A name that would do harm if it were not quoted."""


def apply(dsn: str, word: str) -> subprocess.CompletedProcess[str]:
    """What is printed, piped to psql."""
    return subprocess.run(
        [program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn],
        input=grants(word, ROLE),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def create_role(dsn: str) -> None:
    """The role, able to connect and nothing else."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(PASSWORD))
        )


def refused(dsn: str, query: str) -> str:
    """Why the role may not run that."""
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege) as error:
        connection.execute(query.encode())
    return str(error.value)


SUBSCRIPTION = 'GRANT SELECT (COLUMNS) ON pg_subscription TO "r";'
COLUMNS = "oid, subdbid, subname, subenabled, subslotname, subpublications"


# -- the SQL itself --


@pytest.mark.parametrize("word", words())
def test_every_grant_names_the_role_quoted_and_nothing_is_left_to_fill_in(word: str) -> None:
    text = grants(word, ROLE)
    assert '"watch\'er ""1"""' in text
    assert not re.search(r""":["'{]""", text)
    assert "PASSWORD" not in re.sub(r"--.*", "", text).upper()


@pytest.mark.parametrize("word", words())
def test_no_grant_gives_a_column_that_holds_a_dsn(word: str) -> None:
    statements = "\n".join(line for line in grants(word, ROLE).splitlines() if not line.startswith("--"))
    assert not re.search(r"dsn\b|dbpass|dbconn|conninfo|connstr|pgpass", statements)


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 64, "nul\0"])
def test_a_name_that_no_role_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConsoleError, match="no name for a role"):
        grants("plain", name)


def test_an_engine_without_grants_is_answered_with_those_that_have_them() -> None:
    with pytest.raises(ConsoleError) as error:
        grants("oracle", "r")
    assert "bdr3" in error.value.remedy


OF_15 = "must be superuser or have privileges of pg_read_all_settings"
OF_14 = "must be superuser or a member of pg_read_all_settings"


@pytest.mark.parametrize(
    ("word", "why", "statement"),
    [
        ("bdr3", "permission denied for schema bdr", 'GRANT pg_monitor, bdr_read_all_stats TO "r";'),
        ("bdr3", "permission denied for view node_slots", 'GRANT pg_monitor, bdr_read_all_stats TO "r";'),
        ("bdr3", "permission denied for view stat_raft_state", 'GRANT SELECT ON bdr.stat_raft_state TO "r";'),
        ("bdr1", "permission denied for relation bdr_locks", 'GRANT SELECT ON bdr.bdr_locks TO "r";'),
        ("pglogical", "permission denied for schema pglogical", 'GRANT USAGE ON SCHEMA pglogical TO "r";'),
        ("native", "permission denied for table pg_subscription", SUBSCRIPTION.replace("COLUMNS", COLUMNS)),
        ("plain", "the role may not see ...: GRANT pg_monitor to it", 'GRANT pg_monitor TO "r";'),
        ("plain", 'permission denied to examine "output_plugin_libraries"', 'GRANT pg_monitor TO "r";'),
        ("plain", f'{OF_15} to examine "output_plugin_libraries"', 'GRANT pg_monitor TO "r";'),
        ("plain", f'{OF_14} to examine "output_plugin_libraries"', 'GRANT pg_monitor TO "r";'),
        ("plain", "canceling statement due to statement timeout", None),
        ("plain", "permission denied for table ledger", None),
        ("oracle", "permission denied for schema bdr", None),
    ],
)
def test_a_refusal_is_answered_with_the_grant_that_helps(word: str, why: str, statement: str | None) -> None:
    assert helping_grant(word, "r", why) == statement


@pytest.mark.parametrize("word", words())
def test_an_old_psql_can_run_what_is_printed(word: str) -> None:
    """psql 9.4, which comes with BDR 1, knows no \\gexec."""
    text = grants(word, ROLE)
    assert "\\gexec" not in text
    assert text.count("DO $grants$") == text.count("END $grants$;")


# -- on a real server, over tables that stand in for those of engines that are not to be had --


def tables(schema: str, **columns: str) -> list[str]:
    """Empty tables of a fake engine; every column is text, no privilege depends on that."""
    return [f"CREATE SCHEMA {schema}"] + [
        f"CREATE TABLE {schema}.{name} ({', '.join(f'{column} text' for column in names.split())})"
        for name, names in columns.items()
    ]


_CONFLICT = """conflict_id local_node_sysid local_conflict_xid local_conflict_lsn local_conflict_time
  object_schema object_name remote_node_sysid remote_node_timeline remote_node_dboid remote_txid
  remote_commit_time remote_commit_lsn conflict_type conflict_resolution local_commit_time
  local_tuple remote_tuple error_querystring"""
FAKES: dict[str, list[str]] = {
    "bdr1": tables(
        "bdr",
        bdr_nodes="node_sysid node_timeline node_dboid node_status node_name node_local_dsn "
        "node_init_from_dsn node_read_only",
        bdr_connections="conn_sysid conn_timeline conn_dboid conn_origin_sysid conn_origin_timeline "
        "conn_origin_dboid conn_is_unidirectional conn_dsn conn_apply_delay conn_replication_sets",
        bdr_conflict_history=_CONFLICT,
        pg_replication_slots="slot_name pid",
        pg_stat_bdr="riremoteid nr_commit",
        bdr_global_locks="locktype",
        bdr_sequence_values="seqname",
        bdr_sequence_elections="seqname",
    ),
    "pgactive": [
        *tables(
            "pgactive",
            pgactive_nodes="node_sysid node_timeline node_dboid node_status node_name node_dsn "
            "node_init_from_dsn node_read_only node_seq_id",
            pgactive_connections="conn_sysid conn_timeline conn_dboid conn_dsn conn_apply_delay "
            "conn_replication_sets",
            pgactive_conflict_history=_CONFLICT,
            pgactive_stats="riremoteid",
            pgactive_global_locks_info="lock_mode",
        ),
        *(
            f"CREATE FUNCTION pgactive.pgactive_{signature} RETURNS text LANGUAGE sql AS 'SELECT NULL::text'"
            for signature in (
                "get_stats()",
                "get_workers_info()",
                "get_local_nodeid()",
                "get_node_identifier()",
                "parse_slot_name(name)",
                "version_num()",
                "get_last_applied_xact_info(text, oid, oid)",
            )
        ),
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA pgactive FROM PUBLIC",
    ],
    "spock": tables(
        "spock",
        node="node_id node_name",
        node_interface="if_id if_name if_nodeid if_dsn",
        local_node="node_id",
        subscription="sub_id sub_name",
        local_sync_status="sync_status",
        replication_set="set_id set_nodeid set_name",
        replication_set_table="set_id set_reloid",
        resolutions="id node_name log_time relname idxname conflict_type conflict_resolution local_origin "
        "local_tuple local_xid local_timestamp remote_origin remote_tuple remote_xid remote_timestamp "
        "remote_lsn",
        exception_log="remote_origin remote_commit_ts command_counter retry_errored_at remote_xid "
        "local_origin local_commit_ts table_schema table_name operation local_tup remote_old_tup "
        "remote_new_tup ddl_statement ddl_user error_message",
        lag_tracker="origin_name",
    ),
    "bucardo": tables(
        "bucardo",
        db="name dbdsn dbtype dbhost dbport dbname dbuser dbpass dbconn dbservice pgpass status makedelta "
        "cdate",
        sync="name status",
        syncrun="sync status",
        dbgroup="name",
        dbmap="db dbgroup",
        dbrun="sync",
        goat="id",
        herd="name",
        herdmap="herd",
        bucardo_delta_names="sync tablename deltaname trackname",
        delta_public_t="id txntime",
        track_public_t="txntime target",
    ),
    "native": [],
    "plain": [],
}
HIDDEN = {
    "bdr1": ["node_local_dsn FROM bdr.bdr_nodes", "conn_dsn FROM bdr.bdr_connections"],
    "pgactive": ["node_dsn FROM pgactive.pgactive_nodes", "conn_dsn FROM pgactive.pgactive_connections"],
    "spock": ["if_dsn FROM spock.node_interface", "if_name FROM spock.node_interface"],
    "bucardo": ["dbpass FROM bucardo.db", "dbconn FROM bucardo.db"],
    "native": ["subconninfo FROM pg_subscription"],
    "plain": ["subconninfo FROM pg_subscription"],
}
SHOWN = {
    "bdr1": ["node_name, node_status FROM bdr.bdr_nodes", "* FROM bdr.bdr_global_locks"],
    "pgactive": ["node_name FROM pgactive.pgactive_nodes", "pgactive.pgactive_get_workers_info()"],
    "spock": ["error_message FROM spock.exception_log", "* FROM spock.lag_tracker"],
    "bucardo": ["name, status FROM bucardo.db", "* FROM bucardo.delta_public_t", "* FROM bucardo.delta_new"],
    "native": ["oid, subname, subslotname FROM pg_subscription"],
    "plain": ["oid, subname, subenabled FROM pg_subscription"],
}


@pytest.fixture(scope="module")
def watched(postgres: Postgres) -> Iterator[Postgres]:
    """A server with the role."""
    create_role(postgres.dsn())
    yield postgres
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(ROLE)))


@pytest.mark.parametrize("word", FAKES)
def test_a_fake_engines_tables_become_readable_without_their_secrets(word: str, watched: Postgres) -> None:
    database = f"fake_{word}"
    watched.run(f"CREATE DATABASE {database}")
    watched.run(*FAKES[word], database=database)
    done = apply(watched.dsn(database=database), word)
    assert done.returncode == 0, done.stderr
    if word == "bucardo":
        watched.run("CREATE TABLE bucardo.delta_new (id int)", database=database)
    dsn = make_conninfo(watched.dsn(database=database), user=ROLE)
    with psycopg.connect(dsn) as connection:
        for what in SHOWN[word]:
            connection.execute(f"SELECT {what}".encode())
    for what in HIDDEN[word]:
        assert "permission denied" in refused(dsn, f"SELECT {what}")


def test_applying_them_twice_does_no_harm(watched: Postgres) -> None:
    for _ in range(2):
        assert apply(watched.dsn(), "native").returncode == 0


# -- what the statements read is what the grants give --

LISTED = """
    bdr_version bdr_version_num bdr_edition global_locks local_consensus_state local_node_info
    local_node_summary node node_catchup_info node_group node_local_info node_peer_progress
    node_replication_rates node_slots node_summary replication_sets replication_status sequences
    stat_activity stat_relation stat_subscription subscription subscription_summary worker_errors
    workers writers get_raft_status get_consensus_status peer_state_name node_kind_name
"""
"""What BDR's manuals list for bdr_read_all_stats."""
GRANT_ALL = 'GRANT pg_monitor, bdr_read_all_stats TO "r";'
REVOKED_FUNCTIONS = {"pgactive"}
"""Schemas whose functions PUBLIC may not call, but for a few."""
PUBLIC = {"pgactive_is_apply_paused", "pgactive_is_active_in_db", "pgactive_version"}
DONE_WITHOUT = {"bucardo_config"}
"""What may hold a password: the statements ask whether they may read it, and do without."""
STATEMENTS = sorted(
    path
    for path in ENGINES.glob("*/*.sql")
    if path.name not in ("grants.sql", "peers.sql")  # where DSNs are read, for `init`, is for another role
    and path.parent.name != "core"  # the catalogs that everybody may read
)


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_is_read_that_is_not_granted(path: Path) -> None:
    word = path.parent.name
    text = re.sub(r"--.*|'[^']*'", "", path.read_text())  # a literal may be the name of a setting
    named = set(re.findall(r"\b(bdr|pgactive|pglogical|spock|bucardo)\.(\w+)(\s*\()?", text))
    given = re.sub(r"--.*", "", grants(word, "r")) if word in words() else ""
    missing = {
        f"{schema}.{name}"
        for schema, name, call in named
        if not (call and schema not in REVOKED_FUNCTIONS)
        and name not in PUBLIC | DONE_WITHOUT
        and not (word == "bdr3" and re.search(rf"\b{name}\b", LISTED))
        and not re.search(rf"\b{name}\b", given)
    }
    assert not missing, f"{word}/grants.sql does not give {sorted(missing)}"


# -- on the lab --


@pytest.fixture
def lab_dsns(healthy_lab: Lab) -> Iterator[tuple[str, str]]:
    """A superuser's DSN of node1 and the new role's."""
    node = healthy_lab.layout.nodes[0]
    superuser = healthy_lab.layout.dsn(node.port)
    create_role(superuser)
    try:
        yield superuser, make_conninfo(superuser, user=ROLE, password=PASSWORD, passfile="/dev/null")
    finally:
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(ROLE)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(ROLE)))


@pytest.mark.lab
async def test_a_role_with_connect_alone_is_told_each_missing_part_and_reads_all_after_the_grants(
    lab_dsns: tuple[str, str],
) -> None:
    superuser, watcher = lab_dsns
    blind = PostgresReader("node1", watcher)
    facts = await Probe(blind).read()
    await blind.close()
    assert {part.what for part in facts.unread} >= {"sessions", "members", "slots", "subscriptions", "locks"}
    helps = {part.what: helping_grant("bdr3", "r", part.why) for part in facts.unread}
    unhelped = [part for part in facts.unread if helps[part.what] != GRANT_ALL]
    assert not unhelped
    done = apply(superuser, "bdr3")
    assert done.returncode == 0, done.stderr
    seeing = PostgresReader("node1", watcher)
    facts = await Probe(seeing).read()
    await seeing.close()
    assert facts.unread == ()
    assert facts.node_name == "node1"
    assert "permission denied" in refused(watcher, "SELECT subconninfo FROM pg_subscription")
    assert "permission denied" in refused(watcher, "SELECT if_dsn FROM pglogical.node_interface")


@pytest.mark.lab
def test_pglogicals_grants_open_every_statement_of_its_engine_and_no_dsn(lab_dsns: tuple[str, str]) -> None:
    superuser, watcher = lab_dsns
    assert "permission denied" in refused(watcher, "SELECT node_name FROM pglogical.node")
    done = apply(superuser, "pglogical")
    assert done.returncode == 0, done.stderr
    own = [path for path in STATEMENTS if path.parent.name == "pglogical" and ".before-" not in path.name]
    with psycopg.connect(watcher, autocommit=True) as connection:
        connection.execute("SELECT node_name, sub_name FROM pglogical.node, pglogical.subscription")
        for path in own:
            connection.execute(path.read_text().encode())
    assert "permission denied" in refused(watcher, "SELECT if_dsn FROM pglogical.node_interface")
    assert "permission denied" in refused(watcher, "SELECT subconninfo FROM pg_subscription")
