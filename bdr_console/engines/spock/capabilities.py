"""How Spock nodes that replicate both ways are managed: pglogical's ways, with names of its own."""

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

_RUN = "run on Spock 6.0.0-dev, patched PostgreSQL 15"
_DOC = "the SQL of Spock 5 and 6; not run"

_READY = (
    Precondition(
        "spock is in shared_preload_libraries, on a server with Spock's patches",
        "SELECT current_setting('shared_preload_libraries') ~ '\\mspock\\M'",
    ),
    Precondition("wal_level is logical", "SELECT current_setting('wal_level') = 'logical'"),
    Precondition("commit timestamps are kept", "SELECT current_setting('track_commit_timestamp') = 'on'"),
    Precondition(
        "the output plugin is allowed: spock_output is named in output_plugin_libraries,"
        " where there is that setting",
        "SELECT coalesce((SELECT 'spock_output' = ANY (string_to_array(replace(setting, ' ', ''), ','))"
        " FROM pg_settings WHERE name = 'output_plugin_libraries'), true)",
    ),
)
_NODE = (
    Statement("CREATE EXTENSION IF NOT EXISTS spock", Where.NODE),
    Statement("SELECT spock.node_create(node_name := {node}, dsn := {node_dsn})", Where.NODE),
)
_SUBSCRIBE = (
    "SELECT spock.sub_create(subscription_name := {%s}, provider_dsn := {%s},"
    " synchronize_structure := %s, synchronize_data := %s, forward_origins := '{{}}')"
)
_REPLICATING = "SELECT coalesce(bool_and(status = 'replicating'), false) FROM spock.sub_show_status({%s})"


def capabilities(version: Version) -> Iterable[Capability | Unavailable]:
    """Of Spock 5 and 6. `to_node` and `from_node` are the subscriptions on the node and of its changes."""
    yield Capability(Act.CREATE_GROUP, _NODE, _RUN, _READY)
    yield Capability(
        Act.JOIN,
        (
            *_NODE,
            Statement(_SUBSCRIBE % ("to_node", "join_dsn", "true", "true"), Where.NODE),
            Statement(_SUBSCRIBE % ("from_node", "node_dsn", "false", "false"), Where.TARGET),
        ),
        _RUN,
        (
            *_READY,
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
    )
    yield Capability(
        Act.PART,
        (
            Statement("SELECT spock.sub_drop({from_node}, true)", Where.MEMBERS),
            Statement("SELECT spock.sub_drop({to_node}, true)", Where.NODE),
        ),
        _DOC,
        (Precondition("the node's slots are confirmed up to its last write"),),
        ("A provider that is down keeps the slot, and WAL with it: drop it there by hand later.",),
    )
    yield Capability(
        Act.DROP,
        (
            Statement("SELECT spock.node_drop({node}, true)", Where.NODE),
            Statement("DROP EXTENSION spock", Where.NODE),
        ),
        _DOC,
        (Precondition("no subscription is left on the node", "SELECT count(*) = 0 FROM spock.subscription"),),
    )
    for act, setting in (
        (Act.READ_ONLY, "SET spock.readonly = 'local'"),
        (Act.READ_WRITE, "RESET spock.readonly"),
    ):
        yield Capability(
            act,
            (
                Statement(f"ALTER SYSTEM {setting}", Where.NODE, alone=True),
                Statement("SELECT pg_reload_conf()", Where.NODE),
            ),
            _RUN,
            notes=("Superusers still write. The value `all` would stop apply too.",),
        )
    yield from _pausing(version)
    yield Capability(
        Act.WAIT_CONFIRMED,
        (Statement("SELECT spock.wait_slot_confirm_lsn(NULL, {lsn}::pg_lsn)", Where.NODE),),
        _DOC,
        (
            Precondition(
                "every slot of a peer is active: one that is down would be waited for without end",
                "SELECT coalesce(bool_and(active), false) FROM pg_replication_slots"
                " WHERE plugin = 'spock_output' AND database = current_database()",
            ),
            Precondition("statement_timeout is set: it has no limit of its own"),
        ),
        (
            (
                "From the receivers' side: spock.sync_event() here, then CALL"
                " spock.wait_for_sync_event(NULL, origin,"
                " lsn, seconds) there, which has a limit of its own."
            ),
        ),
    )
    for act in (Act.LEAD, Act.FENCE, Act.UNFENCE):
        yield Unavailable(act, "Spock has no write leader: HAProxy decides who is written to")


def _pausing(version: Version) -> Iterable[Capability]:
    if version >= (6,):
        yield Capability(
            Act.PAUSE,
            (Statement("SELECT spock.pause_apply_workers()", Where.NODE),),
            _DOC,
            notes=("All apply workers of the node.",),
        )
        yield Capability(Act.RESUME, (Statement("SELECT spock.resume_apply_workers()", Where.NODE),), _DOC)
        return
    yield Capability(
        Act.PAUSE,
        (Statement("SELECT spock.sub_disable({subscription}, true)", Where.NODE),),
        _RUN,
        notes=("One subscription, until enabled; its provider keeps WAL for it.",),
    )
    yield Capability(
        Act.RESUME,
        (
            Statement("SELECT spock.sub_enable({subscription}, true)", Where.NODE),
            Statement(_REPLICATING % "subscription", Where.NODE, until=True),
        ),
        _RUN,
    )
