"""Waiting for what is to come about: every test waits for a condition, and none of them for ever."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

FoundT = TypeVar("FoundT")

_PAUSE = 0.02
"""Seconds between two looks."""


def wait_until(
    holds: Callable[[], FoundT],
    what: str | Callable[[], str],
    *,
    seconds: float = 30.0,
    pause: float = _PAUSE,
) -> FoundT:
    """What `holds()` returns once that is true; fails with `what` when it is not within `seconds`."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, _in_vain(what, seconds)
        time.sleep(pause)
    return found


async def eventually(
    holds: Callable[[], object] | Callable[[], Awaitable[object]],
    what: str | Callable[[], str],
    *,
    seconds: float = 30.0,
    pause: float = _PAUSE,
) -> None:
    """Wait until `holds()` (or what it awaits) is true, without blocking the loop; else fail with `what`."""
    end = time.monotonic() + seconds
    while True:
        found = holds()
        if await found if inspect.isawaitable(found) else found:
            return
        assert time.monotonic() < end, _in_vain(what, seconds)
        await asyncio.sleep(pause)


def _in_vain(what: str | Callable[[], str], seconds: float) -> str:
    return f"not within {seconds:g} s: {what if isinstance(what, str) else what()}"
