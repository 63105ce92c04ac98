"""An acknowledgement: somebody knows of an alarm and says why it may wait. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bdr_console.cluster.findings import Key, Level
from bdr_console.cluster.text import format_clock


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
