"""The real parts behind the screen: the monitor as a source of snapshots, the runbooks as desks.

Monitor, journals and runbooks are imported when they are first used, after the first paint, the monitor on a
thread: psycopg alone takes a fifth of a second to import, and keys are to be answered meanwhile.
"""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bdr_console import paths
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.model.run import RunView, StepView
from bdr_console.ui.services import OtherOperator, PlanView, Purpose, Terms
from bdr_console.ui.workers import in_background

if TYPE_CHECKING:
    from bdr_console.monitor import Monitor
    from bdr_console.runbooks.execute.intervene import ActRecord
    from bdr_console.runbooks.execute.launch import Runner
    from bdr_console.runbooks.execute.run_inspection import Unfinished
    from bdr_console.runbooks.journal.journal_file import JournalFollower

_LOOK_BACK = 20
"""Directories of runs that are looked at, newest first; their names begin with the time of their start."""


class MonitorSource:
    """Snapshots from a monitor of this process. Nothing is connected before the first `updates()`."""

    def __init__(self, build: Callable[[], "Monitor"]) -> None:
        self._build = build
        self._monitor: Monitor | None = None
        self._polling: asyncio.Task[None] | None = None
        self._refresh: float | None = None

    @property
    def monitor(self) -> "Monitor | None":
        """The monitor; None before the first `updates()`."""
        return self._monitor

    async def updates(self) -> AsyncIterator[Snapshot]:
        """The monitor's snapshots; raises what ended the monitor, if anything did."""
        if self._monitor is None:
            await in_background(partial(importlib.import_module, "bdr_console.monitor"))
            self._monitor = self._build()
        monitor = self._monitor
        if self._refresh is not None and monitor.refresh != self._refresh:
            monitor.set_refresh(self._refresh)
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
        self._refresh = seconds
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


class JournalRuns:
    """Runs as their journals tell them; reads files and nothing else."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._followers: dict[str, JournalFollower] = {}

    def latest(self) -> RunView | None:
        """The run under way on this cluster, or else the last one that ended."""
        known = self.recent()
        return next((run for run in known if not run.status.over), known[0] if known else None)

    def recent(self) -> tuple[RunView, ...]:
        """The latest runs of this cluster, newest first."""
        ids = sorted((path.name for path in paths.runs_dir().iterdir()), reverse=True)[:_LOOK_BACK]
        self._followers = {run_id: kept for run_id, kept in self._followers.items() if run_id in ids}
        views = (self.view(run_id) for run_id in ids)
        return tuple(run for run in views if run is not None and run.cluster == self._cluster)

    def view(self, run_id: str) -> RunView | None:
        """That run as its journal tells it now."""
        if (follower := self._followers.get(run_id)) is None:
            from bdr_console.runbooks.journal.journal_file import follow, run_dir

            follower = self._followers[run_id] = follow(run_dir(run_id))
        return follower.poll()


class AdvisoryLock:
    """The operators' lock as the nodes show it, through the monitor's own read-only sessions."""

    def __init__(self, cluster: MonitorSource) -> None:
        self._watched = cluster

    async def holder(self) -> OtherOperator | None:
        """Who holds the lock now."""
        from bdr_console.runbooks.operator_lock import LockWatch, lock_holder_name

        if self._watched.monitor is None:
            return None
        found = await LockWatch(self._watched.monitor.readers.values()).holders()
        if not found:
            return None
        first = found[0]
        said = lock_holder_name(first.application)
        nodes = tuple(dict.fromkeys(h.node for h in found if h.application == first.application))
        doing = said.doing or f"a session of role {first.role or 'unknown'}"
        return OtherOperator(doing, said.who, said.step, first.client, first.since, nodes, first.pid)

    async def close(self) -> None:
        """Nothing is its own."""


class LiveRunbooks:
    """Plans, starts and steers switchovers of one cluster. A read-only console is built without it."""

    def __init__(self, config: Path, cluster: str, settings: ClusterSettings) -> None:
        self._config = config
        self._cluster = cluster
        self._settings = settings
        self._runner: Runner | None = None
        """Waits to be told what to do: where every second counts nothing waits for it to start."""

    async def plan(self, node: str, terms: Terms) -> PlanView:
        """The commands and the checks for `node`."""
        from bdr_console.runbooks.execute import launch

        if terms.isolates and self._runner is None:
            self._runner = await in_background(launch.Runner)
        seen = await launch.preview(
            self._settings,
            self._cluster,
            node,
            terms.mode,
            session_pools=terms.session_pools,
            runbook=terms.runbook,
        )
        plan = seen.plan
        mode = plan.choice.mode if plan.choice else ""
        return PlanView(node, plan.views(), seen.checks, plan.notes, mode, plan, seen.interventions)

    async def end(self, plan: PlanView, word: str, record: "ActRecord") -> str:
        """End the session that this word of the plan's offers names."""
        from bdr_console.paths import who
        from bdr_console.runbooks.execute.intervene import end_before_run

        chosen = next(one for one in plan.interventions if one.offer.word == word)
        return await end_before_run(self._settings, self._cluster, chosen, who(), record)

    async def conditions(self, plan: PlanView) -> AsyncGenerator[tuple[StepView, ...], None]:
        """The plan's steps with what is observed of each now."""
        from bdr_console.runbooks.execute import run_inspection

        if plan.plan is None:
            return
        async with contextlib.aclosing(
            run_inspection.conditions(plan.plan, self._settings, self._cluster)
        ) as looks:
            async for steps in looks:
                yield steps

    def start(self, node: str, terms: Terms, purpose: Purpose) -> str:
        """Start the run of `node` in its runner; returns the run's id."""
        from bdr_console.runbooks.execute import launch

        with self._prepared() as runner:
            run = launch.start(
                self._config,
                self._cluster,
                node,
                purpose.reason,
                mode=terms.mode,
                session_pools=terms.session_pools,
                until=purpose.until,
                runbook=terms.runbook,
                runner=runner,
            )
        return run.name

    @contextlib.contextmanager
    def _prepared(self) -> "Iterator[Runner | None]":
        """The runner that waits, if there is one; it is let go when it was not begun."""
        runner, self._runner = self._runner, None
        try:
            yield runner
        except BaseException:
            if runner is not None:
                runner.dismiss()
            raise

    def let_go(self) -> None:
        """End the runner that waits, if there is one."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.dismiss()

    async def unfinished(self, node: str, run_id: str | None) -> "AsyncGenerator[Unfinished, None]":
        """What is left of a run that nobody carries on."""
        from bdr_console.runbooks.execute import launch, run_inspection
        from bdr_console.runbooks.journal.journal_file import run_dir

        if self._runner is None:  # clients may be waiting for what is said here
            self._runner = await in_background(launch.Runner)
        directory = run_dir(run_id) if run_id else None
        async with contextlib.aclosing(
            run_inspection.unfinished(directory, node, self._settings, self._cluster)
        ) as looks:
            async for left in looks:
                yield left

    def finish(self, node: str, run_id: str | None, *, undo: bool) -> str:
        """Go on with what is left, or take it back, in a runner of its own; returns the run's id."""
        from bdr_console.runbooks.execute import launch

        with self._prepared() as runner:
            if run_id is not None:
                return launch.again(run_id, undo=undo, runner=runner).name
            return launch.take_over(self._config, self._cluster, node, undo=undo, runner=runner).name

    async def send(self, run_id: str, word: str) -> str:
        """Say one word to the run."""
        from bdr_console.runbooks.execute import launch

        return await launch.send(launch.run_dir(run_id), word)
