"""What is typed after `:`, as pure functions: which command is meant, and how a beginning goes on."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bdr_console.errors import ConsoleError


@dataclass(frozen=True, slots=True)
class Command:
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


def parse(text: str, commands: Mapping[str, Command]) -> tuple[Command, str]:
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


def completed(text: str, commands: Mapping[str, Command]) -> tuple[str, tuple[str, ...]]:
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


def _only(word: str, commands: Mapping[str, Command]) -> Command | None:
    found = _beginning(word, tuple(commands)) if word else ()
    return commands[found[0]] if len(found) == 1 else None


def _meant(word: str, known: tuple[str, ...]) -> str:
    if several := _beginning(word, known) if word else ():
        return f"it may be: {', '.join(several)}"
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(sorted(known))}"
