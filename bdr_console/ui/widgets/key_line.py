"""The keys that matter here and now, on the last line of every screen."""

from typing import TYPE_CHECKING, cast

from rich.style import Style
from rich.text import Text
from textual.screen import Screen

from bdr_console.ui.here import barred
from bdr_console.ui.widgets.line import Line

if TYPE_CHECKING:
    from bdr_console.ui.app import ConsoleApp


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

    def _show(self) -> None:
        if not self.is_attached or self.app.screen is not self.screen:
            return  # under another screen: "screen.x" would be asked of that one
        text = Text(" ", no_wrap=True, overflow="crop", end="")
        seen = set()
        read_only = cast("ConsoleApp", self.app).read_only
        for _, binding, possible, _ in self.screen.active_bindings.values():
            if not binding.show or binding.action in seen:
                continue
            seen.add(binding.action)
            enabled = possible and not barred(binding.action, read_only=read_only)
            click = Style(meta={"@click": f"app.simulate_key('{binding.key}')"}) if enabled else Style()
            key = self.app.get_key_display(binding)
            if enabled:
                text.append(key, click + Style(bold=True))
                text.append(f" {binding.description}  ", click)
            else:
                text.append(f"({key} {binding.description})  ", "dim")
        self.say(text)
