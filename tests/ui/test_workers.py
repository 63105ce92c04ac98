"""No work beside the screen dies silently: its error is logged, one line says so, and it starts again."""

import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bdr_console.runbooks.model.run import RunView
from bdr_console.ui import app as app_module
from bdr_console.ui import exports
from bdr_console.ui.alarm_watch import AlarmWatch
from bdr_console.ui.run_watch import LockFollower, RunWatch
from bdr_console.ui.screens.log import LogScreen
from bdr_console.ui.screens.plan import PlanScreen
from bdr_console.ui.workers import finish, keep_working
from tests.ui.driving import FakeActs, FakeLock, FakeRuns, console, until_shown
from tests.ui.scenes import run, snapshot
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of these errors go to the test's directory, and log lines to pytest."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    monkeypatch.setattr(logging.getLogger("bdr_console"), "propagate", True)


class FailsAtFirst:
    """Work that fails so many times, and then ends."""

    def __init__(self, times: int) -> None:
        self.left = times

    async def __call__(self) -> None:
        """Fail, or end."""
        if self.left:
            self.left -= 1
            raise ZeroDivisionError("by nought")


async def test_work_that_fails_is_logged_and_said_once_and_starts_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bdr_console.ui.workers._FIRST_REST", 0.01)
    shown: list[str] = []
    work = FailsAtFirst(3)
    with caplog.at_level(logging.ERROR):
        await keep_working(work, "following the runs", shown.append)
    assert work.left == 0
    assert [line.partition(":")[0] for line in shown] == ["following the runs failed and starts again"]
    assert "ZeroDivisionError" in shown[0]
    assert len(caplog.records) == 3
    assert all(record.exc_info for record in caplog.records)


async def test_work_that_ends_by_an_error_says_that_it_stopped(caplog: pytest.LogCaptureFixture) -> None:
    shown: list[str] = []
    with caplog.at_level(logging.ERROR):
        await finish(FailsAtFirst(1)(), "writing a file", shown.append)
    assert len(shown) == len(caplog.records) == 1
    assert shown[0].startswith("writing a file stopped: ")
    assert "\n" not in shown[0]


async def test_work_goes_on_although_nothing_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdr_console.ui.workers._FIRST_REST", 0.01)

    def broken(_text: str) -> None:
        raise RuntimeError("the painting fails too")

    work = FailsAtFirst(2)
    await keep_working(work, "reading the cluster", broken)
    assert work.left == 0


def failing_once(real: Callable[[Any], Awaitable[None]], calls: list[object]) -> Callable[[Any], Any]:
    """The same method, which fails when it is called first."""

    async def watch(self: object) -> None:
        calls.append(self)
        if len(calls) == 1:
            raise ZeroDivisionError("by nought")
        await real(self)

    return watch


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (RunWatch, "following the runs"),
        (LockFollower, "watching the operators' lock"),
        (AlarmWatch, "keeping events and alarms"),
    ],
)
async def test_a_watch_that_fails_is_in_the_event_log_and_starts_again(
    kind: type[Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bdr_console.ui.workers._FIRST_REST", 0.01)
    calls: list[object] = []
    monkeypatch.setattr(kind, "watch", failing_once(kind.watch, calls))
    async with console(snapshot(), runs=FakeRuns(), lock=FakeLock(), size=(180, 50)) as (_, pilot):
        await until_shown(pilot, f"{name} failed and starts again")
        await eventually(lambda: len(calls) == 2, f"{name} was not started again")


async def broken(*_: object) -> None:
    """Stands for any work that ends by an error that nobody foresaw."""
    raise ZeroDivisionError("by nought")


@pytest.mark.parametrize(
    ("owner", "attribute", "keys", "said"),
    [
        (LogScreen, "_read", ("e",), "reading the event log stopped"),
        (PlanScreen, "_read", ("s",), "reading the plan stopped"),
        (exports, "_write", ("Y",), "writing a file stopped"),
        (app_module, "save_ring", ("S",), "saving the last minutes stopped"),
    ],
    ids=["event log", "plan", "file", "recording"],
)
async def test_work_of_a_key_that_fails_says_so_and_the_console_goes_on(
    owner: object, attribute: str, keys: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, attribute, broken)
    async with console(snapshot(), acts=FakeActs(), size=(180, 50)) as (app, pilot):
        await until_shown(pilot, "HEALTHY")
        await pilot.press(*keys)
        await eventually(
            lambda: any(said in note.message for note in app._notifications), f"nobody was told: {said}"
        )
        assert app.is_running


async def test_a_look_that_began_before_everything_was_forgotten_brings_nothing_back() -> None:
    """A jump in a replay, while the journals are read for the moment before it."""
    slow, reading, jumped = threading.Event(), threading.Event(), threading.Event()

    class SlowRuns(FakeRuns):
        """Reads a run, and meanwhile somebody jumps to where there was none."""

        def latest(self) -> RunView | None:
            found = self.run
            if slow.is_set():
                reading.set()
                jumped.wait(10)
            return found

    journals = SlowRuns(run())
    async with console(snapshot(), runs=journals) as (app, _):
        await eventually(lambda: app.runs.run is not None, "the run is known")
        slow.set()
        await eventually(reading.is_set, "the journals are read")
        app.runs.forget()
        slow.clear()
        journals.run = None
        jumped.set()
        await eventually(lambda: app.runs.has_looked, "they are read again")
        assert app.runs.run is None
