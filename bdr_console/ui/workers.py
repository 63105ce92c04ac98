"""Work that may block, on a thread that nobody waits for at the end of the program."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")


async def in_background(work: Callable[[], ResultT]) -> ResultT:
    """Run `work` on a daemon thread and return what it returns, or raise what it raises.

    asyncio's own pool is joined when the loop ends: one blocked file system would then keep a console
    from quitting.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[ResultT] = loop.create_future()

    def settle(result: ResultT | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        try:
            outcome: tuple[ResultT | None, BaseException | None] = (work(), None)
        except Exception as error:
            outcome = (None, error)
        try:
            loop.call_soon_threadsafe(settle, *outcome)
        except RuntimeError:
            return  # the loop has ended: nobody waits for this any more

    threading.Thread(target=run, name="console background", daemon=True).start()
    return await done
