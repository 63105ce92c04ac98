"""Which events of the log are shown: by text, level and time. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bdr_console.chronicle import Record
from bdr_console.cluster.durations import span
from bdr_console.cluster.findings import Level

WINDOWS: tuple[tuple[str, timedelta | None], ...] = (
    ("all", None),
    ("last 10 minutes", timedelta(minutes=10)),
    ("last hour", timedelta(hours=1)),
    ("last day", timedelta(days=1)),
)
LEVELS: tuple[tuple[str, Level], ...] = (
    ("every level", Level.OK),
    ("warnings and worse", Level.WARN),
    ("critical only", Level.CRIT),
)
SHOWN = 500
"""Rows at a time: more are of no use to a reader, and slow to lay out."""
_AROUND = timedelta(seconds=30)
_TIMES = ("%H:%M", "%H:%M:%S")


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for."""

    text: str = ""
    """Words, each anywhere in subject, text or code; capitals do not matter."""
    level: int = 0
    """Of LEVELS."""
    window: int = 0
    """Of WINDOWS."""

    def select(self, records: Sequence[Record], now: datetime) -> list[Record]:
        """Those that fit, newest first."""
        least, span = LEVELS[self.level][1], WINDOWS[self.window][1]
        words = self.text.lower().split()
        return [
            record
            for record in reversed(records)
            if record.event.level >= least
            and (span is None or now - record.event.at <= span)
            and (not words or _holds(record, words))
        ]

    @property
    def words(self) -> str:
        """`last 10 minutes, warnings and worse, with "node2"`."""
        said = [WINDOWS[self.window][0], LEVELS[self.level][0]]
        return ", ".join([*said, *([f'with "{self.text}"'] if self.text else [])])


def _holds(record: Record, words: Sequence[str]) -> bool:
    event = record.event
    there = f"{event.subject} {event.text} {event.code}".lower()
    return all(word in there for word in words)


def moment_of(text: str, now: datetime) -> datetime | None:
    """`2h` (ago), `14:30`, `14:30:05`, `03-04 14:30`, `2026-03-04 14:30`, local; None for anything else.

    Without a date or a year it is the last one that there was."""
    text = text.strip()
    if (ago := span(text)) is not None:
        return now - timedelta(seconds=ago)
    local = now.astimezone()
    tries = [(f"{local:%Y-%m-%d} {text}", timedelta(days=1)), (f"{local:%Y}-{text}", timedelta(days=365))]
    for told, back in [*tries, (text, timedelta(0))]:
        for time in _TIMES:
            try:
                found = datetime.strptime(told, f"%Y-%m-%d {time}").astimezone()
            except (ValueError, OverflowError):
                continue
            return (found - back if found > local else found).astimezone(UTC)
    return None


def around(records: Sequence[Record], record: Record) -> list[Record]:
    """What else happened within 30 s of it, oldest first."""
    at = record.event.at
    return [one for one in records if one is not record and abs(one.event.at - at) <= _AROUND]
