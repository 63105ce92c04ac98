"""What can be done to a node: the exact statements, where they run, and what must hold before. Data."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter

from psycopg import sql

from bdr_console.errors import ConsoleError


class Act(StrEnum):
    """What runbooks ask of an engine."""

    CREATE_GROUP = "create group"
    JOIN = "join"
    WAIT_JOINED = "wait for join"
    PART = "part"
    DROP = "drop"
    READ_ONLY = "read-only on"
    READ_WRITE = "read-only off"
    PAUSE = "pause apply"
    RESUME = "resume apply"
    WAIT_CONFIRMED = "wait until all peers have confirmed an LSN"
    LEAD = "transfer the write leader"
    FENCE = "fence from write leadership"
    UNFENCE = "unfence"


class Where(StrEnum):
    """Which node a statement is sent to; an act has one subject, `node`."""

    NODE = "the node itself"
    MEMBER = "any one member that stays"
    MEMBERS = "every member that stays"
    TARGET = "the member that is joined through"
    HOST = "a shell on the daemon's host"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, or one shell command where it runs on HOST."""

    text: str
    """With placeholders: `{node}` becomes a quoted literal (a quoted word in a shell), `{name:name}` a quoted
    identifier. Braces of its own stand twice."""
    where: Where
    until: bool = False
    """It gives one boolean and is asked again until that is true (NULL is not); else it runs once."""
    alone: bool = False
    """It refuses to run inside a transaction block."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must hold before the act."""

    text: str
    """In a DBA's words."""
    check: str | None = None
    """A query with the statements' placeholders that gives true when it holds (NULL or no row: it does not);
    None where only people or several readings can tell."""
    where: Where = Where.NODE


@dataclass(frozen=True, slots=True)
class Capability:
    """One act as one engine and version does it."""

    act: Act
    statements: tuple[Statement, ...]
    """In this order."""
    source: str
    """Where the statements are from: run on a real engine, or the manual's chapter."""
    preconditions: tuple[Precondition, ...] = ()
    notes: tuple[str, ...] = ()
    """What it leaves behind, how it is undone, and what it is known to do besides."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """One act that this engine and version does not have."""

    act: Act
    why: str


Version = tuple[int, ...]
"""Of the engine, or of the server where that is the engine: (1, 0, 3, 1); empty while unknown."""


def placeholders(template: str) -> frozenset[str]:
    """The names of the values that the template needs."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


def render(template: str, values: Mapping[str, str | int | float], *, in_shell: bool = False) -> str:
    """The statement with its values quoted, ready to be shown and sent (to a shell when `in_shell`).

    Raises ConsoleError for a value that is missing or holds control characters.
    """
    made = []
    for text, name, form, _ in Formatter().parse(template):
        made.append(text)
        if not name:
            continue
        if name not in values:
            raise ConsoleError(f"a value for '{name}' is missing in: {template}")
        value = values[name]
        if isinstance(value, str) and not value.isprintable():
            raise ConsoleError(f"{value!r} cannot be the {name}", "Control characters are not allowed there.")
        made.append(_quoted(value, form or "", in_shell=in_shell))
    return "".join(made)


def _quoted(value: str | float, form: str, *, in_shell: bool) -> str:
    if in_shell:
        return shlex.quote(str(value))
    if form == "name":
        return sql.Identifier(str(value)).as_string(None)
    return sql.Literal(value).as_string(None).strip()
