"""Every key does what the help says, and the help says every key."""

import pytest
from textual.binding import Binding

from bdr_console.ui.commands import commands
from bdr_console.ui.keys import ACTIONS, Scope, bindings
from bdr_console.ui.screens.help import help_text
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.theming.styles import DEFAULTS, Styles
from tests.ui.driving import FakeActs, FakeRuns, console, line_with, text, until, until_shown
from tests.ui.scenes import FixedSource, run, snapshot


def test_the_help_lists_every_key_once_with_what_it_does() -> None:
    said = help_text(Styles(DEFAULTS, ansi=False), read_only=False).plain.splitlines()
    for action in ACTIONS:
        if action.shown_as == "down":
            continue  # told as up/down
        shown = "1" if action.id == "pane-1" else action.shown_as
        assert f"{shown:>9}  {action.help}" in said


def test_every_binding_has_an_id_that_no_other_has() -> None:
    ids = [one.id for place in Scope for one in bindings(place) if isinstance(one, Binding)]
    assert all(ids)
    assert len(ids) == len(set(ids))


def test_no_two_keys_of_one_place_do_different_things() -> None:
    for place in Scope:
        keys = [key for one in bindings(place) if isinstance(one, Binding) for key in one.key.split(",")]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_question_mark_shows_the_help_and_escape_closes_it(size: tuple[int, int]) -> None:
    async with console(snapshot(), size=size) as (app, pilot):
        await pilot.press("question_mark")
        await until_shown(pilot, "In a hurry", "e e  What changed", "Overview", "Go to the nodes pane")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))


@pytest.mark.parametrize(
    ("key", "said"),
    [("2", "from \\ to"), ("3", "Trend"), ("4", "Sticky"), ("5", "MaxWait"), ("6", "What changed")],
)
async def test_a_number_goes_to_its_pane_at_80x24(key: str, said: str) -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        assert said not in text(app)
        await pilot.press(key)
        await until_shown(pilot, said)
        await pilot.press("1")
        await until_shown(pilot, "Oldest tx")
        assert said not in text(app)


async def test_a_number_gives_the_keys_to_its_pane_on_a_large_terminal() -> None:
    async with console(snapshot()) as (_app, pilot):
        await pilot.press("4")
        await until_shown(pilot, "haproxy1/bk_db (/run/haproxy/admin.sock)")
        await pilot.press("2")
        await until_shown(pilot, "node1 -> node2: slot active")


async def test_zoom_shows_one_pane_on_the_whole_screen_and_back() -> None:
    async with console(snapshot()) as (app, pilot):
        await pilot.press("5")
        await pilot.press("z")
        await until(pilot, lambda: "bdr_next_node" not in text(app))
        assert "pgb-session" in text(app)
        assert "4 ● HAProxy" in text(app)
        await pilot.press("escape")
        await until_shown(pilot, "bdr_next_node", "pgb-session")


async def test_tab_goes_from_pane_to_pane() -> None:
    async with console(snapshot()) as (app, pilot):
        assert isinstance(app.screen, Overview)
        seen = {app.screen.current.NUMBER}
        for _ in range(5):
            await pilot.press("tab")
            await pilot.pause()
            seen.add(app.screen.current.NUMBER)
        assert seen == {1, 2, 3, 4, 5, 6}


async def test_r_reads_now_and_plus_and_minus_change_the_pace() -> None:
    source = FixedSource(snapshot())
    async with console(source=source) as (_, pilot):
        await until_shown(pilot, "every 1 s")
        await pilot.press("r")
        assert source.refreshes == 1
        await pilot.press("minus")
        await until_shown(pilot, "every 2 s")
        assert source.pace == 2.0
        await pilot.press("plus", "plus")
        await until_shown(pilot, "every 0.5 s")


async def test_t_goes_through_the_themes_and_comes_back() -> None:
    async with console(snapshot()) as (app, pilot):
        seen = [app.theme]
        for _ in range(len(app.known_themes)):
            await pilot.press("t")
            await until_shown(pilot, f"theme: {app.theme}", "HEALTHY")
            seen.append(app.theme)
        assert set(seen) == set(app.known_themes)
        assert seen[0] == seen[-1]


async def test_q_ends_the_console_and_stops_reading() -> None:
    source = FixedSource(snapshot())
    async with console(source=source) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: app.return_value == 0)
    assert source.closed


async def test_q_asks_first_while_a_run_is_under_way_and_says_that_it_goes_on() -> None:
    async with console(snapshot(), runs=FakeRuns(run()), acts=FakeActs()) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("q")
        await until_shown(pilot, "It goes on without this console")
        await pilot.press("enter")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        assert app.return_value is None
        await pilot.press("q", "y")
        await until(pilot, lambda: app.return_value == 0)


async def test_the_palette_finds_what_the_keys_do_and_the_themes() -> None:
    async with console(snapshot(), acts=FakeActs()) as (app, pilot):
        await pilot.press("ctrl+p")
        await pilot.press(*"switchover")
        await until_shown(pilot, "Plan to take the selected node")
        titles = [command.title for command in commands(app, app.screen_stack[0])]
        assert "Theme light" in titles
        assert "Zoom" in titles


async def test_the_keys_that_matter_stand_in_the_footer_at_80x24() -> None:
    async with console(snapshot(), acts=FakeActs(), size=(80, 24)) as (app, _):
        footer = text(app).splitlines()[-1]
        for key in ("1-6 Panes", "z Zoom", "s Switchover", "w Run", "enter Details", "? Help", "q Quit"):
            assert key in footer


@pytest.mark.parametrize("width", [30, 50, 65, 80, 100, 200])
async def test_help_and_quit_stand_in_the_footer_however_narrow_the_terminal(width: int) -> None:
    async with console(snapshot(), acts=FakeActs(), size=(width, 24)) as (app, pilot):
        for keys in ((), ("a",), ("e",)):
            await pilot.press("escape", *keys)
            await until(pilot, lambda: text(app).splitlines()[-1].rstrip().endswith("? Help  q Quit"))


async def test_the_footer_of_a_run_does_not_offer_what_the_run_does_not_take() -> None:
    async with console(snapshot(), runs=FakeRuns(run()), acts=FakeActs(), size=(80, 24)) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "3 of 9 server connections left", "a Abort")
        assert "Resume" not in text(app).splitlines()[-1]


async def test_what_a_watching_console_cannot_do_leaves_a_narrow_footer_first() -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        assert "Switchover" not in text(app).splitlines()[-1]
        assert "a Alarms" in text(app).splitlines()[-1]
        await pilot.resize_terminal(140, 40)
        await until(pilot, lambda: "(s Switchover)" in text(app).splitlines()[-1])


async def test_the_help_begins_with_the_screen_it_is_asked_on() -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press("e", "question_mark")
        await until_shown(pilot, "Keys   esc closes")
        assert text(app).splitlines()[2].strip() == "Event log"


async def test_the_last_line_of_the_screen_is_the_footer_when_zoomed() -> None:
    async with console(snapshot()) as (app, pilot):
        await pilot.press("z")
        await until_shown(pilot, "? Help")
        assert "q Quit" in text(app).splitlines()[-1]
        assert "READ-ONLY" in line_with(app, "bdr-console")
