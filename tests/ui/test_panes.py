"""Working with a pane: sort, filter, freeze, copy, write; the same at 80x24 as on a large screen."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.screens.overview import Overview
from tests.ui.driving import console, line_with, text, until, until_shown
from tests.ui.scenes import NAMES, NOW, FixedSource, node, snapshot

SIZES = [(80, 24), (140, 40)]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def blocked(state: Path) -> None:
    """A file where the state directory should be."""
    state.write_text("")


def lagging(shown: Snapshot, **lags: int) -> Snapshot:
    """The same, with that much lag in bytes on every slot of each named node."""
    nodes = tuple(
        replace(
            target,
            facts=node(
                target.name, tuple(n for n in NAMES if n != target.name), lag=lags.get(target.name, 100)
            ),
        )
        for target in shown.nodes
    )
    return replace(shown, nodes=nodes)


LAGS = {"node1": 900, "node2": 48 * 1024**2, "node3": 9 * 1024}


def links(app: ConsoleApp) -> list[str]:
    """The links of the pane of lag, from top to bottom."""
    assert isinstance(app.screen, Overview)
    return [row.key for row in app.screen.current.table._latest]


@pytest.mark.parametrize("size", SIZES)
async def test_a_pane_is_sorted_by_a_column_and_says_so(size: tuple[int, int]) -> None:
    async with console(lagging(snapshot(), **LAGS), size=size) as (app, pilot):
        await pilot.press("3", ">", ">", ">")
        await until_shown(pilot, "sort: Lag v")
        assert links(app)[0].startswith("node2 ")
        assert links(app)[-1].startswith("node1 ")
        await pilot.press("!")
        await until_shown(pilot, "sort: Lag ^")
        assert links(app)[0].startswith("node1 ")
        await pilot.press("<")
        await until_shown(pilot, "sort: State")


async def test_sorted_rows_move_with_the_data_and_the_cursor_stays_on_its_row() -> None:
    source = FixedSource(lagging(snapshot(), **LAGS))
    async with console(size=(80, 24), source=source) as (app, pilot):
        await until(pilot, lambda: app.newest is not None)
        await pilot.press("3", ">", ">", ">", "home", "down", "down")
        await until_shown(pilot, "sort: Lag v")
        assert isinstance(app.screen, Overview)
        before = app.screen.selected
        assert before is not None
        assert before.key == "node3 node1"
        source.give(lagging(snapshot(NOW + timedelta(seconds=1)), node3=90 * 1024**2))
        await until(pilot, lambda: links(app)[0] == "node3 node1")
        assert app.screen.selected is not None
        assert app.screen.selected.key == "node3 node1"


@pytest.mark.parametrize("size", SIZES)
async def test_a_filter_leaves_what_is_looked_for_and_esc_shows_all_again(size: tuple[int, int]) -> None:
    async with console(snapshot(), size=size) as (app, pilot):
        await pilot.press("3", "slash", *"node3")
        await until_shown(pilot, "/node3 4 of 6")
        assert all("node3" in key for key in links(app))
        await pilot.press("enter", "6", "3")
        await until_shown(pilot, "/node3 4 of 6")
        await pilot.press("escape")
        await until(pilot, lambda: len(links(app)) == 6)
        assert "/node3" not in text(app)


async def test_letters_typed_into_a_filter_are_no_commands_and_words_can_be_left_out() -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press("3", "slash", *"q", "space", *"t", "escape", "slash", *"!node1")
        await until_shown(pilot, "/!node1 2 of 6")
        assert app.is_running
        assert links(app) == ["node2 node3", "node3 node2"]


async def test_a_filter_that_nothing_matches_says_so() -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press("4", "slash", *"nowhere[/]", "enter")
        await until_shown(pilot, "nothing here matches /nowhere[/]", "0 of 3")
        assert app.is_running


async def test_a_filter_goes_on_working_while_the_data_move() -> None:
    source = FixedSource(snapshot())
    async with console(size=(80, 24), source=source) as (app, pilot):
        await until(pilot, lambda: app.newest is not None)
        await pilot.press("3", "slash", *"mib", "enter")
        await until_shown(pilot, "6 of 6")  # the WAL that slots keep
        await pilot.press("slash", *"  lagging", "enter")
        await until_shown(pilot, "0 of 6")
        source.give(lagging(snapshot(NOW + timedelta(seconds=1)), node2=48 * 1024**2))
        await until_shown(pilot, "2 of 6", "node2 -> node3")
        assert "node1 -> node2" not in line_with(app, "node2 -> node3")


async def test_a_frozen_pane_stands_still_with_its_age_and_catches_up() -> None:
    source, now = FixedSource(lagging(snapshot(), node1=5 * 1024**2)), NOW
    async with console(size=(80, 24), source=source, clock=lambda: now) as (app, pilot):
        await until(pilot, lambda: app.newest is not None)
        await pilot.press("3")
        await until_shown(pilot, "5.0 MiB")
        await pilot.press("space")
        await until_shown(pilot, "FROZEN 0 s")
        now = NOW + timedelta(seconds=7)
        source.give(lagging(snapshot(now), node1=77 * 1024**2))
        await until_shown(pilot, "FROZEN 7 s")
        assert "5.0 MiB" in line_with(app, "node1 -> node2 ● in step")
        await pilot.press("space")
        await until(pilot, lambda: "77.0 MiB" in line_with(app, "node1 -> node2 ~ lagging"))
        assert "FROZEN" not in text(app)


async def test_sort_and_filter_survive_a_zoom_and_another_pane() -> None:
    async with console(snapshot()) as (app, pilot):
        await pilot.press("3", ">", "slash", *"node3", "enter", "z", "4", "z", "3")
        shown = await until_shown(pilot, "sort: From -> to ^", "/node3 4 of 6")
        assert "5 PgBouncer" in shown
        assert app.is_running


async def test_a_row_is_copied_whole_and_the_notice_says_what() -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press("3", "y")
        await until_shown(pilot, "copied: node1 -> node2")
        assert app.clipboard.startswith("node1 -> node2  ● in step  4.0 KiB  12 ms")
        assert "its slot keeps 16.0 MiB of WAL" in app.clipboard


async def test_a_pane_is_written_to_a_private_file_as_it_is_filtered_and_sorted(state: Path) -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press("3", "slash", *"node3", "enter", "Y")
        await until_shown(pilot, "written to")
        (path,) = (state / "written").iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        written = path.read_text()
        assert "cluster lab" in written
        assert "node3 -> node1" in written
        assert "node1 -> node2" not in written
        assert app.is_running


async def test_a_pane_that_cannot_be_written_says_why(blocked: None) -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press("Y")
        await until_shown(pilot, "BDR_CONSOLE_STATE")
        assert app.is_running
