"""The screen of details: opened from a row, alive, scrolled, followed to the next thing, left by esc."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.ui.screens.detail import DetailScreen
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.widgets.lines import LiveText
from tests.ui.details.builders import known
from tests.ui.driving import console, text, until, until_shown
from tests.ui.scenes import NAMES, NOW, FixedSource, node, snapshot


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("1", "enter"), ("Node node1", "server.sql, members.sql", "engine")),
        (("2", "enter"), ("Link node1 -> node2", "Lag over the last hour")),
        (("3", "enter"), ("Link node1 -> node2", "4.0 KiB ┤")),
        (("4", "down", "enter"), ("HAProxy server haproxy1/bk_db/bdr_initial_node", "by administration")),
        (("4", "enter"), ("HAProxy backend haproxy1/bk_db", "bdr_next_node: ● up, backup")),
        (("5", "down", "enter"), ("Pool pgb-tx/app of app", "pool size")),
        (("5", "enter"), ("PgBouncer pgb-tx", "app as app (transaction)")),
    ],
)
async def test_enter_opens_the_details_of_the_row(
    size: tuple[int, int], keys: tuple[str, ...], said: tuple[str, ...]
) -> None:
    async with console(known(), size=size) as (app, pilot):
        await pilot.press(*keys)
        await until_shown(pilot, *said)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))


async def test_a_row_that_only_says_something_has_no_details() -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press("6", "enter")
        await until_shown(pilot, "there is nothing more to this row")
        assert isinstance(app.screen, Overview)


async def test_details_are_followed_by_number_and_left_one_by_one() -> None:
    async with console(known(), size=(80, 24)) as (app, pilot):
        await pilot.press("1", "enter")
        await until_shown(pilot, "2 node1 -> node2")
        await pilot.press("2")
        await until_shown(pilot, "Link node1 -> node2")
        await pilot.press("9")
        await pilot.press("end")
        await until_shown(pilot, "2 node node2, which receives")
        await pilot.press("2")
        await until_shown(pilot, "Node node2", "2 node1 -> node2")
        await pilot.press("escape", "escape")
        await until_shown(pilot, "Node node1")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))


async def test_details_live_while_they_are_open_and_stand_still_when_frozen() -> None:
    source, now = FixedSource(snapshot()), NOW
    async with console(size=(80, 24), source=source, clock=lambda: now) as (app, pilot):
        await until(pilot, lambda: app.newest is not None)
        await pilot.press("3", "enter")
        await until_shown(pilot, "4.0 KiB, 12 ms")
        now = NOW + timedelta(seconds=1)
        source.give(lagging(now))
        await until_shown(pilot, "3.0 MiB, 12 ms")
        await pilot.press("space")
        now = NOW + timedelta(seconds=5)
        source.give(snapshot(now))
        await until_shown(pilot, "FROZEN 4 s", "3.0 MiB, 12 ms")
        await pilot.press("space")
        await until_shown(pilot, "4.0 KiB, 12 ms")


def lagging(at: datetime) -> Snapshot:
    """node1's slots 3 MiB behind."""
    shown = snapshot(at)
    first = replace(shown.nodes[0], facts=node("node1", NAMES[1:], lag=3 * 1024**2))
    return replace(shown, nodes=(first, *shown.nodes[1:]))


async def test_only_the_lines_that_changed_are_painted_anew() -> None:
    async with console(known(), size=(80, 24)) as (app, pilot):
        await pilot.press("1", "enter")
        await until_shown(pilot, "Node node1")
        assert isinstance(app.screen, DetailScreen)
        body = app.screen.query_one(LiveText)
        lines = list(app.screen._page.lines)
        assert body.say(lines) == 0
        other = lines[3].copy()
        other.append(" and more")
        assert body.say([*lines[:3], other, *lines[4:]]) == 1
        await until_shown(pilot, "and more")


async def test_long_details_scroll_to_their_end_and_keep_their_place() -> None:
    async with console(known(), size=(80, 24)) as (app, pilot):
        await pilot.press("1", "enter")
        await until_shown(pilot, "State  server.sql")
        await pilot.press("end")
        await until_shown(pilot, "node2: 20, node3: 20")
        app.paint()
        await pilot.pause()
        assert "node2: 20, node3: 20" in text(app)
        await pilot.press("home", "down", "pagedown")
        await until(pilot, lambda: "node2: 20" not in text(app) and "State  server.sql" not in text(app))


async def test_details_are_laid_out_anew_when_the_terminal_is_resized() -> None:
    async with console(known(), size=(140, 40)) as (_app, pilot):
        await pilot.press("3", "enter")
        await until_shown(pilot, "Lag over the last hour")
        await pilot.resize_terminal(80, 24)
        await until_shown(pilot, "4.0 KiB ┤", "now")


async def test_details_are_copied_and_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    async with console(known(), size=(80, 24)) as (app, pilot):
        await pilot.press("1", "enter")
        await until_shown(pilot, "Node node1")
        await pilot.press("y", "Y")
        await until_shown(pilot, "written to")
        (path,) = (tmp_path / "state" / "written").iterdir()
        assert "node-node1" in path.name
        for kept in (path.read_text(), app.clipboard):
            assert "Settings unlike its peers'" in kept
            assert "max_wal_senders" in kept
