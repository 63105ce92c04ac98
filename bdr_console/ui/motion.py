"""Up and down in whatever has the keys: a table, a list, or a text that scrolls."""

from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import DataTable, OptionList


def move(screen: Screen[object], way: str) -> None:
    """Move by `way`: up, down, left, right, top, bottom, half_up or half_down."""
    if way == "left":
        screen.focus_previous()
    elif way == "right":
        screen.focus_next()
    elif isinstance(target := screen.focused, DataTable):
        _in_table(target, way)
    elif isinstance(target, OptionList):
        _in_list(target, way)
    else:
        scrolls = target if isinstance(target, VerticalScroll) else None
        text = scrolls or next(iter(screen.query(VerticalScroll)), None)
        if text is not None:
            _in_text(text, way)


def _half(widget: Widget) -> int:
    return max(1, widget.scrollable_content_region.height // 2)


def _in_table(table: DataTable[object], way: str) -> None:
    rows = {
        "up": table.cursor_row - 1,
        "down": table.cursor_row + 1,
        "top": 0,
        "bottom": table.row_count - 1,
        "half_up": table.cursor_row - _half(table),
        "half_down": table.cursor_row + _half(table),
    }
    if table.row_count:
        table.move_cursor(row=min(max(rows[way], 0), table.row_count - 1), animate=False)


def _in_list(options: OptionList, way: str) -> None:
    last, now = options.option_count - 1, options.highlighted or 0
    step = _half(options)
    rows = {
        "up": now - 1,
        "down": now + 1,
        "top": 0,
        "bottom": last,
        "half_up": now - step,
        "half_down": now + step,
    }
    if last >= 0:
        options.highlighted = min(max(rows[way], 0), last)


def _in_text(text: VerticalScroll, way: str) -> None:
    if way in ("top", "bottom"):
        text.scroll_to(y=0 if way == "top" else text.max_scroll_y, animate=False)
        return
    lines = {"up": -1, "down": 1, "half_up": -_half(text), "half_down": _half(text)}[way]
    text.scroll_relative(y=lines, animate=False)
