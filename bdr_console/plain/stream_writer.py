"""Standard streams and the terminal: what they can take, and how pages of plain text are written to them.

Whatever the caller has made of the streams (closed, full, a pipe nobody reads): what was asked for goes to
stdout, and if it cannot be written there, that is an error with an exit code of its own. stderr carries
remarks: if nobody can have those, the command does its work all the same.
"""

import contextlib
import errno
import io
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bdr_console.errors import UNWRITTEN, ConsoleError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

from collections.abc import Mapping
from pathlib import Path


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


_DEFAULT = (80, 24)


def size() -> tuple[int, int]:
    """Columns and lines of the terminal; of no terminal $COLUMNS and $LINES, else 80x24."""
    columns, lines = shutil.get_terminal_size(_DEFAULT)
    return max(20, columns), max(5, lines)


class Paper:
    """Takes one page after the other: each in the place of the one before where the terminal can move its
    cursor, one under the other where it cannot."""

    def __init__(self, *, ascii_only: bool) -> None:
        self._ascii = ascii_only
        self._home, self._clear_line, self._clear_rest = _addressing()
        self._pages = 0

    @property
    def in_place(self) -> bool:
        """Whether a page takes the place of the one before."""
        return bool(self._home)

    def put(self, lines: Sequence[str]) -> None:
        """Write one page; raises UnwrittenError when it cannot be written."""
        columns, rows = size()
        if self.in_place:
            shown = list(lines) if len(lines) < rows else [*lines[: rows - 2], _cut(len(lines) - rows + 2)]
            text = self._home + "".join(f"{line}{self._clear_line}\n" for line in shown) + self._clear_rest
        else:
            rule = ("-" if self._ascii else "─") * columns
            text = "".join(f"{line}\n" for line in ([rule, *lines] if self._pages else lines))
        self._pages += 1
        sys.stdout.write(text)
        sys.stdout.flush()


def _cut(number: int) -> str:
    return f"... and {number} more lines: make the terminal higher"


def _addressing() -> tuple[str, str, str]:
    """What moves this terminal's cursor home, clears to the end of the line, and clears the rest of the
    screen; empty where it cannot, and where stdout is no terminal."""
    if not sys.stdout.isatty() or is_dumb():
        return "", "", ""
    try:
        import curses
    except ImportError:  # some builds of Python come without it
        return "", "", ""
    try:
        curses.setupterm()
    except curses.error:
        return "", "", ""
    found = [(curses.tigetstr(name) or b"").decode("latin-1") for name in ("home", "el", "ed")]
    return (found[0], found[1], found[2]) if all(found) else ("", "", "")


@contextlib.contextmanager
def read_or_not() -> Iterator[None]:
    """Ends quietly what is written while nobody reads any more (`| head`, a closed terminal)."""
    try:
        yield
        sys.stdout.flush()
    except ReaderGoneError:
        return


def ascii_only(*asked: bool) -> bool:
    """Whether nothing but ASCII may be written: asked for (--ascii, `ascii: true`), or because the locale
    promises no more (LANG=C and the like)."""
    if any(asked):
        return True
    given = _environment_given()
    named = given.get("LC_ALL") or given.get("LC_CTYPE") or given.get("LANG") or ""
    return "utf" not in named.lower()


def is_dumb() -> bool:
    """Whether the terminal says that it can do nothing but print lines."""
    return os.environ.get("TERM", "") in ("", "dumb", "unknown")


def term() -> str:
    """What the terminal says that it is, for a sentence: `TERM is dumb`, `TERM is not set`."""
    return f"TERM is {os.environ.get('TERM') or 'not set'}"


def _environment_given() -> Mapping[str, str]:
    """The environment as the process was given it: with LANG=C, Python sets LC_CTYPE=C.UTF-8 in its own."""
    try:
        raw = Path("/proc/self/environ").read_bytes()
    except OSError:
        return os.environ
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}
