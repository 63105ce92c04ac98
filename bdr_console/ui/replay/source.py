"""A recording as a source of snapshots and runs, with a clock that can stand still, hurry and jump."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.alarm import AlarmRules
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.recording.reader import Recording
from bdr_console.recording.records import RunLine
from bdr_console.runbooks.journal.events import event_of
from bdr_console.runbooks.journal.run_from_journal import advance
from bdr_console.runbooks.model.run import RunView
from bdr_console.ui.judged_snapshot import Timeline
from bdr_console.ui.text.status import ReplayPlace
from bdr_console.ui.theming.styles import UNICODE, Glyphs
from bdr_console.ui.workers import in_background

_RECENT = 20


class _RecordedRun:
    """One journal, folded as far as the moment that was asked for last."""

    def __init__(self) -> None:
        self.lines: list[RunLine] = []
        self._next = 0
        self._view: RunView | None = None

    def at(self, now: datetime) -> RunView | None:
        """The run as it stood then; None before it began."""
        if self._next and self.lines[self._next - 1].at > now:
            self._next, self._view = 0, None
        while self._next < len(self.lines) and self.lines[self._next].at <= now:
            event = event_of(json.dumps(self.lines[self._next].line).encode())
            self._next += 1
            if event is not None:
                self._view = advance(self._view, event)
        return self._view


class RecordedRuns:
    """A desk of runs that reads a recording. Nothing can be said to them."""

    def __init__(self, lines: Iterable[RunLine], now: Callable[[], datetime]) -> None:
        self._now = now
        self._runs: dict[str, _RecordedRun] = {}
        for line in lines:
            self._runs.setdefault(line.run, _RecordedRun()).lines.append(line)

    def latest(self) -> RunView | None:
        """The run under way then, or else the last one that had ended."""
        known = self.recent()
        return next((run for run in known if not run.status.over), known[0] if known else None)

    def recent(self) -> tuple[RunView, ...]:
        """The latest runs there had been, newest first."""
        found = [view for run_id in list(self._runs) if (view := self.view(run_id)) is not None]
        return tuple(sorted(found, key=lambda run: run.started_at, reverse=True)[:_RECENT])

    def view(self, run_id: str) -> RunView | None:
        """That run as it stood then."""
        run = self._runs.get(run_id)
        return run.at(self._now()) if run is not None else None


SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
_TICK = 0.25
"""Seconds of the real clock between two looks at what is due."""
_LONGEST_TICK = 0.5
"""A tick that took longer does not make the clock of the recording run ahead of what was read."""
_AT_ONCE = 300
"""Snapshots read in one tick; at high speed and with many targets the rest comes with the next one."""
_PAST = timedelta(minutes=3)
"""What is read again before a moment that is jumped to, for sparklines and trends."""
_FIGURES = 40_000
"""What of that is judged anew: so many links times snapshots."""
_EVENTS = 500
_SKIP = timedelta(seconds=30)
"""A stretch in which nothing was recorded is left out when it is longer."""


class RecordedTimeline(Timeline):
    """A memory whose event log holds what was recorded, and nothing that the replay itself comes upon."""

    recorded = True

    def __init__(
        self, thresholds: Thresholds, glyphs: Glyphs = UNICODE, rules: AlarmRules | None = None
    ) -> None:
        super().__init__(thresholds, glyphs, rules)
        self._made_of = (thresholds, glyphs, rules)

    def note(self, events: Iterable[Event]) -> None:
        """Nothing: it was noted when it was recorded."""

    def recall(self, events: Iterable[Event]) -> None:
        """Add recorded lines to the event log."""
        super().note(events)

    def rewind(self) -> None:
        """Forget everything, the alarms too; what comes next is of another moment."""
        super().__init__(*self._made_of)


@dataclass(frozen=True, slots=True)
class _Jump:
    to: datetime


class ReplaySource:
    """Plays a recording into a timeline. `now` is the moment that is shown."""

    def __init__(
        self, recording: Recording, timeline: RecordedTimeline, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.recording = recording
        self.timeline = timeline
        self.speed = 1.0
        self.paused = False
        self.moved: Callable[[bool], None] = lambda _: None
        """Called after what is shown has changed; true when it was a jump."""
        self._clock = clock
        self._position = recording.began
        self._order: _Jump | int | None = _Jump(recording.began)
        """A jump, or one step on (1) or back (-1)."""
        self._wake = asyncio.Event()
        self._ahead: Iterator[Snapshot] = iter(())
        self._next: Snapshot | None = None
        self._told = 0
        """Events that the log has been told of."""

    def now(self) -> datetime:
        """The moment that is shown."""
        return self._position

    def place(self) -> ReplayPlace:
        """The same with everything that the head says."""
        notes = self.recording.notes
        trouble = f"{len(notes)} damaged" if notes else ""
        return ReplayPlace(
            self._position, self.recording.began, self.recording.ended, self.speed, self.paused, trouble
        )

    # Keys --------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Stand still, or go on; at the end there is nothing to go on to."""
        self.paused = not self.paused or self._position >= self.recording.ended
        self._wake.set()

    def change_speed(self, direction: int) -> None:
        """The next faster (1) or slower (-1) speed."""
        place = SPEEDS.index(self.speed) + direction
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, place))]

    def jump(self, to: datetime) -> None:
        """Go to that moment."""
        self._order = _Jump(max(self.recording.began, min(self.recording.ended, to)))
        self._wake.set()

    def step(self, direction: int) -> None:
        """Stand still, one snapshot on (1) or back (-1)."""
        self.paused = True
        self._order = direction
        self._wake.set()

    # A source of snapshots ---------------------------------------------------------------------------

    async def updates(self) -> AsyncIterator[Snapshot]:
        """The snapshots that are due, as the clock of the recording goes."""
        ticked = self._clock()
        while True:
            order, self._order = self._order, None
            jumped = isinstance(order, _Jump) or order == -1
            if isinstance(order, _Jump):
                found = await self._seek(order.to)
            elif order == -1:
                found = await self._back()
            elif order == 1:
                found = await in_background(lambda: self._due(None))
                self._position = found[-1].taken_at if found else self._position
            elif not self.paused:
                found = await self._play(min(self._clock() - ticked, _LONGEST_TICK))
            else:
                found = []
            ticked = self._clock()
            before = self.timeline.snapshot
            self._recall()
            for snapshot in found[:-1]:
                self.timeline.take(snapshot)
                await asyncio.sleep(0)
            if found:
                yield found[-1]
            if found or jumped or before is not self.timeline.snapshot:
                self.moved(jumped)
            await self._rest()

    def refresh_now(self) -> None:
        """Nothing: what was recorded is all there is."""

    def set_refresh(self, seconds: float) -> None:
        """Nothing: the pace is that of the recording."""

    async def close(self) -> None:
        """Close the file."""
        self.recording.close()

    async def _rest(self) -> None:
        if self._order is None:
            try:
                async with asyncio.timeout(_TICK):
                    await self._wake.wait()
            except TimeoutError:
                return
        self._wake.clear()

    async def _play(self, seconds: float) -> list[Snapshot]:
        to = min(self._position + timedelta(seconds=seconds * self.speed), self.recording.ended)
        if self._next is not None and self._next.taken_at - self._position > _SKIP:
            to = self._next.taken_at
        found = await in_background(lambda: self._due(to))
        # What is not read yet is not shown yet.
        self._position = found[-1].taken_at if len(found) >= _AT_ONCE else to
        self.paused = self._position >= self.recording.ended
        return found

    def _due(self, to: datetime | None) -> list[Snapshot]:
        """The snapshots up to `to`; the next one alone without."""
        found: list[Snapshot] = []
        while self._next is not None and len(found) < (1 if to is None else _AT_ONCE):
            if to is not None and self._next.taken_at > to:
                break
            found.append(self._next)
            self._next = next(self._ahead, None)
        return found

    async def _back(self) -> list[Snapshot]:
        shown = self.timeline.snapshot
        at = shown.taken_at if shown is not None else self._position
        earlier = await in_background(lambda: self.recording.before(at))
        return await self._seek(earlier.taken_at) if earlier is not None else []

    async def _seek(self, to: datetime) -> list[Snapshot]:
        """Everything that the moment `to` needs: a few minutes before it, thinned out."""
        past = await in_background(lambda: self._past(to))
        self.timeline.rewind()
        self._told = 0
        self._position = max(to, past[-1].taken_at) if past else to
        return past

    def _past(self, to: datetime) -> list[Snapshot]:
        self._ahead = self.recording.snapshots(to - _PAST)
        self._next = next(self._ahead, None)
        found: list[Snapshot] = []
        every = 0.0
        while self._next is not None and (self._next.taken_at <= to or not found):
            snapshot = self._next
            self._next = next(self._ahead, None)
            newest = self._next is None or self._next.taken_at > to
            if found and (snapshot.taken_at - found[-1].taken_at).total_seconds() < every and not newest:
                continue
            if not found:
                links = max(1, len(snapshot.nodes)) ** 2
                every = max(0.9 * snapshot.refresh, _PAST.total_seconds() * links / _FIGURES)
            found.append(snapshot)
        return [one for one in found if one.taken_at >= to - _PAST] or found[-1:]

    def _recall(self) -> None:
        """Tell the event log what had happened by now; only the latest where that is very much."""
        events = self.recording.events
        due = list(itertools.takewhile(lambda e: e.at <= self._position, events[self._told :]))
        self._told += len(due)
        self.timeline.recall(due[-_EVENTS:])
