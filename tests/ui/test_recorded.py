"""The console records what it shows, and saves the last minutes when asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bdr_console.cluster.verdict.findings import Level
from bdr_console.config.model import RecordSettings
from bdr_console.recording.reader import Recording
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.recording_source import recorded
from tests.ui.driving import until, until_shown
from tests.ui.scenes import NOW, FixedSource, silent, snapshot

SHOWN = (snapshot(), silent(snapshot(NOW + timedelta(seconds=4)), "node2"))


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))


@asynccontextmanager
async def console(
    settings: RecordSettings, path: Path | None = None
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int]]]:
    """The console on two moments, recorded."""
    parts = recorded(ClusterParts(FixedSource(*SHOWN), "lab", "lab"), settings, path)
    app = ConsoleApp(parts, clock=lambda: SHOWN[-1].taken_at)
    async with app.run_test(size=(140, 40), notifications=True) as pilot:
        await until(pilot, lambda: app.newest is SHOWN[-1])
        yield app, pilot


async def test_capital_s_saves_what_happened_and_says_where(tmp_path: Path) -> None:
    async with console(RecordSettings()) as (_app, pilot):
        await pilot.press("S")
        await until_shown(pilot, "saved: ", "recording")
    (path,) = (tmp_path / "state" / "recordings").iterdir()
    with Recording(path) as made:
        assert tuple(made.snapshots(NOW)) == SHOWN
        assert "lost: timed out after 2.0 s" in [event.text for event in made.events]


async def test_a_console_that_keeps_no_minutes_says_so() -> None:
    async with console(RecordSettings(ring_minutes=0)) as (_app, pilot):
        await pilot.press("S")
        await until_shown(pilot, "the last minutes are not kept")


async def test_everything_the_event_log_says_is_recorded_with_the_snapshots(tmp_path: Path) -> None:
    path = tmp_path / "file.bdrrec"
    async with console(RecordSettings(ring_minutes=0), path) as (app, _pilot):
        app.note(Level.WARN, "node1", "a word of the console")
    with Recording(path) as made:
        assert tuple(made.snapshots(NOW)) == SHOWN
        assert {"a word of the console", "lost: timed out after 2.0 s"} <= {e.text for e in made.events}
