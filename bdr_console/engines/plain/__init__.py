"""Any PostgreSQL: its slots and native subscriptions. Who is a member of what, it cannot say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bdr_console.cluster.nodes import NodeFacts, Slot, Subscription
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Answers, Reading, common_statements, moment, text_or_none
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import statement

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Plain:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int

    def statements(self) -> Mapping[str, str]:
        """Slots, and from PostgreSQL 10 on subscriptions."""
        names = ("slots", "subscriptions") if self.server_version_num >= 100000 else ("slots",)
        own = {name: statement(_HERE, name, self.server_version_num) for name in names}
        return {**common_statements(self.server_version_num), **own}

    def locks(self) -> str:
        """There are none."""
        return ""

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(_HERE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types; slots name no node, because their names mean nothing we know."""
        reading = Reading(answers)
        server = reading.row("server") or {}
        return NodeFacts(
            engine=self.name,
            server_version=self.server_version,
            node_name=None,
            group=None,
            members=(),
            sessions=reading.sessions(server),
            slots=tuple(_slot(row) for row in reading.rows("slots")),
            subscriptions=tuple(_subscription(row) for row in reading.rows("subscriptions")),
            in_recovery=bool(server.get("in_recovery")),
            read_only=bool(server.get("read_only")),
            wal_lsn=text_or_none(server.get("wal_lsn")),
            started_at=moment(server.get("started_at")),
            unread=tuple(reading.unread),
        )


def _slot(row: Mapping[str, Any]) -> Slot:
    return Slot(
        name=clean(row["slot_name"], 200),
        target=None,
        active=bool(row["active"]),
        pid=row["active_pid"],
        state=clean(row["state"] or ("" if row["active"] else "disconnected"), 60),
        lag_bytes=row["lag_bytes"],
        retained_bytes=row["retained_bytes"],
        lag_seconds=row["lag_seconds"],
        confirmed_lsn=text_or_none(row["confirmed_lsn"]),
    )


def _subscription(row: Mapping[str, Any]) -> Subscription:
    status = "disabled" if not row["subenabled"] else "replicating" if row["pid"] else "down"
    return Subscription(
        clean(row["subname"], 200), "unknown", row["subenabled"], status, apply_pid=row["pid"]
    )
