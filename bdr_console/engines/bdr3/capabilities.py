"""How nodes of BDR 3.6 to PGD 6 are managed: functions of schema `bdr`, called by name."""

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

_DOC = "the manuals of BDR 3.7 to PGD 6, node management; never run on the product"
_ROUTING = "the manuals of PGD 5 and 6, routing; never run on the product"

_MAJORITY = Precondition("the Raft group has a leader and a majority of its nodes is up")
_READY = (
    Precondition(
        "bdr is in shared_preload_libraries",
        "SELECT current_setting('shared_preload_libraries') ~ '\\mbdr\\M'",
    ),
    Precondition("wal_level is logical", "SELECT current_setting('wal_level') = 'logical'"),
    Precondition("commit timestamps are kept", "SELECT current_setting('track_commit_timestamp') = 'on'"),
)
_CREATE_NODE = Statement("SELECT bdr.create_node(node_name := {node}, local_dsn := {node_dsn})", Where.NODE)
_JOINED = Statement(
    (
        "SELECT coalesce(bool_or(peer_state_name = 'ACTIVE'), false) FROM bdr.node_summary WHERE"
        " node_name = {node}"
    ),
    Where.MEMBERS,
    until=True,
)
_NOT_MEMBER = (
    "SELECT count(*) = 0 FROM bdr.node_summary WHERE node_name = {node} AND peer_state_name <> 'PARTED'"
)


def capabilities(version: Version) -> Iterable[Capability | Unavailable]:
    """Of BDR 3.6, 3.7 and PGD 4, 5 and 6."""
    major = version[0] if version else None
    extensions = tuple(
        Statement(f"CREATE EXTENSION IF NOT EXISTS {name}", Where.NODE)
        for name in (("pglogical", "bdr") if major == 3 else ("bdr",))
    )
    yield Capability(
        Act.CREATE_GROUP,
        (
            *extensions,
            _CREATE_NODE,
            Statement("SELECT bdr.create_node_group(node_group_name := {group})", Where.NODE),
            Statement("SELECT bdr.wait_for_join_completion()", Where.NODE),
        ),
        _DOC,
        _READY,
    )
    yield Capability(
        Act.JOIN,
        (
            *extensions,
            _CREATE_NODE,
            Statement(
                "SELECT bdr.join_node_group(join_target_dsn := {join_dsn}, node_group_name := {group},"
                " wait_for_completion := false)",
                Where.NODE,
            ),
        ),
        _DOC,
        (
            *_READY,
            _MAJORITY,
            Precondition("no member of that name that is not parted", _NOT_MEMBER, Where.TARGET),
            Precondition(
                "nobody is being promoted: joins take turns there",
                "SELECT count(*) = 0 FROM bdr.node_summary WHERE peer_state_name IN ('PROMOTE', 'PROMOTING')",
                Where.TARGET,
            ),
            Precondition(
                "no slot of the group lags: what is under way at the join can be lost to the new node"
            ),
            Precondition(
                "fewer than 1024 nodes are on record, parted ones included",
                "SELECT count(*) < 1024 FROM bdr.node_summary",
                Where.TARGET,
            ),
        ),
        ("A node that is stuck in its join can be parted (3.6.20 and later).",),
    )
    yield Capability(
        Act.WAIT_JOINED,
        (Statement("SELECT bdr.wait_for_join_completion()", Where.NODE), _JOINED),
        _DOC,
        (Precondition("statement_timeout is set: the function waits without limit"),),
    )
    yield Capability(
        Act.PART,
        (
            Statement(
                "SELECT bdr.part_node(node_name := {node}, wait_for_completion := false)", Where.MEMBER
            ),
            Statement(_NOT_MEMBER, Where.MEMBERS, until=True),
        ),
        _DOC,
        (_MAJORITY, Precondition("the node's slots at the others are confirmed up to its last write")),
        (
            (
                "PART_CATCHUP can take long while the others fetch from each other what they"
                " miss: that is not stuck."
            ),
            "force := true skips that and may leave the members with different data.",
        ),
    )
    yield from _drop(major)
    for act in (Act.READ_ONLY, Act.READ_WRITE):
        yield Unavailable(act, "BDR 3 and later have no read-only mark for one node: take it out of HAProxy")
    yield Capability(
        Act.PAUSE,
        (Statement("SELECT bdr.alter_subscription_disable()", Where.NODE),),
        _DOC,
        notes=(
            (
                "All subscriptions of the node, until enabled: it outlasts a restart, and its"
                " peers keep WAL for it."
            ),
        ),
    )
    yield Capability(
        Act.RESUME,
        (
            Statement("SELECT bdr.alter_subscription_enable()", Where.NODE),
            Statement(
                (
                    "SELECT coalesce(bool_and(subscription_status = 'replicating'), false) FROM"
                    " bdr.subscription_summary"
                ),
                Where.NODE,
                until=True,
            ),
        ),
        _DOC,
    )
    yield Capability(
        Act.WAIT_CONFIRMED,
        (Statement("SELECT bdr.wait_slot_confirm_lsn(NULL, {lsn}::pg_lsn)", Where.NODE),),
        _DOC,
        (
            Precondition(
                "every slot of a peer is active: one that is down would be waited for without end",
                "SELECT coalesce(bool_and(active), false) FROM bdr.node_slots WHERE NOT is_group_slot",
            ),
            Precondition("statement_timeout is set: it has no limit of its own"),
        ),
    )
    yield from _routing(major)


def _drop(major: int | None) -> Iterable[Capability | Unavailable]:
    if major is None:
        yield Unavailable(Act.DROP, "it differs between versions, and this one is not known")
        return
    if major >= 6:
        yield Unavailable(Act.DROP, "PGD 6 removes what is left of parted nodes by itself")
        return
    extension = "DROP EXTENSION pglogical, bdr" if major == 3 else "DROP EXTENSION bdr"
    yield Capability(
        Act.DROP,
        (
            Statement("SELECT bdr.drop_node(node_name := {node})", Where.MEMBERS),
            Statement(extension, Where.NODE),
        ),
        _DOC,
        (
            Precondition(
                "the node is parted",
                (
                    "SELECT coalesce(bool_and(peer_state_name = 'PARTED'), false) FROM"
                    " bdr.node_summary WHERE node_name = {node}"
                ),
                Where.MEMBERS,
            ),
        ),
        (
            (
                "The manuals leave drop_node to the vendor's support: a PARTED row does no harm,"
                " its name can be reused."
            ),
        ),
    )


def _routing(major: int | None) -> Iterable[Capability | Unavailable]:
    if major is None or major < 5:
        why = (
            "write leaders differ between versions, and this one is not known"
            if major is None
            else "SQL knows a write leader from PGD 5 on; where HARP runs: harpctl promote, fence, unfence"
        )
        for act in (Act.LEAD, Act.FENCE, Act.UNFENCE):
            yield Unavailable(act, why)
        return
    yield Capability(
        Act.LEAD,
        (
            Statement(
                "SELECT bdr.routing_leadership_transfer(node_group_name := {group}, leader_name := {node},"
                " transfer_method := 'strict', transfer_timeout := {timeout}::interval)",
                Where.MEMBER,
            ),
            Statement(
                (
                    "SELECT write_lead = {node} FROM bdr.node_group_routing_summary WHERE"
                    " node_group_name = {group}"
                ),
                Where.MEMBERS,
                until=True,
            ),
        ),
        _ROUTING,
        (
            _MAJORITY,
            Precondition(
                "the node is not fenced",
                "SELECT NOT route_fence FROM bdr.node_routing_config_summary WHERE node_name = {node}",
                Where.MEMBER,
            ),
        ),
        (
            (
                "`strict` waits until its lag is below route_writer_max_lag. Another node may"
                " win: the view tells."
            ),
        ),
    )
    for act, value in ((Act.FENCE, "t"), (Act.UNFENCE, "f")):
        yield Capability(
            act,
            (
                Statement(
                    "SELECT bdr.alter_node_option(node_name := {node}, config_key := 'route_fence',"
                    f" config_value := '{value}')",
                    Where.MEMBER,
                ),
            ),
            _ROUTING,
            (_MAJORITY,),
        )
