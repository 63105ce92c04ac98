"""Nothing of the console's own can hurt: its disk, its clock, its errors, its directory."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bdr_console.runbooks.execute import engine as engine_module
from bdr_console.runbooks.execute import walkback as walkback_module
from bdr_console.runbooks.journal import journal_file as journal_module
from bdr_console.runbooks.journal.journal_file import Journal, JournalFollower, read_events
from bdr_console.runbooks.model.reading import Area
from bdr_console.runbooks.model.run import Proof, RunStatus, StepStatus
from bdr_console.runbooks.steps import pool_settings
from tests.runbooks.test_engine import DISABLE, ENABLE, Run, holding
from tests.runbooks.test_quiesce import run_of
from tests.runbooks.world import NO_ANSWER, NOTHING, FakeWorld, FullDiskJournal
from tests.waiting import eventually

RESUME = "RESUME app"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_LOST_ANSWER_GRACE", 0.05)
    monkeypatch.setattr(walkback_module, "_DEADLINE", 0.3)
    monkeypatch.setattr(walkback_module, "_AGAIN_AFTER", 0.05)
    monkeypatch.setattr(pool_settings, "_SETTLED_FOR", 0.01)
    monkeypatch.setattr(pool_settings, "_FULL_FOR", 0.005)


async def test_an_unexpected_error_of_a_guard_walks_back_and_nothing_is_left(tmp_path: Path) -> None:
    world = FakeWorld()
    async with Run(world, tmp_path) as run:
        world.crash = Area.POOLERS  # what the guard before RECONNECT reads
        status = await run.end()
    assert status is RunStatus.UNDONE
    assert world.maintenance == {"haproxy1": set(), "haproxy2": set()}
    assert "ZeroDivisionError" in run.view.message


async def test_an_unexpected_error_of_a_look_under_the_pause_lets_the_clients_go_on(tmp_path: Path) -> None:
    world = FakeWorld(behind=10**6)
    async with run_of(world, tmp_path) as run:
        await run.at("barrier", StepStatus.WAITING)
        world.crash = Area.LOADS
        assert await run.end() in (RunStatus.UNDONE, RunStatus.STOPPED)
    assert not world.paused
    assert world.maintenance == {"haproxy1": set(), "haproxy2": set()}


async def test_an_unexpected_error_of_a_command_is_an_answer_and_the_proof_decides(tmp_path: Path) -> None:
    world = FakeWorld(crash_on={DISABLE})
    async with Run(world, tmp_path) as run:
        assert await run.end() is RunStatus.UNDONE
    assert "ZeroDivisionError" in run.view.message


async def test_an_unexpected_error_in_the_hold_is_an_alarm_and_the_node_stays_out(tmp_path: Path) -> None:
    world = FakeWorld()
    async with holding(world, tmp_path) as run:
        world.crash = Area.NODES
        await run.until(lambda view: bool(view.alarm))
        assert run.view.current is not None
        assert run.view.current.proof is Proof.UNKNOWN
        world.crash = NOTHING
        await run.until(lambda view: not view.alarm)
        run.say("go")
        assert await run.end() is RunStatus.DONE


async def test_an_unexpected_error_on_the_way_back_names_what_is_left_and_puts_back_the_rest(
    tmp_path: Path,
) -> None:
    world = FakeWorld(behind=10**6)
    async with run_of(world, tmp_path) as run:
        await run.at("barrier", StepStatus.WAITING)
        world.crash = Area.PROXIES  # whether the servers are back cannot be seen
        run.say("abort")
        assert await run.end() is RunStatus.STOPPED
    assert not world.paused
    assert world.settings == FakeWorld().settings
    assert any(ENABLE in line for line in run.view.leftovers)


async def test_a_full_disk_before_the_first_change_refuses_the_run(tmp_path: Path) -> None:
    world = FakeWorld(logins=10**6)
    async with Run(world, tmp_path) as run:
        run.journal.full = True
        status = await run.end()
        run.journal.full = False
        run.journal.write("note")
    assert status in (RunStatus.REFUSED, RunStatus.UNDONE)
    assert world.maintenance == {"haproxy1": set(), "haproxy2": set()}


@pytest.mark.parametrize("step", ["quiet", "barrier"])
async def test_a_disk_that_fills_up_under_the_pause_keeps_nobody_waiting(tmp_path: Path, step: str) -> None:
    world = FakeWorld(behind=10**6)
    if step == "quiet":
        world.connections[0].busy = True
    async with run_of(world, tmp_path) as run:
        await run.at(step, StepStatus.WAITING)
        run.journal.full = True
        world.connections[0].busy, world.behind = False, 0
        await eventually(lambda: RESUME in [text for _, text in world.sent], "RESUME", seconds=10)
        assert not world.paused
        run.journal.full = False
        run.journal.write("note")
    assert RESUME in [text for _, text in world.sent]
    kinds = [event["event"] for event in read_events(tmp_path)]
    assert "note" in kinds
    assert RESUME in [e.get("command") for e in read_events(tmp_path)], "what was kept is written later"


async def test_a_host_that_hangs_does_not_keep_the_others_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walkback_module, "_HEAD_START", 0.02)
    monkeypatch.setattr(walkback_module, "_DEADLINE", 5.0)
    world = FakeWorld(behind=10**6)
    async with run_of(world, tmp_path) as run:
        await run.at("barrier", StepStatus.WAITING)
        world.refuse = {RESUME: NO_ANSWER}
        run.say("abort")
        # The settings are back while RESUME is still tried.
        await run.until(lambda _: world.settings == FakeWorld().settings)
        assert world.paused
        world.refuse = {}
        assert await run.end() is RunStatus.UNDONE
    assert not world.paused


def test_a_journal_keeps_what_a_full_disk_refuses_and_writes_it_in_order_later(tmp_path: Path) -> None:
    journal = FullDiskJournal(tmp_path, "r1")
    journal.write("a")
    journal.full = True
    journal.write("b")
    journal.write("c")
    assert "No space left on device" in journal.problem
    journal.full = False
    journal.write("d")
    assert journal.problem == ""
    assert [event["event"] for event in read_events(tmp_path)] == ["a", "b", "c", "d"]


def test_a_line_that_a_full_disk_cut_off_is_written_whole_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "r1")
    whole = os.write

    def cut(file: int, data: bytes) -> int:
        if len(data) > 10:
            whole(file, data[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", cut)
        journal.write("a")
    journal.write("b")
    assert [event["event"] for event in read_events(tmp_path)] == ["a", "b"]


def test_a_deleted_run_directory_comes_back_with_everything_in_it(tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "r1"
    directory.mkdir(parents=True)
    journal, watchdog = Journal(directory, "r1"), Journal(directory, "r1")
    journal.write("a")
    watchdog.write("b")
    shutil.rmtree(directory)
    journal.write("c")
    watchdog.write("d")
    assert [event["event"] for event in read_events(directory)] == ["a", "b", "c", "d"]


def test_a_clock_that_is_turned_does_not_turn_the_times_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "r1")
    journal.write("a")

    class Turned(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Turned":
            return super().now(tz) - timedelta(hours=3)

    monkeypatch.setattr(journal_module, "datetime", Turned)
    journal.write("b")
    times = [datetime.fromisoformat(event["t"]) for event in read_events(tmp_path)]
    assert timedelta(0) <= times[1] - times[0] < timedelta(minutes=1)


def test_a_run_whose_end_lies_out_of_all_time_is_still_shown(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "r1")
    journal.write(
        "run", runbook="switchover", cluster="shop", environment="", node="node1", who="dba", steps=[],
        until="9999-12-31T00:00:00+00:00",
    )  # fmt: skip
    view = JournalFollower(tmp_path).poll()
    assert view is not None
    assert view.until is None or view.until > datetime.now(UTC)
