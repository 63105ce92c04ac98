"""Is the event loop free while something hangs? Counted in beats: a busy machine slows them, no more."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def heartbeat() -> AsyncIterator[list[int]]:
    """Grows by one every 10 ms while the loop is free; in a blocked loop it stands at one or two."""
    beats: list[int] = []

    async def beat() -> None:
        while True:
            await asyncio.sleep(0.01)
            beats.append(len(beats))

    task = asyncio.create_task(beat())
    try:
        yield beats
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
