"""How nodes of PostgreSQL's own logical replication, both ways with `origin = none`, are managed."""

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

_RUN = "run on PostgreSQL 18.4"
_DOC = "PostgreSQL's manual and catalogs; not run on a group"

_READY = (
    Precondition("wal_level is logical", "SELECT current_setting('wal_level') = 'logical'"),
    Precondition(
        "commit timestamps are kept, or conflicts of origin are not seen",
        "SELECT current_setting('track_commit_timestamp') = 'on'",
    ),
    Precondition("every table has a primary key"),
)
_PUBLISH = Statement("CREATE PUBLICATION {publication:name} FOR ALL TABLES", Where.NODE)
_SUBSCRIBE = (
    "CREATE SUBSCRIPTION {%s:name} CONNECTION {%s} PUBLICATION {publication:name}"
    " WITH (origin = none, copy_data = %s)"
)
_SYNCED = (
    "SELECT count(*) > 0 AND bool_and(r.srsubstate = 'r') FROM pg_subscription_rel r"
    " JOIN pg_subscription s ON s.oid = r.srsubid WHERE s.subname = {%s}"
)
WAIT_CONFIRMED = Capability(
    Act.WAIT_CONFIRMED,
    (
        Statement(
            "SELECT coalesce(bool_and(confirmed_flush_lsn >= {lsn}::pg_lsn), true) FROM pg_replication_slots"
            " WHERE slot_type = 'logical' AND database = current_database() AND NOT temporary",
            Where.NODE,
            until=True,
        ),
    ),
    _DOC,
    (
        Precondition(
            "there is a slot for every peer, and all are active",
            "SELECT coalesce(bool_and(active), false) FROM pg_replication_slots"
            " WHERE slot_type = 'logical' AND database = current_database() AND NOT temporary",
        ),
    ),
    ("The position to wait for: pg_current_wal_insert_lsn(), read after the last write.",),
)


def capabilities(version: Version) -> Iterable[Capability | Unavailable]:
    """Of that PostgreSQL. `to_node` and `from_node` are the subscriptions on the node and of its changes."""
    if version >= (16,):
        yield from _both_ways()
    else:
        why = (
            "PostgreSQL before 16 has no `origin = none`: subscriptions both ways would loop"
            if version
            else "`origin = none` needs PostgreSQL 16, and this one's version is not known"
        )
        for act in (Act.CREATE_GROUP, Act.JOIN, Act.WAIT_JOINED):
            yield Unavailable(act, why)
    yield Capability(
        Act.PART,
        (
            Statement("DROP SUBSCRIPTION {from_node:name}", Where.MEMBERS, alone=True),
            Statement("DROP SUBSCRIPTION {to_node:name}", Where.NODE, alone=True),
        ),
        _DOC,
        (
            Precondition("the node's slots are confirmed up to its last write"),
            Precondition("the publisher is up: the drop removes its slot"),
        ),
        (
            (
                "With the publisher down: ALTER SUBSCRIPTION ... DISABLE, then SET"
                " (slot_name = NONE), then the drop;"
                " its slot stays and keeps WAL until it is dropped there."
            ),
        ),
    )
    yield Capability(Act.DROP, (Statement("DROP PUBLICATION {publication:name}", Where.NODE),), _DOC)
    for act in (Act.READ_ONLY, Act.READ_WRITE):
        yield Unavailable(
            act, "PostgreSQL has no read-only mark that spares apply: take the node out of HAProxy"
        )
    yield Capability(
        Act.PAUSE,
        (Statement("ALTER SUBSCRIPTION {subscription:name} DISABLE", Where.NODE),),
        _RUN,
        notes=("One subscription, until enabled; its publisher keeps WAL for it.",),
    )
    yield Capability(
        Act.RESUME,
        (
            Statement("ALTER SUBSCRIPTION {subscription:name} ENABLE", Where.NODE),
            Statement(
                "SELECT coalesce(bool_or(pid IS NOT NULL), false) FROM pg_stat_subscription"
                " WHERE subname = {subscription}",
                Where.NODE,
                until=True,
            ),
        ),
        _RUN,
    )
    yield WAIT_CONFIRMED
    for act in (Act.LEAD, Act.FENCE, Act.UNFENCE):
        yield Unavailable(act, "PostgreSQL has no write leader: HAProxy decides who is written to")


def _both_ways() -> Iterable[Capability]:
    yield Capability(Act.CREATE_GROUP, (_PUBLISH,), _RUN, _READY)
    yield Capability(
        Act.JOIN,
        (
            _PUBLISH,
            Statement(_SUBSCRIBE % ("from_node", "node_dsn", "false"), Where.TARGET, alone=True),
            Statement(_SUBSCRIBE % ("to_node", "join_dsn", "true"), Where.NODE, alone=True),
        ),
        _RUN,
        (
            *_READY,
            Precondition(
                "the node has the tables' structure and none of their rows: structure is not copied"
            ),
            Precondition("with more than two nodes: no client writes while the others' links are made"),
        ),
        (
            (
                "With more than two nodes: a subscription with copy_data = false each way"
                " between the new node and every"
                " other."
            ),
            (
                "There is no last-update-wins: rows that two nodes change at once differ for"
                " good, without an error."
            ),
        ),
    )
    yield Capability(
        Act.WAIT_JOINED,
        (
            Statement(_SYNCED % "to_node", Where.NODE, until=True),
            Statement(_SYNCED % "from_node", Where.MEMBERS, until=True),
        ),
        _RUN,
    )
