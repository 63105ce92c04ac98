"""The help: every key, from the one list of actions."""

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from bdr_console.ui.actions import Place, motions, of
from bdr_console.ui.cells import Tone
from bdr_console.ui.colours import Styles
from bdr_console.ui.keymap import shown_key
from bdr_console.ui.widgets.line import Line

WATCHING = "not in read-only mode"


class Help(ModalScreen[None]):
    """Every key with what it does; scrolls where the screen is small."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "Close", id="help-close"),
        *motions(),
    ]
    DEFAULT_CSS = """
    Help { align: center middle; }
    Help VerticalScroll { width: 78; max-width: 100%; height: 100%; background: $surface; padding: 0 1; }
    Help Line { height: auto; }
    """

    def __init__(self, styles: Styles, *, read_only: bool, keys: Mapping[str, str] | None = None) -> None:
        """`keys` are the user's own, by action."""
        super().__init__()
        self._text = help_text(styles, read_only=read_only, keys=keys)

    def compose(self) -> ComposeResult:
        """The list."""
        with VerticalScroll():
            yield Line(self._text)


def help_text(styles: Styles, *, read_only: bool, keys: Mapping[str, str] | None = None) -> Text:
    """Every key, by place; what read-only mode forbids is dimmed and says so."""
    text = Text("Keys", "bold", end="")
    text.append("   esc closes, up and down scroll", "not bold")
    for place in Place:
        text.append(f"\n\n{place.value}\n", "bold underline")
        for number, action in enumerate(of(place)):
            barred = read_only and action.changes
            own = keys is not None and action.id in keys
            shown = "1" if action.id == "pane-1" and not own else shown_key(action, keys or {})
            line = f"{shown:>9}  {action.help}" + (f" ({WATCHING})" if barred else "")
            text.append(("\n" if number else "") + line, styles[Tone.STALE] if barred else "not bold")
    return text
