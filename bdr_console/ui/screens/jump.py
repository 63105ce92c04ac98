"""Where to in a recording: one line to be typed."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.ui.widgets.line import Line

_HINT = "12:03, 12:03:10, +5m, -30s, start, end, or words of an event"


class JumpBox(ModalScreen[datetime | None]):
    """Asks for a time or for words of an event; what leads nowhere is said, and can be typed again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", id="jump-back"),
    ]
    DEFAULT_CSS = """
    JumpBox { align: center middle; }
    JumpBox Vertical {
        width: 66; max-width: 100%; height: auto; border: solid $primary; background: $surface; padding: 0 1;
    }
    JumpBox Line { height: auto; }
    JumpBox Input, JumpBox Input:focus { height: 1; border: none; padding: 0; background: $panel; }
    .-ascii JumpBox Vertical { border: ascii $primary; }
    """

    def __init__(self, find: Callable[[str], datetime]) -> None:
        """`find` gives the moment of what was typed, or raises ConsoleError."""
        super().__init__()
        self._find = find

    def compose(self) -> ComposeResult:
        """Title, field, hint."""
        with Vertical():
            yield Line(Text("Go to", "bold"))
            yield Input(select_on_focus=False)
            yield Line(Text(_HINT), id="hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(self._find(event.value))
        except ConsoleError as error:
            self.query_one("#hint", Line).say(Text(clean(f"{error.problem}. {error.remedy}")))
