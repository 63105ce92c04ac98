"""A recording read back: what it covers at once, snapshots from any moment on, with bounded memory."""

import bisect
import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_clock
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.errors import ConsoleError
from bdr_console.recording.decoder import Decoder
from bdr_console.recording.file import older_part
from bdr_console.recording.frames import DamagedFrameError, Mark, Place, moment_of, places, text_of
from bdr_console.recording.records import (
    EVENT_LIMIT,
    LINE_LIMIT,
    RUN_LIMIT,
    Header,
    RunLine,
    parsed,
    read_event,
    read_run,
)
from bdr_console.recording.start import header_of

ToldT = TypeVar("ToldT")

_MOST_FRAMES = 500_000
"""Eleven days at one every two seconds."""
_MOST_LINES = 20_000
"""Of one frame; one is closed after 256 KiB, which is some 2,000."""
_MOST_EVENTS, _MOST_RUN_LINES, _MOST_RUN_VALUES = 50_000, 100_000, 1_000_000
_MOST_UNPACKED = 512 * 2**20
"""Bytes of text that are gone through for the events and runs, the newest first: a few seconds' work."""
_LEAST = 4096
"""Bytes that opening a frame is worth, however little is in it."""
_MOST_NOTES = 20
_TRIED_FIRST = 20
"""Whole snapshots that are tried until one can be read."""
_OPENED = 4
"""Frames whose lines are kept at hand."""
_GAP = 30.0
"""Seconds without anything recorded that are worth a line."""


@dataclass(frozen=True, slots=True)
class _Frame:
    part: int
    place: Place


class Recording:
    """One recording, its older part (FILE.1) included where there is one. Close it, or use it with `with`."""

    def __init__(self, path: Path) -> None:
        """Look through it. Raises ConsoleError for what is no recording, or holds nothing."""
        self.path = path
        self._files: list[BinaryIO] = []
        self._notes: list[str] = []
        self._lines = lru_cache(_OPENED)(self._read_lines)
        self._paths = [path]
        try:
            self.header = self._open(path)
            self._with_older(older_part(path))
            self._frames = self._index()
            self._keys = [i for i, frame in enumerate(self._frames) if frame.place.marks & Mark.KEY]
            self.began, self.ended = self._span()
            self.events, self.runs = self._told()
            self._refuse_unreadable()
        except OSError as error:
            self.close()
            raise ConsoleError(f"cannot read {path}: {error.strerror}", "Name a recording.") from error
        except ConsoleError:
            self.close()
            raise

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be read, and where."""
        return tuple(self._notes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its files."""
        for file in self._files:
            file.close()

    def snapshots(self, start: datetime) -> Iterator[Snapshot]:
        """Those from the last whole one at or before `start` on, each later than the one before."""
        begin = max(bisect.bisect_right(self._keys, start, key=self._first) - 1, 0)
        decoder = Decoder()
        newest: datetime | None = None
        for frame in itertools.islice(self._frames, self._keys[begin], None):
            try:
                lines = self._lines(frame)
            except (DamagedFrameError, OSError) as error:
                self._note(frame, str(error))
                decoder.lose()
                continue
            for number, line in lines:
                try:
                    snapshot = decoder.take(line)
                except ValueError as error:
                    self._note(frame, str(error).splitlines()[0], number)
                    continue
                if snapshot is not None and (newest is None or snapshot.taken_at > newest):
                    newest = snapshot.taken_at
                    yield snapshot

    def before(self, moment: datetime) -> Snapshot | None:
        """The last snapshot before `moment`; None when there is none."""
        for earlier in (timedelta(milliseconds=1), timedelta(minutes=10), moment - self.began):
            found = None
            for snapshot in self.snapshots(moment - earlier):
                if snapshot.taken_at >= moment:
                    break
                found = snapshot
            if found is not None:
                return found
        return None

    def _span(self) -> tuple[datetime, datetime]:
        if not self._keys:
            raise ConsoleError(f"{self.path} holds no snapshot yet", "It is written every two seconds.")
        shown = [frame.place for frame in self._frames[self._keys[0] :] if frame.place.marks != Mark.HEADER]
        return moment_of(shown[0].first), moment_of(max(place.last for place in shown) + 1)

    def _first(self, key: int) -> datetime:
        return moment_of(self._frames[key].place.first)

    def _open(self, path: Path) -> Header:
        file = path.open("rb")
        self._files.append(file)
        if not path.is_file():
            raise ConsoleError(f"{path} is no file", "Name a recording.")
        return header_of(file, path)

    def _with_older(self, path: Path) -> None:
        """Take in the older part, where it is one of the same recording."""
        if not path.is_file():
            return
        try:
            header = self._open(path)
        except (ConsoleError, OSError) as error:
            self._notes.append(f"the older part is left out: {error}".splitlines()[0])
            header = None
        if header is None or header.cluster != self.header.cluster:
            for file in self._files[1:]:
                file.close()
            del self._files[1:]
            return
        self._files.reverse()
        self._paths.insert(0, path)

    def _index(self) -> list[_Frame]:
        found: list[_Frame] = []
        for part, file in enumerate(self._files):
            for place in places(file):
                if isinstance(place, Place):
                    found.append(_Frame(part, place))
                elif len(self._notes) < _MOST_NOTES:
                    what = "the writer was stopped there" if place.torn else "passed over"
                    name = self._paths[part]
                    self._notes.append(
                        f"{name}: {place.size} bytes at {place.offset} hold no whole frame; {what}"
                    )
                if len(found) >= _MOST_FRAMES:
                    self._notes.append(f"only its first {_MOST_FRAMES} frames are read")
                    return found
        return found

    def _read_lines(self, frame: _Frame) -> list[tuple[int, bytes]]:
        """Its lines with their numbers, without those that are longer than any of ours."""
        lines = text_of(self._files[frame.part], frame.place).split(b"\n", _MOST_LINES)
        if len(lines) > _MOST_LINES:
            self._note(frame, f"more than {_MOST_LINES:,} lines", _MOST_LINES)
            del lines[-1]
        found = []
        for number, line in enumerate(lines, start=1):
            if len(line) > LINE_LIMIT:
                self._note(frame, f"longer than {LINE_LIMIT // 2**20} MiB", number)
            elif line:
                found.append((number, line))
        return found

    def _told(self) -> tuple[tuple[Event, ...], tuple[RunLine, ...]]:
        """The newest events and lines of journals, in the order of their moments."""
        newest_first: list[list[Event]] = []  # by frame: within one they stay in order
        count = 0
        runs: dict[tuple[str, int], RunLine] = {}
        unpacked = values = 0
        for frame in reversed(self._frames):
            if not frame.place.marks & (Mark.EVENTS | Mark.RUNS):
                continue
            unpacked += max(frame.place.length, _LEAST)
            if unpacked > _MOST_UNPACKED:
                until = format_clock(moment_of(frame.place.last))
                size = f"{_MOST_UNPACKED // 2**20} MiB"
                self._notes.append(f"events and runs before {until} are left out: more than {size} of text")
                break
            events: list[Event] = []
            newest_first.append(events)
            with contextlib.suppress(DamagedFrameError):  # it is noted when its snapshots are wanted
                for number, line in self._lines(frame):
                    if line.startswith(b'{"event"') and count < _MOST_EVENTS:
                        events += self._one(frame, number, line, EVENT_LIMIT, read_event)
                    elif line.startswith(b'{"run":{') and len(runs) < _MOST_RUN_LINES:
                        values += line.count(b",")
                        if values > _MOST_RUN_VALUES:
                            self._note(frame, f"more than {_MOST_RUN_VALUES:,} values of runs", number)
                            continue
                        for told in self._one(frame, number, line, RUN_LIMIT, read_run):
                            runs.setdefault((told.run, told.number), told)
            count += len(events)
        events = [event for found in reversed(newest_first) for event in found]
        events += self._gaps()
        events.sort(key=lambda event: event.at)
        return tuple(events[-_MOST_EVENTS:]), tuple(sorted(runs.values(), key=lambda line: line.at))

    def _one(
        self, frame: _Frame, number: int, line: bytes, limit: int, read: Callable[[Any], ToldT]
    ) -> list[ToldT]:
        if len(line) > limit:
            self._note(frame, f"longer than {limit // 1024} KiB", number)
            return []
        try:
            return [read(parsed(line)[1])]
        except ValueError as error:
            self._note(frame, str(error).splitlines()[0], number)
            return []

    def _refuse_unreadable(self) -> None:
        """Raise ConsoleError when none of the first whole snapshots can be read."""
        tried = self._keys[:_TRIED_FIRST]
        for key in tried:
            decoder, frame = Decoder(), self._frames[key]
            try:
                for number, line in self._lines(frame):
                    try:
                        if decoder.take(line) is not None:
                            return
                    except ValueError as error:
                        self._note(frame, str(error).splitlines()[0], number)
            except (DamagedFrameError, OSError) as error:
                self._note(frame, str(error))
        first = next(
            (note for note in self._notes if "cannot be read" in note), "no line of it is a snapshot"
        )
        raise ConsoleError(
            f"{self.path}: none of its first {len(tried)} whole snapshots can be read. {first}",
            "It is damaged, or no bdr-console wrote it.",
        )

    def _gaps(self) -> Iterator[Event]:
        shown = [frame.place for frame in self._frames if not frame.place.marks & Mark.HEADER]
        for before, after in itertools.pairwise(shown):
            if after.first - before.last > _GAP * 1000:
                until = format_clock(moment_of(after.first))
                yield Event(
                    moment_of(before.last), Level.UNKNOWN, "recording", f"nothing was recorded until {until}"
                )

    def _note(self, frame: _Frame, why: str, number: int = 0) -> None:
        line = f"line {number} of " if number else ""
        text = (
            f"{self._paths[frame.part]}: {line}the frame at byte {frame.place.offset} cannot be read: {why}"
        )
        if len(self._notes) < _MOST_NOTES and text not in self._notes:
            self._notes.append(text)
