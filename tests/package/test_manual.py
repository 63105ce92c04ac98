"""The manual page tells everything that `--help` tells, in a form that man takes without complaint."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bdr_console.cli import cli
from bdr_console.errors import CRASHED
from bdr_console.runbooks.model.run import MEANINGS

PACKAGE = Path(__file__).parents[2] / "bdr_console"
_INTERNAL = {"PYTHONPATH"}
"""Set for the program's own children."""


@pytest.fixture(scope="module")
def roff() -> str:
    """The page as it is printed."""
    done = CliRunner().invoke(cli, ["man"], prog_name="bdr-console", catch_exceptions=False)
    return done.stdout


@pytest.fixture(scope="module")
def text(roff: str) -> str:
    """The page as it is read."""
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("no man here")
    done = subprocess.run(
        ["man", "--warnings", "--encoding=UTF-8", "--local-file", "-"],
        input=roff,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MAN_KEEP_FORMATTING": ""},
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def _commands(command: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield f"{path} {name}", below
        if isinstance(below, click.Group):
            yield from _commands(below, f"{path} {name}")


def test_every_command_is_in_the_manual_with_its_options(text: str) -> None:
    sections = re.split(r"^   (?=\S)", text, flags=re.MULTILINE)
    known = {section.splitlines()[0]: section for section in sections}
    commands = dict(_commands(cli, "bdr-console"))
    assert len(commands) > 30
    for path, command in commands.items():
        section = known[path.removeprefix("bdr-console ")]
        assert path in section
        options = {opt for param in command.params if isinstance(param, click.Option) for opt in param.opts}
        assert {option for option in options if option not in section} == set(), path


def test_the_manual_has_the_sections_of_every_manual(text: str) -> None:
    sections = re.findall(r"^([A-Z][A-Z ]+)$", text, re.MULTILINE)
    assert sections == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS"),
        *("EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"),
    ]
    page = " ".join(text.split())
    assert "bdr-console - Watch a PostgreSQL multi-master cluster" in page
    for code, meaning in MEANINGS.items():
        assert f"{code} {meaning}" in page
    assert f"{CRASHED} ended by an error of its own" in page


def test_every_environment_variable_that_the_program_reads_is_in_the_manual(roff: str) -> None:
    read = re.compile(r'environ(?:\.get\(|\[)\s*"([A-Z_]+)"')
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    names = {name for source in sources for name in read.findall(source)} - _INTERNAL
    assert {"BDR_CONSOLE_STATE", "NO_COLOR"} <= names
    environment = roff.partition(".SH ENVIRONMENT")[2].partition(".SH FILES")[0]
    assert {name for name in names if name not in environment} == set()


def test_what_roff_would_take_for_a_command_of_its_own_is_printed_as_it_is() -> None:
    from bdr_console.commands.man import Section, page

    @click.command(help="Do it.\n\n.nothing 'quoted' C:\\new é | more")
    def odd() -> None:
        """Nothing."""

    made = page(click.Context(odd, info_name="odd"), "1", [Section("FILES", [(".hidden", "a 'file'")])])
    assert made.isascii()
    assert [line for line in made.splitlines() if line.startswith((".nothing", ".hidden", "'"))] == []
    assert r"C:\enew \[u00E9]" in made
