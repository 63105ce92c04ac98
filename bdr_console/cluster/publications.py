"""Which tables a node sends and takes, as publications and subscriptions say it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication of a node."""

    name: str
    changes: tuple[str, ...]
    """Those of `replication_sets.CHANGES` that it sends."""


@dataclass(frozen=True, slots=True)
class TableGroup:
    """All tables of a node that are in the same publications and subscriptions: one group on most nodes,
    however many tables there are."""

    publications: tuple[str, ...]
    subscriptions: tuple[str, ...]
    count: int
    digest: int
    """The sum of a hash of each name: two nodes with the same sum have the same tables."""
    names: tuple[str, ...]
    """schema.table, in order; the first of them where there are very many."""


@dataclass(frozen=True, slots=True)
class NarrowedTable:
    """A table of which a publication does not send everything."""

    publication: str
    table: str
    row_filter: str
    """The condition that rows must meet; empty for all rows."""
    left_out: tuple[str, ...]
    """Columns that are not sent."""
