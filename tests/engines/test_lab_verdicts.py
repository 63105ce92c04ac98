"""What the verdict line says of each fault on the lab: the true root first, within three refreshes."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from bdr_console import config
from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import Slot
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level, Verdict
from bdr_console.cluster.verdict.headline import headline, next_step
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from bdr_console.cluster.verdict.roots import Work
from bdr_console.lab import Lab
from bdr_console.lab.haproxies import command
from bdr_console.monitor import Monitor
from tests.waiting import eventually

pytestmark = pytest.mark.lab

REFRESHES = 3
HOLD = Work("node1", "3f4c", "dba@bastion", holds=True)
_PATIENCE = 40.0
"""Seconds: how long a busy machine may take. What counts is the number of readings."""


@dataclass(frozen=True)
class Trial:
    """One fault, or several at once."""

    name: str
    faults: tuple[tuple[str, str], ...]
    root: str
    """The subject that the line must begin with."""
    line: str
    """What else it must say."""
    step: str
    """What the next step must say."""
    others: tuple[str, ...] = ()
    """The other roots; what comes on and goes again while the fault takes effect is not looked at."""
    load: bool = True
    held: bool = False
    """Whether node1 is out of service on purpose meanwhile."""


TRIALS = (
    Trial("the node with the traffic is frozen", (("freeze", "node1"),), "node1",
          r"does not answer: \d+ clients? hangs?", "i: isolate node1"),
    Trial("another node is frozen", (("freeze", "node3"),), "node3", "does not answer", "node3 "),
    Trial("the node with the traffic is stopped", (("stop", "node1"),), "node1",
          "is down: .*(r|R)efused", "start PostgreSQL on node1|isolate node1"),
    Trial("another node is stopped", (("stop", "node3"),), "node3", "is down: .*(r|R)efused",
          "start PostgreSQL on node3"),
    Trial("HAProxy is stopped", (("stop-haproxy", "haproxy1"),), "haproxy1", "is down",
          "start HAProxy on haproxy1"),
    Trial("HAProxy is frozen", (("freeze-haproxy", "haproxy1"),), "haproxy1", "does not answer", "haproxy1"),
    Trial("PgBouncer is stopped", (("stop-pooler", "pgb-tx"),), "pgb-tx", r"is down: \d+ clients? (are|is) ",
          "start PgBouncer on pgb-tx"),
    Trial("PgBouncer is frozen", (("freeze-pooler", "pgb-tx"),), "pgb-tx",
          r"does not answer: \d+ clients? hangs?", "pgb-tx"),
    Trial("apply is paused", (("pause-apply", "node1:node2"),), "node1 -> node2", "disabled|paused|lags",
          "node2"),
    Trial("two nodes are stopped", (("stop", "node2"), ("stop", "node3")), "node2", "is down",
          "start PostgreSQL on node2", ("node3",)),
    Trial("HAProxy is stopped, and a node is frozen", (("freeze", "node3"), ("stop-haproxy", "haproxy1")),
          "haproxy1", "is down", "start HAProxy", ("node3",)),
    Trial("node1 is held", (), "node1", r"is out of service \(run 3f4c by dba@bastion\)", "w: open the run",
          load=False, held=True),
    Trial("the held node is stopped for its maintenance", (("stop", "node1"),), "node1", "is out of service",
          "w: open the run", load=False, held=True),
    Trial("another node dies during the hold", (("stop", "node3"),), "node3", "is down",
          "start PostgreSQL on node3", ("node1",), load=False, held=True),
    Trial("another node and a PgBouncer die during the hold", (("stop", "node3"), ("stop-pooler", "pgb-tx")),
          "pgb-tx", "is down", "start PgBouncer on pgb-tx", ("node3", "node1"), load=False, held=True),
)  # fmt: skip


class Watcher:
    """Judges the lab as the console does, and counts how often each target was read since a fault."""

    def __init__(self, monitor: Monitor, works: tuple[Work, ...], limits: config.ClusterSettings) -> None:
        self._monitor = monitor
        self._works = works
        self._limits = limits.thresholds.thresholds()
        self._history = History()
        self._begun: dict[str, set[datetime]] = {}
        self.since: datetime | None = None

    def verdict(self) -> Verdict:
        """Of this moment."""
        snapshot = self._monitor.snapshot()
        remember(self._history, snapshot)
        self._count(snapshot)
        return judge(snapshot, self._limits, datetime.now(UTC), self._history, works=self._works)

    def readings(self, name: str) -> int:
        """How often the target was read since the fault; of a link the end that was read less often."""
        return min(len(self._begun.get(end, ())) for end in name.split(" -> "))

    def slots(self, name: str) -> tuple[Slot, ...]:
        """Of that node."""
        node = self._monitor.snapshot().node(name)
        return node.facts.slots if node and node.facts else ()

    def _count(self, snapshot: Snapshot) -> None:
        targets: tuple[Observed[Any], ...] = (*snapshot.nodes, *snapshot.proxies, *snapshot.poolers)
        for target in targets:
            if self.since and target.pending_since and target.pending_since > self.since:
                self._begun.setdefault(target.name, set()).add(target.pending_since)


@asynccontextmanager
async def watching(lab: Lab, works: tuple[Work, ...]) -> AsyncIterator[Watcher]:
    name, settings = config.load(lab.config).cluster(None)
    monitor = Monitor(name, settings, refresh=1.0)
    task = asyncio.create_task(monitor.run())
    try:
        yield Watcher(monitor, works, settings)
    finally:
        await monitor.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextmanager
def held(lab: Lab, is_held: bool) -> Iterator[None]:
    """node1 in maintenance on the lab's HAProxy, as a run puts it there."""
    server = f"bk_db/{lab.layout.node('node1').server}"
    if is_held:
        command(lab.layout, f"set server {server} state maint")
    try:
        yield
    finally:
        if is_held:
            command(lab.layout, f"set server {server} state ready")


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
async def test_the_verdict_line_names_the_true_root_within_three_refreshes(
    trial: Trial, healthy_lab: Lab
) -> None:
    lab = healthy_lab
    if trial.load:
        await asyncio.to_thread(lab.start_load)
    works = (HOLD,) if trial.held else ()
    with held(lab, trial.held):
        async with watching(lab, works) as watch:
            await eventually(
                lambda: (
                    {root.subject for root in watch.verdict().roots} == ({"node1"} if trial.held else set())
                ),
                lambda: f"before the fault: {watch.verdict().roots}",
                seconds=_PATIENCE,
            )
            for fault, target in trial.faults:
                await asyncio.to_thread(lab.break_, fault, target)
            watch.since = datetime.now(UTC)
            lines: list[str] = []

            def is_named() -> bool:
                verdict = watch.verdict()
                line = headline(verdict, (), datetime.now(UTC))
                if not lines or lines[-1] != line:
                    lines.append(line)
                first = verdict.roots[0] if verdict.roots else None
                return (
                    first is not None
                    and first.subject == trial.root
                    and re.search(trial.line, line) is not None
                    and re.search(trial.step, next_step(verdict)) is not None
                )

            await eventually(is_named, lambda: "\n".join(lines), seconds=_PATIENCE)
            readings = watch.readings(trial.root)
            verdict = watch.verdict()
            print(f"\n| {trial.name} | {readings} | {lines[-1]} | {next_step(verdict)} |")
            assert readings <= REFRESHES, lines
            await eventually(
                lambda: {root.subject for root in watch.verdict().roots} == {trial.root, *trial.others},
                lambda: f"the roots are {watch.verdict().roots}",
                seconds=_PATIENCE,
            )


async def test_a_dropped_slot_names_the_link_and_what_to_do(healthy_lab: Lab) -> None:
    """Nothing writes meanwhile, so that the slot can be made anew without a loss."""
    layout = healthy_lab.layout
    async with watching(healthy_lab, ()) as watch:
        await eventually(
            lambda: watch.verdict().level is Level.OK,
            lambda: f"before the fault: {watch.verdict().roots}",
            seconds=_PATIENCE,
        )
        slot = next(slot for slot in watch.slots("node1") if slot.target == "node2")
        with psycopg.connect(layout.dsn(layout.node("node1").port, "postgres"), autocommit=True) as admin:
            await eventually(
                lambda: _dropped(admin, slot.name), lambda: "it is still there", seconds=_PATIENCE
            )
            try:
                watch.since = datetime.now(UTC)
                await eventually(
                    lambda: (
                        [root.subject for root in watch.verdict().roots] == ["node1 -> node2"]
                        # Its reader was ended before: the last reading of then says that it is inactive.
                        and "has no slot for node2" in watch.verdict().roots[0].text
                    ),
                    lambda: f"the roots are {watch.verdict().roots}",
                    seconds=_PATIENCE,
                )
                assert watch.readings("node1") <= REFRESHES
                verdict = watch.verdict()
                print(f"\n| a slot is dropped | {verdict.roots[0].sentence} | {next_step(verdict)} |")
            finally:
                admin.execute(
                    "SELECT pg_create_logical_replication_slot(%s, 'pglogical_output')", [slot.name]
                )


def _dropped(admin: psycopg.Connection, slot: str) -> bool:
    """Its walsender comes back at once: it is ended until the slot is found free."""
    admin.execute(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s AND active",
        [slot],
    )
    with contextlib.suppress(psycopg.errors.ObjectInUse):
        admin.execute("SELECT pg_drop_replication_slot(%s)", [slot])
        return True
    return False
