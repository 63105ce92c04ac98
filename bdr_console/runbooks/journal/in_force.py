"""What a run has changed and not taken back yet, by its journal alone: event after event. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from bdr_console.cluster.poolers import nothing_paused
from bdr_console.runbooks.model.run import Command

Event = Mapping[str, Any]

_OPENS = {"disable server": ("enable server",), "PAUSE": ("RESUME",), "KILL": ("RESUME",)}
"""A command, and what takes it back; both are followed by the same name."""
_SET = re.compile(r"SET (\w+) = '([^']*)'")


def after(open_: tuple[Command, ...], event: Event) -> tuple[Command, ...]:
    """What is in force after one more event: an intent counts as sent, an answer as done."""
    match event.get("event"):
        case "intent" if not event.get("undo"):
            return _opened(open_, Command(event["host"], event["command"]))
        case "taken":
            for act in event["acts"]:
                open_ = _opened(open_, Command(act["host"], act["command"]))
            return open_
        case "answer":
            return _closed(open_, Command(event["host"], event["command"]))
        case "error" if nothing_paused(event.get("error", "")):
            return _closed(open_, Command(event["host"], event["command"]))
    return open_


def setting(command: Command) -> tuple[str, str] | None:
    """`SET key = 'value'` -> (key, value); None for another command."""
    found = _SET.fullmatch(command.text)
    return (found[1], found[2]) if found else None


def subject(command: Command) -> str:
    """The name that a command is about, without PgBouncer's quotes."""
    name = command.text.removeprefix(_word(command.text)).strip()
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def target(command: Command) -> str:
    """The configured name of the host that a command went to."""
    return command.host.partition(" ")[0]


def _word(text: str) -> str:
    first = text.partition(" ")[0]
    return f"{first} server" if text.startswith(("disable server ", "enable server ")) else first


def _opened(open_: tuple[Command, ...], sent: Command) -> tuple[Command, ...]:
    if sent in open_:
        return open_
    if wanted := setting(sent):
        # The second SET of a key is the one that puts it back: it opens nothing.
        keys = {(one.host, found[0]) for one in open_ if (found := setting(one))}
        return open_ if (sent.host, wanted[0]) in keys else (*open_, sent)
    return (*open_, sent) if _word(sent.text) in _OPENS else open_


def _closed(open_: tuple[Command, ...], done: Command) -> tuple[Command, ...]:
    return tuple(one for one in open_ if one.host != done.host or not _takes_back(done, one))


def _takes_back(done: Command, open_: Command) -> bool:
    if before := setting(open_):
        now = setting(done)
        return done.text == "RELOAD" or (now is not None and now[0] == before[0] and now[1] != before[1])
    word = _word(open_.text)
    return _word(done.text) in _OPENS.get(word, ()) and subject(done) == subject(open_)
