"""From one verdict after the other to alarms: raised and cleared late enough, flapping said once. Pure.

A finding is what is seen now; an alarm is a finding that lasts. It is raised when the finding has held for
`raise_after`, and cleared when it has been gone for `clear_after`; a figure must fall below its limit by a
margin to be gone. What cannot be seen (its node does not answer) is neither there nor gone: its alarm stays.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bdr_console.cluster.text import format_clock
from bdr_console.cluster.verdict.alarm import Ack, Alarm, AlarmRules, rough
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Finding, Key, Level, Verdict
from bdr_console.cluster.verdict.roots import ordered, rank

__all__ = ["Alarm", "AlarmBoard", "AlarmRules", "Heard"]

_LEVELS = (Level.CRIT, Level.WARN, Level.UNKNOWN)
_FLAP_WINDOW = timedelta(minutes=5)
_FLAPS = 4
"""Comings within the window that make it flapping; below half of that it is quiet again."""
_AT_START = timedelta(seconds=10)
"""What is found within this time of the first look was there before, nobody knows for how long."""
_TOLD_LATELY = timedelta(seconds=20)
_TOLD_KEPT = 2000
_WORDS = {Level.UNKNOWN: "unknown", Level.WARN: "a warning", Level.CRIT: "critical"}


@dataclass(slots=True)
class _Entry:
    finding: Finding
    since: datetime
    at_least: bool
    seen: datetime
    level: Level = Level.OK
    """OK until it is raised."""
    present: bool = False
    hidden: bool = False
    """Whether the target that would show it does not answer."""
    flapping: str = ""
    """The code that comes and goes; a finding of another code is a fault of its own."""
    came: datetime | None = None
    """When the finding that is or was there came last."""
    comings: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=200))
    """When which code came."""
    reached: dict[Level, datetime] = field(default_factory=dict)
    """Since when it has been at that level or worse without a break."""
    missed: dict[Level, datetime] = field(default_factory=dict)
    """Since when it has been below that level without a break."""

    def flaps(self, now: datetime, code: str = "") -> int:
        """How often that code, or the finding's own, came lately."""
        while self.comings and now - self.comings[0][0] > _FLAP_WINDOW:
            self.comings.popleft()
        return sum(one == (code or self.finding.code) for _, one in self.comings)

    def mark(self, observed: Level, now: datetime) -> None:
        for level in _LEVELS:
            if observed >= level:
                self.reached.setdefault(level, now)
                self.missed.pop(level, None)
            else:
                self.missed.setdefault(level, now)
                self.reached.pop(level, None)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one look has brought."""

    events: tuple[Event, ...]
    """For the log: the changes that are worth a line, and what was raised, cleared or changed its level."""
    ringing: tuple[Key, ...]
    """What somebody should be told of now; never one that is acknowledged."""


class AlarmBoard:
    """The alarms of one cluster, and who has acknowledged which."""

    def __init__(self, rules: AlarmRules | None = None) -> None:
        self.rules = rules or AlarmRules()
        self.acks: dict[Key, Ack] = {}
        self.ended: set[Key] = set()
        """Acknowledgements that are over; whoever keeps them on disk takes them from here."""
        self._entries: dict[Key, _Entry] = {}
        self._told: dict[Key, tuple[str, Level, datetime]] = {}
        self._held: tuple[Finding, ...] = ()
        self._folded: set[Key] = set()
        """What is caused by another finding now: the root has the alarm."""
        self._began: datetime | None = None
        self._now: datetime | None = None

    def observe(
        self,
        verdict: Verdict,
        now: datetime,
        changes: Iterable[Event] = (),
        eased: Callable[[], Verdict] | None = None,
    ) -> Heard:
        """Take one verdict in. `eased` judges the same moment by eased limits; it is only asked when
        something is about to be over. A clock that was set back begins anew."""
        if self._now is not None and now < self._now:
            self._restart()
        self._now, began = now, self._began or now
        self._began = began
        changes = self._hear(changes)
        found = _worst(verdict.roots)
        found |= self._within_margin(found, eased)
        self._folded = {finding.key for finding in verdict.findings if finding.root is not None} - set(found)
        blind = {key[1] for key in found if key[0].endswith(".unreachable")}
        events: list[Event] = []
        ringing: list[Key] = []
        for key, finding in found.items():
            self._see(key, finding, now, at_least=now - began <= _AT_START)
        for key, entry in tuple(self._entries.items()):
            finding_now = found.get(key)
            entry.hidden = finding_now is None and (key in self._folded or _hidden(key[1], blind))
            if entry.hidden:
                continue
            entry.mark(finding_now.level if finding_now else Level.OK, now)
            entry.present = finding_now is not None
            events += self._move(key, entry, now, ringing)
            if not entry.level and not entry.present and not entry.comings:
                del self._entries[key]
        events += self._end_acks(now, blind, ringing)
        told = tuple(change for change in changes if not self._is_flapping(change))
        return Heard((*told, *events), tuple(key for key in ringing if not self._acknowledged(key, now)))

    def worth_a_line(self, changes: Iterable[Event]) -> tuple[Event, ...]:
        """Changes between two looks, without those of what flaps."""
        return tuple(change for change in self._hear(changes) if not self._is_flapping(change))

    def at(self, now: datetime) -> tuple[Alarm, ...]:
        """The alarms raised, one for each root: what nobody has acknowledged first, then by who is hurt, the
        worst first, then the newest. What is folded keeps its alarm for when it stands for itself again."""
        alarms = [
            self._alarm(key, entry, now)
            for key, entry in self._entries.items()
            if entry.level and key not in self._folded
        ]
        alarms.sort(key=lambda a: (a.ack is not None, *rank(a.finding), -a.since.timestamp()))
        return tuple(alarms)

    def held(self, verdict: Verdict) -> Verdict:
        """The verdict with what is below its limit, but not yet by the margin: the screen flaps no more than
        the alarms do."""
        if not self._held:
            return verdict
        shown = {finding.key: finding for finding in verdict.findings}
        for finding in self._held:
            there = shown.get(finding.key)
            if there is None or there.level < finding.level:
                shown[finding.key] = finding
        return ordered(shown.values())

    def acknowledge(self, ack: Ack) -> Event:
        """Take an acknowledgement in; returns its line for the log."""
        self.acks[ack.key] = ack
        self.ended.discard(ack.key)
        until = f" until {format_clock(ack.until)}" if ack.until else " until it clears"
        return Event(ack.at, Level.OK, ack.key[1], f"acknowledged by {ack.who}{until}: {ack.reason}", "ack")

    def withdraw(self, key: Key, who: str, now: datetime) -> Event | None:
        """Take an acknowledgement back; None when there is none."""
        if self.acks.pop(key, None) is None:
            return None
        self.ended.add(key)
        return Event(now, Level.OK, key[1], f"acknowledgement withdrawn by {who}", "ack")

    # One entry ---------------------------------------------------------------------------------------

    def _see(self, key: Key, finding: Finding, now: datetime, *, at_least: bool) -> None:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(finding, now, at_least, now)
        if not entry.present and not entry.level:
            entry.since, entry.at_least = now, at_least
        if not entry.present or entry.finding.code != finding.code:
            entry.comings.append((now, finding.code))
        if not entry.present:
            entry.came = now
        entry.finding, entry.seen = finding, now

    def _move(self, key: Key, entry: _Entry, now: datetime, ringing: list[Key]) -> list[Event]:
        """The entry's next level, and what is said of it."""
        before, finding, was_flapping = entry.level, entry.finding, entry.flapping
        flaps = entry.flaps(now, was_flapping)
        if was_flapping and flaps < _FLAPS // 2:
            entry.flapping = ""
        elif not was_flapping and flaps >= _FLAPS:
            entry.flapping = finding.code
        entry.level = self._next(entry, now)
        level = entry.level
        same = entry.flapping == finding.code
        if same and not was_flapping:
            ringing.append(key)
            text = f"flapping: {flaps} times in 5 min: {finding.text}"
            return [Event(now, max(level, Level.WARN), finding.subject, text, finding.code)]
        if level > before:
            if not same or level is Level.CRIT:
                ringing.append(key)
            if same or self._has_told(key, finding.code, level, now):
                return []
            if entry.at_least and not before:
                return []  # what was there before anybody looked is no change
            rising = f"now {_WORDS[level]}: " if before else ""
            return [Event(now, level, finding.subject, f"{rising}{finding.text}", finding.code)]
        if level == before or same:
            return []
        if level:
            text = f"no more than {_WORDS[level]} now: {finding.text}"
            return [Event(now, level, finding.subject, text, finding.code)]
        lasted = rough((entry.seen - (entry.came or entry.since)).total_seconds())
        if self._has_told(key, None, Level.OK, now):
            return []
        text = f"over after {lasted}: {finding.text}"
        if was_flapping:
            whole = rough((entry.seen - entry.since).total_seconds())
            text = f"no longer flapping after {whole}, the last time for {lasted}: {finding.text}"
        return [Event(now, Level.OK, finding.subject, text, finding.code)]

    def _next(self, entry: _Entry, now: datetime) -> Level:
        clear_after = timedelta(seconds=self.rules.clear_after)
        for level in _LEVELS:
            reached = entry.reached.get(level)
            if level > entry.level:
                if reached is not None and now - reached >= self.rules.raise_after(level):
                    return level
                continue
            missed = entry.missed.get(level)
            if missed is None or now - missed < clear_after:
                return level
        if entry.flapping and entry.flaps(now, entry.flapping):
            return max(entry.level, min(entry.finding.level, Level.WARN))
        return Level.OK

    def _within_margin(
        self, found: Mapping[Key, Finding], eased: Callable[[], Verdict] | None
    ) -> dict[Key, Finding]:
        """Raised alarms that the strict limits show no more, or as less, and the eased ones still do."""
        self._held = ()
        falling = {
            key: entry.level
            for key, entry in self._entries.items()
            if entry.level and (key not in found or found[key].level < entry.level)
        }
        if eased is None or not falling:
            return {}
        still = _worst(eased().roots)
        kept = {}
        for key, level in falling.items():
            if (finding := still.get(key)) is None:
                continue
            holds = min(level, finding.level)
            if key not in found or holds > found[key].level:
                kept[key] = replace(finding, level=holds)
        self._held = tuple(kept.values())
        return kept

    # Acknowledgements --------------------------------------------------------------------------------

    def _end_acks(self, now: datetime, blind: set[str], ringing: list[Key]) -> list[Event]:
        """Those whose alarm is gone, has got worse, or whose time is up."""
        events = []
        for key, ack in tuple(self.acks.items()):
            entry = self._entries.get(key)
            level = entry.level if entry else Level.OK
            if entry is not None and level and not ack.holds(level, now):
                if level <= ack.level:
                    ringing.append(key)
                    text = f"no longer acknowledged (the time is up): {entry.finding.text}"
                    events.append(Event(now, level, key[1], text, "ack"))
            elif (
                (entry is not None and (level or entry.present))
                or key in self._folded
                or _hidden(key[1], blind)
            ):
                continue  # it holds, or its alarm is on its way
            elif entry is None and now - (self._began or now) < self._patience:
                continue  # kept from an earlier console: its alarm may not be raised yet
            del self.acks[key]
            self.ended.add(key)
        return events

    @property
    def _patience(self) -> timedelta:
        slowest = max(self.rules.raise_after_warn, self.rules.raise_after_crit)
        return _AT_START + timedelta(seconds=slowest + self.rules.clear_after)

    def _acknowledged(self, key: Key, now: datetime) -> bool:
        ack, entry = self.acks.get(key), self._entries.get(key)
        return ack is not None and entry is not None and ack.holds(entry.level, now)

    # What is known -----------------------------------------------------------------------------------

    def _alarm(self, key: Key, entry: _Entry, now: datetime) -> Alarm:
        finding = entry.finding
        shown = replace(finding, level=entry.level)
        ack = self.acks.get(key)
        return Alarm(
            shown,
            entry.since,
            entry.at_least,
            entry.seen,
            entry.present and not entry.hidden,
            entry.flaps(now) if entry.flapping == finding.code else 0,
            ack if ack is not None and ack.holds(entry.level, now) else None,
        )

    def _hear(self, changes: Iterable[Event]) -> tuple[Event, ...]:
        """Remember what the log says already."""
        heard = tuple(changes)
        if len(self._told) > _TOLD_KEPT:
            self._told.clear()
        self._told |= {change.key: (change.code, change.level, change.at) for change in heard if change.code}
        return heard

    def _is_flapping(self, change: Event) -> bool:
        """Whether a change tells of what comes and goes; one of another code is news."""
        entry = self._entries.get(change.key)
        if entry is None or not entry.flapping:
            return False
        return change.level is Level.OK or change.code == entry.flapping

    def _has_told(self, key: Key, code: str | None, level: Level, now: datetime) -> bool:
        """Whether a change has said the same a moment ago."""
        told = self._told.get(key)
        if told is None or now - told[2] > _TOLD_LATELY + timedelta(seconds=self.rules.clear_after):
            return False
        return told[1] is Level.OK if code is None else (told[0] == code and told[1] >= level)

    def _restart(self) -> None:
        self._entries.clear()
        self._told.clear()
        self._held, self._began = (), None


def _worst(findings: Iterable[Finding]) -> dict[Key, Finding]:
    """One finding for each key: the worst, or the first of them."""
    found: dict[Key, Finding] = {}
    for finding in findings:
        if finding.key not in found or finding.level > found[finding.key].level:
            found[finding.key] = finding
    return found


def _hidden(subject: str, blind: set[str]) -> bool:
    """Whether the target that would show it does not answer."""
    return bool(blind) and (subject in blind or subject.partition("/")[0] in blind)
