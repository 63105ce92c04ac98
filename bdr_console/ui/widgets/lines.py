"""Text that is never read as markup and is repainted only where it changed; the field for a node's name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input


class Line(Widget):
    """One line, or a few, of plain text."""

    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; }
    """

    def __init__(
        self,
        text: Text | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._text = text or Text()

    @property
    def text(self) -> Text:
        """What stands there."""
        return self._text

    def say(self, text: Text) -> None:
        """Show `text`; nothing is repainted when it is what stands there already."""
        if not text.plain.replace("\n", "").isprintable():
            text.plain = _printable(text.plain)
        before = self._text
        if text == before and text.spans == before.spans:
            return
        self._text = text
        auto = self.styles.height is not None and self.styles.height.is_auto
        self.refresh(layout=auto and self._rows(text) != self._rows(before))

    def _rows(self, text: Text) -> int:
        """How many rows the text takes; before the first layout a figure that equals no other."""
        width = self.content_size.width
        return len(text.wrap(self.app.console, width)) if width else id(text)

    def render(self) -> Text:
        """The text as it stands."""
        return self._text


def shortened(text: Text, width: int, ellipsis: str) -> Text:
    """The text in `width` cells at most (0: as it is); what is missing is told by the ellipsis."""
    if not width or text.cell_len <= width:
        return text
    cut = text.copy()
    cut.truncate(max(0, width - cell_len(ellipsis)), overflow="crop")
    cut.append(ellipsis)
    return cut


def _printable(text: str) -> str:
    """The last door before the terminal, for text that came another way than through a row's types.

    One character stands for one, so that the styles stay where they are.
    """
    return "".join(char if char == "\n" or char.isprintable() else "?" for char in text)


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


class _NameField(Input):
    """Leaves some keys to the screen as long as nothing is typed."""

    passes: frozenset[str] = frozenset()

    def _on_key(self, event: Key) -> None:  # type: ignore[override]  # Textual calls that of each class
        if self._leaves(event.key):
            event.prevent_default()  # the base class does not type it, and it bubbles on to the screen

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether the key is text here; the line of keys shows the others."""
        return not self._leaves(key) and super().check_consume_key(key, character)

    def _leaves(self, key: str) -> bool:
        return not self.value and key in self.passes


class NameBox(Vertical):
    """Hidden until it is opened; enter in any of its fields sends all of them."""

    DEFAULT_CSS = """
    NameBox { display: none; height: auto; background: $panel; }
    NameBox.-open { display: block; }
    NameBox Horizontal { height: 1; }
    NameBox Input, NameBox Input:focus { height: 1; border: none; padding: 0 1; width: 1fr; }
    NameBox Input { background: $panel; }
    NameBox Input:focus { background: $surface; }
    """

    @dataclass
    class Typed(Message):
        """What stood in the fields when enter was pressed."""

        name: str
        reason: str
        until: str

    def __init__(self, *, purpose: bool = False) -> None:
        """`purpose`: ask also for the reason and the expected end, both optional."""
        super().__init__()
        self._purpose = purpose

    def compose(self) -> ComposeResult:
        """The fields."""
        yield _NameField(id="confirm", select_on_focus=False)
        if self._purpose:
            with Horizontal():
                yield Input(id="reason", placeholder="tab: reason (optional)", select_on_focus=False)
                yield Input(
                    id="until",
                    placeholder="tab: over by (optional): 45m, 14:30",
                    select_on_focus=False,
                )

    @property
    def is_open(self) -> bool:
        """Whether it takes a name now."""
        return self.has_class("-open")

    def open(self, asks: str, passes: Iterable[str] = ()) -> None:
        """Show it, empty, with `asks` in the place of the name. While nothing is typed the keys `passes` go
        to the screen: no name that is asked for begins with one."""
        box = self.query_one("#confirm", _NameField)
        box.passes = frozenset(passes)
        box.placeholder = asks
        box.value = ""
        self.add_class("-open")
        box.focus()

    def close(self) -> None:
        """Hide it; what the maintenance is for stays as it was typed."""
        if self.is_open:
            self.query_one("#confirm", Input).value = ""
            self.remove_class("-open")
            self.screen.set_focus(None)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.is_open:
            values = {field.id: field.value.strip() for field in self.query(Input)}
            self.post_message(
                self.Typed(values["confirm"], values.get("reason", ""), values.get("until", ""))
            )
