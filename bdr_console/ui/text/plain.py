"""Rows as plain text, for a clipboard or a file: whole, not cut to a screen. Pure."""

from collections.abc import Sequence

from rich.cells import cell_len

from bdr_console.cluster.text import clean
from bdr_console.ui.text.cells import BLANK, Columns, Row


def row_text(row: Row, columns: Columns) -> str:
    """The cells of a row, and under them its whole sentence."""
    cells = "  ".join(text for column in columns if (text := _text(row, column.key).strip()))
    return f"{cells}\n{clean(row.detail)}" if row.detail else cells


def table_text(rows: Sequence[Row], columns: Columns, *, title: str) -> str:
    """The rows under the titles of their columns, each column as wide as it needs."""
    lines = [[column.title for column in columns]]
    lines += [[_text(row, column.key) for column in columns] for row in rows]
    widths = [max(cell_len(line[place]) for line in lines) for place in range(len(columns))]
    shown = [
        "  ".join(
            " " * (width - cell_len(text)) + text
            if column.align == "right"
            else text + " " * (width - cell_len(text))
            for text, column, width in zip(line, columns, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([title, "", *shown]) + "\n"


def _text(row: Row, key: str) -> str:
    return clean(row.cells.get(key, BLANK).text)
