"""What an alarm is, by which rules one is raised and cleared, and how it is acknowledged. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bdr_console.cluster.text import format_clock
from bdr_console.cluster.verdict.findings import Finding, Key, Level


@dataclass(frozen=True, slots=True)
class Ack:
    """One alarm acknowledged, up to a level and, for a snooze, up to a time."""

    key: Key
    """Of the alarm: its kind and its subject."""
    level: Level
    """What it was when it was acknowledged; worse than that is news again."""
    who: str
    """user@host."""
    reason: str
    at: datetime
    until: datetime | None = None
    """The end of a snooze; None until the alarm clears."""

    def holds(self, level: Level, now: datetime) -> bool:
        """Whether an alarm of that level is still acknowledged."""
        return level <= self.level and (self.until is None or now < self.until)

    @property
    def words(self) -> str:
        """`ack by ana: disk is on its way, until 14:30:00`."""
        until = f", until {format_clock(self.until)}" if self.until else ""
        return f"ack by {self.who.partition('@')[0]}: {self.reason}{until}"


@dataclass(frozen=True, slots=True)
class Period:
    """How long an alarm may be acknowledged for."""

    words: str
    lasts: timedelta | None
    """None until it clears."""


PERIODS = (
    Period("until it clears", None),
    Period("for 15 minutes", timedelta(minutes=15)),
    Period("for 1 hour", timedelta(hours=1)),
)


@dataclass(frozen=True, slots=True)
class AlarmRules:
    """Seconds that a finding must last, or be gone, and the share of a limit that it must fall below it."""

    raise_after_warn: float = 5.0
    raise_after_crit: float = 0.0
    clear_after: float = 10.0
    margin: float = 0.1

    def raise_after(self, level: Level) -> timedelta:
        """How long a finding of that level must hold."""
        return timedelta(seconds=self.raise_after_crit if level is Level.CRIT else self.raise_after_warn)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as it stands."""

    finding: Finding
    """As it was seen last, with the level that the alarm has."""
    since: datetime
    """When the finding came."""
    at_least: bool
    """Whether it was there before anybody looked."""
    seen: datetime
    """When it was seen last."""
    present: bool
    """Whether it is seen now; if not it is about to clear, or its node does not answer."""
    flaps: int = 0
    """How often it came in the last 5 min, when that is often; else 0."""
    ack: Ack | None = None

    @property
    def key(self) -> Key:
        """Its kind and its subject."""
        return self.finding.key

    def lasting(self, now: datetime) -> float:
        """Seconds since it came."""
        return max(0.0, (now - self.since).total_seconds())

    @property
    def text(self) -> str:
        """The finding's text, or that it flaps."""
        flapping = f"flapping: {self.flaps} times in 5 min: " if self.flaps else ""
        return f"{flapping}{self.finding.text}"

    def since_words(self, now: datetime) -> str:
        """`since 12:03:10, 4m 02s`; `since before 12:03:10` when it was there at the first look."""
        before = "before " if self.at_least else ""
        day = f"{self.since.astimezone():%b %d} " if self.lasting(now) >= 86400 else ""
        return f"since {before}{day}{format_clock(self.since)}, {rough(self.lasting(now))}"


def rough(seconds: float) -> str:
    """A duration that changes once a second at most: `42 s`, `4m 02s`, `3h 05m`, `2d 01h`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    if not hours:
        return f"{minutes}m {second:02d}s"
    return f"{hours}h {minute:02d}m" if hours < 24 else f"{hours // 24}d {hours % 24:02d}h"
