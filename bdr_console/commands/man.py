"""`bdr-console man`: the manual page as roff, made from the commands themselves."""

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

from bdr_console import __version__
from bdr_console.errors import CRASHED
from bdr_console.runbooks.model.run import MEANINGS
from bdr_console.ui.terminal.signals import HANGUP_EXIT

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


_EXIT_STATUS = Section(
    "EXIT STATUS",
    [
        *((str(code), meaning) for code, meaning in MEANINGS.items()),
        (
            str(CRASHED),
            "ended by an error of its own; the report is named on stderr, and a run under way goes on",
        ),
        (str(HANGUP_EXIT), "the terminal of the console is gone; runs under way go on"),
    ],
    "Of the console, and of the commands that make, run or finish a plan. `status` ends as a monitoring"
    " plugin does, with 0 to 3, and `with-lock` with the code of the command that it ran; `config check`,"
    " `lab load stop` and `lab load show` end with 1 when they have found something wrong. Data is on stdout,"
    " everything else on stderr.",
)
_ENVIRONMENT = Section(
    "ENVIRONMENT",
    [
        ("BDR_CONSOLE_CONFIG", "The configuration file, where --config does not name one."),
        (
            "BDR_CONSOLE_STATE",
            "The directory of runs, event logs and acknowledgements, instead of ~/.local/state/bdr-console.",
        ),
        (
            "BDR_CONSOLE_DEBUG",
            "Set to anything: as --debug; runs that the console starts inherit it.",
        ),
        (
            "BDR_CONSOLE_NODE",
            "Set for the command of --hold-command: the node that is out of service.",
        ),
        ("XDG_CONFIG_HOME, XDG_STATE_HOME", "Instead of ~/.config and ~/.local/state."),
        ("NO_COLOR", "Set to anything: the theme without a single colour."),
        ("TERM", "dumb, unknown or empty: pages of plain text instead of the screen, as `top` prints them."),
        ("LC_ALL, LC_CTYPE, LANG", "Where the locale is no UTF-8, only ASCII is printed, as with --ascii."),
        (
            "PGHOST, PGHOSTADDR, PGPORT, PGUSER, PGDATABASE, PGPASSFILE, PGSERVICEFILE, PGSYSCONFDIR",
            "Defaults for every DSN, as for psql(1).",
        ),
        (
            "PGPASSWORD",
            "As for psql(1); commands of --hold-command and password_command do not get it.",
        ),
        ("SSH_AUTH_SOCK", "The SSH agent whose keys are tried, where a target is reached through SSH."),
        (
            "SUDO_USER, SSH_CONNECTION, SSH_CLIENT",
            "Who the operator is, for journals and for the operators' lock.",
        ),
        ("TMUX", "Notifications are passed through tmux to the terminal."),
    ],
    "Values in the configuration file may name any variable as ${NAME} or ${NAME:-default}.",
)
_FILES = Section(
    "FILES",
    [
        (
            "~/.config/bdr-console/config.yaml, /etc/bdr-console/config.yaml",
            "The configuration: the first one found. `config example` prints one that names every key.",
        ),
        (
            "~/.config/bdr-console/themes/*.yaml",
            "Themes of your own; also in themes/ beside the configuration.",
        ),
        (
            "~/.local/state/bdr-console/",
            "Runs with their journals, plans, the event log and acknowledgements. Private to its user.",
        ),
        (
            "~/.local/state/bdr-console/bdr-console.log",
            "The log: unforeseen errors with their tracebacks, passwords masked; more with --debug.",
        ),
        ("~/.pgpass, ~/.pg_service.conf", "Passwords and services, as for psql(1)."),
        ("~/.ssh/config, ~/.ssh/known_hosts", "Of targets that are reached through SSH, as for ssh(1)."),
        (
            "/var/tmp/bdr-console-lab/",  # noqa: S108 - named, not used
            "The lab that root has started; that of another user is in ~/.local/state/bdr-console/lab.",
        ),
    ],
)
_SEE_ALSO = Section("SEE ALSO", [], "psql(1), haproxy(1), pgbouncer(1), pgbouncer(5), ssh_config(5)")


@click.command(
    epilog="""\b
To read it:     bdr-console man | man -l -
To install it:  bdr-console man > ~/.local/share/man/man1/bdr-console.1"""
)
@click.pass_context
def man(ctx: click.Context) -> None:
    """Print the manual page: every command, exit codes, environment variables and files, as roff."""
    click.echo(page(ctx.find_root(), __version__, (_EXIT_STATUS, _ENVIRONMENT, _FILES, _SEE_ALSO)), nl=False)
