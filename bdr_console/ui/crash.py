"""An error nobody foresaw: a private report for whoever mends it, one sentence for the operator."""

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

from bdr_console import __version__
from bdr_console.errors import ConsoleError
from bdr_console.paths import private_dir, state_dir
from bdr_console.private_files import write_private

_KEPT = 20
"""Reports; the oldest go."""


def write_report(error: BaseException) -> Path | None:
    """Write a traceback without local variables (they may hold secrets) to a file only its owner can read.

    Returns its path, or None when it could not be written.
    """
    now = datetime.now(UTC)
    try:
        path = private_dir(state_dir()) / f"crash-{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
        text = "".join(traceback.format_exception(error))
        write_private(path, f"bdr-console {__version__}, {now.isoformat()}\n\n{text}")
        _keep_newest(path.parent)
    except (OSError, ConsoleError):
        return None
    return path


def _keep_newest(directory: Path) -> None:
    """An error that comes back every few seconds must not fill the disk; names begin with their time."""
    for old in sorted(directory.glob("crash-*.txt"))[:-_KEPT]:
        old.unlink(missing_ok=True)


def as_console_error(error: Exception, doing: str) -> ConsoleError:
    """An unforeseen error of one operation as something to show, with its report written."""
    if isinstance(error, ConsoleError):
        return error
    report = write_report(error)
    where = f"The report is in {report}." if report else ""
    return ConsoleError(f"{doing} failed by an error of the console's own ({type(error).__name__})", where)


def sentence(error: BaseException, report: Path | None) -> str:
    """What the terminal says of it."""
    where = f"The report is in {report}." if report else "No report could be written."
    return f"bdr-console ended by an error of its own ({type(error).__name__}). {where} Runs under way go on."
