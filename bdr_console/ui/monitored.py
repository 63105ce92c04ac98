"""The real parts behind the screen: the monitor as a source of snapshots, the runbooks as desks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from bdr_console import paths
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.monitor import Monitor
from bdr_console.runbooks import launch
from bdr_console.runbooks.journal import JournalFollower
from bdr_console.runbooks.run import RunView
from bdr_console.ui.desk import PlanView

_LOOK_BACK = 20
"""Directories of runs looked at for the newest one; their names begin with the time of their start."""


class MonitoredCluster:
    """Snapshots from a monitor of this process. Nothing is connected before the first `updates()`."""

    def __init__(self, build: Callable[[], Monitor]) -> None:
        self._build = build
        self._monitor: Monitor | None = None
        self._polling: asyncio.Task[None] | None = None

    async def updates(self) -> AsyncIterator[Snapshot]:
        """The monitor's snapshots; raises what ended the monitor, if anything did."""
        monitor = self._monitor = self._monitor or self._build()
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(monitor.run(), name="monitor")
        async for snapshot in monitor.updates():
            if self._polling.done() and not self._polling.cancelled():
                self._polling.result()
            yield snapshot

    def refresh_now(self) -> None:
        """Read every target now."""
        if self._monitor is not None:
            self._monitor.refresh_now()

    def set_refresh(self, seconds: float) -> None:
        """Read every target this often from now on."""
        if self._monitor is not None:
            self._monitor.set_refresh(seconds)

    async def close(self) -> None:
        """Stop the monitor."""
        if self._monitor is not None:
            await self._monitor.close()
        if self._polling is not None:
            self._polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._polling


class JournalDesk:
    """Runs as their journals tell them; reads files and nothing else."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._followers: dict[str, JournalFollower] = {}

    def latest(self) -> RunView | None:
        """The run under way on this cluster, or else the last one that ended."""
        newest: RunView | None = None
        for run_id in sorted((path.name for path in paths.runs_dir().iterdir()), reverse=True)[:_LOOK_BACK]:
            run = self.view(run_id)
            if run is None or run.cluster != self._cluster:
                continue
            if not run.status.over:
                return run
            newest = newest or run
        return newest

    def view(self, run_id: str) -> RunView | None:
        """That run as its journal tells it now."""
        follower = self._followers.setdefault(run_id, launch.follow(launch.run_dir(run_id)))
        return follower.poll()


class RunbookDesk:
    """Plans, starts and steers switchovers of one cluster. A read-only console is built without it."""

    def __init__(self, config: Path, cluster: str, settings: ClusterSettings) -> None:
        self._config = config
        self._cluster = cluster
        self._settings = settings

    async def plan(self, node: str) -> PlanView:
        """The commands and the checks for `node`."""
        plan, checks = await launch.preview(self._settings, self._cluster, node)
        return PlanView(node, plan.views(), checks, plan.notes)

    def start(self, node: str) -> str:
        """Start the switchover of `node` in its runner; returns the run's id."""
        return launch.start(self._config, self._cluster, node).name

    async def send(self, run_id: str, word: str) -> str:
        """Say one word to the run."""
        return await launch.send(launch.run_dir(run_id), word)
