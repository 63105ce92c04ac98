"""Where a word typed into a replay leads: a time, a distance, or an event. Pure."""

import bisect
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from bdr_console.cluster.text import clean, format_clock, parse_duration
from bdr_console.cluster.verdict.changes import Event
from bdr_console.errors import ConsoleError

_CLOCK = re.compile(r"(?:(\d{4}-\d\d-\d\d)[ T])?(\d{1,2}):(\d\d)(?::(\d\d))?")


def target(
    said: str, position: datetime, began: datetime, ended: datetime, events: Sequence[Event]
) -> datetime:
    """The moment that `said` means, seen from `position`: `12:03`, `12:03:10`, `2026-03-04 12:03`, `+5m`,
    `-30s`, `start`, `end`, or words of an event, of which the next one is taken. Raises ConsoleError."""
    said = said.strip()
    if said in ("start", "end"):
        return began if said == "start" else ended
    if said[:1] in ("+", "-") and (away := _distance(said[1:])) is not None:
        return _inside(position + away if said[0] == "+" else position - away, began, ended)
    if found := _CLOCK.fullmatch(said):
        return _clock(found, position, began, ended)
    if not said:
        raise ConsoleError("no time was given", "12:03, +5m, -30s, start, end, or words of an event.")
    words = said.casefold()
    matching = [event for event in events if words in f"{event.subject} {event.text}".casefold()]
    if not matching:
        raise ConsoleError(
            f"no event holds '{clean(said, 40)}', and it is no time",
            "12:03, +5m, -30s, start, end, or words of an event.",
        )
    return next((event.at for event in matching if event.at > position), matching[0].at)


def neighbour(position: datetime, events: Sequence[Event], direction: int) -> Event | None:
    """The event after (1) or before (-1) `position`; None when there is none."""
    times = [event.at for event in events]
    if direction > 0:
        place = bisect.bisect_right(times, position)
        return events[place] if place < len(events) else None
    place = bisect.bisect_left(times, position)
    return events[place - 1] if place else None


def _distance(text: str) -> timedelta | None:
    try:
        return timedelta(seconds=parse_duration(text))
    except ConsoleError:
        return None  # words of an event


def _inside(moment: datetime, began: datetime, ended: datetime) -> datetime:
    return max(began, min(ended, moment))


def _clock(found: re.Match[str], position: datetime, began: datetime, ended: datetime) -> datetime:
    """A time of the local clock; without a day the one that lies in the recording, near the position."""
    hour, minute, second = int(found[2]), int(found[3]), int(found[4] or 0)
    here = position.astimezone()
    try:
        day = datetime.fromisoformat(found[1]) if found[1] else here.replace(tzinfo=None)
        on_day = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError as error:
        raise ConsoleError(f"there is no time {found[0]}", "HH:MM, or HH:MM:SS.") from error
    days = (0,) if found[1] else (0, -1, 1)
    meant = [(on_day + timedelta(days=more)).astimezone() for more in days]
    second_of_end = timedelta(seconds=1 if found[4] else 60)
    inside = [moment for moment in meant if began - second_of_end < moment <= ended]
    if not inside:
        raise ConsoleError(
            f"{found[0]} is not in the recording",
            f"It goes from {format_clock(began)} to {format_clock(ended)}.",
        )
    return _inside(inside[0], began, ended)
