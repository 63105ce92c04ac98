"""BDR 3.6, 3.7 and the PGD line after them: the views of schema `bdr`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bdr_console.cluster.nodes import Member, Membership, NodeFacts, Slot, Subscription
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Answers, Reading, common_statements, moment, text_or_none
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import statement

_HERE = Path(__file__).parent

_JOINING = frozenset({"CREATED", "JOIN_START", "JOINING", "CATCHUP", "PROMOTE", "PROMOTING"})
_PARTING = frozenset({"PART_START", "PARTING", "PART_CATCHUP"})


@dataclass(frozen=True, slots=True)
class Bdr3:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int

    def statements(self) -> Mapping[str, str]:
        """Five statements."""
        own = {
            name: statement(_HERE, name, self.server_version_num)
            for name in ("members", "slots", "subscriptions")
        }
        return {**common_statements(self.server_version_num), **own}

    def locks(self) -> str:
        """bdr.global_locks."""
        return statement(_HERE, "locks", self.server_version_num)

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(_HERE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types."""
        reading = Reading(answers)
        server = reading.row("server") or {}
        members = tuple(_member(row) for row in reading.rows("members"))
        local = next((member for member in members if member.is_local), None)
        return NodeFacts(
            engine=self.name,
            server_version=self.server_version,
            node_name=local.name if local else None,
            group=local.group if local else None,
            members=members,
            sessions=reading.sessions(server),
            slots=tuple(_slot(row) for row in reading.rows("slots")),
            subscriptions=tuple(_subscription(row) for row in reading.rows("subscriptions")),
            in_recovery=bool(server.get("in_recovery")),
            read_only=bool(server.get("read_only")),
            wal_lsn=text_or_none(server.get("wal_lsn")),
            started_at=moment(server.get("started_at")),
            unread=tuple(reading.unread),
        )


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


def _member(row: Mapping[str, Any]) -> Member:
    state, target = clean(row["peer_state_name"] or "NONE", 60), str(row["peer_target_state_name"] or "")
    return Member(
        name=clean(row["node_name"], 200),
        membership=membership(state, target),
        raw_state=state,
        group=text_or_none(row["node_group_name"]),
        is_local=row["is_local"],
    )


def _slot(row: Mapping[str, Any]) -> Slot:
    return Slot(
        name=clean(row["slot_name"], 200),
        target=text_or_none(row["target_name"]),
        active=bool(row["active"]),
        pid=row["active_pid"],
        state=clean(row["state"] or ("" if row["active"] else "disconnected"), 60),
        lag_bytes=row["lag_bytes"],
        retained_bytes=row["retained_bytes"],
        lag_seconds=row["lag_seconds"],
        confirmed_lsn=text_or_none(row["confirmed_lsn"]),
    )


def _subscription(row: Mapping[str, Any]) -> Subscription:
    return Subscription(
        name=clean(row["sub_name"], 200),
        origin=clean(row["origin_name"], 200),
        enabled=bool(row["sub_enabled"]),
        status=clean(row["subscription_status"] or "unknown", 60),
        last_commit_at=moment(row["last_xact_replay_timestamp"]),
    )
