"""The event log of one cluster: JSON lines in a few files of bounded size, shared by all consoles of a user.

Each batch is appended in one write under a lock; the one who finds the file full moves it aside. A line
that a full disk has torn is ended by the next writer and passed over by every reader.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from bdr_console.event_store.files import alone, home_of
from bdr_console.event_store.record import Record, line_of, record_of
from bdr_console.paths import open_private

_NAME, _LOCK = "events.jsonl", "events.lock"
_PIECE, _LONGEST_LINE = 2**16, 2**16
"""Bytes."""
_TWICE = timedelta(seconds=5)
"""Two consoles see the same thing this far apart, and both write it down."""


class EventLog:
    """Appends and reads; every method may block for a moment, and is called from a thread."""

    def __init__(self, cluster: str, *, size: int = 2 * 2**20, files: int = 5) -> None:
        """At most `files` files of about `size` bytes."""
        self._cluster = cluster
        self._size, self._files = size, files

    def append(self, records: Iterable[Record]) -> None:
        """Write the records at the end. Raises OSError (a full disk), ConsoleError (an open directory)."""
        home = home_of(self._cluster)
        data = b"".join(map(line_of, records))
        with alone(home / _LOCK) as mine:
            if mine:
                self._rotate(home, len(data))
            handle = open_private(home / _NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            try:
                end = os.fstat(handle).st_size
                if end and os.pread(handle, 1, end - 1) != b"\n":
                    data = b"\n" + data
                while data:
                    data = data[os.write(handle, data) :]
            finally:
                os.close(handle)

    def read(self, since: datetime | None = None) -> list[Record]:
        """Every event, oldest first, what several consoles wrote of one event once; from `since` on where it
        is given. An absent log is an empty one. Raises OSError, ConsoleError."""
        home = home_of(self._cluster)
        found = [
            record
            for path in reversed(self._paths(home))
            for line in _lines(path)
            if (record := record_of(line)) is not None and (since is None or record.event.at >= since)
        ]
        found.sort(key=lambda record: record.event.at)
        return list(_once(found))

    def _paths(self, home: Path) -> list[Path]:
        """Newest first."""
        return [home / _NAME, *(home / f"events.{number}.jsonl" for number in range(1, self._files))]

    def _rotate(self, home: Path, more: int) -> None:
        try:
            size = (home / _NAME).stat().st_size
        except FileNotFoundError:
            return
        if not size or size + more <= self._size:
            return
        paths = self._paths(home)
        for older, newer in zip(reversed(paths), reversed(paths[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, none of them longer than ours can be."""
    try:
        with path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                if line.endswith(b"\n"):
                    yield line
    except FileNotFoundError:
        return


def _once(records: Iterable[Record]) -> Iterator[Record]:
    """Without what another console has written of the same event a moment before."""
    last: dict[tuple[object, ...], Record] = {}
    for record in records:
        event = record.event
        same = (event.level, event.subject, event.code or event.text)
        before = last.get(same)
        if before and before.by != record.by and event.at - before.event.at <= _TWICE:
            continue
        last[same] = record
        yield record
