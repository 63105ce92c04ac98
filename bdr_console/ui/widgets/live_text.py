"""Lines of text that scroll, of which only those that changed are repainted."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class LiveText(ScrollView, can_focus=False):
    """Any number of lines; each is cut at the right edge, never wrapped: they are made for the width."""

    DEFAULT_CSS = """
    LiveText {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        background: $background;
        color: $foreground;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[Text, ...] = ()

    @property
    def room(self) -> int:
        """The cells of a line; 0 before the first layout."""
        return self.scrollable_content_region.width

    def say(self, lines: Sequence[Text]) -> int:
        """Show `lines`; returns how many of those in sight are painted anew."""
        before, self._lines = self._lines, tuple(lines)
        if len(before) != len(self._lines):
            self.virtual_size = Size(self.room, len(self._lines))
        top, height = int(self.scroll_offset.y), self.scrollable_content_region.height
        changed = [y for y in range(top, top + height) if _differ(_at(before, y), _at(self._lines, y))]
        if len(changed) * 2 > height:
            self.refresh()
        else:
            for y in changed:
                self.refresh(Region(0, y - top, self.size.width, 1))
        return len(changed)

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        width = self.scrollable_content_region.width
        line = _at(self._lines, y + int(self.scroll_offset.y))
        if line is None:
            return Strip.blank(width, self.rich_style)
        segments = [
            Segment(segment.text, segment.style)
            for segment in line.render(self.app.console)
            if segment.text and not segment.control
        ]
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)


def _at(lines: Sequence[Text], place: int) -> Text | None:
    return lines[place] if place < len(lines) else None


def _differ(one: Text | None, other: Text | None) -> bool:
    if one is None or other is None:
        return one is not other
    return one != other or one.spans != other.spans or one.style != other.style
