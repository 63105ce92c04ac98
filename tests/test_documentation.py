"""What the documentation names is there: files, headings, commands with their options, keys."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bdr_console.cli import cli
from bdr_console.ui.keys import ACTIONS

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def _headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def _commands(page: Path) -> Iterator[str]:
    """Every command line of the console in a page, without its remark."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"(?:^|`|\s)(?:\.venv/bin/)?bdr-console ([^`\n]*)", text):
        yield re.split(r"\s#|\| psql|\s{4,}|,\s|;", line)[0]


def _named(line: str) -> Iterator[str]:
    """What of a command line is not there."""
    words = shlex.split(line.replace("[", " ").replace("]", " ").replace("'", ""))
    command: click.Command = cli
    options = {opt: param for param in cli.params for opt in param.opts}
    context, skipped = click.Context(cli), False
    for word in words:
        if word == "--":
            return
        if skipped:
            skipped = False
        elif word.startswith("--"):
            if word not in options and word not in ("--help", "--version"):
                yield word
            found = options.get(word)
            skipped = isinstance(found, click.Option) and not found.is_flag and command is cli
        elif isinstance(command, click.Group) and (below := command.get_command(context, word)):
            command = below
            options |= {opt: param for param in below.params for opt in param.opts}
        elif command is cli and word.isalpha():
            yield word


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8"))
    for path, anchor in links:
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in _headings(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_is_there(page: Path) -> None:
    unknown = {f"{line}: {word}" for line in _commands(page) for word in _named(line)}
    assert unknown == set()


def test_every_key_in_the_readme_is_one() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("## Keys") : text.index("## The switchover")]
    cells = [cell for line in table.splitlines() if line.startswith("| `") for cell in line.split(" | ")[::2]]
    named = {key for cell in cells for part in re.findall(r"`([^`]+)`", cell) for key in part.split()}
    known = {key for action in ACTIONS for key in (action.shown_as, *action.keys.split(","))} | {"6", "tab"}
    assert len(named) > 20
    assert named <= known | {"1-6"}
