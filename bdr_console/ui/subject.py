"""What a row, a cell of the mesh or a finding is about: the name by which screens hand it to one another."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can be looked at closely."""

    NODE = "node"
    LINK = "link"
    SERVER = "server"
    POOL = "pool"
    CONFLICT = "conflict"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing of the cluster, the same from one reading to the next."""

    kind: Kind
    key: tuple[str, ...]
    """NODE: its name. LINK: origin, target. SERVER: proxy, backend, server. POOL: pooler, database, user
    (user empty: every user). CONFLICT: node, its key there. EVENT: its number in the log."""
