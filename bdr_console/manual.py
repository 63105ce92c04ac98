"""The manual page as roff, made from the commands themselves: what `--help` tells, of all of them."""

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

_NO_FILL = "\b"
"""Click's mark of a paragraph whose lines stay as they are."""
_ESCAPES = str.maketrans(
    {
        "\\": r"\e",
        "-": r"\-",
        "'": r"\(aq",
        "`": r"\(ga",
        "^": r"\(ha",
        "~": r"\(ti",
        '"': r"\(dq",
        "|": r"|\:",
    }
)
"""Characters that roff would print as typography: an option must stay what can be pasted into a shell. A line
may be broken behind a bar, between two choices."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: what is no command."""

    title: str
    entries: Sequence[tuple[str, str]]
    """Term and explanation."""
    intro: str = ""


def page(root: click.Context, version: str, sections: Sequence[Section]) -> str:
    """The page of `root`'s command and of every command below it, then `sections`; pure ASCII."""
    command = root.command
    name = str(root.info_name)
    lines = [
        f'.TH {_escaped(name).upper()} 1 "" "{_escaped(name)} {_escaped(version)}" "User Commands"',
        ".nh",  # a hyphen in a command or a path would be taken for a part of it
        ".ad l",
        ".SH NAME",
        f"{_escaped(name)} {_escaped('-')} {_escaped(_first_sentence(command))}",
        ".SH SYNOPSIS",
        *_usage(root),
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
        ".SH OPTIONS",
        *_options(root),
        ".SH COMMANDS",
    ]
    for below in _commands(root):
        lines += _command(below)
    for section in sections:
        lines.append(f".SH {section.title}")
        lines += _paragraphs(section.intro)
        lines += _terms(section.entries)
    return "\n".join(lines) + "\n"


def _commands(context: click.Context) -> Iterator[click.Context]:
    """Every command below, each group before what is in it."""
    if not isinstance(context.command, click.Group):
        return
    for name in context.command.list_commands(context):
        command = context.command.get_command(context, name)
        if command is not None and not command.hidden:
            below = click.Context(command, info_name=name, parent=context)
            yield below
            yield from _commands(below)


def _command(context: click.Context) -> Iterator[str]:
    yield f".SS {_escaped(_path(context))}"
    yield from _usage(context)
    yield from _paragraphs(context.command.help or "")
    yield from _options(context)
    yield from _paragraphs(context.command.epilog or "")


def _path(context: click.Context) -> str:
    """`lab up`: a command without the program's name."""
    return context.command_path.partition(" ")[2]


def _usage(context: click.Context) -> Iterator[str]:
    pieces = " ".join(context.command.collect_usage_pieces(context))
    yield ".PP"
    yield rf"\fB{_escaped(context.command_path)}\fR {_escaped(pieces)}"


def _options(context: click.Context) -> Iterator[str]:
    params = context.command.params if context.parent else context.command.get_params(context)
    records = [param.get_help_record(context) for param in params]
    yield from _terms([record for record in records if record is not None and record[1]])


def _terms(entries: Sequence[tuple[str, str]]) -> Iterator[str]:
    for term, text in entries:
        yield ".TP"
        yield rf"\fB{_escaped(term)}\fR"
        yield _escaped(" ".join(text.split()))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text).strip()):
        if not paragraph:
            continue
        yield ".PP"
        if paragraph.startswith(_NO_FILL):
            yield ".nf"
            yield from map(_escaped, paragraph.removeprefix(_NO_FILL).strip("\n").split("\n"))
            yield ".fi"
        else:
            yield _escaped(" ".join(paragraph.split()))


def _first_sentence(command: click.Command) -> str:
    return " ".join((command.help or "").strip().partition("\n\n")[0].split()).rstrip(".")


def _escaped(text: str) -> str:
    """One line of text that roff prints as it is."""
    plain = "".join(
        char if char.isascii() else rf"\[u{ord(char):04X}]" for char in text.translate(_ESCAPES).rstrip()
    )
    return rf"\&{plain}" if plain.startswith((".", " ")) else plain
