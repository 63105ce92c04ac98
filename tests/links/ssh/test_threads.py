"""Blocking work in a thread: what nobody takes is discarded."""

import asyncio
import threading

import pytest

from bdr_console.links.ssh.threads import in_thread


def _thread(name: str) -> threading.Thread:
    return next(thread for thread in threading.enumerate() if thread.name == name)


async def test_what_a_cancelled_caller_no_longer_takes_is_discarded_when_it_is_made() -> None:
    may_end, discarded = threading.Event(), list[str]()

    def work() -> str:
        may_end.wait(10)
        return "a socket"

    caller = asyncio.create_task(in_thread("late work", work, discarded.append))
    await asyncio.sleep(0)
    thread = _thread("late work")
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_end.set()
    thread.join(10)
    assert discarded == ["a socket"]


async def test_what_is_made_in_the_moment_of_the_cancellation_is_discarded_too() -> None:
    may_end, discarded = threading.Event(), list[str]()

    def work() -> str:
        may_end.wait(10)
        return "a socket"

    caller = asyncio.create_task(in_thread("work at the same moment", work, discarded.append))
    await asyncio.sleep(0)
    thread = _thread("work at the same moment")
    may_end.set()
    thread.join(10)  # the loop stands still meanwhile: the result is there, and not yet delivered
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert discarded == ["a socket"]


async def test_what_is_taken_is_not_discarded() -> None:
    discarded = list[str]()
    assert await in_thread("work", lambda: "a socket", discarded.append) == "a socket"
    assert discarded == []
