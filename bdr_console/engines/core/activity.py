"""Rows of applications, transactions, parameters and slot_room -> types. Pure."""

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
from bdr_console.cluster.text import clean, query_text
from bdr_console.links.postgres import Rows


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
