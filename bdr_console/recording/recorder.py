"""Records what it is handed, on a thread of its own: a disk that hangs or is full costs the recording some
lines, and never the console a moment."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bdr_console import paths
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.changes import Event
from bdr_console.errors import ConsoleError
from bdr_console.paths import write_private
from bdr_console.recording.encoder import Encoder, Frame
from bdr_console.recording.file import RecordingFile
from bdr_console.recording.frames import Mark
from bdr_console.recording.records import Header, RunLine
from bdr_console.recording.ring import Ring

SUFFIX = ".bdrrec"
_FLUSH_EVERY = 2.0
"""Seconds: what a kill -9 costs at most."""
_WAITING = 512
"""Snapshots and events that may wait for a slow disk; what comes then is lost, and that is said."""
_RETRY = 10.0
_SAVED_WITHIN = 15.0
_CLOSED_WITHIN = 2.0


class Journals(Protocol):
    """The journals of a cluster's runs. Its methods read files and are called on the recorder's thread."""

    def added(self) -> Sequence[RunLine]:
        """What was added since the last call, of runs that are under way or began since the first."""

    def since(self, moment: datetime) -> Sequence[RunLine]:
        """Everything of the runs that went on after `moment`."""


@dataclass(frozen=True, slots=True)
class _Save:
    done: "Future[Path]"


class Recorder:
    """Writes to a file, keeps a ring, or both. `snapshot` and `event` return at once, from any thread."""

    def __init__(
        self,
        header: Header,
        *,
        file: RecordingFile | None = None,
        ring: Ring | None = None,
        journals: Journals | None = None,
    ) -> None:
        self._header = header
        self._file = file
        self._ring = ring
        self._journals = journals
        self._encoder = Encoder()
        self._waiting: queue.Queue[Snapshot | Event | _Save | None] = queue.Queue(_WAITING)
        self._lost = 0
        self._failed_at: float | None = None
        self._troubles: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._large = False
        self.count = 0
        """Snapshots recorded."""
        self.unwritten = ""
        """Why a part of what was handed over is not in the file; empty when all of it is."""
        self.tell: Callable[[str], None] = lambda _: None
        """Who is told of troubles, by `tell_troubles`."""

    @property
    def path(self) -> Path | None:
        """The file that is written to; None for the ring alone."""
        return self._file.path if self._file else None

    @property
    def has_ring(self) -> bool:
        """Whether the last minutes are kept."""
        return self._ring is not None

    def snapshot(self, snapshot: Snapshot) -> None:
        """Record a snapshot."""
        self._put(snapshot)

    def event(self, event: Event) -> None:
        """Record a line of the event log."""
        self._put(event)

    def tell_troubles(self) -> None:
        """Tell what went wrong since the last call, in the caller's thread."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.tell(self._troubles.get_nowait())

    def save(self) -> Path:
        """Write the ring to a file in the state directory and return its path. Blocks: call it from a thread.

        Raises ConsoleError.
        """
        if self._ring is None:
            raise ConsoleError(
                "the last minutes are not kept", "Set record: ring_minutes in the configuration."
            )
        order = _Save(Future())
        self._put(order)
        try:
            return order.done.result(_SAVED_WITHIN)
        except TimeoutError as error:
            raise ConsoleError(
                f"the recording was not saved within {_SAVED_WITHIN:g} s",
                "Is its disk full, or does it hang?",
            ) from error
        except OSError as error:
            raise ConsoleError(
                f"the recording could not be saved: {error.strerror or error}",
                "Make room in the state directory.",
            ) from error

    def close(self) -> None:
        """Write what waits and stop; a disk that hangs is not waited for."""
        if self._thread is not None:
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(None)
            self._thread.join(_CLOSED_WITHIN)
            if self._thread.is_alive():
                self.unwritten = "its disk hangs"

    def _put(self, what: Snapshot | Event | _Save) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(what)
        except queue.Full:
            self._lost += 1
            self.unwritten = "its disk cannot keep up"
            if self._lost == 1:
                self._troubles.put(
                    "the recording cannot keep up: its disk hangs, what comes now is not recorded"
                )

    # On its own thread -------------------------------------------------------------------------------

    def _work(self) -> None:
        due = time.monotonic() + _FLUSH_EVERY
        while True:
            try:
                what = self._waiting.get(timeout=max(0.0, due - time.monotonic()))
                if what is None:
                    break
                self._take(what)
            except queue.Empty:
                pass
            if time.monotonic() >= due:
                self._flush()
                due = time.monotonic() + _FLUSH_EVERY
        self._flush()
        if self._file is not None:
            self._file.close()

    def _take(self, what: Snapshot | Event | _Save) -> None:
        try:
            if isinstance(what, Snapshot):
                self._record(what)
            elif isinstance(what, Event):
                self._encoder.event(what)
            else:
                self._flush()
                what.done.set_result(self._saved())
        except Exception as error:
            if isinstance(what, _Save):
                what.done.set_exception(error)
            else:
                self._troubles.put(f"something could not be recorded ({type(error).__name__})")
                self._encoder = Encoder()

    def _record(self, snapshot: Snapshot) -> None:
        if self._lost and self._waiting.qsize() < _WAITING // 2:
            self._troubles.put(f"recording goes on; {self._lost} readings were lost")
            self._lost = 0
        if (self._file and self._file.wants_whole) or (self._ring and self._ring.wants_whole):
            self._encoder.whole_next()
        fits = self._encoder.snapshot(snapshot)
        if not fits and not self._large:
            self._troubles.put("the cluster is too large to be recorded")
        self._large = not fits
        self.count += fits

    def _flush(self) -> None:
        if self._journals is not None:
            try:
                for line in self._journals.added():
                    self._encoder.run(line)
            except (OSError, ValueError, ConsoleError) as error:
                why = error.problem if isinstance(error, ConsoleError) else error
                self._troubles.put(f"runs are not recorded: {why}")
                self._journals = None
        self._encoder.cut()
        for frame in self._encoder.frames():
            if self._ring is not None:
                self._ring.add(frame)
            self._write(frame)

    def _write(self, frame: Frame) -> None:
        file = self._file
        if file is None:
            return
        if self._failed_at is not None:
            if time.monotonic() - self._failed_at < _RETRY:
                return
            if not frame.marks & Mark.KEY:  # without what is missing before it, it would be of no use
                self._encoder.whole_next()
                return
        try:
            file.write(frame)
        except (OSError, ConsoleError) as error:
            if self._failed_at is None:
                why = error.strerror or str(error) if isinstance(error, OSError) else error.problem
                self.unwritten = why
                self._troubles.put(f"cannot record to {file.path}: {why}; trying again")
            self._failed_at = time.monotonic()
        else:
            if self._failed_at is not None:
                self._troubles.put(f"recording to {file.path} again")
            self._failed_at = None

    def _saved(self) -> Path:
        frames = self._ring.frames() if self._ring else ()
        if not frames:
            raise ConsoleError("nothing was read yet that could be saved", "Wait for the first reading.")
        began = frames[0].first
        about = Encoder()
        about.header(replace(self._header, began=began))
        for line in self._journals.since(began) if self._journals else ():
            about.run(line)
        about.cut()
        directory = paths.private_dir(paths.state_dir() / "recordings")
        now = datetime.now(UTC)
        path = directory / f"{self._header.cluster}-{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}{SUFFIX}"
        return write_private(path, b"".join(frame.data for frame in (*about.frames(), *frames)))
