"""Pictures of the screens: a change of looks shows up as a difference to read. Few on purpose."""

from datetime import timedelta
from typing import Any

import pytest

from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.watched import ClusterParts
from tests.ui.driving import FakeActs, FakeRuns, until, until_shown
from tests.ui.scenes import NOW, FixedSource, run, silent, snapshot


@pytest.fixture(autouse=True)
def _one_time_zone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The clock on the screen is local; the pictures are made in UTC."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def picture(theme: str, **desks: Any) -> ConsoleApp:
    """The console at a moment when one node does not answer."""
    source = FixedSource(snapshot(NOW - timedelta(seconds=1)), silent(snapshot(), "node3"))
    return ConsoleApp(ClusterParts(source, "lab", "lab", **desks), theme=theme, clock=lambda: NOW)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
@pytest.mark.parametrize("theme", ["dark", "ansi"])
def test_overview(snap_compare: Any, size: tuple[int, int], theme: str) -> None:
    async def ready(pilot: Any) -> None:
        await until_shown(pilot, "no answer 12 s")
        await until(pilot, lambda: not pilot.app.has_news)

    assert snap_compare(picture(theme, acts=FakeActs()), terminal_size=size, run_before=ready)


def test_plan(snap_compare: Any) -> None:
    async def ready(pilot: Any) -> None:
        await until_shown(pilot, "no answer 12 s")
        await pilot.press("s")
        await until_shown(pilot, "type the node's name")
        pilot.app.screen.query_one("#confirm").cursor_blink = False

    assert snap_compare(picture("dark", acts=FakeActs()), terminal_size=(140, 40), run_before=ready)


def test_run(snap_compare: Any) -> None:
    async def ready(pilot: Any) -> None:
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "3 of 9 server connections left", "bdr_next_node")
        await until(pilot, lambda: not pilot.app.has_news)

    app = picture("dark", acts=FakeActs(), runs=FakeRuns(run()))
    assert snap_compare(app, terminal_size=(140, 40), run_before=ready)
