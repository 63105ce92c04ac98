"""Which tables a node offers to its peers, by replication set."""

from dataclasses import dataclass

CHANGES = ("insert", "update", "delete", "truncate")
"""What a set may send, in the order in which engines name it."""


@dataclass(frozen=True, slots=True)
class SetTables:
    """All tables of a node that are in the same sets: one or two groups on most nodes."""

    sets: tuple[str, ...]
    """Empty for tables that are in none."""
    count: int
    names: tuple[str, ...]
    """schema.table, in order; the first of them where there are very many."""


@dataclass(frozen=True, slots=True)
class NarrowSet:
    """A set that does not send every sort of change."""

    name: str
    leaves_out: tuple[str, ...]
    """Those of CHANGES that it does not send."""
