"""Starting a runner: a process in a session of its own, and how its beginning is known."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.journal import JOURNAL

LOG = "runner.log"
_BORN_WITHIN = 30.0
"""Seconds until the journal's first event; the first reading of silent targets takes a few."""


def spawn(directory: Path) -> None:
    """Start the runner of `directory` and return when it has written to the journal.

    Blocks meanwhile. Raises ConsoleError with the runner's own words when it ended before it began.
    """
    size_before = _size(directory)
    log = os.open(directory / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "bdr_console.runbooks.runner", str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=_environment(),
        )
    finally:
        os.close(log)
    born = time.monotonic() + _BORN_WITHIN
    while _size(directory) <= size_before:
        if process.poll() is not None and _size(directory) <= size_before:
            raise ConsoleError(*_last_words(directory))
        if time.monotonic() > born:
            raise ConsoleError(
                f"the runner (pid {process.pid}) has not begun within {_BORN_WITHIN:.0f} s",
                f"Look at {directory / LOG}; nothing has been changed.",
            )
        time.sleep(0.02)
    # The runner outlives this process on purpose. While this process lives, it takes its exit status.
    threading.Thread(target=process.wait, name=f"runner {process.pid}", daemon=True).start()


def _size(directory: Path) -> int:
    try:
        return (directory / JOURNAL).stat().st_size
    except OSError:
        return 0


def _environment() -> dict[str, str]:
    """Ours, with the package findable from a checkout; what libpq needs (PGPASSFILE...) goes along."""
    root = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root}


def _last_words(directory: Path) -> tuple[str, str, int]:
    """(problem, remedy, exit code) from the end of the runner's log."""
    try:
        lines = (directory / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    if not lines:
        return "the runner ended before it began, and said nothing", "Nothing was changed.", 2
    try:
        told = json.loads(lines[-1])
        return str(told["problem"]), str(told["remedy"]), int(told["exit_code"])
    except (ValueError, KeyError, TypeError):
        return f"the runner ended before it began: {lines[-1]}", "Nothing was changed.", 2
