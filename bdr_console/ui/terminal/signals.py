"""The terminal: fit to start on, signals, and the hang-up that no signal tells of."""

import asyncio
import atexit
import os
import select
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from bdr_console.errors import ConsoleError

SMALLEST = (60, 15)
"""Columns and rows below which nothing useful can be shown."""

HANGUP_EXIT = 129
"""128 + SIGHUP, with or without that signal."""
_GRACE = 2.0
"""Seconds that the application gets to end by itself after a hang-up."""


def refuse_unfit() -> None:
    """Raise ConsoleError unless the console can run here."""
    for name, stream in (("standard input", sys.__stdin__), ("standard error", sys.__stderr__)):
        if stream is None or not stream.isatty():
            raise ConsoleError(
                f"{name} is not a terminal",
                "Start the console in a terminal (ssh -t), and redirect neither stdin nor stderr. Without "
                "one, bdr-console status says once how the cluster is, bdr-console top again and again.",
            )
    width, height = shutil.get_terminal_size((0, 0))
    if width < SMALLEST[0] or height < SMALLEST[1]:
        raise ConsoleError(
            f"the terminal is too small: {width}x{height}",
            f"Make it {SMALLEST[0]}x{SMALLEST[1]} or more; 80x24 shows one pane at a time, 140x40 all.",
        )


def leave_stuck(code: int) -> NoReturn:
    """End the process at once when its terminal takes no more, or is gone.

    A thread waits in a write that may never end, and the interpreter would wait for it, or abort. With the
    terminal gone it could not write out its streams, and would end with 120 instead of the code.
    """
    atexit._run_exitfuncs()
    os._exit(code)


def on_signals(leave: Callable[[int], None]) -> None:
    """Have SIGTERM and SIGHUP call `leave` with the exit code, so that the terminal is put back in order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, leave, 128 + number)


def watch_hangup(leave: Callable[[], None]) -> None:
    """Call `leave` from a thread when the terminal goes away, and end the process if that does not help.

    With SIGHUP ignored (nohup, sudo, docker exec) nothing else tells, and Textual's input thread would
    read end-of-file for ever on a full core.
    """

    def watch() -> None:
        poll = select.poll()
        poll.register(0, 0)  # POLLHUP, POLLERR and POLLNVAL are always reported
        try:
            poll.poll()
        except OSError:
            return
        killer = threading.Timer(_GRACE, os._exit, (HANGUP_EXIT,))
        killer.daemon = True
        killer.start()
        leave()

    threading.Thread(target=watch, name="hang-up", daemon=True).start()
