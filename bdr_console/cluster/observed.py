"""A reading, and when it was made: nothing is shown without its date."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

FactsT = TypeVar("FactsT")

_STEP = 2
"""Seconds; a clock that is slewed differs by less, and what was read would be dated anew at each look."""


@dataclass(frozen=True, slots=True)
class Observed(Generic[FactsT]):
    """The last good reading of one target, and how the latest attempt went.

    `facts` stay when a target stops answering, so that the screen can show them as old; `error` says
    why the latest attempt failed and is None when it succeeded. All times are UTC.
    """

    name: str
    """The target's name in the configuration."""
    address: str
    """Where it is reached, without any secret: `10.0.0.1:5432` or `/run/haproxy/admin.sock`."""
    facts: FactsT | None = None
    seen_at: datetime | None = None
    """When `facts` were read; None when they never were."""
    error: str | None = None
    """Why the latest finished attempt failed, in words; None when it succeeded or none has finished."""
    pending_since: datetime | None = None
    """When the attempt under way began; None when none is."""
    took_ms: float | None = None
    """How long the last good reading took, in milliseconds."""

    warning: str = ""
    """What the operator should know of the way it is reached, although it answers; empty for nothing."""

    def dated(self, seconds: float, now: datetime) -> "Observed[FactsT]":
        """The same, read so many seconds before `now`: where the clock was set, what was read before the step
        would seem younger or older than it is, and a dead target fresh."""
        if self.seen_at is None:
            return self
        step = round((now - self.seen_at).total_seconds() - seconds)
        return replace(self, seen_at=self.seen_at + timedelta(seconds=step)) if abs(step) >= _STEP else self

    def age(self, now: datetime) -> float | None:
        """Seconds since the facts were read, or None when they never were."""
        return None if self.seen_at is None else max(0.0, (now - self.seen_at).total_seconds())

    def is_fresh(self, now: datetime, refresh: float) -> bool:
        """Whether the facts may be shown as live: read within two and a half refreshes, but at least 2 s."""
        age = self.age(now)
        return age is not None and age <= max(2.0, 2.5 * refresh)
