"""Errors that nobody foresaw: a private report for whoever mends them, one paragraph for the operator.

Each process has one report at most, with every error in it: often the first one matters, and the others are
its consequences.
"""

import os
import platform
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path

from bdr_console import __version__, logs
from bdr_console.cluster.text import clean, masked
from bdr_console.errors import ConsoleError
from bdr_console.paths import open_private, private_dir, state_dir

_KEPT = 20
"""Reports; the oldest go."""
_LARGEST = 1 << 20
"""Bytes of one report; a console runs for weeks."""
_MOST = 500
"""Errors of one report, those apart that come again."""


class _Report:
    """The report of this process, begun with its first error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._numbers: dict[str, int] = {}
        """The errors in it, by their text."""

    def add(self, text: str) -> Path | None:
        """Append an error's text; the report's path, or None when it could not be written."""
        with self._lock:
            try:
                path = self._path = self._begun(private_dir(state_dir()))
                number = self._numbers.get(text)
                if number is None and len(self._numbers) == _MOST:
                    return path
                now = datetime.now(UTC).isoformat()
                if number is None:
                    number = self._numbers[text] = len(self._numbers) + 1
                    _append(path, f"\nError {number}, {now}\n{text}")
                else:
                    _append(path, f"\nError {number} again, {now}\n")
            except (OSError, ConsoleError):
                return None
            return path

    def _begun(self, directory: Path) -> Path:
        if self._path is not None and self._path.exists() and self._path.parent == directory:
            return self._path
        self._numbers = {}
        path = directory / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{os.getpid()}.txt"
        about = f"bdr-console {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        _append(path, about, os.O_CREAT | os.O_EXCL)
        _keep_newest(directory)
        return path


def _append(path: Path, text: str, flags: int = 0) -> None:
    handle = open_private(path, os.O_WRONLY | os.O_APPEND | flags)
    with os.fdopen(handle, "wb") as file:
        if os.fstat(handle).st_size < _LARGEST:
            file.write(text.encode("utf-8", "backslashreplace")[:_LARGEST])


_REPORT = _Report()


def write_report(error: BaseException) -> Path | None:
    """Add the traceback of `error` to the report of this process, a file only its owner can read.

    Without local variables, and with passwords masked in what errors say. Returns the report's path, or None
    when it could not be written.
    """
    logs.swallowed(error, "unforeseen")
    return _REPORT.add(_text(error))


def _text(error: BaseException) -> str:
    return masked("".join(traceback.format_exception(error)))


def _keep_newest(directory: Path) -> None:
    """Programs that end by an error every few seconds must not fill the disk; names begin with their time."""
    for old in sorted(directory.glob("crash-*.txt"))[:-_KEPT]:
        old.unlink(missing_ok=True)


def as_console_error(error: Exception, doing: str) -> ConsoleError:
    """An unforeseen error of one operation as something to show, with its report written."""
    if isinstance(error, ConsoleError):
        return error
    report = write_report(error)
    where = f"The report is in {report}." if report else ""
    return ConsoleError(f"{doing} failed by an error of the console's own ({type(error).__name__})", where)


def ending(error: BaseException, count: int = 1) -> str:
    """What the terminal says when the program ends by `error`, the first of `count`. Writes the report."""
    more = f" and {count - 1} more" if count > 1 else ""
    what = f"bdr-console ended by an error of its own ({type(error).__name__}{more}). Runs under way go on."
    report = write_report(error)
    if report is None:
        said = "\n".join(clean(line) for line in _text(error).splitlines())
        return f"{what}\nNo report could be written to {_place()}. Send this instead:\n{said}"
    return (
        f"{what}\nThe report is {report}. Send it to whoever maintains bdr-console for you, and say what you "
        "did last. Passwords are masked in it; names of hosts, users and databases are not."
    )


def _place() -> str:
    try:
        return str(state_dir())
    except ConsoleError as error:
        return error.problem
