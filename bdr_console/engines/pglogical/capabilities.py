"""How pglogical nodes that replicate both ways are managed: no group, one subscription for each link."""

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

_RUN = "run on pglogical 2.4.2, PostgreSQL 15"
_DOC = "the SQL of pglogical 2.4.2; not run"

_READY = (
    Precondition(
        "pglogical is in shared_preload_libraries",
        "SELECT current_setting('shared_preload_libraries') ~ '\\mpglogical\\M'",
    ),
    Precondition("wal_level is logical", "SELECT current_setting('wal_level') = 'logical'"),
    Precondition(
        "the output plugin is allowed: pglogical_output is named in output_plugin_libraries,"
        " where there is that setting",
        "SELECT coalesce((SELECT 'pglogical_output' = ANY (string_to_array(replace(setting, ' ', ''), ','))"
        " FROM pg_settings WHERE name = 'output_plugin_libraries'), true)",
    ),
    Precondition("every table has a primary key"),
)
_NODE = (
    Statement("CREATE EXTENSION IF NOT EXISTS pglogical", Where.NODE),
    Statement("SELECT pglogical.create_node(node_name := {node}, dsn := {node_dsn})", Where.NODE),
)
_TABLES = Statement("SELECT pglogical.replication_set_add_all_tables('default', ARRAY[{schema}])", Where.NODE)
_SUBSCRIBE = (
    "SELECT pglogical.create_subscription(subscription_name := {%s}, provider_dsn := {%s},"
    " synchronize_structure := %s, synchronize_data := %s, forward_origins := '{{}}')"
)
_REPLICATING = (
    "SELECT coalesce(bool_and(status = 'replicating'), false) FROM pglogical.show_subscription_status({%s})"
)


def capabilities(_version: Version) -> Iterable[Capability | Unavailable]:
    """Of pglogical 2. `to_node` and `from_node` are the subscriptions on the node and of its changes."""
    yield Capability(
        Act.CREATE_GROUP, (*_NODE, _TABLES), _RUN, _READY, ("Tables that come later are added by hand.",)
    )
    yield Capability(
        Act.JOIN,
        (
            *_NODE,
            Statement(_SUBSCRIBE % ("to_node", "join_dsn", "true", "true"), Where.NODE),
            Statement("SELECT pglogical.wait_for_subscription_sync_complete({to_node})", Where.NODE),
            _TABLES,
            Statement(_SUBSCRIBE % ("from_node", "node_dsn", "false", "false"), Where.TARGET),
        ),
        _RUN,
        (
            *_READY,
            Precondition(
                "the database has no tables of users",
                "SELECT count(*) = 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'"
                " AND n.nspname NOT IN ('information_schema', 'pglogical')",
            ),
            Precondition("with more than two nodes: no client writes while the others' links are made"),
        ),
        (
            (
                "With more than two nodes: a subscription without copy each way between the new"
                " node and every other."
            ),
            "No client may write to the new node before its changes are subscribed to.",
        ),
    )
    yield Capability(
        Act.WAIT_JOINED,
        (
            Statement(_REPLICATING % "to_node", Where.NODE, until=True),
            Statement(_REPLICATING % "from_node", Where.MEMBERS, until=True),
        ),
        _RUN,
        notes=("`down` can last a minute after its cause is mended: the manager restarts slowly.",),
    )
    yield Capability(
        Act.PART,
        (
            Statement("SELECT pglogical.drop_subscription({from_node}, true)", Where.MEMBERS),
            Statement("SELECT pglogical.drop_subscription({to_node}, true)", Where.NODE),
        ),
        _RUN,
        (Precondition("the node's slots are confirmed up to its last write"),),
        ("A provider that is down keeps the slot, and WAL with it: drop it there by hand later.",),
    )
    yield Capability(
        Act.DROP,
        (
            Statement("SELECT pglogical.drop_node({node}, true)", Where.NODE),
            Statement("DROP EXTENSION pglogical", Where.NODE),
        ),
        _DOC,
        (
            Precondition(
                "no subscription is left on the node", "SELECT count(*) = 0 FROM pglogical.subscription"
            ),
        ),
    )
    for act in (Act.READ_ONLY, Act.READ_WRITE):
        yield Unavailable(act, "pglogical has no read-only mark for a node: take it out of HAProxy")
    yield Capability(
        Act.PAUSE,
        (Statement("SELECT pglogical.alter_subscription_disable({subscription}, true)", Where.NODE),),
        _RUN,
        notes=("One subscription, until enabled; its provider keeps WAL for it.",),
    )
    yield Capability(
        Act.RESUME,
        (
            Statement("SELECT pglogical.alter_subscription_enable({subscription}, true)", Where.NODE),
            Statement(_REPLICATING % "subscription", Where.NODE, until=True),
        ),
        _RUN,
    )
    yield Capability(
        Act.WAIT_CONFIRMED,
        (Statement("SELECT pglogical.wait_slot_confirm_lsn(NULL, {lsn}::pg_lsn)", Where.NODE),),
        _DOC,
        (
            Precondition(
                "every slot of a peer is active: one that is down would be waited for without end",
                "SELECT coalesce(bool_and(active), false) FROM pg_replication_slots"
                " WHERE plugin = 'pglogical_output' AND database = current_database()",
            ),
            Precondition("statement_timeout is set: it has no limit of its own"),
        ),
    )
    for act in (Act.LEAD, Act.FENCE, Act.UNFENCE):
        yield Unavailable(act, "pglogical has no write leader: HAProxy decides who is written to")
