"""Rows, cells and columns as plain data: what a pane says, before any colour or widget. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from rich.cells import cell_len, chop_cells, set_cell_size

from bdr_console.cluster.text import clean
from bdr_console.ui.theming.styles import Tone


class SubjectKind(StrEnum):
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

    kind: SubjectKind
    key: tuple[str, ...]
    """NODE: its name. LINK: origin, target. SERVER: proxy, backend, server. POOL: pooler, database, user
    (user empty: every user). CONFLICT: node, its key there. EVENT: its number in the log."""


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
class PaneColumn:
    """One column of a pane. Widths are in terminal cells and do not move while figures change."""

    key: str
    title: str
    width: int
    align: Literal["left", "right"] = "left"
    fits_names: bool = False
    """Widens to its longest text: for names, which come from the configuration and stand still."""
    keep_end: bool = False
    """Text that is too long loses its beginning, not its end (a sparkline's newest samples)."""


Columns = tuple[PaneColumn, ...]
_WIDEST_NAME = 40


def fit(sets: Sequence[Columns], rows: Iterable[Row], width: int) -> tuple[tuple[PaneColumn, int], ...]:
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


def _wanted(column: PaneColumn, rows: tuple[Row, ...]) -> int:
    if not column.fits_names:
        return column.width
    longest = max((cell_len(row.cells.get(column.key, BLANK).text) for row in rows), default=0)
    return max(column.width, min(longest, _WIDEST_NAME))


def lay(text: str, column: PaneColumn, width: int, *, ellipsis: str = "…") -> str:
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


_NO_VALUE = ("", "?", "-")


@dataclass(frozen=True, slots=True)
class RowOrder:
    """By which column rows are sorted."""

    column: str
    down: bool
    """Whether the largest (the last of the alphabet) comes first."""

    @property
    def arrow(self) -> str:
        """`v` for the largest first, `^` for the smallest first."""
        return "v" if self.down else "^"


def next_order(now: RowOrder | None, columns: Columns, direction: int) -> RowOrder | None:
    """The order by the next column (1) or the one before (-1); beyond either end as the pane has them, None.

    Figures, which stand to the right, begin with the largest.
    """
    keys = [column.key for column in columns]
    place = keys.index(now.column) if now is not None and now.column in keys else -1
    place = (place + direction + 1) % (len(keys) + 1) - 1
    return None if place < 0 else RowOrder(keys[place], columns[place].align == "right")


def ordered(rows: Sequence[Row], order: RowOrder | None) -> tuple[Row, ...]:
    """`rows` sorted by value; what has none comes last in either direction.

    Groups stay together, each under its head, and follow one another by their first row.
    """
    if order is None:
        return tuple(rows)
    heads = _heads(rows)
    if not heads:
        return tuple(_sorted(rows, order))
    groups: dict[str, list[Row]] = {}
    for row in rows:
        group = groups.setdefault(row.key if row.key in heads else row.under, [])
        if row.key not in heads:
            group.append(row)
    inside = {key: _sorted(group, order) for key, group in groups.items()}
    leading = [
        Row(key, (group[0] if group else heads[key]).cells)
        for key, group in inside.items()
        if group or key in heads
    ]
    found: list[Row] = []
    for first in _sorted(leading, order):
        found += [heads[first.key]] if first.key in heads else []
        found += inside[first.key]
    return tuple(found)


def wanted(rows: Sequence[Row], text: str) -> tuple[Row, ...]:
    """The rows that hold every word of `text` in some cell and no `!word`; case does not matter.

    A row may also be found by the name of its group; a head is shown with the rows that it heads.
    """
    words = text.casefold().split()
    if not words:
        return tuple(rows)
    heads = _heads(rows)
    found = {row.key for row in rows if row.key not in heads and _holds(row, heads.get(row.under), words)}
    shown = found | {row.under for row in rows if row.key in found}
    return tuple(row for row in rows if row.key in shown)


def counted(rows: Sequence[Row]) -> int:
    """How many rows there are, heads of groups not counted."""
    heads = _heads(rows)
    return sum(row.key not in heads for row in rows)


def _heads(rows: Sequence[Row]) -> dict[str, Row]:
    under = {row.under for row in rows if row.under}
    return {row.key: row for row in rows if row.key in under}


def _holds(row: Row, head: Row | None, words: list[str]) -> bool:
    own = [cell.text.casefold() for cell in row.cells.values()]
    around = [next(iter(head.cells.values()), BLANK).text.casefold()] if head else []
    for word in words:
        barred = word.removeprefix("!") if len(word) > 1 else word
        if barred != word:
            if any(barred in text for text in own):
                return False
        elif not any(word in text for text in (*own, *around)):
            return False
    return True


def _sorted(rows: Sequence[Row], order: RowOrder) -> list[Row]:
    def cell(row: Row) -> Cell:
        return row.cells.get(order.column, BLANK)

    known = [row for row in rows if cell(row).rank is not None or cell(row).text.strip() not in _NO_VALUE]
    rest = [row for row in rows if cell(row).rank is None and cell(row).text.strip() in _NO_VALUE]
    return sorted(known, key=lambda row: _value(cell(row)), reverse=order.down) + rest


def _value(cell: Cell) -> tuple[bool, float, str]:
    """Figures before words, so that a mixed column sorts too."""
    if cell.rank is not None:
        return (False, cell.rank, "")
    return (True, 0.0, cell.text.strip().casefold())


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
