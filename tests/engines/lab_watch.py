"""Watches a lab with the console's own monitor and verdict, and counts how often it had to look."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
import pytest

from bdr_console import config
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Finding, Thresholds
from bdr_console.cluster.verdict.judge import judge
from bdr_console.lab import Lab
from bdr_console.monitor import Monitor
from tests.waiting import eventually

_PATIENCE = 25.0
"""Seconds: how long a busy machine may take. What counts is the number of readings."""
READINGS = 3
"""How often the nodes concerned may be read until the verdict names the reason."""


@dataclass
class Watch:
    """A monitor at work."""

    lab: Lab
    monitor: Monitor
    thresholds: Thresholds = field(default_factory=Thresholds)

    def now(self) -> datetime:
        """For `says`: count the readings from now on."""
        return datetime.now(UTC)

    def snapshot(self) -> Snapshot:
        """What is known now."""
        return self.monitor.snapshot()

    def findings(self) -> tuple[Finding, ...]:
        """The verdict's findings of this moment."""
        return judge(self.snapshot(), self.thresholds, datetime.now(UTC)).findings

    async def healthy(self) -> None:
        """Wait until there is nothing to find, but conflicts that an earlier trial has made."""
        await self._until(lambda: all(found.subject == "conflicts" for found in self.findings()))

    async def says(self, subject: str, text: str, *, since: datetime | None = None) -> Finding:
        """Wait for a finding about `subject` whose text matches `text`; with `since` it must come with the
        third reading of the node concerned that began after that, or earlier."""
        begun: dict[str, set[datetime]] = {node.name: set() for node in self.snapshot().nodes}
        found: list[Finding] = []

        def there() -> bool:
            for node in self.snapshot().nodes:
                if since and node.pending_since and node.pending_since > since:
                    begun[node.name].add(node.pending_since)
            found[:] = [f for f in self.findings() if f.subject == subject and re.search(text, f.text)]
            return bool(found)

        await self._until(there)
        concerned = [len(times) for name, times in begun.items() if name in subject.split(" -> ")]
        assert min(concerned, default=0) <= READINGS, f"seen only after {concerned} readings: {found[0]}"
        return found[0]

    async def conflict(self, table: str) -> None:
        """Wait until some node shows a conflict on `table`; if the verdict tells of any, it must name it."""
        await self._until(
            lambda: any(
                table in conflict.table
                for node in self.snapshot().nodes
                if node.facts
                for conflict in node.facts.conflicts
            )
        )
        assert all(table in found.text for found in self.findings() if found.subject == "conflicts")

    async def _until(self, holds: Callable[[], bool]) -> None:
        await eventually(holds, lambda: f"the verdict is: {self.findings()}", seconds=_PATIENCE)


@contextlib.asynccontextmanager
async def watching(lab: Lab, transaction_age_warn: float = 60.0) -> AsyncIterator[Watch]:
    """A monitor of that lab, as the console starts one; a transaction may be this many seconds old."""
    name, settings = config.load(lab.config).cluster(None)
    monitor = Monitor(name, settings, refresh=1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bdr_console.engines.probe._SELDOM", 1.0)  # a conflict is waited for
        task = asyncio.create_task(monitor.run())
        try:
            yield Watch(lab, monitor, Thresholds(transaction_age_warn=transaction_age_warn))
        finally:
            await monitor.close()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def struck(lab: Lab, fault: str, target: str) -> datetime:
    """Make a fault, and tell when it had its effect."""
    await asyncio.to_thread(lab.break_, fault, target)
    return datetime.now(UTC)


@contextlib.contextmanager
def open_transaction(lab: Lab, node: str, statement: str = "SELECT 1") -> Iterator[int]:
    """A client that sits in a transaction on that node after that statement; its pid."""
    with psycopg.connect(lab.layout.dsn(lab.layout.node(node).port, "app")) as connection:
        connection.execute(statement.encode())
        yield connection.info.backend_pid
