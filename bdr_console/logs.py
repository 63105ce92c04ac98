"""The log: a private file in the state directory, never the screen, with secrets masked and tracebacks kept.

Whoever logs waits for no disk: records go through a bounded queue to a thread, and what cannot be written is
dropped. Each process of the console calls `start` once; processes that it starts inherit --debug by the
environment.
"""

import atexit
import contextlib
import io
import logging
import os
import queue
import time
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path

from bdr_console.cluster.text import masked
from bdr_console.errors import ConsoleError
from bdr_console.paths import open_private, private_dir, state_dir

DEBUG = "BDR_CONSOLE_DEBUG"
"""The environment variable by which processes of the console inherit --debug."""
_NAME = "bdr-console.log"
_LARGEST, _KEPT = 1 << 20, 3
"""Bytes of one file; older ones beside it."""
_WAITING = 1000
"""Records that may wait for the disk; more are dropped."""
_AT_THE_END = 1.0
"""Seconds that the end of the program waits for the disk."""
_ROOT = logging.getLogger("bdr_console")
_ROOT.addHandler(logging.NullHandler())  # before `start` too nothing goes to the screen


def path() -> Path:
    """The log file; raises ConsoleError where no state directory can be named."""
    return state_dir() / _NAME


def start(*, debug: bool = False) -> None:
    """Log from now on: warnings and errors, with `debug` everything. Never raises; a second call only
    changes how much."""
    if debug:
        os.environ[DEBUG] = "1"
    _ROOT.setLevel(logging.DEBUG if debug or os.environ.get(DEBUG) else logging.WARNING)
    _ROOT.propagate = False
    if any(isinstance(handler, _Queued) for handler in _ROOT.handlers):
        return
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(_WAITING)
    _ROOT.addHandler(_Queued(waiting))
    QueueListener(waiting, _PrivateFile()).start()  # a daemon thread: a disk that hangs holds up nothing
    atexit.register(_drain, waiting)


def swallowed(error: BaseException, doing: str) -> None:
    """Log an error that is answered in another way than by a traceback: an unforeseen one with its
    traceback, one that a user is meant to read only with --debug."""
    level = logging.DEBUG if isinstance(error, ConsoleError) else logging.ERROR
    _ROOT.log(level, "%s: %s: %s", doing, type(error).__name__, error, exc_info=error)


class _Queued(QueueHandler):
    """Formats and masks in the thread that logs, so that no secret waits anywhere."""

    def __init__(self, waiting: "queue.Queue[logging.LogRecord]") -> None:
        super().__init__(waiting)
        self.setFormatter(_Masked("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Nothing: the queue is full, or a record cannot be formatted."""


class _Masked(logging.Formatter):
    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _PrivateFile(RotatingFileHandler):
    """The file, mode 0600. Several processes write to it: one that another has renamed is opened anew."""

    def __init__(self) -> None:
        self._opened: tuple[int, int] | None = None
        super().__init__(os.devnull, maxBytes=_LARGEST, backupCount=_KEPT, encoding="utf-8", delay=True)

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(Exception):
            wanted = str(path())
            if wanted != self.baseFilename or self._is_renamed():
                self._let_go()
                self.baseFilename = wanted
            super().emit(record)

    def _open(self) -> io.TextIOWrapper:
        file = Path(self.baseFilename)
        private_dir(file.parent)
        descriptor = open_private(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        found = os.fstat(descriptor)
        self._opened = (found.st_dev, found.st_ino)
        return io.TextIOWrapper(os.fdopen(descriptor, "ab"), encoding="utf-8", errors="backslashreplace")

    def _is_renamed(self) -> bool:
        if self.stream is None or self._opened is None:
            return False
        try:
            found = Path(self.baseFilename).lstat()
        except FileNotFoundError:
            return True
        return (found.st_dev, found.st_ino) != self._opened

    def _let_go(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Nothing but to open the file anew for the next record: a full disk stops nobody."""
        self._let_go()


def _drain(waiting: "queue.Queue[logging.LogRecord]") -> None:
    until = time.monotonic() + _AT_THE_END
    while waiting.unfinished_tasks and time.monotonic() < until:
        time.sleep(0.01)
