"""How nodes of pgactive are managed: BDR's functions under other names."""

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

_RUN = "run on pgactive 2.1.9, PostgreSQL 15"

_READY = (
    Precondition(
        "pgactive is in shared_preload_libraries",
        "SELECT current_setting('shared_preload_libraries') ~ '\\mpgactive\\M'",
    ),
    Precondition("wal_level is logical", "SELECT current_setting('wal_level') = 'logical'"),
    Precondition("commit timestamps are kept", "SELECT current_setting('track_commit_timestamp') = 'on'"),
    Precondition(
        "the output plugin is allowed: pgactive is named in output_plugin_libraries, where"
        " there is that setting",
        "SELECT coalesce((SELECT 'pgactive' = ANY (string_to_array(replace(setting, ' ', ''), ','))"
        " FROM pg_settings WHERE name = 'output_plugin_libraries'), true)",
    ),
    Precondition("every table has a primary key"),
)
_EXTENSION = Statement("CREATE EXTENSION IF NOT EXISTS pgactive", Where.NODE)
_DDL = Precondition(
    "pgactive.skip_ddl_replication is off: while it is on, the default, the mark is set and"
    " writes are still accepted",
    "SELECT current_setting('pgactive.skip_ddl_replication') = 'off'",
)


def capabilities(_version: Version) -> Iterable[Capability | Unavailable]:
    """Of pgactive 2.1."""
    yield Capability(
        Act.CREATE_GROUP,
        (
            _EXTENSION,
            Statement(
                "SELECT pgactive.pgactive_create_group(node_name := {node}, node_dsn := {node_dsn})",
                Where.NODE,
            ),
            Statement("SELECT pgactive.pgactive_wait_for_node_ready({seconds})", Where.NODE),
        ),
        _RUN,
        _READY,
    )
    yield Capability(
        Act.JOIN,
        (
            _EXTENSION,
            Statement(
                "SELECT pgactive.pgactive_join_group(node_name := {node}, node_dsn := {node_dsn},"
                " join_using_dsn := {join_dsn})",
                Where.NODE,
            ),
        ),
        _RUN,
        (
            *_READY,
            Precondition(
                "no row has that name, detached ones included",
                "SELECT count(*) = 0 FROM pgactive.pgactive_nodes WHERE node_name = {node}",
                Where.TARGET,
            ),
            Precondition(
                "every member is ready or detached",
                "SELECT coalesce(bool_and(node_status IN ('r', 'k')), false) FROM pgactive.pgactive_nodes",
                Where.TARGET,
            ),
            Precondition(
                "the database has no tables of users",
                "SELECT count(*) = 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'"
                " AND n.nspname NOT IN ('information_schema', 'pgactive')",
            ),
            Precondition("every role that owns something or is granted something there exists here too"),
            Precondition("pgactive.max_nodes and pgactive.skip_ddl_replication are the same on all nodes"),
            Precondition("both DSNs connect as superuser from both servers"),
        ),
        (
            (
                "A join that failed stays in `i` and repeats `previous init failed`; the"
                " cause is in the other server's log,"
                " and a slot is left there."
            ),
        ),
    )
    yield Capability(
        Act.WAIT_JOINED,
        (
            Statement("SELECT pgactive.pgactive_wait_for_node_ready({seconds})", Where.NODE),
            Statement(
                "SELECT coalesce(bool_or(node_status = 'r'), false) FROM pgactive.pgactive_nodes"
                " WHERE node_name = {node}",
                Where.MEMBERS,
                until=True,
            ),
        ),
        _RUN,
    )
    yield Capability(
        Act.PART,
        (
            Statement("SELECT pgactive.pgactive_detach_nodes(ARRAY[{node}])", Where.MEMBER),
            Statement(
                "SELECT coalesce(bool_and(node_status = 'k'), true) FROM pgactive.pgactive_nodes"
                " WHERE node_name = {node}",
                Where.MEMBERS,
                until=True,
            ),
        ),
        _RUN,
        (
            Precondition("the node takes no writes any more: it is stopped, or its access is revoked"),
            Precondition("its slots at the others are confirmed up to its last write"),
        ),
        ("A node cannot detach itself. The detached node still calls itself ready.",),
    )
    yield Capability(
        Act.DROP,
        (
            Statement(
                "DELETE FROM pgactive.pgactive_nodes WHERE node_name = {node} AND node_status = 'k'",
                Where.MEMBER,
            ),
            Statement("SELECT pgactive.pgactive_remove(true)", Where.NODE),
            Statement("DROP EXTENSION pgactive", Where.NODE),
        ),
        _RUN,
        (
            Precondition(
                "the node is detached",
                (
                    "SELECT coalesce(bool_and(node_status = 'k'), false) FROM"
                    " pgactive.pgactive_nodes WHERE node_name = {node}"
                ),
                Where.MEMBERS,
            ),
        ),
        ("Restart the instance before it joins again: its per-db worker may live on.",),
    )
    for act, value in ((Act.READ_ONLY, "true"), (Act.READ_WRITE, "false")):
        yield Capability(
            act,
            (Statement(f"SELECT pgactive.pgactive_set_node_read_only({{node}}, {value})", Where.MEMBER),),
            _RUN,
            (_DDL,) if act is Act.READ_ONLY else (),
        )
    yield Capability(
        Act.PAUSE,
        (Statement("SELECT pgactive.pgactive_apply_pause()", Where.NODE),),
        _RUN,
        notes=("Of all peers. A commit in flight may still be applied.",),
    )
    yield Capability(
        Act.RESUME,
        (
            Statement("SELECT pgactive.pgactive_apply_resume()", Where.NODE),
            Statement("SELECT NOT pgactive.pgactive_is_apply_paused()", Where.NODE, until=True),
        ),
        _RUN,
    )
    yield Capability(
        Act.WAIT_CONFIRMED,
        (
            Statement(
                "SELECT pgactive.pgactive_wait_for_slots_confirmed_flush_lsn(NULL, {lsn}::pg_lsn)", Where.NODE
            ),
        ),
        "the SQL of pgactive 2.1.9",
        (
            Precondition(
                "every member but the node itself has an active slot here",
                "SELECT (SELECT count(*) FROM pg_replication_slots"
                " WHERE plugin = 'pgactive' AND database = current_database() AND active)"
                " = (SELECT count(*) - 1 FROM pgactive.pgactive_nodes WHERE node_status = 'r')",
            ),
            Precondition("statement_timeout is set: it waits without limit"),
        ),
    )
    for act in (Act.LEAD, Act.FENCE, Act.UNFENCE):
        yield Unavailable(act, "pgactive has no write leader: HAProxy decides who is written to")
