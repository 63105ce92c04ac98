"""Rows of publications, replicated and narrowed -> types. Pure."""

from bdr_console.cluster.publications import NarrowedTable, Publication, TableGroup
from bdr_console.cluster.replication_sets import CHANGES
from bdr_console.cluster.text import clean
from bdr_console.links.postgres import Rows


def publications(rows: Rows) -> tuple[Publication, ...]:
    """Rows of `publications`: pubname, and a boolean for each sort of change: inserts, updates ..."""
    return tuple(
        Publication(clean(row["pubname"], 200), tuple(change for change in CHANGES if row[f"{change}s"]))
        for row in rows
    )


def table_groups(rows: Rows) -> tuple[TableGroup, ...]:
    """Rows of `replicated`: publications, subscriptions, tables, digest, names."""
    return tuple(
        TableGroup(
            publications=tuple(clean(name, 200) for name in row["publications"]),
            subscriptions=tuple(clean(name, 200) for name in row["subscriptions"]),
            count=row["tables"],
            digest=row["digest"],
            names=tuple(clean(name, 200) for name in row["names"]),
        )
        for row in rows
    )


def narrowed_tables(rows: Rows) -> tuple[NarrowedTable, ...]:
    """Rows of `narrowed`: pubname, name, filter, missing. A list that names every column leaves out none."""
    found = (
        NarrowedTable(
            clean(row["pubname"], 200),
            clean(row["name"], 200),
            clean(row["filter"] or "", 300),
            tuple(clean(name, 100) for name in row["missing"] or ()),
        )
        for row in rows
    )
    return tuple(table for table in found if table.row_filter or table.left_out)
