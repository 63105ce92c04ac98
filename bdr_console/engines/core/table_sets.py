"""Rows that tell which tables go where -> types; every engine gives the same. Pure."""

from collections.abc import Iterable

from bdr_console.cluster.table_sets import CHANGES, NarrowedTable, TableGroup, TableSet
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Reading
from bdr_console.links.postgres import Rows


def table_groups(reading: Reading, what: str) -> tuple[TableGroup, ...] | None:
    """Rows of that statement: sets, tables, digest, names; subscriptions where they list tables. None when it
    failed."""
    rows = reading.rows(what)
    return None if reading.failed(what) else tuple(_group(row) for row in rows)


def _group(row: dict[str, object]) -> TableGroup:
    count, digest = row["tables"], row["digest"]
    return TableGroup(
        sets=_names(row["sets"], 100),
        count=count if isinstance(count, int) else 0,
        digest=digest if isinstance(digest, int) else None,
        names=_names(row["names"], 200),
        subscriptions=_names(row.get("subscriptions"), 200),
    )


def _names(value: object, longest: int) -> tuple[str, ...]:
    return tuple(clean(name, longest) for name in value) if isinstance(value, Iterable) else ()


def table_sets(reading: Reading, what: str) -> tuple[TableSet, ...] | None:
    """Rows of that statement: name, and a boolean for each sort of change: inserts, updates ... None when it
    failed."""
    rows = reading.rows(what)
    if reading.failed(what):
        return None
    return tuple(
        TableSet(clean(row["name"], 200), tuple(change for change in CHANGES if row[f"{change}s"]))
        for row in rows
    )


def narrowed_tables(rows: Rows) -> tuple[NarrowedTable, ...]:
    """Rows of `narrowed`: set, name, filter, missing. A list that names every column leaves out none."""
    found = (
        NarrowedTable(
            clean(row["set"], 200),
            clean(row["name"], 200),
            clean(row["filter"] or "", 300),
            tuple(clean(name, 100) for name in row["missing"] or ()),
        )
        for row in rows
    )
    return tuple(table for table in found if table.row_filter or table.left_out)
