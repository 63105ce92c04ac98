"""How nodes of BDR 1.0 and 2.0 are managed: functions of schema `bdr`."""

from collections.abc import Iterable

from bdr_console.engines.capability import (
    Act,
    Capability,
    Precondition,
    Statement,
    Unavailable,
    Version,
    Where,
)

_RUN = "run on BDR 1.0.2, PostgreSQL 9.4; BDR 2.0: its SQL and manual"

_READY = (
    Precondition(
        "extensions btree_gist and bdr can be created; bdr is in shared_preload_libraries",
        "SELECT current_setting('shared_preload_libraries') ~ '\\mbdr\\M'",
    ),
    Precondition("wal_level is logical", "SELECT current_setting('wal_level') = 'logical'"),
    Precondition("commit timestamps are kept", "SELECT current_setting('track_commit_timestamp') = 'on'"),
    Precondition("the DSN connects as a superuser, from every node and for replication too"),
)
_EXTENSIONS = (
    Statement("CREATE EXTENSION IF NOT EXISTS btree_gist", Where.NODE),
    Statement("CREATE EXTENSION IF NOT EXISTS bdr", Where.NODE),
)
_POLL = (
    "SELECT coalesce(bool_and(confirmed_flush_lsn >= {lsn}::pg_lsn), true) FROM bdr.pg_replication_slots"
    " WHERE plugin = 'bdr' AND database = current_database()"
)
_SLOTS = Precondition(
    "every member but the node itself has an active slot here: one that is down would be"
    " waited for without end",
    "SELECT (SELECT count(*) FROM bdr.pg_replication_slots"
    " WHERE plugin = 'bdr' AND database = current_database() AND active)"
    " = (SELECT count(*) - 1 FROM bdr.bdr_nodes WHERE node_status = 'r')",
)


def capabilities(version: Version) -> Iterable[Capability | Unavailable]:
    """Of BDR 1.0 and 2.0. A function waits for peers from 1.0.3.1 and 2.0.4 on; before, it is a poll."""
    yield Capability(
        Act.CREATE_GROUP,
        (
            *_EXTENSIONS,
            Statement(
                "SELECT bdr.bdr_group_create(local_node_name := {node}, node_external_dsn := {node_dsn})",
                Where.NODE,
            ),
            Statement("SELECT bdr.bdr_node_join_wait_for_ready()", Where.NODE),
        ),
        _RUN,
        (
            *_READY,
            Precondition("the database has no exclusion constraints, and every table a primary key"),
        ),
        ("A group of one node can run no DDL: make schemas before, or after the first join.",),
    )
    yield Capability(
        Act.JOIN,
        (
            *_EXTENSIONS,
            Statement(
                "SELECT bdr.bdr_group_join(local_node_name := {node}, node_external_dsn := {node_dsn},"
                " join_using_dsn := {join_dsn})",
                Where.NODE,
            ),
        ),
        _RUN,
        (
            *_READY,
            Precondition(
                "no row has that name, parted ones included: it would stick in `i` for good",
                "SELECT count(*) = 0 FROM bdr.bdr_nodes WHERE node_name = {node}",
                Where.TARGET,
            ),
            Precondition(
                "every member is ready or parted, up and reachable",
                "SELECT coalesce(bool_and(node_status IN ('r', 'k')), false) FROM bdr.bdr_nodes",
                Where.TARGET,
            ),
            Precondition(
                "the database is empty",
                "SELECT count(*) = 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname NOT IN"
                " ('information_schema', 'bdr')",
            ),
            Precondition(
                "the joining node reaches the other for replication",
                "SELECT count(*) = 1 FROM bdr.bdr_test_replication_connection({join_dsn})",
            ),
            Precondition(
                "the other reaches the joining node",
                "SELECT is_superuser FROM bdr.bdr_test_remote_connectback({join_dsn}, {node_dsn})",
            ),
            Precondition("no DDL runs in the group, and roles and tablespaces are the same everywhere"),
        ),
        (
            "It returns at once; the copy goes on in the background, with its errors in the server's log.",
            "A join that failed leaves a slot on the member it went through: drop it, wipe the new instance.",
        ),
    )
    yield Capability(
        Act.WAIT_JOINED,
        (
            Statement("SELECT bdr.bdr_node_join_wait_for_ready()", Where.NODE),
            Statement(
                (
                    "SELECT coalesce(bool_or(node_status = 'r'), false) FROM bdr.bdr_nodes WHERE"
                    " node_name = {node}"
                ),
                Where.MEMBERS,
                until=True,
            ),
        ),
        _RUN,
        (Precondition("statement_timeout is set: the function waits without limit"),),
        ("The node calls itself ready a moment before its peers do: the peers' word counts.",),
    )
    yield Capability(
        Act.PART,
        (
            Statement("SELECT bdr.bdr_part_by_node_names(ARRAY[{node}])", Where.MEMBER),
            Statement(
                (
                    "SELECT coalesce(bool_and(node_status = 'k'), true) FROM bdr.bdr_nodes WHERE"
                    " node_name = {node}"
                ),
                Where.MEMBERS,
                until=True,
            ),
        ),
        _RUN,
        (
            Precondition("the node takes no writes any more: it is stopped, or its access is revoked"),
            Precondition("its slots at the others are confirmed up to its last write"),
            Precondition("every other member is up and reachable"),
        ),
        ("One-sided: the parted node believes it is ready, accepts writes and keeps its own slots.",),
    )
    yield Capability(
        Act.DROP,
        (
            Statement(
                "DELETE FROM bdr.bdr_connections c USING bdr.bdr_nodes n"
                " WHERE (c.conn_sysid, c.conn_timeline, c.conn_dboid) = (n.node_sysid,"
                " n.node_timeline, n.node_dboid)"
                " AND n.node_name = {node} AND n.node_status = 'k'",
                Where.MEMBER,
            ),
            Statement(
                "DELETE FROM bdr.bdr_nodes WHERE node_name = {node} AND node_status = 'k'", Where.MEMBER
            ),
            Statement("SELECT bdr.remove_bdr_from_local_node(true)", Where.NODE),
        ),
        _RUN,
        (
            Precondition(
                "the node is parted",
                (
                    "SELECT coalesce(bool_and(node_status = 'k'), false) FROM bdr.bdr_nodes"
                    " WHERE node_name = {node}"
                ),
                Where.MEMBERS,
            ),
        ),
        ("The instance's workers linger until it is restarted. The rows' deletion replicates.",),
    )
    for act, value in ((Act.READ_ONLY, "true"), (Act.READ_WRITE, "false")):
        yield Capability(
            act,
            (Statement(f"SELECT bdr.bdr_node_set_read_only({{node}}, {value})", Where.MEMBER),),
            _RUN,
            notes=(
                (
                    "It replicates. Writes and DDL fail there for superusers too, but temporary"
                    " and unlogged tables stay"
                    " writable, and transaction_read_only stays off: a health check by that notices nothing."
                ),
            ),
        )
    yield Capability(
        Act.PAUSE,
        (Statement("SELECT bdr.bdr_apply_pause()", Where.NODE),),
        _RUN,
        notes=(
            (
                "Of all peers, until resumed or restarted. Longer than wal_sender_timeout, and"
                " the peers' slots turn"
                " inactive and flap."
            ),
        ),
    )
    yield Capability(
        Act.RESUME,
        (
            Statement("SELECT bdr.bdr_apply_resume()", Where.NODE),
            Statement("SELECT NOT bdr.bdr_apply_is_paused()", Where.NODE, until=True),
        ),
        _RUN,
    )
    if version >= (2, 0, 4) or (1, 0, 3, 1) <= version < (2,):
        yield Capability(
            Act.WAIT_CONFIRMED,
            (Statement("SELECT bdr.wait_slot_confirm_lsn(NULL, {lsn}::pg_lsn)", Where.NODE),),
            "the SQL of BDR 1.0.3.1 and 2.0.4",
            (_SLOTS, Precondition("statement_timeout is set: it waits without limit")),
            ("It waits for every slot of the instance, physical and foreign ones included.",),
        )
    else:
        yield Capability(
            Act.WAIT_CONFIRMED,
            (Statement(_POLL, Where.NODE, until=True),),
            _RUN,
            (_SLOTS,),
            ("The position to wait for: pg_current_xlog_insert_location(), read after the last write.",),
        )
    for act in (Act.LEAD, Act.FENCE, Act.UNFENCE):
        yield Unavailable(act, "BDR 1 and 2 have no write leader: HAProxy decides who is written to")
