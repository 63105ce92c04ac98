"""Nothing of our own hurts real clients: a full disk, a deleted directory, a resume right after a kill."""

import os
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bdr_console.lab import Lab
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.execute.control import SOCKET
from bdr_console.runbooks.journal.journal_file import JOURNAL, RUNNER_LOCK, read_events
from bdr_console.runbooks.locks import is_held
from bdr_console.runbooks.model.run import RunStatus, StepStatus
from tests.runbooks.test_lab_quiesce import (
    AT_WORK,
    _as_before,
    _stands,
    lagging,
    poolers_at_work,
    start,
    through,
)
from tests.runbooks.test_lab_switchover import Started, in_maintenance
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of this test alone; none of their runners outlives it."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    yield
    for view in launch.runs():
        if pid := Started(launch.run_dir(view.run_id)).pid:
            os.kill(pid, signal.SIGKILL)


def watchdog_of(run: Started) -> int:
    """Its pid, by the journal."""
    return next(int(e["pid"]) for e in read_events(run.directory) if e["event"] == "watchdog" and "pid" in e)


def fill_the_disk(*pids: int) -> None:
    """From now on every write of these processes to a file fails, as on a full disk (EFBIG for ENOSPC)."""
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def paused(lab: Lab) -> bool:
    return any(state[0] == "1" for state in poolers_at_work(lab).values())


def test_a_disk_that_is_full_under_the_pause_keeps_no_client_waiting(healthy_lab: Lab) -> None:
    lagging(healthy_lab, 3000)
    healthy_lab.start_load(clients=4, rate=50)
    run = start(healthy_lab)
    run.until(lambda view: _stands(view, "quiet", StepStatus.DONE), "the barrier", timeout=30)
    runner, watchdog = run.pid, watchdog_of(run)
    assert runner is not None
    fill_the_disk(runner, watchdog)
    wait_until(
        lambda: poolers_at_work(healthy_lab) == AT_WORK,
        lambda: f"{poolers_at_work(healthy_lab)}",
        seconds=15,
    )
    result = healthy_lab.stop_load()
    assert (result.failed, result.aborted_clients) == (0, 0)


def test_a_runner_whose_disk_is_full_ends_at_sigterm_and_its_watchdog_lets_the_clients_go_on(
    healthy_lab: Lab, tmp_path: Path
) -> None:
    lagging(healthy_lab, 5000)
    healthy_lab.start_load(clients=4, rate=50)
    run = start(healthy_lab)
    run.until(lambda view: _stands(view, "quiet", StepStatus.DONE), "the barrier", timeout=30)
    runner, watchdog = run.pid, watchdog_of(run)
    assert runner is not None
    fill_the_disk(runner, watchdog)
    os.kill(runner, signal.SIGTERM)
    wait_until(lambda: run.pid is None, "the runner ends", seconds=10)
    wait_until(lambda: _as_before(healthy_lab), lambda: f"{poolers_at_work(healthy_lab)}", seconds=5)
    assert healthy_lab.stop_load().failed == 0


def test_a_run_whose_directory_was_deleted_is_found_and_steered_again(healthy_lab: Lab) -> None:
    run = start(healthy_lab, "gradual")
    run.holding()
    shutil.rmtree(run.directory)
    wait_until(lambda: is_held(run.directory / RUNNER_LOCK), "the runner makes it anew", seconds=10)
    wait_until((run.directory / JOURNAL).exists, "its journal is there", seconds=5)
    wait_until((run.directory / SOCKET).exists, "words reach it again", seconds=10)
    again = Started(run.directory)
    assert again.holding().run_id == run.directory.name
    assert (again.directory / "request.json").exists()
    again.say("go")
    assert again.over().status is RunStatus.DONE
    assert in_maintenance(healthy_lab) == set()


@pytest.mark.parametrize("step", ["pause", "disable", "quiet", "barrier"])
def test_resume_right_after_a_kill_under_the_pause_goes_on_to_the_hold(healthy_lab: Lab, step: str) -> None:
    lagging(healthy_lab, 500)
    healthy_lab.start_load(clients=4, rate=50)
    run = start(healthy_lab)
    run.until(lambda view: not _stands(view, step, StepStatus.PENDING), f"step {step}", timeout=30)
    pid = run.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: run.pid is None, "the runner is gone", seconds=5)
    launch.again(run.directory.name, undo=False)
    through(run)
    assert _as_before(healthy_lab)
    result = healthy_lab.stop_load()
    assert (result.failed, result.lost) == (0, 0)
