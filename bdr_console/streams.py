"""The three standard streams, whatever the caller has made of them: closed, full, or a pipe nobody reads.

What was asked for goes to stdout: if it cannot be written there, that is an error with an exit code of its
own. stderr carries remarks: if nobody can have those, the command does its work all the same.
"""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING

from bdr_console.errors import UNWRITTEN, ConsoleError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class UnwrittenError(ConsoleError):
    """The output could not be written."""


class ReaderGoneError(UnwrittenError):
    """The output goes to a pipe that nobody reads any more."""


def prepare() -> None:
    """Put streams that keep these rules in the place of Python's own; a closed descriptor is opened again.

    Otherwise the next file that is opened would become stdout, and hold what is printed.
    """
    # A read-only stdout refuses what is written to it, as a closed one does.
    for descriptor, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stdout = _text(_Output(1, "w", closefd=False), sys.stdout, "strict")
    sys.stderr = _text(_Remarks(2, "w", closefd=False), sys.stderr, "backslashreplace", always_lines=True)


def flush() -> None:
    """Write what stdout still holds; raises UnwrittenError."""
    sys.stdout.flush()


class _Output(io.FileIO):
    """Raises UnwrittenError once; what comes after it is discarded, or Python would complain at its end."""

    _failed = False

    def write(self, data: "ReadableBuffer", /) -> int:
        if not self._failed:
            try:
                return super().write(data)
            except OSError as error:
                self._failed = True
                raise _unwritten(error) from None
        return memoryview(data).nbytes


class _Remarks(io.FileIO):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _unwritten(error: OSError) -> UnwrittenError:
    rest = "The output is not complete; what the command did stays done."
    if error.errno == errno.EPIPE:
        return ReaderGoneError("nobody reads the output any more", rest, UNWRITTEN)
    why = "stdout is closed" if error.errno == errno.EBADF else error.strerror or str(error)
    return UnwrittenError(f"the output cannot be written: {why}", rest, UNWRITTEN)


def _text(
    raw: io.FileIO, like: "io.TextIOWrapper | object | None", errors: str, *, always_lines: bool = False
) -> io.TextIOWrapper:
    """A text stream on `raw` that encodes as `like` does, where there is one."""
    known = like if isinstance(like, io.TextIOWrapper) else None
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=known.encoding if known else "utf-8",
        errors=known.errors if known else errors,
        line_buffering=always_lines or (known is not None and known.line_buffering),
    )
