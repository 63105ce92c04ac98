"""Where a replay stands, as a line that nobody takes for a live screen."""

from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from bdr_console.cluster.text import clean, format_clock
from bdr_console.ui.text.words import Glyphs

_BAR = 12


@dataclass(frozen=True, slots=True)
class ReplayPlace:
    """Where a replay stands."""

    at: datetime
    began: datetime
    ended: datetime
    speed: float
    paused: bool
    trouble: str = ""
    """What of the recording could not be read; empty for nothing."""


def replay_line(place: ReplayPlace, glyphs: Glyphs) -> Text:
    """`REPLAY 2026-03-04 12:03:10 of 11:40:02-12:10:00, paused, x1`; words, so that no colour is needed."""
    day = place.at.astimezone().strftime("%Y-%m-%d")
    text = Text(" ", no_wrap=True, overflow="ellipsis", end="")
    text.append(f"REPLAY {day} {format_clock(place.at)}")
    text.append(f" of {_span(place)}{glyphs.separator}")
    state = "paused" if place.paused else "playing"
    if place.paused and place.at >= place.ended:
        state = "at its end"
    text.append(f"{state}{glyphs.separator}x{place.speed:g}  {_bar(place, glyphs)}")
    if place.trouble:
        text.append(f"{glyphs.separator}{clean(place.trouble)}")
    return text


def _span(place: ReplayPlace) -> str:
    first, last = place.began.astimezone(), place.ended.astimezone()
    until = format_clock(last) if first.date() == last.date() else last.strftime("%Y-%m-%d %H:%M:%S")
    since = format_clock(first) if first.date() == last.date() else first.strftime("%Y-%m-%d %H:%M:%S")
    return f"{since}-{until}"


def _bar(place: ReplayPlace, glyphs: Glyphs) -> str:
    whole = (place.ended - place.began).total_seconds()
    share = (place.at - place.began).total_seconds() / whole if whole > 0 else 1.0
    done = round(max(0.0, min(1.0, share)) * _BAR)
    full, empty = ("#", "-") if glyphs.ascii_only else ("━", "─")
    return f"{full * done}{empty * (_BAR - done)}"
