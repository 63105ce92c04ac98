"""The watchdog of a pause: what it takes back, in which order, and when it does nothing."""

import asyncio
import contextlib
import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdr_console.runbooks.guard.watchdog import (
    TakeBack,
    WatchdogOrders,
    WatchdogProcess,
    by_pooler,
    keep,
    parse,
    servers_of,
)
from bdr_console.runbooks.journal.journal_file import Journal
from tests.runbooks.world import SETTINGS
from tests.waiting import eventually

ENABLE = TakeBack("haproxy", "h", "h (/s)", "enable server b/s")
RESUME = TakeBack("pgbouncer", "p", "p (x)", "RESUME app")
SET = TakeBack("pgbouncer", "p", "p (x)", "SET server_login_retry = '15'")


class FakeKeeper:
    """Sends nothing: it remembers what it would take back, and why."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[TakeBack, ...], str]] = []

    async def take_back(self, acts: Any, why: str) -> None:
        self.calls.append((tuple(acts), why))

    def pass_on(self, charge: WatchdogOrders) -> None:
        """There is nobody on the other side."""

    async def stand_down(self) -> None:
        """There is nobody on the other side."""


class FakePooler:
    """A PgBouncer's console that answers, or hangs."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.sent: list[str] = []
        self._hangs = hangs

    async def act(self, text: str) -> str:
        self.sent.append(text)
        if self._hangs:
            await asyncio.Event().wait()
        return text


async def test_a_pgbouncer_that_hangs_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    watchdog = WatchdogProcess(SETTINGS, Journal(tmp_path, "r1"))
    healthy, hanging = FakePooler(), FakePooler(hangs=True)
    watchdog._poolers = {"p": healthy, "q": hanging}  # type: ignore[dict-item]
    both = (replace(RESUME, target="q"), replace(SET, target="q"), RESUME, SET)
    taking_back = asyncio.create_task(watchdog.take_back(both, "the runner is gone"))
    await eventually(lambda: healthy.sent == [RESUME.text, SET.text], lambda: f"{healthy.sent}", seconds=5)
    assert hanging.sent == [RESUME.text]
    taking_back.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await taking_back


async def test_a_disk_that_hangs_does_not_hold_up_the_next_command(tmp_path: Path) -> None:
    stuck = threading.Event()

    class HangingJournal(Journal):
        def write(self, event: str, durable: bool = True, /, **fields: Any) -> None:
            stuck.wait(10)

    watchdog, pooler = WatchdogProcess(SETTINGS, HangingJournal(tmp_path, "r1")), FakePooler()
    watchdog._poolers = {"p": pooler}  # type: ignore[dict-item]
    try:
        async with asyncio.timeout(5):
            await watchdog.take_back((RESUME, SET), "the runner is gone")
    finally:
        stuck.set()
    assert pooler.sent == [RESUME.text, SET.text]


def told(*acts: TakeBack, until: float | None = None) -> bytes:
    items = [{"kind": a.kind, "target": a.target, "host": a.host, "text": a.text} for a in acts]
    return json.dumps({"until": until, "acts": items}).encode() + b"\n"


async def followed(*pieces: bytes, ends: bool = True) -> FakeKeeper:
    keeper, lines = FakeKeeper(), asyncio.StreamReader()
    for piece in pieces:
        lines.feed_data(piece)
    if ends:
        lines.feed_eof()
    async with asyncio.timeout(5):
        await keep(keeper, lines)  # type: ignore[arg-type]
    return keeper


def test_on_each_pgbouncer_clients_go_on_before_its_settings_are_put_back() -> None:
    elsewhere = TakeBack("pgbouncer", "q", "q (x)", "RESUME app")
    assert servers_of((SET, RESUME, ENABLE)) == (ENABLE,)
    assert by_pooler((SET, elsewhere, RESUME, ENABLE)) == ((RESUME, SET), (elsewhere,))
    assert by_pooler(()) == ()


async def test_a_runner_that_is_gone_has_its_latest_charge_taken_back() -> None:
    keeper = await followed(told(RESUME), told(ENABLE, RESUME, SET))
    assert keeper.calls == [((ENABLE, RESUME, SET), "the runner is gone")]


async def test_a_torn_last_line_leaves_the_one_before_in_force() -> None:
    keeper = await followed(told(RESUME), told(ENABLE, RESUME)[:20])
    assert keeper.calls == [((RESUME,), "the runner is gone")]


async def test_the_time_being_up_is_enough_though_the_runner_lives() -> None:
    keeper = await followed(told(RESUME, until=time.monotonic()), ends=False)
    assert len(keeper.calls) == 1
    assert "as long as it may" in keeper.calls[0][1]


async def test_a_run_that_is_done_has_nothing_taken_back() -> None:
    assert (await followed(told(RESUME), b'{"done": true}\n')).calls == []
    assert (await followed()).calls == []


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"acts": [{"kind": "haproxy"}]}', b"\xff\n"])
def test_a_line_that_is_no_charge_is_none(line: bytes) -> None:
    assert parse(line) is None


def test_a_charge_is_read_with_its_deadline() -> None:
    assert parse(told(RESUME, until=5.0)) == WatchdogOrders(5.0, (RESUME,))
