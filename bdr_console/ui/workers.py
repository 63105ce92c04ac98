"""Work beside the screen: on a thread that nobody waits for, and in workers that never die silently."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bdr_console.cluster.text import clean
from bdr_console.crash import as_console_error
from bdr_console.errors import ConsoleError

ResultT = TypeVar("ResultT")

_log = logging.getLogger(__name__)
_FIRST_REST, _LONGEST_REST = 1.0, 60.0
"""Seconds before work that has failed starts again; doubled at each further failure."""
_PROVED = 60.0
"""Seconds of work without a failure after which the next one counts as the first."""


async def finish(work: Awaitable[object], name: str, show: Callable[[str], None]) -> None:
    """Await `work`, which ends by itself; an error of it is logged, and shown as one line by `show`."""
    try:
        await work
    except Exception as error:
        _show(show, f"{name} stopped: {failure_text(error, name)}")


async def keep_working(work: Callable[[], Awaitable[None]], name: str, show: Callable[[str], None]) -> None:
    """Run what `work` returns for as long as the console lives; returns when the work itself returns.

    An error is logged, shown as one line by `show` unless it is the one shown last, and the work starts
    again after a rest.
    """
    clock = asyncio.get_running_loop().time
    rest, shown = _FIRST_REST, ""
    while True:
        began = clock()
        try:
            await work()
        except Exception as error:
            if clock() - began >= _PROVED:
                rest, shown = _FIRST_REST, ""
            text = f"{name} failed and starts again: {failure_text(error, name)}"
            if text != shown:
                _show(show, text)
                shown = text
            await asyncio.sleep(rest)
            rest = min(_LONGEST_REST, rest * 2)
        else:
            return


def _show(show: Callable[[str], None], text: str) -> None:
    """Show `text`. Where the painting itself is what fails, the log has to do: the work goes on."""
    try:
        show(text)
    except Exception as error:
        failure_text(error, "showing a failure")


def failure_text(error: Exception, doing: str) -> str:
    """Log `error` with its traceback, and return it as one line for the operator."""
    if isinstance(error, ConsoleError):  # an unforeseen one is logged with its report
        _log.error("%s failed", doing, exc_info=error)
    found = as_console_error(error, doing)
    return clean(f"{found.problem}. {found.remedy}".removesuffix(". "))


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
