"""Rows in the order that the operator chose, and only those that were asked for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bdr_console.ui.text.cells import BLANK, Cell, Columns, Row

_NO_VALUE = ("", "?", "-")


@dataclass(frozen=True, slots=True)
class Order:
    """By which column rows are sorted."""

    column: str
    down: bool
    """Whether the largest (the last of the alphabet) comes first."""

    @property
    def arrow(self) -> str:
        """`v` for the largest first, `^` for the smallest first."""
        return "v" if self.down else "^"


def next_order(now: Order | None, columns: Columns, direction: int) -> Order | None:
    """The order by the next column (1) or the one before (-1); beyond either end as the pane has them, None.

    Figures, which stand to the right, begin with the largest.
    """
    keys = [column.key for column in columns]
    place = keys.index(now.column) if now is not None and now.column in keys else -1
    place = (place + direction + 1) % (len(keys) + 1) - 1
    return None if place < 0 else Order(keys[place], columns[place].align == "right")


def ordered(rows: Sequence[Row], order: Order | None) -> tuple[Row, ...]:
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


def _sorted(rows: Sequence[Row], order: Order) -> list[Row]:
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
