"""The last hour of one figure in little room: the most it was in each ten seconds."""

from array import array
from datetime import UTC, datetime
from math import isnan, nan

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
