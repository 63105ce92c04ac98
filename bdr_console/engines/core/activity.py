"""Rows about sessions, logins, settings and output plugins -> types. Pure."""

from collections.abc import Collection, Mapping
from typing import Any

from bdr_console.cluster.access import Access, Account
from bdr_console.cluster.activity import (
    Activity,
    BlockedWorker,
    LockHolder,
    Parameter,
    PreparedTransaction,
    SessionGroup,
    SlotRoom,
    Transaction,
)
from bdr_console.cluster.nodes import Caveat, Unread
from bdr_console.cluster.text import clean, query_text
from bdr_console.engines.core.statements import CORE, statement
from bdr_console.links.postgres import Rows, Unreadable


def activity(applications: Rows, transactions: Rows) -> Activity:
    """Rows of `applications`: application_name, state, sessions, longest; of `transactions`: pid, age, state,
    usename, application_name, client, query, wait_event_type, wait_event, blocked_by."""
    return Activity(
        tuple(
            SessionGroup(
                clean(row["application_name"] or "", 100),
                clean(row["state"] or "", 60),
                row["sessions"],
                row["longest"],
            )
            for row in applications
        ),
        tuple(
            Transaction(
                pid=row["pid"],
                age=max(0.0, row["age"]),
                state=clean(row["state"] or "", 60),
                user=clean(row["usename"] or "", 100),
                application=clean(row["application_name"] or "", 100),
                client=clean(row["client"] or "", 100),
                query=query_text(row["query"]),
                waits_for=": ".join(clean(row[part], 60) for part in _WAIT if row[part]),
                blocked_by=tuple(row["blocked_by"] or ()),
            )
            for row in transactions
        ),
    )


_WAIT = ("wait_event_type", "wait_event")


def parameters(rows: Rows) -> tuple[Parameter, ...]:
    """Rows of `parameters`: name, value, restart."""
    return tuple(
        Parameter(clean(row["name"], 100), clean(row["value"] or "", 200), bool(row["restart"]))
        for row in rows
    )


def slot_room(rows: Rows) -> tuple[SlotRoom, ...]:
    """Rows of `slot_room`: slot_name, safe_wal_size, keep_limit (-1 MiB for none)."""
    return tuple(
        SlotRoom(
            clean(row["slot_name"], 200),
            row["safe_wal_size"],
            row["keep_limit"] if row["keep_limit"] is not None and row["keep_limit"] >= 0 else None,
        )
        for row in rows
    )


def blocked_workers(rows: Rows) -> tuple[BlockedWorker, ...]:
    """Rows of `blocked_workers`, one for each worker and session that holds it up: pid, leader_pid, waits,
    blocked_by, usename, application_name, client, state, age, query."""
    found: dict[int, BlockedWorker] = {}
    for row in rows:
        holder = LockHolder(
            pid=row["blocked_by"],
            user=clean(row["usename"] or "", 100),
            application=clean(row["application_name"] or "", 100),
            client=clean(row["client"] or "", 100),
            state=clean(row["state"] or "", 60),
            age=None if row["age"] is None else max(0.0, row["age"]),
            query=query_text(row["query"]),
        )
        known = found.get(row["pid"])
        holders = (*known.holders, holder) if known else (holder,)
        found[row["pid"]] = BlockedWorker(
            row["pid"], row["leader_pid"], max(0.0, row["waits"] or 0.0), holders
        )
    return tuple(found.values())


def prepared_transactions(rows: Rows) -> tuple[PreparedTransaction, ...]:
    """Rows of `prepared`: gid, database, owner, age."""
    return tuple(
        PreparedTransaction(
            clean(row["gid"], 200),
            clean(row["owner"] or "", 100),
            max(0.0, row["age"]),
            clean(row["database"] or "", 100),
        )
        for row in rows
    )


_EXAMPLE = "ARRAY['app'], ARRAY['app']"
"""What stands in access.sql, so that it runs in psql as it is."""


def access_statement(wanted: Collection[Account], server_version: int) -> str:
    """The statement that asks for these accounts, in an order that keeps its text the same."""
    roles, databases = zip(*sorted(wanted), strict=True)
    arrays = f"ARRAY[{', '.join(map(_literal, roles))}], ARRAY[{', '.join(map(_literal, databases))}]"
    return statement(CORE, "access", server_version).replace(_EXAMPLE, arrays)


def _literal(text: str) -> str:
    doubled = text.replace("'", "''").replace("\\", "\\\\")
    return f"E'{doubled}'" if "\\" in text else f"'{doubled}'"


def accesses(answer: Rows | Unreadable) -> tuple[tuple[Access, ...], tuple[Unread, ...]]:
    """The rows, and why they could not be read."""
    if isinstance(answer, Unreadable):
        return (), (Unread("logins", answer.why),)
    return tuple(
        Access(
            role=clean(row["role"], 200),
            database=clean(row["database"], 200),
            role_exists=row["role_exists"],
            can_login=row["can_login"],
            superuser=row["superuser"],
            role_limit=row["role_limit"],
            role_used=row["role_used"],
            database_exists=row["database_exists"],
            allows=row["allows"],
            database_limit=row["database_limit"],
            database_used=row["database_used"],
            may_connect=row["may_connect"] or not (row["role_exists"] and row["database_exists"]),
            read_only=row["read_only"],
        )
        for row in answer
    ), ()


_SETTING = "output_plugin_libraries"


def plugin_caveats(row: Mapping[str, Any] | None) -> tuple[Caveat, ...]:
    """What the row of plugins.sql (`allowed`, None where there is no such setting; `needed`) means."""
    if row is None or row["allowed"] is None:
        return ()
    allowed = clean(row["allowed"], 1000)
    names, quoted = _names(allowed), [name for name in _names(allowed) if "," in name]
    missing = [clean(plugin, 100) for plugin in row["needed"] or () if plugin not in names]
    if quoted:
        # ALTER SYSTEM SET ... = 'a,b' stores one name with a comma in it.
        right = ", ".join(f"'{part.strip()}'" for part in quoted[0].split(","))
        text = f'{_SETTING} holds one name with a comma, "{quoted[0]}": ALTER SYSTEM SET {_SETTING} = {right}'
        return (Caveat(bool(missing), text),)
    if missing:
        text = (
            f"{_SETTING} does not list {', '.join(missing)}: once its walsenders end, nothing here replicates"
        )
        return (Caveat(True, f"{text} any more; add it and reload"),)
    return ()


def _names(setting: str) -> list[str]:
    """The elements of a list of names as PostgreSQL shows it: parted by commas, in quotes if need be."""
    found, name, inside = [], "", False
    for letter in setting:
        if letter == '"':
            inside = not inside
        elif letter == "," and not inside:
            found.append(name.strip())
            name = ""
        else:
            name += letter
    return [name for name in (*found, name.strip()) if name]
