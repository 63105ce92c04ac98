"""The command line: one line at the bottom of the screen, over what it is about."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from bdr_console.errors import ConsoleError
from bdr_console.ui.command import Command, completed, parse
from bdr_console.ui.widgets.line import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

_HINT = " tab completes, enter does it, esc closes"


class CommandLine(ModalScreen[str | None]):
    """Takes one command; dismissed with what was typed, or None. A mistake is said, and can be mended."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", id="command-close"),
        Binding("tab", "complete", "Complete", id="command-complete", priority=True),
        Binding("up", "older", "Older", id="command-older", priority=True),
        Binding("down", "newer", "Newer", id="command-newer", priority=True),
    ]
    DEFAULT_CSS = """
    CommandLine { background: $background 0%; align: left bottom; }
    CommandLine Vertical { dock: bottom; height: auto; width: 100%; background: $panel; color: $foreground; }
    CommandLine #matches { height: auto; max-height: 4; background: $panel; }
    CommandLine Horizontal { height: 1; background: $surface; }
    CommandLine #colon { width: 2; background: $surface; text-style: bold; }
    CommandLine Input, CommandLine Input:focus {
        height: 1; border: none; padding: 0; width: 1fr; background: $surface;
    }
    """

    def __init__(self, commands: Mapping[str, Command], history: "Sequence[str]") -> None:
        super().__init__()
        self._commands = commands
        self._history = (*history, "")
        self._place = len(history)

    def compose(self) -> ComposeResult:
        """What it may become, and the line itself."""
        with Vertical():
            yield Line(Text(_HINT, end=""), id="matches")
            with Horizontal():
                yield Line(Text(" :", end=""), id="colon")
                yield Input(id="command", select_on_focus=False)

    def action_leave(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)

    def action_complete(self) -> None:
        """Go on with what is typed as far as it is certain."""
        field = self.query_one(Input)
        field.value, found = completed(field.value, self._commands)
        field.cursor_position = len(field.value)
        self._tell(found)

    def action_older(self) -> None:
        """What was typed before."""
        self._recall(-1)

    def action_newer(self) -> None:
        """What was typed after that."""
        self._recall(1)

    def _recall(self, step: int) -> None:
        self._place = min(max(self._place + step, 0), len(self._history) - 1)
        field = self.query_one(Input)
        field.value = self._history[self._place]
        field.cursor_position = len(field.value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._tell(completed(event.value, self._commands)[1] if event.value else ())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if not text:
            self.dismiss(None)
            return
        try:
            parse(text, self._commands)
        except ConsoleError as error:
            self._say(f"{error.problem}. {error.remedy}")
        else:
            self.dismiss(text)

    def _tell(self, found: tuple[str, ...]) -> None:
        """What it may become; once it is one command, what that does."""
        word = self.query_one(Input).value.split(" ")[0]
        command = self._commands.get(found[0] if len(found) == 1 else word)
        if command is not None and (len(found) == 1 or word == command.name):
            form = f"{command.name} {command.argument}".strip()
            said = f"{form}: {command.help}" + (f" (not now: {command.why_not})" if command.why_not else "")
            rest = "   " + "  ".join(found) if len(found) > 1 else ""
            self._say(said + rest)
        else:
            self._say("  ".join(found) or _HINT.strip())

    def _say(self, text: str) -> None:
        self.query_one("#matches", Line).say(Text(f" {text}", end="", overflow="ellipsis"))
