"""Replication conflicts: single ones, counters, and one collision as several nodes met it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Conflict:
    """One conflict as the node that met it wrote it down."""

    at: datetime
    """When it was met here (the node's clock, UTC)."""
    table: str
    """schema.table, or the raw name where the engine gives no schema."""
    kind: str
    """The engine's own word: insert_insert, update_origin_differs ..."""
    resolution: str
    """The engine's own word: last_update_wins_keep_local, apply_remote, skip ..."""
    origin: str | None
    """The node whose change met a local row; None when it is not told."""
    key: str
    """The same for one collision on every node that met it, as far as the engine lets us tell."""
    local_tuple: str | None = None
    remote_tuple: str | None = None
    local_commit_at: datetime | None = None
    remote_commit_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ConflictCount:
    """A counter since the engine's statistics were reset."""

    origin: str
    """The node (or subscription) whose changes were counted."""
    kind: str
    count: int
    since: datetime | None = None
    """When the counters began; None where that is not known, or they never began anew."""


@dataclass(frozen=True, slots=True)
class Collision:
    """One collision, with every node that met it."""

    conflict: Conflict
    """As the node saw it that met it first."""
    seen_on: tuple[str, ...]
    """Configured names of the nodes, in the order in which they met it."""


def collisions(met: Iterable[tuple[str, Conflict]]) -> tuple[Collision, ...]:
    """(node, conflict) pairs of a whole cluster, each collision once, the newest first."""
    by_key: dict[str, list[tuple[str, Conflict]]] = {}
    for node, conflict in met:
        by_key.setdefault(conflict.key, []).append((node, conflict))
    found = []
    for same in by_key.values():
        same.sort(key=lambda pair: pair[1].at)
        found.append(Collision(same[0][1], tuple(dict.fromkeys(node for node, _ in same))))
    return tuple(sorted(found, key=lambda collision: collision.conflict.at, reverse=True))
