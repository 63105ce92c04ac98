"""The command line: what is typed after `:`, which command is meant, and how a beginning goes on."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from bdr_console.errors import ConsoleError
from bdr_console.ui.widgets.lines import Line


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """One command."""

    name: str
    help: str
    do: Callable[[str], object]
    """Takes the argument, empty without one; raises ConsoleError. What can be awaited is awaited."""
    argument: str = ""
    """What may follow, as the help writes it: `NODE`; in brackets when it may be left out."""
    choices: Callable[[], Sequence[str]] = tuple
    """What the argument may be, for completion."""
    why_not: str = ""
    """Why it cannot be done now."""


def parse(text: str, commands: Mapping[str, TypedCommand]) -> tuple[TypedCommand, str]:
    """The command that `text` names, in full or by a beginning that no other has, and its argument.

    Raises ConsoleError that says what is wrong and what was probably meant.
    """
    word, _, rest = text.strip().partition(" ")
    argument = rest.strip()
    command = commands.get(word) or _only(word, commands)
    if command is None:
        raise ConsoleError(f"there is no command '{word}'", _meant(word, tuple(commands)))
    if command.why_not:
        raise ConsoleError(f"'{command.name}': {command.why_not}", "")
    if argument and not command.argument:
        raise ConsoleError(f"'{command.name}' takes nothing after it", "")
    if not argument and command.argument and not command.argument.startswith("["):
        choices = ", ".join(command.choices()[:8])
        raise ConsoleError(f"'{command.name}' needs {command.argument}", choices and f"one of: {choices}")
    return command, argument


def completed(text: str, commands: Mapping[str, TypedCommand]) -> tuple[str, tuple[str, ...]]:
    """`text` made as long as it is certain, and what it may become."""
    word, blank, rest = text.lstrip().partition(" ")
    if not blank:
        found = _beginning(word, tuple(commands))
        if len(found) == 1:
            (name,) = found
            return (f"{name} " if commands[name].argument else name), found
        return _common(found) or text, found
    command = commands.get(word) or _only(word, commands)
    if command is None:
        return text, ()
    argument = rest.lstrip()
    found = _beginning(argument, tuple(command.choices()))
    return f"{command.name} {_common(found) or argument}", found


def choice(said: str, among: Sequence[str], what: str) -> str:
    """The one of `among` that `said` names, in full or by a beginning; raises ConsoleError if none is."""
    if said in among:
        return said
    found = _beginning(said, tuple(among))
    if len(found) == 1:
        return found[0]
    raise ConsoleError(f"there is no {what} '{said}'", _meant(said, tuple(among)))


def _common(names: Sequence[str]) -> str:
    """What all of `names` begin with."""
    shortest = min(names, key=len, default="")
    ends = (i for i, letter in enumerate(shortest) if any(name[i] != letter for name in names))
    return shortest[: next(ends, len(shortest))]


def _beginning(start: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if name.lower().startswith(start.lower())))


def _only(word: str, commands: Mapping[str, TypedCommand]) -> TypedCommand | None:
    found = _beginning(word, tuple(commands)) if word else ()
    return commands[found[0]] if len(found) == 1 else None


def _meant(word: str, known: tuple[str, ...]) -> str:
    if several := _beginning(word, known) if word else ():
        return f"it may be: {', '.join(several)}"
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(sorted(known))}"


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

    def __init__(self, commands: Mapping[str, TypedCommand], history: "Sequence[str]") -> None:
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
