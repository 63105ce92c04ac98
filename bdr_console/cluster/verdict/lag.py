"""What a link's lag means: its level, its words, and where it is heading. Pure.

The one rule for panes, verdict, checks, plain text and JSON.
"""

from dataclasses import dataclass

from bdr_console.cluster.history import History
from bdr_console.cluster.lag_time import LagTime
from bdr_console.cluster.replication import Link
from bdr_console.cluster.text import format_bytes, format_seconds
from bdr_console.cluster.verdict.findings import Level, Thresholds

_SETTLED = 1.5
"""Seconds that a change must have waited before an unknown lag in time counts: a healthy link has applied by
then what the reading before saw, and its lag is known."""
_NOISE = 64 * 1024
"""Bytes within the window of a trend that are none: one transaction writes as much."""
_STEADY = 0.02
"""The share of a lag by which it may change within the window and be steady."""
_WINDOW = 15.0
"""Seconds over which a trend is measured."""
_LONGEST = 86400.0
"""Seconds; nobody plans by an estimate of more than a day."""


def lag_level(link: Link, limits: Thresholds) -> Level:
    """Return which limit the lag has passed, in bytes or in time. UNKNOWN when nobody could measure it, and
    while its time is not known and might have passed one: the bytes alone do not make it fine."""
    if link.lag_bytes is None and link.pending_rows is None:
        return Level.UNKNOWN
    behind, time = link.lag_bytes or 0, _time_level(link.lag_time, limits)
    if behind >= limits.lag_bytes_crit:
        return Level.CRIT
    by_bytes = Level.WARN if behind >= limits.lag_bytes_warn else Level.OK
    return max(by_bytes, time)


def _time_level(time: LagTime | None, limits: Thresholds) -> Level:
    """A lower bound can prove that a limit is passed, never that it is not."""
    if time is None:
        return Level.OK
    if time.proved >= limits.lag_seconds_crit:
        return Level.CRIT
    if time.proved >= limits.lag_seconds_warn:
        return Level.WARN
    if is_time_known(time, limits) or time.at_least < _SETTLED:
        return Level.OK
    return Level.UNKNOWN


def is_time_known(time: LagTime | None, limits: Thresholds) -> bool:
    """Return whether the limits in seconds could be checked: the lag is one figure, or surely below them."""
    if time is None:
        return False
    return time.figure is not None or (time.at_most is not None and time.at_most < limits.lag_seconds_warn)


def lag_state(link: Link, limits: Thresholds) -> str:
    """Return the word for a link that streams: in step, measuring, lagging or unknown."""
    level = lag_level(link, limits)
    if level is Level.UNKNOWN:
        return "unknown" if link.lag_bytes is None and link.pending_rows is None else "time unknown"
    if level is not Level.OK:
        return "lagging"
    return "measuring" if link.lag_time and not is_time_known(link.lag_time, limits) else "in step"


def lag_text(link: Link) -> str:
    """Return the lag in words: `48 MiB, 35 s`, `830 KiB, >= 1.8 s`, `120 rows, 3.0 s`, `unknown`."""
    if link.pending_rows is not None:
        size = f"{link.pending_rows} row" + ("" if link.pending_rows == 1 else "s")
    elif link.lag_bytes is None:
        return "unknown"
    else:
        size = format_bytes(link.lag_bytes)
    time = lag_time_text(link)
    return size if time == "unknown" else f"{size}, {time}"


def lag_time_text(link: Link) -> str:
    """Return the lag in time: `35 s`, `>= 1.8 s` where no more is known, `unknown`."""
    return "unknown" if link.lag_time is None else link.lag_time.text


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a lag is going."""

    word: str
    """`growing`, `falling` or `steady`."""
    rate: float
    """Bytes per second."""
    done: float | None = None
    """Seconds until it has caught up: the engine's own estimate, else what was measured lately."""


def heading(link: Link, history: History) -> Heading | None:
    """Return where the lag of a link in bytes is going; None while too little is known, and for one that was
    not read lately."""
    if link.lag_bytes is None or not link.fresh:
        return None
    estimate = link.slot.catchup_seconds if link.slot else None
    trend, behind = history.trend(link.key, _WINDOW), link.lag_bytes
    if trend is None:
        return None if estimate is None else Heading("falling", 0.0, estimate)
    if abs(trend.rate) * _WINDOW < max(_NOISE, behind * _STEADY):
        return Heading("steady", trend.rate)
    if trend.rate > 0:
        return Heading("growing", trend.rate)
    done = trend.seconds_to_zero if estimate is None else estimate
    return Heading("falling", trend.rate, done if done is not None and done < _LONGEST else None)


def heading_text(found: Heading | None) -> str:
    """Return the end of a sentence that says how much a link lags; empty where there is nothing to say."""
    if found is None or found.word == "steady":
        return ""
    if found.word == "growing":
        return f", growing by {format_bytes(found.rate)}/s"
    return f", catching up in {format_seconds(found.done)}" if found.done is not None else ""
