"""The run under way and the operators' lock, looked at every few seconds, whoever holds them."""

import asyncio
from datetime import datetime
from typing import Protocol

from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.crash import as_console_error
from bdr_console.runbooks.journal.run_text import run_event
from bdr_console.runbooks.model.run import RunView
from bdr_console.ui.services import LockReader, OtherOperator, RunReader
from bdr_console.ui.workers import in_background

_BUSY, _IDLE, _AFTER_TROUBLE = 0.25, 2.0, 10.0
"""Seconds between two looks at the journals."""


class Watched(Protocol):
    """The cluster whose runs and whose lock are looked at."""

    @property
    def in_sight(self) -> bool:
        """Whether it is the cluster shown."""

    @property
    def shows_a_run(self) -> bool:
        """Whether a run of it is on the screen."""

    def now(self) -> datetime:
        """Return the present moment (UTC)."""

    def note(self, level: Level, subject: str, text: str) -> None:
        """Add a line to its event log."""

    def changed(self) -> None:
        """Paint what has changed beside the readings."""

    def knows_runs(self, runs: tuple[RunView, ...]) -> None:
        """Take its latest runs: what one under way brings along is expected."""

    def run_changed(self, run: RunView, event: Event | None) -> None:
        """Show a run that has moved."""

    def run_alarmed(self, run: RunView) -> None:
        """Call somebody to a run."""


class RunWatch:
    """Knows the run under way on one cluster, or the last one; tells the cluster when it moves."""

    def __init__(self, cluster: Watched, desk: RunReader | None) -> None:
        self._cluster = cluster
        self._desk = desk
        self._followed: str | None = None
        self._wake = asyncio.Event()
        self._recent_at: datetime | None = None
        self._forgotten = 0
        """How often everything was forgotten: a look that began before that is of no use any more."""
        self._trouble = ""
        """Why the journals could not be read at the latest look."""
        self.run: RunView | None = None
        self.recent: tuple[RunView, ...] = ()
        """The latest runs of this cluster, as they stood a moment ago."""

    @property
    def under_way(self) -> RunView | None:
        """The run that has not ended yet."""
        return self.run if self.run is not None and not self.run.status.over else None

    @property
    def has_looked(self) -> bool:
        """Whether the journals were looked at since the beginning, or since everything was forgotten."""
        return self._desk is None or self._recent_at is not None

    @property
    def _known(self) -> tuple[RunView, ...]:
        """The latest runs, with the newest word of the one that is followed."""
        run = self.run
        if run is None:
            return self.recent
        return (run, *(other for other in self.recent if other.run_id != run.run_id))

    def follow(self, run_id: str) -> None:
        """Look at this run from now on, beginning now."""
        self._followed = run_id
        self._wake.set()

    def forget(self) -> None:
        """Know of no run until the journals are looked at again, which is now."""
        self._forgotten += 1
        self._followed, self._recent_at, self.run, self.recent = None, None, None, ()
        self._cluster.knows_runs(())
        self._wake.set()

    def look_now(self) -> None:
        """Look at the journals now."""
        self._wake.set()

    def knows(self, tag: str) -> bool:
        """Whether the run whose id ends so was started from this host, or is being followed."""
        ids = (self._followed or "", *(run.run_id for run in self.recent))
        return any(run_id.endswith(f"-{tag}") for run_id in ids)

    async def watch(self) -> None:
        """Look for ever; a journal that cannot be read is said and tried again later."""
        while self._desk is not None:
            pause = await self._look(self._desk)
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    async def _look(self, desk: RunReader) -> float:
        followed, forgotten, recent = self._followed, self._forgotten, None
        try:
            run = await in_background(lambda: desk.view(followed) if followed else desk.latest())
            now = self._cluster.now()
            if self._recent_at is None or abs((now - self._recent_at).total_seconds()) >= _IDLE:
                recent = await in_background(desk.recent)
        except Exception as error:
            told = (
                str(error)
                if isinstance(error, OSError)
                else as_console_error(error, "reading the journals").problem
            )
            if told != self._trouble:  # once for each trouble, however often it is met
                self._cluster.note(Level.WARN, "runs", f"journals cannot be read: {clean(told)}")
            self._trouble = told
            return _AFTER_TROUBLE
        self._trouble = ""
        if forgotten != self._forgotten:
            return 0.0
        if recent is not None:
            self.recent, self._recent_at = recent, now
        if run is not None and followed == self._followed:
            self._take(run)
        self._cluster.knows_runs(self._known)
        watched = self._cluster.in_sight and self._cluster.shows_a_run
        if not watched and self.under_way is None:
            self._followed = None  # whatever is started next, here or elsewhere, is found again
        busy = watched or (self.under_way is not None and self._cluster.in_sight)
        return _BUSY if busy else _IDLE

    def _take(self, run: RunView) -> None:
        before, self.run = self.run, run
        if run.alarm and (before is None or before.alarm != run.alarm):
            self._cluster.run_alarmed(run)
        if before != run:
            self._cluster.run_changed(run, run_event(before, run, self._cluster.now()))


_LOCK_EVERY = 2.0
"""Seconds between two looks at the lock."""


class LockFollower:
    """Knows the holder, and whether it is somebody else than the run that this console shows."""

    def __init__(self, cluster: Watched, desk: LockReader | None, runs: RunWatch) -> None:
        self._cluster = cluster
        self._desk = desk
        self._runs = runs
        self._holder: OtherOperator | None = None

    @property
    def foreign(self) -> OtherOperator | None:
        """The holder whose run no journal of this host tells of; None when there is none."""
        holder = self._holder
        if holder is None:
            return None
        word, _, tag = holder.doing.partition(" ")
        return None if word == "run" and self._runs.knows(tag) else holder

    async def watch(self) -> None:
        """Look for ever."""
        while self._desk is not None:
            pause = _LOCK_EVERY
            try:
                holder = await self._desk.holder()
            except Exception as error:
                told = as_console_error(error, "looking for the operators' lock")
                self._cluster.note(Level.WARN, "lock", told.problem)
                pause = _AFTER_TROUBLE
            else:
                if holder != self._holder:
                    self._holder = holder
                    self._cluster.changed()
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Stop looking."""
        if self._desk is not None:
            await self._desk.close()
