"""Tables of plain text: columns as wide as their texts, cut to the width that there is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from bdr_console.cluster.text import clean

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    right: bool = False
    """Whether its texts end at one place: for figures."""
    gives: bool = False
    """Whether it gives up width where the table is too wide: the names and the reasons."""


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, *, ascii_only: bool
) -> list[str]:
    """The lines of a table of `width` cells at most, its titles first.

    Columns that give are cut evenly, to eight cells at least; then columns are left out from the end.
    """
    cells = [[printable(text, ascii_only=ascii_only) for text in row] for row in rows]
    while True:
        wanted = [
            max([cell_len(column.title), *(cell_len(row[at]) for row in cells)])
            for at, column in enumerate(columns)
        ]
        _narrow(columns, wanted, width - len(_GAP) * (len(columns) - 1))
        if sum(wanted) + len(_GAP) * (len(columns) - 1) <= width or len(columns) == 1:
            break
        columns = columns[:-1]
    titles = [column.title for column in columns]
    return [
        _GAP.join(
            laid(text, size, right=column.right, ascii_only=ascii_only)
            for text, size, column in zip(row, wanted, columns, strict=False)
        ).rstrip()
        for row in (titles, *cells)
    ]


def _narrow(columns: Sequence[Column], wanted: list[int], room: int) -> None:
    while sum(wanted) > room:
        giving = [at for at, column in enumerate(columns) if column.gives and wanted[at] > 8]
        if not giving:
            return
        wanted[max(giving, key=lambda at: wanted[at])] -= 1


def laid(text: str, size: int, *, right: bool = False, ascii_only: bool = False) -> str:
    """`text` in exactly `size` cells, cut with a mark where it is longer."""
    if cell_len(text) > size:
        text = (chop_cells(text, max(1, size - 1)) or [""])[0] + ("~" if ascii_only else "…")
    space = " " * (size - cell_len(text))
    return space + text if right else text + space


def printable(text: str, *, ascii_only: bool) -> str:
    """`text` as this terminal can show it."""
    safe = text if text.isprintable() else clean(text)
    if ascii_only and not safe.isascii():
        return safe.replace("…", "~").encode("ascii", "backslashreplace").decode()
    return safe


def wrapped(text: str, width: int, *, first: str, rest: str, ascii_only: bool) -> list[str]:
    """`text` broken between words into lines of `width` cells, the first one after `first`, the others after
    `rest`."""
    lines: list[str] = []
    line, empty = first, True
    for word in printable(text, ascii_only=ascii_only).split(" "):
        if not empty and cell_len(line) + 1 + cell_len(word) > width:
            lines.append(line)
            line, empty = rest, True
        line += word if empty else f" {word}"
        empty = False
    return [*lines, line]
