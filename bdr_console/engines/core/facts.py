"""Rows of the common statements -> types. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bdr_console.cluster.access import UNINHERITED, sees_sessions
from bdr_console.cluster.groups import GlobalLock
from bdr_console.cluster.nodes import NodeFacts, Sessions, Slot, Unread
from bdr_console.cluster.text import clean
from bdr_console.engines.core.activity import (
    activity,
    blocked_workers,
    parameters,
    plugin_caveats,
    prepared_transactions,
    slot_room,
)
from bdr_console.engines.core.statements import statement
from bdr_console.links.postgres import Rows, Unreadable

Answers = Mapping[str, Rows | Unreadable]

_HERE = Path(__file__).parent

_EACH = {
    "server": 0,
    "sessions": 0,
    "applications": 0,
    "transactions": 0,
    "prepared": 0,
    "blocked_workers": 100000,
}
_SELDOM = {"plugins": 90600, "parameters": 90400, "slot_room": 130000}
"""Statement -> the first server version that can answer it."""

_ABSENT = ("42P01", "42703", "42883", "3F000")
"""SQLSTATEs of a relation, column, function or schema that is not there."""


def common_statements(server_version: int) -> dict[str, str]:
    """The statements that every engine asks beside its own."""
    names = [name for name, since in _EACH.items() if server_version >= since]
    return {name: statement(_HERE, name, server_version) for name in names}


def common_seldom(server_version: int) -> dict[str, str]:
    """The statements that every engine asks now and then beside its own."""
    names = [name for name, since in _SELDOM.items() if server_version >= since]
    return {name: statement(_HERE, name, server_version) for name in names}


def backends_statement(server_version: int) -> str:
    """The statement that shows every client session of a node with its transaction and query."""
    return statement(_HERE, "backends", server_version)


def obstacle_statements(server_version: int) -> dict[str, str]:
    """What runbooks ask beside that: prepared transactions, reserved connections, and who blocks apply."""
    names = ("prepared", "reserved", "apply_blockers")
    return {name: statement(_HERE, name, server_version) for name in names}


@dataclass(slots=True)
class Reading:
    """Takes rows out of the answers and remembers what could not be read."""

    answers: Answers
    unread: list[Unread] = field(default_factory=list)

    def rows(self, what: str) -> Rows:
        """The rows of one statement; none, and a note of why, when it failed."""
        answer = self.answers.get(what, [])
        if isinstance(answer, Unreadable):
            self.unread.append(Unread(what, answer.why))
            return []
        return answer

    def counted(self, what: str) -> Rows:
        """The rows of a statement that only counts: without it nothing that is judged is missing."""
        answer = self.answers.get(what, [])
        if isinstance(answer, Unreadable):
            self.unread.append(Unread(what, answer.why, judged=False))
            return []
        return answer

    def optional(self, what: str) -> Rows:
        """The same for a statement whose relation or columns not every version has: then simply none."""
        answer = self.answers.get(what, [])
        return [] if isinstance(answer, Unreadable) and answer.sqlstate in _ABSENT else self.rows(what)

    def row(self, what: str) -> dict[str, Any] | None:
        """The only row of one statement."""
        rows = self.rows(what)
        return rows[0] if rows else None

    def failed(self, *parts: str) -> bool:
        """Whether one of `parts` could not be read."""
        return any(isinstance(self.answers.get(part), Unreadable) for part in parts)

    def sessions(self, server: Mapping[str, Any], server_version: str) -> Sessions | None:
        """Sessions; None with a note when the role may not see those of others."""
        row = self.row("sessions")
        if row is None:
            return None
        if row["hidden"]:
            uninherited = UNINHERITED.get(row.get("uninherited") or "")
            hidden = unseen_sessions("sessions", server_version)
            self.unread.append(Unread("sessions", uninherited) if uninherited else hidden)
            return None
        return Sessions(
            total=row["total"],
            active=row["active"],
            idle_in_transaction=row["idle_in_transaction"],
            max_connections=server.get("max_connections", 0),
            oldest_transaction=row["oldest_transaction"],
            oldest_transaction_pid=row["oldest_pid"],
            prepared_transactions=server.get("prepared_transactions", 0),
        )

    def node(self, engine: str, server_version: str) -> NodeFacts:
        """What every engine shows of a node: the server itself, its sessions and its slots. The engine adds
        its own with dataclasses.replace (its caveats to those that are there), and at last `unread`."""
        server = self.row("server") or {}
        known = [part for part in ("applications", "transactions") if part in self.answers]
        busy = {part: self.rows(part) for part in known}
        return NodeFacts(
            engine=engine,
            server_version=server_version,
            node_name=None,
            group=None,
            members=(),
            sessions=self.sessions(server, server_version),
            slots=tuple(slot(row) for row in self.rows("slots")),
            subscriptions=(),
            in_recovery=bool(server.get("in_recovery")),
            read_only=bool(server.get("read_only")),
            wal_lsn=text_or_none(server.get("wal_lsn")),
            flushed_lsn=text_or_none(server.get("flushed_lsn")),
            started_at=moment(server.get("started_at")),
            clock=moment(server.get("clock")),
            database=text_or_none(server.get("database")),
            caveats=plugin_caveats(self.row("plugins")),
            activity=activity(**busy) if len(busy) == 2 and not self.failed(*busy) else None,
            parameters=parameters(self.rows("parameters")),
            slot_room=slot_room(self.rows("slot_room")),
            blocked_workers=blocked_workers(self.rows("blocked_workers")),
            prepared=prepared_transactions(self.rows("prepared")),
        )

    def locks(self) -> tuple[GlobalLock, ...]:
        """The rows of `locks`: lock_type, origin, relation, stage, age, pid, confirmed."""
        return tuple(
            GlobalLock(
                clean(row["lock_type"] or "a lock", 60),
                clean(row["origin"] or "an unknown node", 200),
                clean(row["relation"] or "", 200),
                clean(row["stage"] or "", 60),
                row["age"],
                row["pid"],
                text_or_none(row["confirmed"]),
            )
            for row in self.rows("locks")
        )


def unseen_sessions(what: str, server_version: str) -> Unread:
    """What to say of `what` where the role may not see other roles' sessions: a limit of the version where no
    grant helps."""
    if server_version.startswith("9."):
        return Unread(what, sees_sessions(server_version).rstrip("."), judged=False)
    return Unread(what, "the role may not see other roles' sessions: GRANT pg_monitor to it")


def slot(row: Mapping[str, Any]) -> Slot:
    """A row of `slots`: slot_name, target_name, active, active_pid, state, lag_bytes, retained_bytes,
    lag_seconds, confirmed_lsn, applied_lsn; where to be had plugin, wal_status, catchup_seconds (its own
    estimate)."""
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
        wal_status=text_or_none(row.get("wal_status")),
        catchup_seconds=row.get("catchup_seconds"),
        plugin=text_or_none(row.get("plugin")),
        applied_lsn=text_or_none(row.get("applied_lsn")),
    )


def text_or_none(value: object) -> str | None:
    """Text from outside, cleaned; NULL stays None."""
    return None if value is None else clean(value, 300)


def moment(value: object) -> datetime | None:
    """A timestamptz in UTC; NULL and anything that is no time is None."""
    return value.astimezone(UTC) if isinstance(value, datetime) else None
