"""Snapshots, events and lines of journals into frames: now and then a whole snapshot, else what changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.changes import Event
from bdr_console.recording.frames import TEXT_LIMIT, Mark, moment_of, packed
from bdr_console.recording.frames import milliseconds as ms
from bdr_console.recording.patches import difference
from bdr_console.recording.records import (
    KINDS,
    LINE_LIMIT,
    Header,
    RunLine,
    event_line,
    header_shape,
    line_of,
    observed,
    run_line,
)

_FULL = 256 * 2**10
"""Bytes of text after which a frame is closed."""
_KEY_EVERY = 60.0
"""Seconds between two whole snapshots: a reader that jumps has to go through as much."""
_NOTHING = Mark(0)
GROUP_LIMIT = 64 * 2**20
"""Bytes of text from one whole snapshot to the next, at most."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame ready to be written."""

    data: bytes
    first: datetime
    last: datetime
    marks: Mark


class Encoder:
    """Gathers lines; `frames()` gives what is full, `cut()` closes what there is."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._size = 0
        self._times: list[datetime] = []
        self._marks = Mark(0)
        self._ready: list[Frame] = []
        self._targets: dict[str, list[tuple[Any, Any]]] = {}
        """By kind: each target as it was seen last, and the same as JSON values."""
        self._group = 0
        self._key_at: datetime | None = None

    def whole_next(self) -> None:
        """Begin the next frame with a whole snapshot: it must be readable without what went before."""
        self.cut()
        self._key_at = None

    def header(self, header: Header) -> None:
        """Say what is recorded; a frame of its own."""
        self.cut()
        self._add(
            line_of("header", header_shape().dump_python(header, mode="json")), header.began, Mark.HEADER
        )
        self.cut()

    def event(self, event: Event) -> None:
        """Add a line of the event log."""
        self._add(event_line(event), event.at, Mark.EVENTS)

    def run(self, line: RunLine) -> None:
        """Add a line of a journal."""
        self._add(run_line(line), line.at, Mark.RUNS)

    def snapshot(self, snapshot: Snapshot) -> bool:
        """Add a snapshot; False for one that is too large to be recorded."""
        due = self._key_at is None or abs((snapshot.taken_at - self._key_at).total_seconds()) >= _KEY_EVERY
        if due or self._group >= GROUP_LIMIT // 4 or not self._same_targets(snapshot):
            return self._whole(snapshot)
        changed: dict[str, dict[str, Any]] = {}
        for kind in KINDS:
            known = self._targets[kind]
            for i, target in enumerate(getattr(snapshot, kind)):
                before, told = known[i]
                if target is before or target == before:
                    continue
                new = observed(kind).dump_python(target, mode="json")
                known[i] = (target, new)
                if new != told:
                    changed.setdefault(kind, {})[str(i)] = difference(told, new)
        value = {"at": snapshot.taken_at.isoformat(), "refresh": snapshot.refresh, "changed": changed}
        return self._add(line_of("change", value), snapshot.taken_at) or self._whole(snapshot)

    def cut(self) -> None:
        """Close the frame, if anything is in it."""
        if self._lines:
            first, last = min(self._times), max(self._times)
            data = packed(b"".join(self._lines), first, last, self._marks)
            self._ready.append(Frame(data, moment_of(ms(first)), moment_of(ms(last)), self._marks))
        self._lines, self._size, self._times, self._marks = [], 0, [], Mark(0)

    def frames(self) -> list[Frame]:
        """The frames that were closed since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def _same_targets(self, snapshot: Snapshot) -> bool:
        return all(
            [target.name for target in getattr(snapshot, kind)]
            == [before.name for before, _ in self._targets.get(kind, ())]
            for kind in KINDS
        )

    def _whole(self, snapshot: Snapshot) -> bool:
        self.cut()
        told: dict[str, Any] = {
            "cluster": snapshot.cluster,
            "environment": snapshot.environment,
            "taken_at": snapshot.taken_at.isoformat(),
            "refresh": snapshot.refresh,
            "schema": snapshot.schema,
        }
        self._targets = {}
        for kind in KINDS:
            targets = getattr(snapshot, kind)
            told[kind] = [observed(kind).dump_python(target, mode="json") for target in targets]
            self._targets[kind] = list(zip(targets, told[kind], strict=True))
        self._group = 0
        self._key_at = (
            snapshot.taken_at if self._add(line_of("snapshot", told), snapshot.taken_at, Mark.KEY) else None
        )
        return self._key_at is not None

    def _add(self, line: bytes, at: datetime, mark: Mark = _NOTHING) -> bool:
        if len(line) > LINE_LIMIT:
            return False
        if self._size + len(line) > TEXT_LIMIT:
            self.cut()
        self._lines.append(line)
        self._times.append(at)
        self._marks |= mark
        self._size += len(line)
        self._group += len(line)
        if self._size >= _FULL:
            self.cut()
        return True
