"""The list of themes: moving in it shows each one on the screen behind."""

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from bdr_console.ui.actions import motions
from bdr_console.ui.looks.themes import ThemeFile
from bdr_console.ui.widgets.line import Line


class ThemeChooser(ModalScreen[str | None]):
    """Dismissed with the theme that was chosen; None when the one from before was put back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "put_back", "Put back", id="themes-close"),
        *motions(),
    ]
    DEFAULT_CSS = """
    ThemeChooser { align: right bottom; background: $background 0%; }
    ThemeChooser #box { width: 48; max-width: 100%; height: auto; max-height: 100%; background: $surface;
        color: $foreground; border: solid $primary; padding: 0 1; }
    ThemeChooser OptionList, ThemeChooser OptionList:focus {
        height: auto; max-height: 12; border: none; background: $surface;
    }
    ThemeChooser #about { height: 2; }
    .-ascii ThemeChooser #box { border: ascii $primary; }
    """

    def __init__(self, themes: Mapping[str, ThemeFile], now: str) -> None:
        super().__init__()
        self._themes = themes
        self._names = tuple(themes)
        self._before = now

    def compose(self) -> ComposeResult:
        """The names, and what the one under the cursor is for."""
        with Vertical(id="box"):
            yield Line(Text("Colour theme", "bold", end=""))
            yield OptionList(*(Option(Content(name)) for name in self._names))
            yield Line(id="about")
            yield Line(Text("enter takes it, esc puts the old one back", end=""))

    def on_mount(self) -> None:
        """Begin with the theme in force."""
        options = self.query_one(OptionList)
        if self._before in self._names:
            options.highlighted = self._names.index(self._before)
        options.focus()

    def action_put_back(self) -> None:
        """Close as if nothing had been shown."""
        self.app.theme = self._before
        self.dismiss(None)

    @on(OptionList.OptionHighlighted)
    def _show(self, event: OptionList.OptionHighlighted) -> None:
        name = self._names[event.option_index]
        self.app.theme = name
        self.query_one("#about", Line).say(Text(self._themes[name].description, end=""))

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[event.option_index])
