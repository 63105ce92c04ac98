"""The console on the lab, in a terminal, with runs kept apart from the user's own."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from bdr_console.lab import Lab
from tests.terminal.tmux import Tmux

Opener = Callable[..., Tmux]


@pytest.fixture
def console(healthy_lab: Lab, tmp_path: Path) -> Iterator[Opener]:
    """Opens the installed program on the shared lab: console("watch", columns=80, lines=24)."""
    program = str(Path(sys.executable).parent / "bdr-console")
    environment = {"BDR_CONSOLE_STATE": str(tmp_path / "state"), "LANG": "C.UTF-8"}
    with ExitStack() as opened:

        def open_console(*arguments: str, columns: int = 140, lines: int = 40) -> Tmux:
            command = [program, "--config", str(healthy_lab.config), *arguments]
            return opened.enter_context(Tmux(command, columns, lines, environment))

        yield open_console
    _end_runners(tmp_path / "state")


def _end_runners(state: Path) -> None:
    """A run outlives its console on purpose: a test that failed in the middle must not leave one behind."""
    for journal in state.glob("runs/*/journal.jsonl"):
        pid = json.loads(journal.read_text().splitlines()[0])["pid"]
        with suppress(OSError):
            if b"bdr_console" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
