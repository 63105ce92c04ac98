"""Rows of BDR 3 and PGD -> types: members, subscriptions, conflicts. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from bdr_console.cluster.conflicts import Conflict
from bdr_console.cluster.nodes import Member, Membership, Slot, Subscription
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import moment, text_or_none
from bdr_console.links.postgres import Rows

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
