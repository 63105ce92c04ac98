"""How a runner and whoever starts it agree that the run begins, or that it does not."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks import locks
from bdr_console.runbooks.execute import launch, spawn
from bdr_console.runbooks.execute.spawn import Starter
from bdr_console.runbooks.journal.journal_file import RUNNER_LOCK
from bdr_console.runbooks.model.run import LOCKED, RunStatus
from tests.runbooks.test_journal import begin
from tests.waiting import wait_until


async def test_a_runner_begins_only_when_it_is_told_to() -> None:
    console, runner = socket.socketpair()
    starter = Starter(runner.detach())
    agreeing = asyncio.create_task(starter.agree())
    await asyncio.sleep(0)
    console.setblocking(False)
    assert await asyncio.get_running_loop().sock_recv(console, 20) == b"ready\n"
    assert not agreeing.done()
    console.sendall(b"go\n")
    await agreeing
    starter.begun()
    assert await asyncio.get_running_loop().sock_recv(console, 20) == b"begun\n"
    console.close()


async def test_a_runner_whose_console_is_gone_before_it_said_go_does_not_begin() -> None:
    console, runner = socket.socketpair()
    console.close()
    starter = Starter(runner.detach())
    with pytest.raises(ConsoleError, match="does not begin"):
        await starter.agree()
    starter.begun()


def test_a_runner_that_is_too_slow_to_get_ready_is_ended_and_never_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(descriptor: int) -> subprocess.Popen[bytes]:
        code = "import time; time.sleep(60)"
        started.append(subprocess.Popen([sys.executable, "-c", code], pass_fds=(descriptor,)))
        return started[0]

    monkeypatch.setattr(spawn, "_start", start)
    monkeypatch.setattr(spawn, "_READY_WITHIN", 0.2)
    with pytest.raises(ConsoleError, match="was ended") as late:
        spawn.Runner().begin(tmp_path)
    assert "Nothing has been changed" in late.value.remedy
    assert started[0].returncode is not None


def test_the_watchdogs_lines_are_not_taken_for_the_beginning_of_a_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runner that ends at once although the journal grows meanwhile, as a watchdog makes it grow."""
    journal = begin(tmp_path)

    def start(descriptor: int) -> subprocess.Popen[bytes]:
        journal.write("watchdog", text="acts: the runner is gone")
        return subprocess.Popen([sys.executable, "-c", "print()"], pass_fds=(descriptor,))

    monkeypatch.setattr(spawn, "_start", start)
    with pytest.raises(ConsoleError, match="ended before it began"):
        spawn.Runner().begin(tmp_path)
    journal.close()


def test_of_two_operators_who_finish_the_same_run_the_second_is_told_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    directory = launch.run_dir("r1")
    directory.mkdir(mode=0o700)
    journal = begin(directory)
    journal.write("end", status=RunStatus.STOPPED, message="", leftovers=[])
    first = locks.hold(directory / "starting.lock", {"who": "alice@bastion", "word": "undo"})
    with pytest.raises(ConsoleError, match="alice@bastion has just said 'undo'") as refused:
        launch.again("r1", undo=False)
    assert refused.value.exit_code == LOCKED
    os.close(first)
    with pytest.raises(ConsoleError, match=r"request\.json cannot be read"):
        launch.again("r1", undo=False)
    wait_until(lambda: not locks.is_held(directory / "starting.lock"), "the lock is let go", seconds=5)
    journal.close()


def test_a_run_is_resumed_right_after_its_runner_was_killed_though_the_lock_is_let_go_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process lets go of its locks with its last thread."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    directory = launch.run_dir("r1")
    directory.mkdir(mode=0o700)
    journal = begin(directory)
    dying = locks.hold(directory / RUNNER_LOCK, {})
    with pytest.raises(ConsoleError, match="run r1 is under way"):
        launch.again("r1", undo=False)
    threading.Timer(0.2, os.close, (dying,)).start()
    with pytest.raises(
        ConsoleError, match=r"request\.json cannot be read"
    ):  # it is taken for ended, and gone on with
        launch.again("r1", undo=False)
    journal.close()
