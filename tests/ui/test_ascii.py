"""A terminal that has no more than ASCII reads every screen, and nothing on it has moved."""

import pytest
from rich.cells import cell_len

from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.theming.rendering import ascii_for
from tests.ui.driving import FakeActs, FakeRuns, console, text, until_shown
from tests.ui.scenes import run, silent, snapshot

SCREENS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("nodes", ("1",), "node1"),
    ("mesh", ("2",), "from \\ to"),
    ("connections", ("2", "m"), "Receiver"),
    ("details", ("enter",), "Ways there"),
    ("alarms", ("a",), "Alarms"),
    ("event log", ("e",), "Event log"),
    ("lag", ("3",), "Trend"),
    ("haproxy", ("4",), "Sticky"),
    ("pools", ("5",), "MaxWait"),
    ("events", ("6",), "What changed"),
    ("help", ("question_mark",), "Keys   esc closes"),
    ("help, scrolled", ("question_mark", "G"), "ctrl+g"),
    ("palette", ("ctrl+p",), "Search for commands"),
    ("palette, searched", ("ctrl+p", *"theme"), "Theme dark"),
    ("command line", ("colon", *"pane"), ":pane"),
    ("themes", ("T",), "Colour theme"),
    ("plan", ("s",), "type the node's name"),
    ("toast", ("t",), "theme: "),
)
RUN_SCREENS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("run", ("w",), "3 of 9 server connections left"),
    ("question", ("w", "a"), "y yes"),
    ("leaving", ("q",), "It goes on without this console"),
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("screens", [SCREENS, RUN_SCREENS], ids=["watching", "running"])
async def test_every_character_on_every_screen_is_ascii(
    screens: tuple[tuple[str, tuple[str, ...], str], ...],
) -> None:
    runs = FakeRuns(run()) if screens is RUN_SCREENS else None
    shown = silent(snapshot(environment="prod"), "node3")
    async with console(shown, size=(80, 24), runs=runs, acts=FakeActs(), ascii_only=True) as (app, pilot):
        if runs is not None:
            await until_shown(pilot, "RUN node1")
        for name, keys, expected in screens:
            await pilot.press("1", *keys)
            screen = await until_shown(pilot, expected)
            await pilot.pause()
            strange = {character for character in screen + text(app) if not character.isascii()}
            assert not strange, f"{name}: {strange}\n{screen}"
            while not isinstance(app.screen, Overview):
                await pilot.press("escape")
                await pilot.pause()


def test_what_stands_for_a_character_is_as_wide_as_it() -> None:
    for character in map(chr, (*range(0xA0, 0x3000), 0x4E2D, 0x1F50E)):
        assert ascii_for(character).isascii()
        assert cell_len(ascii_for(character)) == cell_len(character), hex(ord(character))


@pytest.mark.parametrize(
    ("character", "plain"),
    [("─", "-"), ("┃", "|"), ("┌", "+"), ("█", "#"), ("⣿", "#"), ("é", "e"), ("中", "??")],
)
def test_a_character_keeps_its_look_where_ascii_has_it(character: str, plain: str) -> None:
    assert ascii_for(character) == plain
