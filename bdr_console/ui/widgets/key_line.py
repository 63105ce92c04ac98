"""The keys that matter here and now, on the last line of every screen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Input

from bdr_console.ui.actions import ACTIONS
from bdr_console.ui.here import barred
from bdr_console.ui.text.parts import Part, fitting
from bdr_console.ui.widgets.line import Line

if TYPE_CHECKING:
    from bdr_console.ui.app import ConsoleApp

_RANKS = {action.id: action.rank for action in ACTIONS}
_GREYED = 10


class KeyLine(Line):
    """One line of text, not a row of widgets: those would be made anew at every change of focus.

    What is greyed out stands in brackets, so that it is told without colour too.
    """

    DEFAULT_CSS = """
    KeyLine { dock: bottom; background: $surface; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.auto_links = False

    def on_mount(self) -> None:
        """Follow the bindings of the screen."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def _changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen:
            self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Another width has room for other keys."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        if not self.is_attached or self.app.screen is not self.screen:
            return  # under another screen: "screen.x" would be asked of that one
        # What works everywhere stands last, in the same place on every screen.
        parts = fitting(sorted(self._keys(), key=lambda part: not part.rank), self.size.width)
        text = Text(no_wrap=True, overflow="crop", end="")
        for part in parts:
            text.append(" " * (part.gap if text else 1))
            text.append_text(part.text)
        self.say(text)

    def _keys(self) -> Iterator[Part]:
        """Every key of the screen as it stands; what is greyed out leaves a narrow line first."""
        seen: set[str] = set()
        read_only = cast("ConsoleApp", self.app).read_only
        for pressed, (node, found, possible, _) in self.screen.active_bindings.items():
            hidden = not found.show and node is self.screen.focused
            binding = (self._beneath(pressed) if hidden else None) or found
            if not binding.show or binding.action in seen:
                continue
            key = self.app.get_key_display(binding)
            seen.add(binding.action)
            rank = _RANKS.get(binding.id or "", 0)
            if possible and not barred(binding.action, read_only=read_only):
                click = Style(meta={"@click": f"app.simulate_key('{binding.key}')"})
                text = Text.assemble((key, click + Style(bold=True)), (f" {binding.description}", click))
                yield Part(text, rank)
            else:
                yield Part(Text(f"({key} {binding.description})", "dim"), rank + _GREYED)

    def _beneath(self, key: str) -> Binding | None:
        """The screen's own binding of a key that a list takes first, to tell the screen of it (enter)."""
        if isinstance(self.screen.focused, Input):
            return None
        own = self.screen._bindings.key_to_bindings.get(key, ())  # private to Textual; it is pinned
        mapped = cast("ConsoleApp", self.app).keys
        return next((binding for binding in own if binding.show and binding.id not in mapped), None)
