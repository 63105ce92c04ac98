"""Is the event loop free while something hangs? Counted in beats: a busy machine slows them, no more."""

import asyncio
import contextlib
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable


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


async def eventually(
    holds: Callable[[], object] | Callable[[], Awaitable[object]], what: str, deadline: float = 20.0
) -> None:
    """Wait until `holds()` (or what it awaits) is true, without blocking the loop; else fail with `what`."""
    end = time.monotonic() + deadline
    while True:
        found = holds()
        if await found if inspect.isawaitable(found) else found:
            return
        assert time.monotonic() < end, f"waited {deadline} s in vain: {what}"
        await asyncio.sleep(0.02)
