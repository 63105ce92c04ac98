"""A drawing of characters: text, boxes and straight lines, each with its meaning. Pure."""

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from bdr_console.cluster.text import clean
from bdr_console.ui.looks.colours import Styles
from bdr_console.ui.text.cells import Tone
from bdr_console.ui.text.words import Glyphs

_PLAIN, _DOUBLE, _ASCII, _ASCII_DOUBLE = "┌─┐│└┘", "╔═╗║╚╝", "+-+|++", "#=####"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character, by row and column of its eight dots."""


class Canvas:
    """`width` x `height` cells; what is drawn later covers what was there."""

    def __init__(self, width: int, height: int, glyphs: Glyphs) -> None:
        self.width, self.height = width, height
        self.ascii_only = glyphs.ascii_only
        self._cells: dict[tuple[int, int], tuple[str, Tone]] = {}
        self._dots: dict[tuple[int, int], int] = {}

    def put(self, x: int, y: int, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Text from (x, y) to the right; what lies outside is cut off. A wide character takes two cells."""
        for character in clean(text):
            size = cell_len(character)
            if x >= 0 and x + size <= self.width and 0 <= y < self.height:
                self._cells[x, y] = (character, tone)
                for beside in range(x + 1, x + size):
                    self._cells[beside, y] = ("", tone)
            x += size

    def box(
        self,
        x: int,
        y: int,
        width: int,
        lines: list[tuple[str, Tone]],
        *,
        title: str = "",
        double: bool = False,
        tone: Tone = Tone.PLAIN,
    ) -> None:
        """A frame of `width` cells around `lines`, double for what matters most."""
        left, flat, right, side, low_left, low_right = tuple(self._frame(double=double))
        top = left + (f"{flat} {title} " if title else "")
        self.put(x, y, top + flat * (width - 1 - cell_len(top)) + right, tone)
        for row, (text, meaning) in enumerate(lines, start=1):
            self.put(x, y + row, side, tone)
            self.put(x + 1, y + row, set_cell_size(f" {text}", width - 2), meaning)
            self.put(x + width - 1, y + row, side, tone)
        self.put(x, y + len(lines) + 1, low_left + flat * (width - 2) + low_right, tone)

    def _frame(self, *, double: bool) -> str:
        if self.ascii_only:
            return _ASCII_DOUBLE if double else _ASCII
        return _DOUBLE if double else _PLAIN

    def line(self, start: tuple[float, float], end: tuple[float, float], tone: Tone) -> None:
        """A straight line of dots between the middles of two cells."""
        (x0, y0), (x1, y1) = start, end
        steps = max(1, round(max(abs(x1 - x0) * 2, abs(y1 - y0) * 4)))
        for step in range(steps + 1):
            x, y = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
            self._dot(x, y, tone)

    def _dot(self, x: float, y: float, tone: Tone) -> None:
        place = (int(x), int(y))
        if not (0 <= place[0] < self.width and 0 <= place[1] < self.height):
            return
        if self.ascii_only:
            self._cells[place] = (".", tone)
            return
        bit = _DOTS[int((y - place[1]) * 4)][int((x - place[0]) * 2)]
        self._dots[place] = self._dots.get(place, 0) | bit
        self._cells[place] = (chr(0x2800 + self._dots[place]), tone)

    def texts(self, styles: Styles | None) -> list[Text]:
        """The drawing, line by line."""
        found = []
        for y in range(self.height):
            text = Text(no_wrap=True, end="")
            for x in range(self.width):
                character, tone = self._cells.get((x, y), (" ", Tone.PLAIN))
                text.append(character, styles[tone] if styles and character != " " else "")
            text.rstrip()
            found.append(text)
        return found
