"""What a newcomer wants in the first five minutes is three keys away at most, on a small screen too."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config.model import RecordSettings
from bdr_console.recording.reader import Recording
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.recording_source import recorded
from bdr_console.ui.screens.overview import Overview
from tests.ui.details.builders import known
from tests.ui.driving import FakeActs, line_with, until, until_shown
from tests.ui.scenes import NOW, FixedSource, silent, snapshot

MOST = 3


class Fingers:
    """Presses keys and counts them."""

    def __init__(self, pilot: Pilot[int]) -> None:
        self._pilot = pilot
        self.pressed = 0

    async def press(self, *keys: str) -> None:
        """One after the other."""
        for key in keys:
            self.pressed += 1
            assert self.pressed <= MOST, f"{key} is one key too many"
            await self._pilot.press(key)


@pytest.fixture(params=[(80, 24), (140, 40)], ids=["80x24", "140x40"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """The terminal."""
    found: tuple[int, int] = request.param
    return found


@asynccontextmanager
async def opened(
    size: tuple[int, int], *shown: Snapshot, acts: FakeActs | None = None
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int], Fingers]]:
    """The console as it opens, recording as it does by default."""
    parts = recorded(ClusterParts(FixedSource(*shown), "lab", "lab", acts=acts), RecordSettings())
    app = ConsoleApp(parts, clock=lambda: NOW)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.newest is shown[-1] and not app.has_news)
        yield app, pilot, Fingers(pilot)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))


def lagging() -> Snapshot:
    """The link from node2 to node3 lags, and no other."""
    shown = snapshot()
    facts = shown.nodes[1].facts
    assert facts is not None
    slots = tuple(replace(s, lag_bytes=48 * 1024**2) if s.target == "node3" else s for s in facts.slots)
    behind = replace(shown.nodes[1], facts=replace(facts, slots=slots))
    return replace(shown, nodes=(shown.nodes[0], behind, shown.nodes[2]))


def waiting(shown: Snapshot) -> Snapshot:
    """One client waits in the first pool."""
    pooler = shown.poolers[0]
    assert pooler.facts is not None
    pools = (replace(pooler.facts.pools[0], clients_waiting=1, max_wait=2.5), *pooler.facts.pools[1:])
    crowded = replace(pooler, facts=replace(pooler.facts, pools=pools))
    return replace(shown, poolers=(crowded, *shown.poolers[1:]))


async def test_the_lagging_link_is_named_at_once_and_shown_with_one_key(
    size: tuple[int, int],
) -> None:
    async with opened(size, lagging()) as (app, pilot, fingers):
        await until_shown(pilot, "DEGRADED: node2 -> node3 lags 48.0 MiB")
        await fingers.press("3")
        await until_shown(pilot, "~ lagging")
        assert "node2 -> node3" in line_with(app, "~ lagging")


async def test_who_waits_in_pgbouncer_and_who_holds_is_three_keys_away(size: tuple[int, int]) -> None:
    async with opened(size, waiting(known())) as (_, pilot, fingers):
        await fingers.press("5", "down", "enter")
        await until_shown(pilot, "Clients that wait", "10.0.3.9:40111", "app=shop", "2.5 s")
        await until_shown(pilot, "app=billing", "10.0.3.7:55112", "2211 on node1")


async def test_what_changed_in_the_last_ten_minutes_is_two_keys_away(size: tuple[int, int]) -> None:
    before = snapshot(NOW - timedelta(seconds=1))
    async with opened(size, before, silent(snapshot(), "node3")) as (app, pilot, fingers):
        await fingers.press("e", "e")
        await until_shown(pilot, "last 10 minutes, every level: 5 of 5")
        assert "node3" in line_with(app, "lost: timed out")


async def test_a_switchover_is_rehearsed_with_one_key_and_left_with_another(size: tuple[int, int]) -> None:
    acts = FakeActs()
    async with opened(size, snapshot(), acts=acts) as (app, pilot, fingers):
        await fingers.press("s")
        await until_shown(pilot, "Plan: node1 out of service", "disable server bk_db/bdr_initial_node")
        await fingers.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        assert (acts.plans, acts.started, acts.said) == (1, [], [])


async def test_what_happened_is_saved_with_one_key(size: tuple[int, int], tmp_path: Path) -> None:
    shown = (snapshot(NOW - timedelta(seconds=1)), silent(snapshot(), "node3"))
    async with opened(size, *shown) as (_, pilot, fingers):
        await fingers.press("S")
        await until_shown(pilot, "saved: ")
    (path,) = (tmp_path / "state" / "recordings").iterdir()
    with Recording(path) as made:
        assert tuple(made.snapshots(NOW)) == shown
