"""Rows of BDR 3 and PGD -> types, and what their own rules make of a reading. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bdr_console.cluster.conflicts import Conflict
from bdr_console.cluster.groups import Consensus, Group, SequenceShare
from bdr_console.cluster.nodes import Caveat, Member, Membership, Slot, Subscription
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import moment, text_or_none
from bdr_console.links.postgres import Rows, Unreadable

Row = Mapping[str, Any]

_JOINING = frozenset({"CREATED", "JOIN_START", "JOINING", "CATCHUP", "PROMOTE", "PROMOTING"})
_PARTING = frozenset({"PART_START", "PARTING", "PART_CATCHUP"})

_APPLYING = ("apply", "receiver", "writer")
"""Roles of a subscription's workers, the one that tells most first: BDR 3 has one, PGD several."""


def membership(state: str, target: str) -> Membership:
    """The engine's state words as one of ours; STANDBY is a station on the way while the target is ACTIVE."""
    if state == "ACTIVE":
        return Membership.READY
    if state == "STANDBY":
        return Membership.JOINING if target == "ACTIVE" else Membership.STANDBY
    if state in _JOINING:
        return Membership.JOINING
    if state in _PARTING:
        return Membership.PARTING
    return Membership.PARTED if state == "PARTED" else Membership.UNKNOWN


def members(rows: Rows, fences: Rows) -> tuple[Member, ...]:
    """Rows of `members` and, where there is routing, `fences`."""
    fenced = {clean(row["node_name"], 200): bool(row["route_fence"]) for row in fences}
    return tuple(_member(row, fenced) for row in rows)


def _member(row: Row, fenced: Mapping[str, bool]) -> Member:
    state, target = clean(row["peer_state_name"] or "NONE", 60), text_or_none(row["peer_target_state_name"])
    name = clean(row["node_name"], 200)
    return Member(
        name=name,
        membership=membership(state, target or ""),
        raw_state=state,
        group=text_or_none(row["node_group_name"]),
        is_local=row["is_local"],
        target_state=target,
        kind=text_or_none(row.get("node_kind")),
        fenced=fenced.get(name),
    )


def subscriptions(rows: Rows, applying: Rows, workers: Rows, errors: Rows) -> tuple[Subscription, ...]:
    """Rows of `subscriptions`, each with its apply counters, its worker and its latest error."""
    counters = {row["sub_name"]: row for row in applying}
    return tuple(
        _subscription(row, counters.get(row["sub_name"]), _pid(row, workers), _latest(row, errors))
        for row in rows
    )


def _subscription(row: Row, counters: Row | None, pid: int | None, error: Row | None) -> Subscription:
    return Subscription(
        name=clean(row["sub_name"], 200),
        origin=clean(row["origin_name"], 200),
        enabled=bool(row["sub_enabled"]),
        status=clean(row["subscription_status"] or "unknown", 60),
        last_commit_at=moment(row["last_xact_replay_timestamp"]),
        apply_pid=pid,
        replication_sets=tuple(clean(name, 100) for name in row.get("replication_sets") or ()),
        apply_delay=row.get("apply_delay") or None,
        errors=counters["nerror"] if counters else None,
        last_error=text_or_none(error["message"]) if error else None,
        last_error_at=moment(error["at"]) if error else None,
        received_lsn=text_or_none(row.get("received_lsn")),
        slot_name=text_or_none(row.get("sub_slot_name")),
    )


def _pid(subscription: Row, workers: Rows) -> int | None:
    """The process that tells most of a subscription's apply."""
    own = [row for row in workers if row["worker_subid"] == subscription.get("sub_id")]
    for role in _APPLYING:
        for row in own:
            if role in str(row["worker_role_name"]).lower():
                return int(row["worker_pid"])
    return None


def _latest(subscription: Row, errors: Rows) -> Row | None:
    """The newest error of a subscription; PGD 5 and later name the worker, whose name holds it."""
    own = [row for row in errors if row["at"] and str(subscription["sub_name"]) in str(row["source"])]
    return max(own, key=lambda row: row["at"], default=None)


def conflicts(rows: Rows) -> tuple[Conflict, ...]:
    """Rows of `conflicts`. One remote change may collide on several nodes; where the engine does not name the
    change (3.7) its table and commit time stand for it."""
    return tuple(
        Conflict(
            at=at,
            table=clean(row["relation"] or "", 200),
            kind=clean(row["conflict_type"] or "", 60),
            resolution=clean(row["conflict_resolution"] or "", 60),
            origin=text_or_none(row["origin"]),
            key=clean(f"{row['relation']} {row['change'] or row['remote_commit_time']}", 300),
            local_commit_at=moment(row["local_tuple_commit_time"]),
            remote_commit_at=moment(row["remote_commit_time"]),
        )
        for row in rows
        if (at := moment(row["at"]))
    )


def with_catchup(slots: Iterable[Slot], rates: Rows) -> dict[str, float]:
    """Target -> seconds until it has caught up, in the engine's estimate."""
    known = {clean(row["target_name"], 200): row["catchup_seconds"] for row in rates}
    return {slot.target: known[slot.target] for slot in slots if slot.target and known.get(slot.target)}


_NO_LEADER = "only the chunk at hand: more needs a Raft leader"


def consensus(answer: Rows | Unreadable) -> tuple[Consensus, ...]:
    """Rows of `raft` (group_name, state, leader, term, nodes, voting_nodes), or why its worker could not
    answer, which is an opinion, too."""
    if isinstance(answer, Unreadable):
        return (Consensus(f"unknown: {answer.why}", None),)
    return tuple(
        Consensus(
            state=clean(row["state"] or "unknown", 60),
            leader=text_or_none(row["leader"]),
            term=row["term"],
            nodes=row["nodes"],
            voting_nodes=row["voting_nodes"],
            group=text_or_none(row["group_name"]),
        )
        for row in answer
    )


def groups(
    rows: Rows, leaders: Rows, raft: Iterable[Consensus], members: Iterable[Member], router: str
) -> tuple[Group, ...]:
    """Rows of `groups` with their leaders. Before PGD 5 groups are known by their members alone."""
    leading = {row["node_group_name"]: row for row in leaders}
    elected = {c.group: c.leader for c in raft}
    found = []
    for row in rows or _of(members):
        name, parent = clean(row["node_group_name"], 200), text_or_none(row["parent_group_name"])
        lead = leading.get(row["node_group_name"], {})
        found.append(
            Group(
                name=name,
                parent=parent,
                kind=text_or_none(row["kind"]),
                write_leader=text_or_none(lead.get("write_lead")),
                previous_write_leader=text_or_none(lead.get("previous_write_lead")),
                read_nodes=tuple(clean(node, 200) for node in lead.get("read_nodes") or ()),
                # Before PGD 6 a node tells only of the consensus of the whole.
                raft_leader=elected.get(name, elected.get(None) if parent is None else None),
                routing=router if row["routed"] else None,
            )
        )
    return tuple(found)


def _of(members: Iterable[Member]) -> Rows:
    names = dict.fromkeys(member.group for member in members if member.group)
    nothing = {"parent_group_name": None, "kind": None, "routed": None}
    return [{"node_group_name": name, **nothing} for name in names]


def sequences(rows: Rows, raft: Iterable[Consensus]) -> tuple[SequenceShare, ...]:
    """Sequences that can get no new chunk, which is when nobody leads; none where consensus is not known."""
    known = [c for c in raft if not c.state.startswith("unknown")]
    if not known or any(c.leader or c.state == "RAFT_LEADER" for c in known):
        return ()
    return tuple(SequenceShare(clean(row["name"], 200), None, _NO_LEADER) for row in rows)


_STUCK = 2
"""Beginnings at the same LSN from which on the manual calls apply blocked."""
_RECORDS = 900
"""Of the 1024 node records that there can be, parted ones among them."""


def caveats(members: Sequence[Member], blocked: Rows, applying: Rows) -> tuple[Caveat, ...]:
    """Blocked apply, and node records that run out."""
    return (*_blocked(blocked, applying), *_records(members))


def _blocked(blocked: Rows, applying: Rows) -> list[Caveat]:
    found = {
        clean(row["sub_name"], 200): f"from {clean(row['origin_name'], 200)} has begun again and again"
        for row in blocked
    }
    for row in applying:
        times = row["retries_at_same_lsn"] or 0
        if times >= _STUCK:
            found.setdefault(clean(row["sub_name"], 200), f"has begun {times} times")
    text = "at the same LSN and applied nothing since: one transaction cannot be applied"
    return [Caveat(True, f"subscription {name} {begun} {text}") for name, begun in found.items()]


def _records(members: Sequence[Member]) -> list[Caveat]:
    if len(members) < _RECORDS:
        return []
    parted = sum(member.membership is Membership.PARTED for member in members)
    return [Caveat(False, f"{len(members)} node records of 1024 are used, {parted} by parted nodes")]
