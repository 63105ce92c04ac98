"""An event loop whose time does not pass by itself: it jumps to the next thing that is waited for.

What runs in it takes the same turns at the same moments on any machine, however loaded.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar
from unittest.mock import patch

_Result = TypeVar("_Result")
_TURN = 1e-6
"""Seconds that each turn of the loop takes, so that a loop that only yields comes to its end too."""


class _Clock(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found:
            assert timeout is not None, "everything waits for what never comes"
            self.now += max(timeout, 0.0)
        self.now += _TURN
        return found


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """As asyncio.run, in virtual time; time.monotonic() is that of the loop meanwhile."""
    loop = _Loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner, patch("time.monotonic", loop.time):
        return runner.run(main)
