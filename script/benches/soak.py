"""Hours of watching in minutes: what the console keeps in memory, descriptors and threads while it runs."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import click

from bdr_console.cli import GARBAGE_AFTER
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import load
from bdr_console.monitor import Monitor
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from script.benches.labs import bench_lab

_PAGE = os.sysconf("SC_PAGE_SIZE")


def _rss() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class _Clock:
    """Goes on by one refresh with every snapshot."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)


class _Endless:
    """Snapshots as fast as the screen takes them: slots come and go, targets are lost and found again."""

    def __init__(self, shown: Snapshot, clock: _Clock, refresh: float) -> None:
        self._shown, self._clock, self._refresh = shown, clock, refresh
        self.given = 0

    async def updates(self) -> AsyncIterator[Snapshot]:
        """One after the other, each dated by the clock."""
        for number in count():
            self._clock.now += timedelta(seconds=self._refresh)
            self.given += 1
            yield self._at(number)
            await asyncio.sleep(0)

    def _at(self, number: int) -> Snapshot:
        now = self._clock.now
        shown = self._shown
        return replace(
            shown,
            taken_at=now,
            nodes=tuple(self._node(node, number, place) for place, node in enumerate(shown.nodes)),
            proxies=tuple(replace(proxy, seen_at=now) for proxy in shown.proxies),
            poolers=tuple(replace(pooler, seen_at=now) for pooler in shown.poolers),
        )

    def _node(self, node: Observed[NodeFacts], number: int, place: int) -> Observed[NodeFacts]:
        if (number // 50) % 10 == place:
            return replace(node, error="timed out", seen_at=self._clock.now - timedelta(minutes=1))
        if node.facts is None:
            return node
        slots = tuple(
            replace(slot, lag_bytes=(number * 37 + place) % 9_000_000, pid=number)
            for slot in node.facts.slots
        )
        # One that is made for a first copy and dropped: over days there are thousands.
        made = tuple(
            replace(slot, name=f"pg_{number // 20}_sync", target=f"copy{number // 20}") for slot in slots[:1]
        )
        return replace(node, seen_at=self._clock.now, facts=replace(node.facts, slots=(*slots, *made)))

    def refresh_now(self) -> None:
        """Nothing to read."""

    def set_refresh(self, seconds: float) -> None:
        """The clock's pace is fixed."""

    async def close(self) -> None:
        """Nothing is open."""


def _told(name: str, marks: list[tuple[int, int]]) -> None:
    """The growth over the second half: the first fills what is meant to be kept."""
    half = marks[len(marks) // 2 :]
    steps = max(half[-1][0] - half[0][0], 1)
    growth = (half[-1][1] - half[0][1]) / steps * 10_000 / 1024
    click.echo(f"{name:<30} {marks[-1][0]:>8} refreshes, {marks[-1][1] / 1024**2:6.1f} MiB at the end, "
               f"{growth:+8.0f} KiB per 10 000")  # fmt: skip


async def _screen(shown: Snapshot, seconds: float, refresh: float) -> None:
    """The whole application without a terminal, its clock driven by the snapshots."""
    clock = _Clock()
    source = _Endless(shown, clock, refresh)
    app = ConsoleApp(ClusterParts(source, "soak"), clock=lambda: clock.now)
    marks: list[tuple[int, int]] = []
    async with app.run_test(size=(140, 40)) as pilot:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await pilot.press("4", "z", "z", "question_mark", "escape")
            await asyncio.sleep(seconds / 40)
            marks.append((source.given, _rss()))
    hours = source.given * refresh / 3600
    _told(f"the screen, {hours:.0f} h of it", marks)


async def _reading(monitor: Monitor, seconds: float) -> None:
    """The monitor on the real servers, as fast as they answer."""
    marks: list[tuple[int, int]] = []
    held: list[tuple[int, int]] = []
    refreshes, due, last = 0, 0.0, None
    until = time.monotonic() + seconds
    running = asyncio.create_task(monitor.run())
    while time.monotonic() < until:
        await asyncio.sleep(0.005)
        node = monitor.snapshot().nodes[0]
        if node.seen_at != last:
            last = node.seen_at
            refreshes += 1
            monitor.refresh_now()
        if time.monotonic() > due:
            due = time.monotonic() + seconds / 40
            marks.append((refreshes, _rss()))
            held.append((_descriptors(), threading.active_count()))
    _told("reading three real nodes", marks)
    click.echo(f"descriptors {held[2][0]} -> {held[-1][0]}, threads {held[2][1]} -> {held[-1][1]} meanwhile")
    await monitor.close()
    await running


@click.command()
@click.option("--seconds", default=90.0, help="How long each half takes.")
@click.option("--refresh", default=2.0, help="Seconds that pass on the screen's clock with each snapshot.")
def main(seconds: float, refresh: float) -> None:
    """Soak the reading and the screen, one after the other, on a three-node lab."""
    gc.set_threshold(*GARBAGE_AFTER)  # as the program does; nobody else has garbage collected
    with bench_lab() as lab:
        name, settings = load(lab.config).cluster(None)
        monitor = Monitor(name, settings, 0.2)
        before = (_descriptors(), threading.active_count())
        asyncio.run(_reading(monitor, seconds))
        shown = monitor.snapshot()
    asyncio.run(_screen(shown, seconds, refresh))
    after = (_descriptors(), threading.active_count())
    click.echo(
        f"descriptors {before[0]} -> {after[0]}, threads {before[1]} -> {after[1]} before and after all"
    )


if __name__ == "__main__":
    main()
