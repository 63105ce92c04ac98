"""Rows, cells and columns as plain data: what a pane says, before any colour or widget comes into it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from rich.cells import cell_len, chop_cells, set_cell_size

from bdr_console.cluster.text import clean
from bdr_console.ui.subject import Subject


class Tone(StrEnum):
    """What a piece of text means; the theme's variable of the same name gives its colour."""

    PLAIN = "plain"
    UP = "node-up"
    LAG = "node-lag"
    BAD = "node-bad"
    UNKNOWN = "node-unknown"
    STALE = "stale"
    PROD = "prod"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: text that is never read as markup, and what it means."""

    text: str
    tone: Tone = Tone.PLAIN
    rank: float | None = field(default=None, compare=False)
    """What the text stands for as a number, to sort by (bytes, seconds, a count); None where the text itself
    is sorted by. Not a part of what is shown: a cell is repainted for its text only."""

    def aged(self) -> "Cell":
        """The same text, dimmed: a figure from an old reading."""
        return replace(self, tone=Tone.STALE)


BLANK = Cell("")
QUESTION = Cell("?", Tone.UNKNOWN)
"""A figure that could not be read; never shown as 0."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a pane, known by its key from one reading to the next."""

    key: str
    cells: Mapping[str, Cell]
    detail: str = ""
    """The whole sentence behind the row, shown under the panes while the cursor is on it."""
    node: str | None = None
    """The configured node that the row is about, if it is about one."""
    subject: Subject | None = None
    """What can be looked at closely here; None for a row that only says something."""
    under: str = ""
    """The key of the row that heads its group, where rows stand in groups: sorting keeps groups together."""

    def aged(self, *but: str) -> "Row":
        """The row with every cell dimmed except those of the columns named in `but`."""
        cells = {key: cell if key in but else cell.aged() for key, cell in self.cells.items()}
        return replace(self, cells=cells)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a pane. Widths are in terminal cells and do not move while figures change."""

    key: str
    title: str
    width: int
    align: Literal["left", "right"] = "left"
    fits_names: bool = False
    """Widens to its longest text: for names, which come from the configuration and stand still."""
    keep_end: bool = False
    """Text that is too long loses its beginning, not its end (a sparkline's newest samples)."""


Columns = tuple[Column, ...]
_WIDEST_NAME = 40


def fit(sets: Sequence[Columns], rows: Iterable[Row], width: int) -> tuple[tuple[Column, int], ...]:
    """The first of `sets` (widest first) that fits in `width` cells, each column with its width.

    One blank stands between columns; what is left over goes to the last column. When nothing fits,
    the last set is taken as it is and its last columns are cut off.
    """
    rows = tuple(rows)
    widths: list[int] = []
    for columns in sets:
        widths = [_wanted(column, rows) for column in columns]
        if sum(widths) + len(columns) - 1 <= width:
            break
    spare = width - sum(widths) - len(columns) + 1
    widths[-1] = max(1, widths[-1] + spare)
    return tuple(zip(columns, widths, strict=True))


def _wanted(column: Column, rows: tuple[Row, ...]) -> int:
    if not column.fits_names:
        return column.width
    longest = max((cell_len(row.cells.get(column.key, BLANK).text) for row in rows), default=0)
    return max(column.width, min(longest, _WIDEST_NAME))


def lay(text: str, column: Column, width: int, *, ellipsis: str = "…") -> str:
    """`text` in exactly `width` cells: padded, or cut with an ellipsis, and safe for a terminal.

    Names were cleaned where they became types; this is the last door before the terminal, for text that
    came another way (a recording, a journal).
    """
    safe = text if text.isprintable() else clean(text)
    size = cell_len(safe)
    if size > width:
        if column.keep_end:
            return safe[-width:]
        kept = chop_cells(safe, max(1, width - 1))[0] if width > 1 else ""
        return set_cell_size(kept + ellipsis, width)
    return " " * (width - size) + safe if column.align == "right" else safe + " " * (width - size)
