"""BDR 3.6, 3.7 and the PGD line after them: the views of schema `bdr`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bdr_console.cluster.nodes import Member, Membership, NodeFacts, Subscription
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Answers, Reading, common_statements, moment, text_or_none
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import statement
from bdr_console.engines.engine import Kind
from bdr_console.engines.identity import Identity

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
        """Six statements."""
        own = {
            name: statement(_HERE, name, self.server_version_num)
            for name in ("members", "slots", "subscriptions", "locks")
        }
        return {**common_statements(self.server_version_num), **own}

    def seldom(self) -> Mapping[str, str]:
        """Nothing yet."""
        return {}

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(_HERE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        members = tuple(_member(row) for row in reading.rows("members"))
        local = next((member for member in members if member.is_local), None)
        return replace(
            node,
            node_name=local.name if local else None,
            group=local.group if local else None,
            members=members,
            subscriptions=tuple(_subscription(row) for row in reading.rows("subscriptions")),
            locks=reading.locks(),
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


def _subscription(row: Mapping[str, Any]) -> Subscription:
    return Subscription(
        name=clean(row["sub_name"], 200),
        origin=clean(row["origin_name"], 200),
        enabled=bool(row["sub_enabled"]),
        status=clean(row["subscription_status"] or "unknown", 60),
        last_commit_at=moment(row["last_xact_replay_timestamp"]),
    )


def _make(found: Identity, version: str | None) -> Bdr3:
    number = re.match(r"\d+(\.\d+)*", version or found.extensions.get("bdr", ""))
    product = "PGD" if number and int(number[0].split(".")[0]) >= 4 else "BDR"
    name = found.labelled(f"{product} {number[0] if number else '3'}", "bdr")
    return Bdr3(name, found.server_version, found.server_version_num)


KIND = Kind(
    "bdr3",
    # BDR 1 and 2 have other views, and the version rules out one that was half upgraded.
    lambda found: (
        "bdr.node_summary" in found.tables and not found.extensions.get("bdr", "").startswith(("1.", "2."))
    ),
    _make,
    statement(_HERE, "version", 0),
)
