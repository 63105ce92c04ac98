"""When an application under test has nothing left to do.

Textual's own guess looks at the processor time of the process between two short sleeps. A process that gets
no processor uses none: on a loaded machine the guess comes too soon, and a key meets a screen that is not
there yet. Here the event loop itself is asked.
"""

import asyncio
from time import monotonic

from textual._context import active_app
from textual.app import App
from textual.screen import Screen

_LOOKS = 3
"""So many looks in a row must find nothing to do."""
_BETWEEN = 0.001
"""Seconds between two looks: the loop polls descriptors and timers meanwhile."""
_LONGEST = 30.0
"""Seconds: whatever paints itself without end has not come to rest by then."""


async def still(min_sleep: float = 0.0) -> None:
    """Wait until nothing but timers, threads and input can make the application do anything.

    Stands in the place of Textual's `wait_for_idle`.
    """
    loop = asyncio.get_running_loop()
    app = active_app.get()
    end = monotonic() + _LONGEST
    await asyncio.sleep(min_sleep)
    quiet = 0
    while quiet < _LOOKS and app.is_running:
        assert monotonic() < end, f"the screen does not come to rest within {_LONGEST:g} s"
        await asyncio.sleep(_BETWEEN)
        busy = bool(loop._ready) or _to_be_painted(app)  # type: ignore[attr-defined]
        quiet = 0 if busy else quiet + 1


def _to_be_painted(app: App[object]) -> bool:
    """Whether a new size or the screen waits for the next timed update."""
    return app._resize_event is not None or any(_dirty(screen) for screen in app.screen_stack[-1:])


def _dirty(screen: Screen[object]) -> bool:
    return bool(
        screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._dirty_widgets
        or screen._callbacks
    )
