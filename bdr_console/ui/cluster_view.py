"""One cluster of the console: what reads it, what is known of it, and what may be done to it."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.cluster.traffic import traffic, traffic_words
from bdr_console.cluster.verdict.alarm import AlarmRules
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.headline import proof_words
from bdr_console.cluster.verdict.unreachable import unreachable
from bdr_console.errors import ConsoleError
from bdr_console.event_store import EventStore
from bdr_console.event_store.positions import PositionFile, taken
from bdr_console.recording.recorder import Recorder
from bdr_console.runbooks.journal.run_text import run_place
from bdr_console.runbooks.model.run import RunView
from bdr_console.ui.alarm_watch import AlarmWatch
from bdr_console.ui.base_app import BaseApp, Severity
from bdr_console.ui.judged_snapshot import JudgedSnapshot, Timeline, no_one
from bdr_console.ui.operator import Operator
from bdr_console.ui.run_watch import LockFollower, RunWatch
from bdr_console.ui.screens.run import RunScreen
from bdr_console.ui.services import LockReader, RunbookService, RunReader, SnapshotSource
from bdr_console.ui.terminal.bell import Bell, Rest, Ringing, to_terminal
from bdr_console.ui.text.abandoned_runs import find_abandoned_runs
from bdr_console.ui.text.cells import Subject
from bdr_console.ui.text.cluster_summary import ClusterSummary, standing
from bdr_console.ui.text.status import Status, deserves_a_line
from bdr_console.ui.workers import failure_text, finish, keep_working

if TYPE_CHECKING:
    from textual.screen import Screen

_PACES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_RETRY_SOURCE = 2.0
_KEEP_POSITIONS = 30.0
"""Seconds between two times that WAL positions are written for later looks."""
_NOTICED, _REST, _LONGEST_REST = 0.05, 4.0, 2.0
"""Seconds of work on one snapshot from which on there is a rest before the next one, how many times that work
it lasts, and seconds at most."""
_STANDING_EVERY = 1.0
"""Seconds for which a judgement of a cluster out of sight is good, when nothing new was read."""


def rest_after(worked: float) -> float:
    """Seconds without snapshots after `worked` seconds on one: a very large cluster must leave time for keys.
    What is skipped is not missed: the next snapshot is the newest."""
    return 0.0 if worked < _NOTICED else min(_LONGEST_REST, worked * _REST)


@dataclass(frozen=True, slots=True)
class ClusterParts:
    """What a console is given of one cluster."""

    source: SnapshotSource
    name: str
    environment: str = ""
    thresholds: Thresholds = field(default_factory=Thresholds)
    runs: RunReader | None = None
    acts: RunbookService | None = None
    """None in a console that only watches: what is not there cannot be called."""
    lock: LockReader | None = None
    rules: AlarmRules = field(default_factory=AlarmRules)
    event_store: EventStore | None = None
    """Where events and acknowledgements are kept; None for nowhere."""
    ringing: Ringing | None = None
    """None for a console that is silent."""
    recorder: Recorder | None = None
    """What keeps what its event log says; the source hands it the snapshots."""
    timeline: Timeline | None = None
    """A memory that is filled elsewhere too: that of a replay."""
    positions: PositionFile | None = None
    """Where WAL positions are kept for later looks; None for nowhere."""


class ClusterView:
    """Collects for as long as the console lives, in sight or not; out of sight it is read less often.

    Its screens have a stack of their own (`mode`), so that what was opened on it stays with it.
    """

    def __init__(
        self,
        console: BaseApp,
        parts: ClusterParts,
        mode: str,
        *,
        pace: float,
        background: float,
        rest_of_bells: Rest,
    ) -> None:
        """`pace` and `background` are the seconds between two readings in sight and out of it."""
        self._console = console
        self.name = parts.name
        self.environment = parts.environment
        self.mode = mode
        self.source = parts.source
        self.pace = pace
        self.trouble = ""
        """Why no snapshots come, when none do."""
        self.recorder = recorder = parts.recorder
        heard = recorder.event if recorder is not None else no_one
        self.timeline = parts.timeline or Timeline(parts.thresholds, console.glyphs, parts.rules, heard)
        self.timeline.keys = parts.acts is not None
        if recorder is not None:
            recorder.tell = lambda text: self.note(Level.WARN, "recording", text)
        bell = Bell(parts.ringing, to_terminal(console), rest_of_bells) if parts.ringing else None
        self.alarms = AlarmWatch(
            parts.name, self.timeline, console.now, event_store=parts.event_store, bell=bell
        )
        self.runs = RunWatch(self, parts.runs)
        self.lock = LockFollower(self, parts.lock, self.runs)
        self.operator = Operator(self, parts.acts, self.runs.follow)
        self._background = background
        self._positions = parts.positions
        self._positions_kept = monotonic()
        self._keeping: asyncio.Task[None] | None = None
        self._begun = False
        self._judged: tuple[tuple[object, ...], ClusterSummary] | None = None
        """The standing told last, and what it was judged by."""

    @property
    def console(self) -> BaseApp:
        """The application that shows it."""
        return self._console

    @property
    def read_only(self) -> bool:
        """Whether it can only be watched."""
        return self.operator.acts is None

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot taken."""
        return self.timeline.snapshot

    @property
    def in_sight(self) -> bool:
        """Whether the screen shows this cluster."""
        return self.console.current is self

    @property
    def shows_a_run(self) -> bool:
        """Whether a run of it is on the screen."""
        return self.in_sight and isinstance(self.console.screen, RunScreen)

    def holds(self, screen: "Screen[None]") -> bool:
        """Whether `screen` is in this cluster's stack."""
        try:
            return screen in self.console.get_screen_stack(self.mode)
        except KeyError:
            return False  # it was never shown

    # Collecting --------------------------------------------------------------------------------------

    def begin(self, *, after: float = 0.0) -> None:
        """Begin to collect, once, in `after` seconds."""
        if self._begun:
            return
        self._begun = True
        self.source.set_refresh(self._due_pace())
        for work, name in (
            (partial(self._pump, after), "reading the cluster"),
            (self.runs.watch, "following the runs"),
            (self.lock.watch, "watching the operators' lock"),
            (self.alarms.watch, "keeping events and alarms"),
        ):
            worker = keep_working(work, name, self._show_failure)
            self.console.run_worker(worker, exit_on_error=False, name=f"{name} of {self.name}")

    def _show_failure(self, text: str) -> None:
        self.note(Level.WARN, "console", text)

    def sight_changed(self) -> None:
        """Read as often as befits what is shown, or what is not."""
        if self.in_sight:
            self.begin()
        if self._begun:
            self.source.set_refresh(self._due_pace())

    def _due_pace(self) -> float:
        return self.pace if self.in_sight else max(self.pace, self._background)

    async def _pump(self, after: float) -> None:
        """Take snapshots for as long as the console lives; a source that fails is said and tried again."""
        await asyncio.sleep(after)
        while True:
            try:
                async for snapshot in self.source.updates():
                    began = perf_counter()
                    self.take(snapshot)
                    await asyncio.sleep(rest_after(perf_counter() - began))
            except ConsoleError as error:
                self._failed(clean(error.problem))
            except Exception as error:
                failure_text(error, "reading the cluster")
                self._failed(f"reading stopped by {type(error).__name__}; trying again")
            else:
                return
            await asyncio.sleep(_RETRY_SOURCE)

    def _failed(self, trouble: str) -> None:
        """Said once: a cluster that cannot be read at all would fill its log with one sentence."""
        if trouble != self.trouble:
            self.trouble = trouble
            self.note(Level.CRIT, "console", trouble)

    def take(self, snapshot: Snapshot) -> None:
        """Make `snapshot` the newest one; in sight it is painted now or at the next tick."""
        first = self.newest is None
        self.timeline.take(snapshot)
        if self._positions is not None:
            self._positions.recall(self.timeline.history, snapshot)
            self._keep_positions(self._positions, snapshot)
        self.trouble = ""
        self._news(at_once=first)

    def _keep_positions(self, positions: PositionFile, snapshot: Snapshot) -> None:
        """Write them from time to time; also for a disk that hangs nothing waits."""
        now = monotonic()
        if now - self._positions_kept >= _KEEP_POSITIONS and (self._keeping is None or self._keeping.done()):
            self._positions_kept = now
            save = asyncio.to_thread(positions.save, taken(self.timeline.history, snapshot))
            self._keeping = asyncio.create_task(finish(save, "keeping WAL positions", self._show_failure))

    def refresh_now(self) -> None:
        """Read every target now."""
        self.source.refresh_now()

    def change_pace(self, direction: int) -> None:
        """Read more often (-1) or less often (1)."""
        slower = [pace for pace in _PACES if pace > self.pace]
        faster = [pace for pace in _PACES if pace < self.pace]
        if direction > 0 and slower:
            self.set_pace(slower[0])
        elif direction < 0 and faster:
            self.set_pace(faster[-1])

    def set_pace(self, seconds: float) -> None:
        """Read every target every so many seconds while this cluster is shown."""
        self.pace = seconds
        self.source.set_refresh(self._due_pace())

    async def close(self) -> None:
        """Stop reading; a silent server does not keep the console from ending."""
        await asyncio.gather(self.source.close(), self.lock.close(), self.alarms.close())

    # Saying ------------------------------------------------------------------------------------------

    def standing(self, now: datetime) -> ClusterSummary:
        """How it stands, in short: for the list of clusters and for the heads of the others."""
        grounds = (id(self.newest), self.trouble, self.runs.run)
        if self._judged is not None and self._judged[0] == grounds:
            kept = self._judged[1]
            if abs((now - kept.at).total_seconds()) < _STANDING_EVERY:
                return kept
        judged = self.timeline.at(now)
        run = self.runs.run
        found = standing(
            self.name,
            self.environment,
            now,
            self.newest,
            judged.verdict if judged else None,
            judged.alarms if judged else (),
            trouble=self.trouble,
            run=f"{run.node}: {run_place(run)}" if run is not None and deserves_a_line(run) else "",
        )
        self._judged = (grounds, found)
        return found

    def status_at(
        self, now: datetime, judged: JudgedSnapshot | None, others: tuple[ClusterSummary, ...] = ()
    ) -> Status:
        """Everything around the panes."""
        lock = self.lock.foreign
        return Status(
            self.name,
            self.environment,
            self.read_only,
            self.pace,
            now,
            judged.verdict if judged else None,
            self.runs.run,
            self.trouble,
            lock,
            find_abandoned_runs(self.runs.recent, self.newest, lock),
            others,
            alarms=judged.alarms if judged else (),
            traffic=traffic_words(traffic(judged.snapshot, now)) if judged else "",
            proof=proof_words(judged.snapshot, judged.links, now) if judged else "",
            dead=unreachable(judged.snapshot, now) if judged else (),
        )

    def report(self) -> tuple[JudgedSnapshot | None, Status]:
        """What a screen of it shows now."""
        now = self.now()
        judged = self.timeline.at(now)
        others = self.console.summaries(now, but=self)
        return judged, self.console.marked(self.status_at(now, judged, others))

    def open_details(self, subject: Subject) -> None:
        """Open a screen with everything known about `subject`."""
        from bdr_console.ui.screens.detail import DetailScreen  # not before the first paint

        self.console.push_screen(DetailScreen(self, subject))

    def now(self) -> datetime:
        """Return the present moment (UTC); in a replay, the moment that is shown."""
        return self.console.now()

    def knows_runs(self, runs: tuple[RunView, ...]) -> None:
        """Take its latest runs: what one under way brings along is expected."""
        self.timeline.runs = runs

    def note(self, level: Level, subject: str, text: str) -> None:
        """Add a line to the event log of this cluster."""
        self.timeline.note([Event(self.now(), level, subject, text)])
        self._news()

    def tell_operator(self, text: str, severity: Severity = "information") -> None:
        """A word to whoever sits there, with the cluster's name when another one is shown."""
        said = text if self.in_sight else f"{self.name}: {text}"
        self.console.notify(said, severity=severity, markup=False)

    def run_changed(self, run: RunView, event: Event | None) -> None:
        """A journal has grown: show it, and put what is worth a line into the event log."""
        if event is not None:
            self.timeline.note([event])
        self.changed()

    def changed(self) -> None:
        """Something beside the readings has changed: paint it at once, where it is in sight."""
        if self.in_sight:
            self.console.paint()
        else:
            self._news()

    def _news(self, *, at_once: bool = False) -> None:
        """Paint soon; out of sight only other heads speak of it, and that can wait for the tick."""
        self.console.paint_soon(self, at_once=at_once)

    def run_alarmed(self, run: RunView) -> None:
        """A run wants somebody, whichever cluster is shown; whether it rings is configured like any alarm."""
        self.alarms.call(f"{run.node}: {clean(run.alarm)}")
        if not self.in_sight:
            self.tell_operator(f"{run_place(run)}: {clean(run.alarm)}", "error")
