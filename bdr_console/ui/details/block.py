"""What details are made of: dated blocks that name their source, laid out to any width. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from bdr_console.cluster.text import clean
from bdr_console.ui.text.cells import BLANK, Cell, PaneColumn, Subject, lay
from bdr_console.ui.text.words import coarse
from bdr_console.ui.theming.styles import Glyphs, Styles, Tone

_LABEL = 18
_LAST_AT_LEAST = 16
"""Cells that the last column of a table is given at least; else it is wrapped under its row."""


@dataclass(frozen=True, slots=True)
class Field:
    """`label  value`; a long value is wrapped beside its label."""

    label: str
    value: Cell


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: Cell


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under titles. Columns take what they need, at most 40 cells; the last one is wrapped, not cut."""

    titles: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: frozenset[int] = frozenset()
    """The places of columns that hold figures."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines that are shown as they are; they were made for the width there is."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Goto:
    """Another thing that has details of its own; it gets a number to be reached by."""

    subject: Subject
    text: Cell


Part = Field | Words | Table | Drawing | Goto


@dataclass(frozen=True, slots=True)
class Block:
    """Things known from one source at one time."""

    title: str
    parts: tuple[Part, ...]
    source: str = ""
    """The statement's file or the command that it was read with; empty for what the console made itself."""
    age: float | None = None
    """Seconds since it was read; None where there is nothing to date."""


@dataclass(frozen=True, slots=True)
class Page:
    """Blocks as lines."""

    lines: tuple[Text, ...]
    goes: tuple[Subject, ...]
    """What the numbers lead to, 1 first; at most nine."""


def lay_out(blocks: Sequence[Block], width: int, styles: Styles, glyphs: Glyphs) -> Page:
    """The blocks as lines of at most `width` cells, an empty line between two."""
    lines: list[Text] = []
    goes: list[Subject] = []
    for block in blocks:
        if lines:
            lines.append(Text(end=""))
        lines.append(_head(block, width, styles, glyphs))
        for part in block.parts:
            if isinstance(part, Goto):
                number = ""
                if len(goes) < 9:
                    goes.append(part.subject)
                    number = str(len(goes))
                lines += _hanging(f"  {number:>1} ", part.text, width, styles, bold=True)
            else:
                lines += _part(part, width, styles, glyphs)
    return Page(tuple(lines), tuple(goes))


def dated(age: float | None) -> str:
    """`just now`, `12 s ago`, `4m ago`: in steps, so that the line seldom changes."""
    if age is None:
        return "never"
    return "just now" if age < 3 else f"{coarse(age)} ago"


def _head(block: Block, width: int, styles: Styles, glyphs: Glyphs) -> Text:
    when = f"{block.source}, {dated(block.age)}" if block.source else ""
    title = lay(
        block.title, PaneColumn("", "", 1), min(cell_len(block.title), width - 1), ellipsis=glyphs.ellipsis
    )
    text = Text(f" {title}", "bold underline", end="")
    room = width - cell_len(title) - 4
    if when and room > 12:
        when = lay(when, PaneColumn("", "", 1), min(cell_len(when), room), ellipsis=glyphs.ellipsis)
        text.append(f"  {when}", styles[Tone.STALE] + Style(bold=False, underline=False))
    return text


def _part(part: Field | Words | Table | Drawing, width: int, styles: Styles, glyphs: Glyphs) -> list[Text]:
    if isinstance(part, Field):
        return _hanging(f"  {part.label:<{_LABEL}} ", part.value, width, styles)
    if isinstance(part, Words):
        return _hanging("  ", part.text, width, styles)
    if isinstance(part, Drawing):
        return [Text(f" {line}", end="") for line in part.lines]
    return _table(part, width, styles, glyphs)


def _hanging(label: str, cell: Cell, width: int, styles: Styles, *, bold: bool = False) -> list[Text]:
    indent = cell_len(label)
    lines = wrap(cell.text, width - indent)
    first = Text(end="")
    first.append(label, "bold" if bold else "not bold").append(lines[0], styles[cell.tone])
    return [first, *(Text(" " * indent, end="").append(line, styles[cell.tone]) for line in lines[1:])]


def _table(table: Table, width: int, styles: Styles, glyphs: Glyphs) -> list[Text]:
    if not table.rows:
        return []
    last = len(table.titles) - 1
    wants = [
        min(40, max(cell_len(title), *(cell_len(clean(_at(row, place).text)) for row in table.rows)))
        for place, title in enumerate(table.titles)
    ]
    widths = wants[:last]
    while last and sum(widths) + 2 * last + 2 + min(wants[last], _LAST_AT_LEAST) > width and max(widths) > 6:
        widths[widths.index(max(widths))] -= 1
    indent = 2 + sum(widths) + 2 * last
    columns = [
        PaneColumn("", "", w, "right" if place in table.right else "left") for place, w in enumerate(widths)
    ]
    head = "  ".join(
        lay(title, column, column.width, ellipsis=glyphs.ellipsis)
        for title, column in zip(table.titles, columns, strict=False)
    )
    lines = [Text(f"  {head}{'  ' if last else ''}{table.titles[last]}"[:width], styles[Tone.STALE], end="")]
    for row in table.rows:
        text = Text("  ", end="")
        for place, column in enumerate(columns):
            cell = _at(row, place)
            text.append(
                lay(cell.text, column, column.width, ellipsis=glyphs.ellipsis) + "  ", styles[cell.tone]
            )
        cell = _at(row, last)
        own = wrap(cell.text, max(1, width - indent))
        lines.append(text.append(own[0], styles[cell.tone]))
        lines += [Text(" " * indent, end="").append(more, styles[cell.tone]) for more in own[1:]]
    return lines


def _at(row: tuple[Cell, ...], place: int) -> Cell:
    return row[place] if place < len(row) else BLANK


def wrap(text: str, width: int) -> list[str]:
    """`text`, cleaned, in lines of at most `width` cells, broken at blanks where there are any."""
    safe = text if text.isprintable() else clean(text)
    width = max(8, width)
    lines: list[str] = []
    line = ""
    for word in safe.split(" "):
        rest = word
        joined = f"{line} {rest}" if line else rest
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while cell_len(rest) > width:
            head = _fitting(rest, width)
            lines.append(head)
            rest = rest[len(head) :]
        line = rest
    return [*lines, line]


def _fitting(text: str, width: int) -> str:
    """The longest beginning of `text` that takes at most `width` cells, but one character at least."""
    taken = 0
    for place, character in enumerate(text):
        taken += cell_len(character)
        if taken > width:
            return text[: max(1, place)]
    return text
