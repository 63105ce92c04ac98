"""What plain pages are written on: a terminal of any kind, a pipe, a file."""

import contextlib
import shutil
import sys
from collections.abc import Iterator, Sequence

from bdr_console.streams import ReaderGoneError
from bdr_console.terminal_limits import is_dumb

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
