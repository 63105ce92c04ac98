"""A snapshot, judged once for the whole screen."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from bdr_console.cluster.history import History
from bdr_console.cluster.replication import Link, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.alarms import Alarm, AlarmBoard, AlarmRules
from bdr_console.cluster.verdict.changes import Event, changes
from bdr_console.cluster.verdict.findings import Finding, Key, Level, Thresholds, Verdict
from bdr_console.cluster.verdict.headline import is_acknowledged, told
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from bdr_console.runbooks.journal.abandoned_runs import left_findings, works
from bdr_console.runbooks.model.run import RunView
from bdr_console.ui.theming.styles import UNICODE, Glyphs

_EVENTS_KEPT = 500
_GAPS_KEPT = 5000
_LOOK_EVERY = timedelta(seconds=0.9)
"""Between two looks of the alarms at the cluster."""
_SAME_MOMENT = timedelta(seconds=0.4)
"""A judgement is shared for so long: no age that it tells is off by more."""


@dataclass(frozen=True, slots=True)
class JudgedSnapshot:
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
    alarms: tuple[Alarm, ...] = ()
    """Those raised: what nobody has acknowledged first, the worst first."""
    by_key: dict[tuple[str, str], Link] = field(init=False, repr=False, compare=False, default_factory=dict)
    """The links by (origin, target)."""
    _told: dict[str, list[Finding]] = field(init=False, repr=False, compare=False, default_factory=dict)
    """The findings by their subject: every row asks for its own."""
    _raised: dict[Key, Alarm] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Sort findings, links and alarms by what they are asked for."""
        for finding in self.verdict.findings:
            self._told.setdefault(finding.subject, []).append(finding)
        self.by_key.update((link.key, link) for link in self.links)
        self._raised.update((alarm.key, alarm) for alarm in self.alarms)

    def link_of(self, subject: str) -> Link | None:
        """The link that a finding about `origin -> target` is about."""
        origin, arrow, target = subject.partition(" -> ")
        return self.by_key.get((origin, target)) if arrow else None

    def level_of(self, *subjects: str) -> Level:
        """The worst finding about any of `subjects`."""
        return max((f.level for s in subjects for f in self._told.get(s, ())), default=Level.OK)

    def reasons(self, *subjects: str) -> str:
        """Every finding about `subjects` as one line, with since when; empty when there is none."""
        about = (finding for subject in dict.fromkeys(subjects) for finding in self._told.get(subject, ()))
        return "; ".join(self.told(finding) for finding in about)

    def told(self, finding: Finding) -> str:
        """What is found now, since when, and who has acknowledged it."""
        return told(finding, self._raised.get(finding.key), self.now)

    def is_acknowledged(self, finding: Finding) -> bool:
        """Whether somebody knows of it, as bad as it is."""
        return is_acknowledged(finding, self._raised.get(finding.key))


@dataclass(frozen=True, slots=True)
class _Judgement:
    """A judgement that the alarms and the screen share."""

    grounds: tuple[object, ...]
    """Which targets counted as read lately, and which runs were known."""
    at: datetime
    links: tuple[Link, ...]
    verdict: Verdict


def no_one(_event: Event) -> None:
    """Nobody listens."""


class Timeline:
    """The newest snapshot and a short memory: lag for sparklines, events for the log, alarms."""

    recorded: ClassVar[bool] = False
    """Whether it is filled from a recording: it may then go back in time, and nothing is added to it."""

    def __init__(
        self,
        thresholds: Thresholds,
        glyphs: Glyphs = UNICODE,
        rules: AlarmRules | None = None,
        heard: Callable[[Event], None] = no_one,
    ) -> None:
        """`heard` is told of every line that the event log gets."""
        self._heard = heard
        self.snapshot: Snapshot | None = None
        self.board = AlarmBoard(rules)
        self.unsaved: deque[Event] = deque(maxlen=_EVENTS_KEPT)
        """Events that nobody has written to disk yet; whoever does takes them from the left."""
        self.ringing: set[Key] = set()
        """Alarms that somebody should be told of; whoever does takes them out."""
        self._looked_at: datetime | None = None
        self._thresholds = thresholds
        self._eased = thresholds.eased(self.board.rules.margin)
        self._glyphs = glyphs
        self._history = History()
        self._events: deque[tuple[int, Event]] = deque(maxlen=_EVENTS_KEPT)
        self._listed: tuple[tuple[int, Event], ...] = ()
        self._count = 0
        self._then: dict[int, tuple[datetime, tuple[Finding, ...]]] = {}
        self._judged = 0
        self._unseen_noted: dict[tuple[str, str], datetime] = {}
        self._taken: tuple[Link, ...] = ()
        """The links of the newest snapshot when it was taken."""
        self._seen: _Judgement | None = None
        self.keys = True
        """Whether who watches may act: then a remedy may be a key."""
        self.runs: tuple[RunView, ...] = ()
        """The latest runs of the cluster: what one under way brings along is expected."""

    def take(self, snapshot: Snapshot) -> tuple[Event, ...]:
        """Make `snapshot` the newest one; returns what there is to say of it."""
        before, self.snapshot = self.snapshot, snapshot
        self._seen = None
        was, seen = self._taken, links(snapshot, snapshot.taken_at)
        self._taken = seen
        remember(self._history, snapshot, seen)
        for link in seen:
            if not link.fresh or link.seen_at is None or link.slot is None:
                self._note_gap(link.key, snapshot)
        changed = changes(before, snapshot, (was, seen)) if before is not None else ()
        found = self._look(snapshot, changed)
        self.note(found)
        return found

    def _look(self, snapshot: Snapshot, changed: tuple[Event, ...]) -> tuple[Event, ...]:
        """Judge it for the alarms, not more than once a second: fifty nodes are judged in 40 ms."""
        at, last = snapshot.taken_at, self._looked_at
        if last is not None and timedelta(0) <= at - last < _LOOK_EVERY:
            return self.board.worth_a_line(changed)
        self._looked_at = at
        seen = self._judge(snapshot, at)
        eased = partial(
            judge,
            snapshot,
            self._eased,
            at,
            self._history,
            known=seen.links,
            works=works(self.runs),
            keys=self.keys,
        )
        heard = self.board.observe(seen.verdict, at, changed, eased)
        self.ringing.update(heard.ringing)
        return heard.events

    @property
    def history(self) -> History:
        """What is remembered of the past."""
        return self._history

    def note(self, events: Iterable[Event]) -> None:
        """Add lines to the event log."""
        for event in events:
            self._count += 1
            self._events.appendleft((self._count, event))
            self.unsaved.append(event)
            self._listed = ()
            self._heard(event)

    def at(self, now: datetime) -> JudgedSnapshot | None:
        """The moment `now`; None before the first snapshot."""
        snapshot = self.snapshot
        if snapshot is None:
            return None
        if not self._listed:
            self._listed = tuple(self._events)
        seen = self._judge(snapshot, now)
        verdict = self.board.held(seen.verdict)
        self._keep_findings(verdict, now)
        return JudgedSnapshot(
            snapshot,
            now,
            verdict,
            seen.links,
            self._history,
            self._listed,
            self._thresholds,
            self._glyphs,
            self._then,
            self.board.at(now),
        )

    def _judge(self, snapshot: Snapshot, now: datetime) -> "_Judgement":
        """The newest snapshot as it is judged at `now`; what was judged a moment ago is good enough, as long
        as nothing has become old since."""
        grounds = (
            *(node.is_fresh(now, snapshot.refresh) for node in snapshot.nodes),
            *(proxy.is_fresh(now, snapshot.refresh) for proxy in snapshot.proxies),
            *(pooler.is_fresh(now, snapshot.refresh) for pooler in snapshot.poolers),
            self.runs,
        )
        seen = self._seen
        same = seen is not None and seen.grounds == grounds
        if seen is not None and same and timedelta(0) <= now - seen.at < _SAME_MOMENT:
            return seen
        if (
            seen is not None
            and same
            and not any(node.facts and node.facts.pending for node in snapshot.nodes)
        ):
            found = seen.links  # these tell no age, but of captured changes
        else:
            found = links(snapshot, now, self._history)
        verdict = judge(
            snapshot,
            self._thresholds,
            now,
            self._history,
            known=found,
            works=works(self.runs),
            left=left_findings(self.runs, snapshot),
            keys=self.keys,
        )
        self._seen = _Judgement(grounds, now, found, verdict)
        return self._seen

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
