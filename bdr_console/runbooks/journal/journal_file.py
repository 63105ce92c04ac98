"""The journal of a run: append-only JSON lines, private to the user, on disk before each change.

And the runs of this host, found by their journals.
"""

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bdr_console import paths
from bdr_console.cluster.text import clean, masked
from bdr_console.errors import ConsoleError
from bdr_console.paths import open_private
from bdr_console.runbooks.journal.events import event_of
from bdr_console.runbooks.journal.events import run_id as checked_run_id
from bdr_console.runbooks.journal.run_from_journal import RunInMemory, advance
from bdr_console.runbooks.locks import is_held
from bdr_console.runbooks.model.run import RunStatus, RunView

JOURNAL = "journal.jsonl"
RUNNER_LOCK = "runner.lock"
"""Held (flock) by the runner as long as it lives."""

_PIECE, _LONGEST_LINE = 2**20, 2**22
"""Bytes."""
_MOST_PENDING = 10_000
"""Events that are kept while the disk is full; of more the oldest are lost."""


class Journal:
    """Writes one run's journal. Every event carries `t` (ISO 8601, UTC) and `run`.

    A journal serves the act: `write` never fails. What cannot be written (a full disk) is kept and tried
    again with the next event; `problem` says so, for the run to judge.
    """

    def __init__(self, directory: Path, run_id: str, run: RunInMemory | None = None) -> None:
        """`run` is the picture that goes on, where this is not its first writer."""
        self.run_id = run_id
        self.run = run or RunInMemory()
        """The run as it stands by what was written."""
        self.reclaim: Callable[[], None] = lambda: None
        """Called before a deleted journal is made anew: what must be there before anybody sees it."""
        self.problem = ""
        """Why the latest event is not on disk; empty when it is."""
        self._directory = directory
        self._pending: deque[bytes] = deque(maxlen=_MOST_PENDING)
        # Within one journal time goes on evenly, whatever is done to the clock meanwhile.
        self._began, self._began_at = datetime.now(UTC), time.monotonic()
        self._file = self._open()

    def _open(self) -> int:
        file = open_private(self._directory / JOURNAL, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        size = os.fstat(file).st_size
        self._torn = bool(size) and os.pread(file, 1, size - 1) != b"\n"  # a killed runner's last line
        _sync_directory(self._directory)
        return file

    def now(self) -> datetime:
        """This moment on the journal's own clock."""
        return self._began + timedelta(seconds=time.monotonic() - self._began_at)

    def restore(self) -> None:
        """Make the journal and its directory anew where somebody has deleted them: consoles find a run by its
        directory alone. What fails is said by `problem`."""
        try:
            self._restore()
        except (OSError, ConsoleError) as error:
            self.problem = self._why(error)

    def write(self, event: str, durable: bool = True, /, **fields: Any) -> None:
        """Append one event; `durable` ones are on disk when this returns, unless there is a `problem`."""
        record = {"t": self.now().isoformat(), "run": self.run_id, "event": event, **fields}
        self.run.add(record)
        line = json.dumps(_redacted(record), ensure_ascii=False, default=str) + "\n"
        self._pending.append(line.encode("utf-8", "backslashreplace"))
        try:
            self._restore()
            while self._pending:
                self._append(self._pending[0])
                self._pending.popleft()
            if durable or self.problem:
                os.fdatasync(self._file)
            self.problem = ""
        except (OSError, ConsoleError) as error:
            self.problem = self._why(error)

    def _why(self, error: OSError | ConsoleError) -> str:
        if isinstance(error, ConsoleError):
            return error.problem
        return f"{self._directory / JOURNAL}: {error.strerror or error}"

    def _append(self, line: bytes) -> None:
        data = b"\n" + line if self._torn else line
        self._torn = True
        while data:
            data = data[os.write(self._file, data) :]
        self._torn = False

    def _restore(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat((self._directory / JOURNAL).stat(), os.fstat(self._file)):
                return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.reclaim()
        old = self._file
        try:
            # The first of several writers brings back what was there; the others only append.
            new = open_private(self._directory / JOURNAL, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            new = -1
        if new >= 0:
            try:
                at = 0
                while piece := os.pread(old, _PIECE, at):
                    at += len(piece)
                    os.write(new, piece)
            finally:
                os.close(new)
        self._file = self._open()
        os.close(old)

    def close(self) -> None:
        """Close the file; the journal can still be read."""
        os.close(self._file)


def _sync_directory(directory: Path) -> None:
    """A file whose name is not on disk is lost in a power cut, however often it was synced."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_events(directory: Path) -> tuple[dict[str, Any], ...]:
    """Every whole event of one run's journal, in order; none when there is no journal."""
    return tuple(JournalFollower(directory).added())


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)  # nothing that is journaled should hold a secret; an error of a server may
    if isinstance(value, dict):
        return {key: _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    return value


class JournalFollower:
    """Follows one run's journal; reads only what was added since the last look."""

    def __init__(self, path: Path) -> None:
        self._directory = path if path.is_dir() else path.parent
        self._offset = 0
        self._rest = b""
        self._folded: RunView | None = None
        self._view: RunView | None = None

    @property
    def directory(self) -> Path:
        """The run's directory."""
        return self._directory

    def poll(self) -> RunView | None:
        """The run as it stands now, the same object while nothing changed; None before its first event.

        A torn last line is left for the next look. A run whose runner is gone is `LOST`.
        """
        # The lock is looked at first: a runner writes its end before it lets go.
        alive = is_held(self._directory / RUNNER_LOCK)
        before = self._folded
        for event in self.added():
            self._folded = advance(self._folded, event)
        if self._folded is None:
            return None
        if self._folded is not before or self._view is None:
            self._view = self._folded
        if not alive and not self._view.status.over:
            self._view = _lost(self._view)
        return self._view

    def added(self) -> Iterator[dict[str, Any]]:
        """The events since the last call; not to be mixed with `poll`."""
        for data in self._pieces():
            *lines, self._rest = (self._rest + data).split(b"\n")
            # What is left of a line too long to be ours is no JSON either, and goes the same way.
            self._rest = self._rest[:_LONGEST_LINE]
            for line in lines:
                event = event_of(line)  # None for one torn by a power cut: those after it still count
                if event is not None:
                    yield event

    def _pieces(self) -> Iterator[bytes]:
        """What was added to the file, never much of it at a time."""
        try:
            with (self._directory / JOURNAL).open("rb") as file:
                file.seek(self._offset)
                while data := file.read(_PIECE):
                    self._offset += len(data)
                    yield data
        except OSError:
            return


def _lost(view: RunView) -> RunView:
    at = f" at '{view.current.title}'" if view.current else ""
    message = (
        f"The runner of this run is gone{at}. Nothing more happens by itself: what was changed is still so. "
        f"Go on with `bdr-console resume {view.run_id}`, or put everything back with "
        f"`bdr-console undo {view.run_id}`."
    )
    return replace(view, status=RunStatus.LOST, offers=(), message=message)


def follow(run_dir: Path) -> JournalFollower:
    """The run's picture, kept up to date by `poll()`."""
    return JournalFollower(run_dir)


def runs() -> tuple[RunView, ...]:
    """Every run this user started from this host, newest first; `run_dir` gives the directory of one."""
    views = [view for directory in _directories() if (view := JournalFollower(directory).poll())]
    return tuple(sorted(views, key=lambda view: view.started_at, reverse=True))


def find(given: str | None, *, unfinished: bool = False) -> RunView:
    """The run that `given` means: an id or the beginning or end of one; without, the only one under way (or,
    with `unfinished`, the only one that waits for resume or undo). Raises ConsoleError when it is not one."""
    known = runs()
    if given is not None:
        exact = [view for view in known if view.run_id == given]
        meant = exact or [v for v in known if v.run_id.startswith(given) or v.run_id.endswith(f"-{given}")]
        none = f"there is no run '{given}' here"
    else:
        stopped = (RunStatus.LOST, RunStatus.STOPPED)
        meant = [v for v in known if (v.status in stopped if unfinished else not v.status.over)]
        none = "no run waits to be finished" if unfinished else "no run is under way"
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise ConsoleError(none, "bdr-console runs lists them.")
    named = ", ".join(view.run_id for view in meant[:5])
    raise ConsoleError(f"several runs could be meant: {named}", "Name one of them.")


def run_dir(run_id: str) -> Path:
    """The directory of the run with that id; raises ConsoleError for what is no id."""
    try:
        return paths.runs_dir() / checked_run_id(run_id)
    except ValueError:
        raise ConsoleError(
            f"there is no run '{clean(run_id, 100)}' here", "bdr-console runs lists them."
        ) from None


def _directories() -> Iterator[Path]:
    return (path for path in paths.runs_dir().iterdir() if (path / JOURNAL).exists())
