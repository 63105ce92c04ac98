"""How an application ends: with an exit code, and with every error of its own in the report."""

import asyncio
import sys
import threading
from typing import Any

from textual.app import App
from textual.worker import WorkerFailed

from bdr_console import crash
from bdr_console.errors import CRASHED
from bdr_console.ui.terminal.driver import PatientDriver
from bdr_console.ui.terminal.signals import HANGUP_EXIT, leave_stuck


class EndingApp(App[int]):
    """An application whose result is the exit code of the process.

    `_handle_exception`, `_fatal_error` and `panic` are Textual's ways to end by an error, two of them private
    to it: it would print the first error with local variables, which may hold secrets, and exit with 0 or 1.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(driver_class=PatientDriver, ansi_color=ansi_color)
        self.errors: list[BaseException] = []
        """What the application ends by."""

    def run_to_end(self, *, mouse: bool) -> int:
        """Run, and say on stderr by which errors it ended, if by any. Returns the exit code."""
        threading.excepthook = lambda args: _report(args.exc_value)
        code = self.run(mouse=mouse)
        if self.errors:
            code = CRASHED
        elif code is None:
            code = self.return_code or 0
        if code == HANGUP_EXIT or (isinstance(self._driver, PatientDriver) and self._driver.stuck):
            leave_stuck(code)
        if self.errors:
            print(crash.ending(self.errors[0], len(self.errors)), file=sys.stderr)
        return code

    def on_load(self) -> None:
        """Before the first screen: have tasks begin when the loop comes to them, on every Python.

        From 3.12 on Textual has each task run at once where it is created. A mode's first screen would then
        mount its widgets before it is on the mode's stack, and none of them finds its screen.
        """
        loop = asyncio.get_running_loop()
        loop.set_task_factory(None)
        loop.set_exception_handler(_unheeded)

    def _handle_exception(self, error: Exception) -> None:
        cause = error.error if isinstance(error, WorkerFailed) else error
        self.errors.append(cause)
        crash.write_report(cause)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def panic(self, *renderables: object) -> None:
        """End; `run_to_end` says why."""
        if not self.errors:
            self.errors.append(RuntimeError(" ".join(map(str, renderables))))
        self._close_messages_no_wait()


def _unheeded(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An error of a task that nobody waits for: no reason to end."""
    _report(context.get("exception"))


def _report(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit):
        crash.write_report(error)
