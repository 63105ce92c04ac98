"""Rows of BDR 1 and 2 -> types; pgactive, their descendant, gives the same rows. Pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from bdr_console.cluster.conflicts import Conflict, ConflictCount
from bdr_console.cluster.groups import SequenceShare
from bdr_console.cluster.nodes import Member, Membership, Subscription
from bdr_console.cluster.replication import NO_WORKER
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Reading, moment, text_or_none

STATES = {
    "b": (Membership.JOINING, "b: join asked for, copy not begun"),
    "i": (Membership.JOINING, "i: copying initial data"),
    "c": (Membership.JOINING, "c: catching up"),
    "o": (Membership.JOINING, "o: creating slots to its peers"),
    "r": (Membership.READY, "r: ready"),
    "k": (Membership.PARTED, "k: parted"),
}
"""node_status: what the letter means. It is membership, never health."""


def members(reading: Reading) -> tuple[Member, ...]:
    """Rows of `members`: node_name, status, read_only, is_local."""
    return tuple(_member(row) for row in reading.rows("members"))


def _member(row: Mapping[str, Any]) -> Member:
    letter = clean(row["status"] or "", 10)
    state, words = STATES.get(letter, (Membership.UNKNOWN, letter or "no state"))
    return Member(
        name=clean(row["node_name"], 200),
        membership=state,
        raw_state=words,
        is_local=bool(row["is_local"]),
        read_only=row["read_only"],
    )


def subscriptions(reading: Reading) -> tuple[Subscription, ...]:
    """Rows of `subscriptions`: origin, apply_pid, last_commit_at, replication_sets, apply_delay_ms,
    unidirectional, last_error, last_error_at; of `errors`: origin, errors. Status: whether an apply worker
    runs."""
    errors = {row["origin"]: row["errors"] for row in reading.counted("errors")}
    return tuple(_subscription(row, errors.get(row["origin"])) for row in reading.rows("subscriptions"))


def _subscription(row: Mapping[str, Any], errors: int | None) -> Subscription:
    origin, delay = clean(row["origin"], 200), row["apply_delay_ms"]
    return Subscription(
        name=f"from {origin}",
        origin=origin,
        enabled=True,
        status="replicating" if row["apply_pid"] else NO_WORKER,
        last_commit_at=moment(row["last_commit_at"]),
        applied_until=moment(row["last_commit_at"]),
        apply_pid=row["apply_pid"] or None,
        replication_sets=tuple(clean(name, 200) for name in row["replication_sets"] or ()),
        apply_delay=delay / 1000 if delay and delay > 0 else None,
        unidirectional=bool(row["unidirectional"]),
        errors=errors,
        last_error=text_or_none(row["last_error"]),
        last_error_at=moment(row["last_error_at"]),
    )


def conflicts(reading: Reading) -> tuple[Conflict, ...]:
    """Rows of `conflicts`, the newest first."""
    return tuple(found for row in reading.rows("conflicts") if (found := _conflict(row)))


def _conflict(row: Mapping[str, Any]) -> Conflict | None:
    at = moment(row["at"])
    if at is None:
        return None
    table = ".".join(clean(part, 200) for part in (row["object_schema"], row["object_name"]) if part)
    where = (row["remote_node_sysid"], row["remote_txid"], row["remote_commit_lsn"], table)
    same = "|".join(str(part) for part in (*where, row["remote_tuple"]))
    return Conflict(
        at=at,
        table=table,
        kind=clean(row["kind"], 60),
        resolution=clean(row["resolution"], 60),
        origin=text_or_none(row["origin"]),
        key=hashlib.sha256(same.encode("utf-8", "replace")).hexdigest()[:16],
        local_tuple=text_or_none(row["local_tuple"]),
        remote_tuple=text_or_none(row["remote_tuple"]),
        local_commit_at=moment(row["local_commit_at"]),
        remote_commit_at=moment(row["remote_commit_at"]),
        error=text_or_none(row["error"]),
    )


def conflict_counts(reading: Reading) -> tuple[ConflictCount, ...]:
    """Rows of `conflict_counts`: origin, inserts, updates, deletes; one counter for each."""
    return tuple(
        ConflictCount(clean(row["origin"], 200), kind, row[column])
        for row in reading.counted("conflict_counts")
        for kind, column in (("insert", "inserts"), ("update", "updates"), ("delete", "deletes"))
    )


def sequences(reading: Reading) -> tuple[SequenceShare, ...]:
    """Rows of `sequences`: name, values_left, chunks."""
    note = "chunks left; new ones take a majority"
    return tuple(
        SequenceShare(clean(row["name"], 200), row["values_left"], f"{row['chunks']} {note}")
        for row in reading.rows("sequences")
    )


def version_number(*words: str | None) -> str:
    """The number at the head of the first word that has one: 1.0.2-2016-11-15-1a2b -> 1.0.2."""
    found = (re.match(r"\d+(\.\d+)*", word) for word in words if word)
    return next((match[0] for match in found if match), "")
