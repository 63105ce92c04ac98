"""Blocking work in a daemon thread, awaited without ever holding up the loop or the program's end."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

ResultT = TypeVar("ResultT")


async def in_thread(name: str, work: Callable[[], ResultT], discard: Callable[[ResultT], None]) -> ResultT:
    """What `work` returns or raises. A caller that is cancelled leaves it to end by itself; what it makes
    afterwards is handed to `discard`."""
    answer: Future[ResultT] = Future()

    def run() -> None:
        try:
            made = work()
        except BaseException as error:
            if answer.set_running_or_notify_cancel():
                answer.set_exception(error)
            return
        if answer.set_running_or_notify_cancel():
            answer.set_result(made)
        else:
            discard(made)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        return await asyncio.wrap_future(answer)
    except asyncio.CancelledError:
        # It may have been made in this very moment: then nobody else knows of it.
        answer.add_done_callback(lambda made: _discard(made, discard))
        raise


def _discard(made: Future[ResultT], discard: Callable[[ResultT], None]) -> None:
    if not made.cancelled() and made.exception() is None:
        discard(made.result())
