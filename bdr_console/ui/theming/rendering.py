"""Between Textual and the terminal: lines without colours or in ASCII, scroll bars, parsed styles."""

import unicodedata
from functools import lru_cache
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.color import Color
from textual.css.stylesheet import Stylesheet
from textual.filter import LineFilter
from textual.scrollbar import ScrollBarRender

_PLAIN = {
    "…": "~",
    "·": ".",
    "•": "*",
    "●": "*",
    "○": "o",
    "■": "#",
    "✓": "+",
    "✔": "+",
    "✗": "x",
    "▶": ">",
    "◀": "<",
    "▲": "^",
    "▼": "v",
    "↶": "<",
    "←": "<",
    "→": ">",
    "↑": "^",
    "↓": "v",
    "–": "-",
    "—": "-",
    "«": "<",
    "»": ">",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
}
_HORIZONTAL = frozenset("─━═╌╍┄┅┈┉╴╶╸╺╼╾▔▁▂")
_VERTICAL = frozenset("│┃║╎╏┆┇┊┋╵╷╹╻╽╿▏▕▎▍")


class Colourless(LineFilter):
    """Removes every colour; bold, dim, underlined and reversed text stay."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same text without colours."""
        return [
            Segment(text, style if style is None or control else _uncoloured(style), control)
            for text, style, control in segments
        ]


class AsciiOnly(LineFilter):
    """Replaces what is not ASCII, cell by cell, so that nothing moves."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same lines in ASCII."""
        return [
            segment if segment.control or segment.text.isascii() else _with_text(segment)
            for segment in segments
        ]


def _with_text(segment: Segment) -> Segment:
    return Segment("".join(map(ascii_for, segment.text)), segment.style, segment.control)


@lru_cache(maxsize=4096)
def ascii_for(character: str) -> str:
    """ASCII as wide as `character`: its look where it has one, `?` where it is a letter of another script."""
    width = cell_len(character)
    if character.isascii():
        return character
    if character in _PLAIN:
        plain = _PLAIN[character]
    elif character in _HORIZONTAL:
        plain = "-"
    elif character in _VERTICAL:
        plain = "|"
    elif "\u2500" <= character <= "\u257f":
        plain = "+"  # corners and crossings
    elif "\u2580" <= character <= "\u259f" or "\u2800" <= character <= "\u28ff":
        plain = "#"  # blocks and braille
    else:
        base = unicodedata.normalize("NFKD", character)[0]
        plain = base if base.isascii() and base.isprintable() else "?"
    return (plain * width)[:width]


@lru_cache(maxsize=1024)
def _uncoloured(style: Style) -> Style:
    # Not style.without_color: that drops what a click on the text does.
    plain = Style(
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        reverse=style.reverse,
        strike=style.strike,
        link=style.link,
    )
    return plain + Style.from_meta(style.meta) if style.meta else plain


class AsciiScrollBar(ScrollBarRender):
    """A scroll bar whose ends are whole cells: Textual draws their parts with block characters."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


_SHEETS = 1024
"""More than the widgets there are: Textual's own 64 are fewer, so that none of them is ever found again."""
_COLOURS = 16
"""Sets of colours to remember: each theme is one."""


@lru_cache(_COLOURS)
def _parsed(variables: frozenset[tuple[str, str]]) -> "LRUCache[tuple[Any, ...], Any]":
    """What was parsed with these variables."""
    return LRUCache(_SHEETS)


class RememberingStylesheet(Stylesheet):
    """Remembers what it has parsed, and shares it with the others of its kind in the process."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        """`variables`: the colours, by name."""
        super().__init__(variables=variables)
        self._remember()

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take other colours; forgets nothing."""
        if variables == self._variables:
            return
        self._parse_cache = LRUCache(1)  # the parsed styles of the colours before are not to be cleared
        super().set_variables(variables)
        self._remember()

    def reparse(self) -> None:
        """Apply other colours. Raises StylesheetError for a mistake, and keeps what it has."""
        self.parse()

    def copy(self) -> Stylesheet:
        """One like this."""
        made = RememberingStylesheet(variables=self._variables.copy())
        made.source = self.source.copy()
        return made

    def _remember(self) -> None:
        self._parse_cache = _parsed(frozenset(self._variables.items()))
