"""A figure over the last hour, drawn with axes in braille or in ASCII. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil, log2

_LABEL = 9
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""The bits of a braille cell: its left and right column, each from the bottom up."""
_BRAILLE = 0x2800
_LEVELS = " .:|#"
_QUARTER = 900

Points = Sequence[tuple[datetime, float | None]]


def plot(
    points: Points, width: int, height: int, form: Callable[[float], str], *, least: float, ascii_only: bool
) -> tuple[str, ...]:
    """`points` (evenly apart, oldest first, None unknown) as `height` lines of area, an axis, its times.

    `form` writes a value for the upright axis, whose top is a power of two and `least` or more. A known 0 is
    an empty column over a solid axis; an unknown one stands over a broken axis.
    """
    columns = max(8, width - _LABEL - 2)
    top = _top([value for _, value in points if value is not None], least)
    fine = 1 if ascii_only else 2
    heights = [_height(part, top, height * 4) for part in _parts(points, columns * fine)]
    lines = []
    for row in range(height - 1, -1, -1):
        label = {height - 1: form(top), (height - 1) // 2 if height > 4 else -1: form(_mid(top, height))}.get(
            row, ""
        )
        bar = "|" if ascii_only else "┤" if label else "│"
        lines.append(f"{label:>{_LABEL}} {bar}" + _row(heights, row, fine, ascii_only=ascii_only).rstrip())
    known = [any(h is not None for h in heights[x * fine : (x + 1) * fine]) for x in range(columns)]
    solid, broken, corner = ("-", ".", "+") if ascii_only else ("─", "╌", "└")
    lines.append(f"{form(0):>{_LABEL}} {corner}" + "".join(solid if k else broken for k in known))
    lines.append(" " * (_LABEL + 2) + _times(points[0][0], points[-1][0], columns))
    return tuple(lines)


def _top(values: list[float], least: float) -> float:
    most = max([least, *values])
    return float(2 ** ceil(log2(most))) if most > 0 else 1.0


def _mid(top: float, height: int) -> float:
    """The value at the upper edge of the row that bears the middle label."""
    return top * ((height - 1) // 2 + 1) / height


def _parts(points: Points, count: int) -> list[float | None]:
    """The most of each of `count` equal parts of `points`; fewer points are stretched."""
    found: list[float | None] = []
    for place in range(count):
        begin = place * len(points) // count
        end = max(begin + 1, (place + 1) * len(points) // count)
        found.append(max((value for _, value in points[begin:end] if value is not None), default=None))
    return found


def _height(value: float | None, top: float, dots: int) -> int | None:
    """In dots; whatever is above 0 shows at least one."""
    if value is None:
        return None
    return 0 if value <= 0 else max(1, min(dots, round(value / top * dots)))


def _row(heights: list[int | None], row: int, fine: int, *, ascii_only: bool) -> str:
    cells = []
    for place in range(0, len(heights), fine):
        filled = [max(0, min(4, (height or 0) - row * 4)) for height in heights[place : place + fine]]
        if ascii_only:
            cells.append(_LEVELS[filled[0]])
        else:
            bits = sum(_DOTS[side][dot] for side, count in enumerate(filled) for dot in range(count))
            cells.append(chr(_BRAILLE + bits) if bits else " ")
    return "".join(cells)


def _times(first: datetime, last: datetime, columns: int) -> str:
    """The local clock at each quarter of an hour, under its place, and `now` at the end."""
    line = [" "] * columns
    span = max(1.0, (last - first).total_seconds())
    at = datetime.fromtimestamp(ceil(first.timestamp() / _QUARTER) * _QUARTER, first.tzinfo)
    while at <= last:
        place = round((at - first).total_seconds() / span * (columns - 1)) - 2
        if 0 <= place <= columns - 9:
            line[place : place + 5] = at.astimezone().strftime("%H:%M")
        at += timedelta(seconds=_QUARTER)
    line[columns - 3 :] = "now"
    return "".join(line)
