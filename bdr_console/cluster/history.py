"""The last hour of one figure in little room: the most it was in each ten seconds."""

import itertools
from array import array
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isnan, nan

from bdr_console.cluster.lag_time import WalSeries

STEP = 10
"""Seconds that one point stands for."""
_KEPT = 360


class Hour:
    """360 points of ten seconds, 3 KiB, however often a figure is read."""

    __slots__ = ("_newest", "_points")

    def __init__(self) -> None:
        self._points = array("d", [nan] * _KEPT)
        self._newest = 0

    @property
    def newest(self) -> int:
        """The number of the newest point, in tens of seconds since 1970."""
        return self._newest

    def add(self, at: datetime, value: float) -> None:
        """Take one reading; one from longer ago than an hour adds nothing."""
        point = int(at.timestamp()) // STEP
        if point > self._newest:
            if point - self._newest >= _KEPT:
                if self._newest:
                    self._points = array("d", [nan] * _KEPT)
            else:
                for gone in range(self._newest + 1, point + 1):
                    self._points[gone % _KEPT] = nan
            self._newest = point
        elif point <= self._newest - _KEPT:
            return
        before = self._points[point % _KEPT]
        self._points[point % _KEPT] = value if isnan(before) else max(before, value)

    def points(self, now: datetime) -> tuple[tuple[datetime, float | None], ...]:
        """The hour up to `now`, oldest first; None where nothing was read."""
        last = int(now.timestamp()) // STEP
        return tuple(
            (datetime.fromtimestamp(n * STEP, UTC), self._at(n)) for n in range(last - _KEPT + 1, last + 1)
        )

    def _at(self, point: int) -> float | None:
        if not self._newest - _KEPT < point <= self._newest:
            return None
        value = self._points[point % _KEPT]
        return None if isnan(value) else value


_KEEP = 3600
"""Samples kept for each figure: an hour at one a second, 3600 x 2 numbers."""
_ALL = 500_000
"""Samples kept in all, some 70 MiB: with very many figures each is remembered for less than an hour."""
_FEWEST = 40
"""Samples kept of each figure in any case: of 50 nodes, with some 7500 figures, about a minute."""
_HOURS = 8000
"""Figures of which a whole hour is kept in ten-second steps, 3 KiB each: links and slots of 50 nodes."""
_GONE_AFTER = 3600.0
"""Seconds after which a figure is forgotten that nobody adds to any more: slots come and go."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Where a figure is heading."""

    rate: float
    """Change per second over the window; negative while it falls."""
    seconds_to_zero: float | None
    """When it will reach zero at this rate; None while it does not fall."""


class History:
    """Samples by key, oldest first; a reading that could not be made is kept as None."""

    def __init__(self, keep: int = _KEEP) -> None:
        self._keep = keep
        self._samples: dict[Hashable, deque[tuple[datetime, float | None]]] = {}
        self._hours: dict[Hashable, Hour] = {}
        self._wal: dict[str, WalSeries] = {}
        self._look_at = datetime.min.replace(tzinfo=UTC)

    def add(self, key: Hashable, at: datetime, value: float | None) -> None:
        """Remember `value` at `at`; a second sample of the same moment is ignored."""
        samples = self._samples.get(key)
        if samples is None:
            self._forget(at)
            samples = self._samples[key] = deque(maxlen=self._keep)
        if not samples or samples[-1][0] < at:
            samples.append((at, value))
        while len(samples) > max(_FEWEST, _ALL // len(self._samples)):
            samples.popleft()

    def add_to_hour(self, key: Hashable, at: datetime, value: float) -> None:
        """Remember `value` at `at` in the coarse memory, which reaches an hour back however much is kept."""
        hour = self._hours.get(key)
        if hour is None:
            if len(self._hours) >= _HOURS:
                del self._hours[min(self._hours, key=lambda key: self._hours[key].newest)]
            hour = self._hours[key] = Hour()
        hour.add(at, value)

    def wal(self, node: str) -> WalSeries:
        """The positions that the WAL of that node reached."""
        return self._wal.setdefault(node, WalSeries())

    def hour(self, key: Hashable, now: datetime) -> tuple[tuple[datetime, float | None], ...]:
        """The hour up to `now` as the most in each ten seconds, oldest first; None where nothing was read."""
        return self._hours.get(key, Hour()).points(now)

    def _forget(self, now: datetime) -> None:
        """Make room for one more figure: drop those that are gone, or the one longest without news."""
        if now >= self._look_at:
            self._look_at = now + timedelta(seconds=_GONE_AFTER / 60)
            for key, samples in list(self._samples.items()):
                if (now - samples[-1][0]).total_seconds() > _GONE_AFTER:
                    del self._samples[key]
        if len(self._samples) >= _ALL // _FEWEST:
            # A good many at once: looking for the oldest at each new figure would cost their square.
            by_age = sorted(self._samples, key=lambda key: self._samples[key][-1][0])
            for key in by_age[: max(1, len(by_age) // 10)]:
                del self._samples[key]

    def last(self, key: Hashable, count: int) -> tuple[float | None, ...]:
        """The newest `count` values, oldest first."""
        samples = self._samples.get(key, deque())
        newest = itertools.islice(reversed(samples), count)
        return tuple(value for _, value in newest)[::-1]

    def window(self, key: Hashable, seconds: float) -> tuple[tuple[datetime, float], ...]:
        """The readings of the newest `seconds`, oldest first, without those that could not be made."""
        samples = self._samples.get(key, deque())
        if not samples:
            return ()
        newest = samples[-1][0]
        inside = itertools.takewhile(
            lambda sample: (newest - sample[0]).total_seconds() <= seconds, reversed(samples)
        )
        return tuple((at, value) for at, value in inside if value is not None)[::-1]

    def since(self, key: Hashable) -> datetime | None:
        """When the run of readings began that the newest one belongs to; None when the newest is none."""
        began = None
        for at, value in reversed(self._samples.get(key, deque())):
            if value is None:
                break
            began = at
        return began

    def keys(self, *kinds: str) -> set[Hashable]:
        """Every key that is a tuple beginning with one of `kinds`."""
        return {key for key in self._samples if isinstance(key, tuple) and key[:1] and key[0] in kinds}

    def trend(self, key: Hashable, window: float = 15.0) -> Trend | None:
        """The slope over the last `window` seconds; None with fewer than two readings in it."""
        inside = self._readings(key, window)
        if len(inside) < 2:
            return None
        newest_at, newest = inside[-1]
        oldest_at, oldest = inside[0]
        rate = (newest - oldest) / (newest_at - oldest_at).total_seconds()
        return Trend(rate, newest / -rate if rate < 0 and newest > 0 else None)

    def _readings(self, key: Hashable, seconds: float) -> list[tuple[datetime, float]]:
        """Those up to `seconds` before the newest that could be made, oldest first."""
        found: list[tuple[datetime, float]] = []
        for at, value in reversed(self._samples.get(key, deque())):
            if value is None:
                continue
            if found and (found[0][0] - at).total_seconds() > seconds:
                break
            found.append((at, value))
        return found[::-1]


_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*#%"


def sparkline(
    values: tuple[float | None, ...], width: int, *, ascii_only: bool = False, least: float = 0.0
) -> str:
    """The newest `width` values as one character each, scaled to the largest, or to `least` where that is
    more; `·` (or `?`) where unknown."""
    glyphs = _ASCII if ascii_only else _BLOCKS
    shown = values[-width:]
    top = max((value for value in shown if value is not None), default=0.0)
    top = max(top, least)
    cells = [
        ("?" if ascii_only else "·") if value is None else glyphs[_step(value, top, len(glyphs))]
        for value in shown
    ]
    return "".join(cells).rjust(width)


def _step(value: float, top: float, steps: int) -> int:
    """0 is blank; anything above it shows at least the lowest block."""
    if top <= 0 or value <= 0:
        return 0
    return max(1, min(steps - 1, round(value / top * (steps - 1))))
