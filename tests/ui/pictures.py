"""Pictures of a screen as text: what stands on it, and under each line marks for colours and emphasis.

    |  node3  no answer 12 s        what a person reads
   c|         rrrrrrrrrrrrrr        c: colours of the text (not of what has the usual colour, nor of blanks)
   g|                               g: colours of the ground, where it is not the usual one
   e|         bbbbbbbbbbbbbb        e: bold, dim, italic, underlined, reversed

The legend at the end says what each mark means. Rows without marks are left out.
"""

import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import unified_diff
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from rich.color import Color as TerminalColor
from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color, ColorParseError

from tests.ui.driving import strips

SNAPSHOTS = Path(__file__).parent / "__snapshots__"
_COLOURS = {
    "node-up": "u",
    "node-lag": "l",
    "node-bad": "b",
    "node-unknown": "n",
    "stale": "s",
    "prod": "p",
    "primary": "i",
    "secondary": "j",
    "accent": "a",
    "warning": "w",
    "error": "e",
    "success": "o",
    "foreground": "f",
    "background": "z",
    "surface": "y",
    "panel": "x",
}
"""A theme's colours by their names, the ones with a meaning first; any other is told by its value."""
_EMPHASES = {"bold": "b", "dim": "d", "italic": "i", "underline": "u", "reverse": "r"}
_TOGETHER = {"bold underline": "U", "bold reverse": "R", "bold dim": "D", "bold italic": "I"}
_ON_BLANKS = frozenset({"underline", "reverse"})
_FRAMES = range(0x2500, 0x25A0)
"""Box drawing and block elements: frames and scroll bars."""

_LONGEST = 200
"""Lines of a difference that are printed."""


@dataclass(frozen=True, slots=True)
class _Cell:
    character: str
    colour: str
    """'' for a blank: nobody sees its colour."""
    ground: str
    emphasis: str

    @property
    def is_frame(self) -> bool:
        return ord(self.character) in _FRAMES


@dataclass(slots=True)
class _Legend:
    """Gives each meaning a mark: the one it always has, or else the next free digit or capital."""

    fixed: Mapping[str, str]
    used: dict[str, str] = field(default_factory=dict)
    _free: Iterator[str] = field(
        default_factory=lambda: chain(string.digits, string.ascii_uppercase, map(chr, range(0x3B1, 0x3CA)))
    )

    def mark(self, meaning: str) -> str:
        """The mark of that meaning; '' has none, it is the usual one."""
        if not meaning:
            return " "
        if meaning not in self.used:
            self.used[meaning] = self.fixed.get(meaning.partition(" #")[0]) or next(self._free)
        return self.used[meaning]


def picture(app: App[Any]) -> str:
    """The screen of a running application as lines of text with marks for its tones."""
    name = _names(app)
    rows = [list(_cells(strip, name)) for strip in strips(app)]
    cells = list(chain.from_iterable(rows))
    ground = _most_frequent(cell.ground for cell in cells)
    text = _most_frequent(cell.colour for cell in cells if not cell.is_frame)
    frame = _most_frequent(cell.colour for cell in cells if cell.is_frame)
    colours, emphases = _Legend(_COLOURS), _Legend(_EMPHASES | _TOGETHER)

    def colour(cell: _Cell) -> str:
        usual = frame if cell.is_frame else text
        return colours.mark("" if cell.colour == usual else cell.colour)

    lines = []
    for row in rows:
        lines.append("   |" + "".join(cell.character for cell in row))
        marks = {
            "c": map(colour, row),
            "g": (colours.mark("" if cell.ground == ground else cell.ground) for cell in row),
            "e": (emphases.mark(cell.emphasis) for cell in row),
        }
        lines += [f"  {kind}|{line}" for kind, m in marks.items() if (line := "".join(m)).strip()]
    usual = [("text", text), ("frames", frame), ("ground", ground)]
    lines += ["", *(f"{what}: {colour}" for what, colour in usual if colour)]
    lines += [
        f"{mark} {meaning}"
        for legend in (colours, emphases)
        for meaning, mark in sorted(legend.used.items(), key=lambda pair: pair[1])
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def compare(name: str, now: str, *, update: bool) -> None:
    """Hold a picture against the snapshot of that name, or make it the snapshot; fails with what differs."""
    path = SNAPSHOTS / name
    if update:
        path.parent.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if now != before:
        diff = list(
            unified_diff(before.splitlines(), now.splitlines(), f"{name} before", "now", lineterm="", n=1)
        )
        more = [f"... and {len(diff) - _LONGEST} lines more"] if len(diff) > _LONGEST else []
        remedy = "If the new look is right: script/test tests/ui/test_snapshots.py --update-pictures"
        pytest.fail("\n".join([*diff[:_LONGEST], *more, remedy]), pytrace=False)


def _most_frequent(colours: Iterable[str]) -> str:
    counted = Counter(filter(None, colours))
    return min(counted, key=lambda colour: (-counted[colour], colour), default="")


def _cells(strip: Iterable[Segment], name: Callable[[TerminalColor | None], str]) -> Iterator[_Cell]:
    for text, style, _ in strip:
        look = style or Style()
        emphasis = [word for word in _EMPHASES if getattr(look, word)]
        shows_on_blanks = not _ON_BLANKS.isdisjoint(emphasis)
        for character in text:
            blank = character.isspace()
            yield _Cell(
                character,
                "" if blank else name(look.color),
                name(look.bgcolor),
                " ".join(emphasis) if not blank or shows_on_blanks else "",
            )


def _names(app: App[Any]) -> Callable[[TerminalColor | None], str]:
    """What the application's theme calls a colour."""
    names: dict[str, str] = {}
    variables = app.get_css_variables()
    for known in _COLOURS:
        with suppress(KeyError, ColorParseError):
            names.setdefault(Color.parse(variables[known]).hex6.lower(), known)

    def name(colour: TerminalColor | None) -> str:
        """The theme's name with the value, or the value alone; '' for the terminal's own colour."""
        if colour is None or colour.is_default:
            return ""
        if colour.triplet is None:
            return f"{colour.name} of the terminal"
        value = colour.triplet.hex
        return f"{names[value]} {value}" if value in names else value

    return name
