"""What is known at one moment, judged once for the whole screen."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bdr_console.cluster.changes import Event, changes
from bdr_console.cluster.history import History
from bdr_console.cluster.memory import remember, timed
from bdr_console.cluster.replication import Link, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict import Finding, Level, Thresholds, Verdict, judge
from bdr_console.ui.words import UNICODE, Glyphs

_EVENTS_KEPT = 500
_GAPS_KEPT = 5000


@dataclass(frozen=True, slots=True)
class Moment:
    """One snapshot, dated by `now` (UTC), with everything that panes need to speak of it."""

    snapshot: Snapshot
    now: datetime
    verdict: Verdict
    links: tuple[Link, ...]
    history: History
    events: tuple[tuple[int, Event], ...]
    """Numbered, newest first."""
    thresholds: Thresholds
    glyphs: Glyphs = UNICODE
    findings_then: Mapping[int, tuple[datetime, tuple[Finding, ...]]] = field(default_factory=dict)
    """What was found wrong when an event came, and when that was judged, by the event's number."""
    _told: dict[str, list[Finding]] = field(init=False, repr=False, compare=False, default_factory=dict)
    """The findings by their subject: every row asks for its own."""

    def __post_init__(self) -> None:
        """Sort the findings by subject."""
        for finding in self.verdict.findings:
            self._told.setdefault(finding.subject, []).append(finding)

    def level_of(self, *subjects: str) -> Level:
        """The worst finding about any of `subjects`."""
        return max((f.level for s in subjects for f in self._told.get(s, ())), default=Level.OK)

    def reasons(self, *subjects: str) -> str:
        """Every finding about `subjects` as one line; empty when there is none."""
        return "; ".join(f.text for s in dict.fromkeys(subjects) for f in self._told.get(s, ()))


def no_one(_event: Event) -> None:
    """Nobody listens."""


class Timeline:
    """The newest snapshot and a short memory: lag for sparklines, events for the log."""

    def __init__(
        self,
        thresholds: Thresholds,
        glyphs: Glyphs = UNICODE,
        heard: Callable[[Event], None] = no_one,
    ) -> None:
        """`heard` is told of every line that the event log gets."""
        self._heard = heard
        self.snapshot: Snapshot | None = None
        self._thresholds = thresholds
        self._glyphs = glyphs
        self._history = History()
        self._events: deque[tuple[int, Event]] = deque(maxlen=_EVENTS_KEPT)
        self._listed: tuple[tuple[int, Event], ...] = ()
        self._count = 0
        self._then: dict[int, tuple[datetime, tuple[Finding, ...]]] = {}
        self._judged = 0
        self._unseen_noted: dict[tuple[str, str], datetime] = {}

    def take(self, snapshot: Snapshot) -> tuple[Event, ...]:
        """Make `snapshot` the newest one; returns what changed since the one before."""
        before, self.snapshot = self.snapshot, snapshot
        seen = links(snapshot, snapshot.taken_at)
        remember(self._history, snapshot, seen)
        for link in seen:
            if link.fresh and link.seen_at is not None and link.slot is not None:
                self._history.add(link.key, link.seen_at, link.lag_bytes)
            else:
                self._note_gap(link.key, snapshot)
        found = changes(before, snapshot) if before is not None else ()
        self.note(found)
        return found

    def note(self, events: Iterable[Event]) -> None:
        """Add lines to the event log."""
        for event in events:
            self._count += 1
            self._events.appendleft((self._count, event))
            self._listed = ()
            self._heard(event)

    def at(self, now: datetime) -> Moment | None:
        """The moment `now`; None before the first snapshot."""
        snapshot = self.snapshot
        if snapshot is None:
            return None
        if not self._listed:
            self._listed = tuple(self._events)
        found = tuple(timed(link, self._history) for link in links(snapshot, now))
        verdict = judge(snapshot, self._thresholds, now, self._history, timed_links=found)
        self._keep_findings(verdict, now)
        return Moment(
            snapshot,
            now,
            verdict,
            found,
            self._history,
            self._listed,
            self._thresholds,
            self._glyphs,
            self._then,
        )

    def _keep_findings(self, verdict: Verdict, now: datetime) -> None:
        """Remember for the events that came since the last look what is wrong at this one."""
        for number in range(self._judged + 1, self._count + 1):
            self._then[number] = (now, verdict.findings)
            self._then.pop(number - _EVENTS_KEPT, None)
        self._judged = self._count

    def _note_gap(self, key: tuple[str, str], snapshot: Snapshot) -> None:
        """One gap in a sparkline for each refresh that brought nothing, however many snapshots came."""
        if len(self._unseen_noted) > _GAPS_KEPT:
            self._unseen_noted.clear()  # of links that come and go; one gap too many is all that it costs
        noted = self._unseen_noted.get(key)
        if noted is None or (snapshot.taken_at - noted).total_seconds() >= snapshot.refresh:
            self._unseen_noted[key] = snapshot.taken_at
            self._history.add(key, snapshot.taken_at, None)
