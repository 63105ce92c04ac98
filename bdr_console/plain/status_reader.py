"""One look at a cluster without a screen: readings, the judgement over them, runs and the operators' lock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bdr_console import paths
from bdr_console.cluster.history import History
from bdr_console.cluster.observed import FactsT, Observed
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer
from bdr_console.cluster.replication import Link, links
from bdr_console.cluster.snapshot import Snapshot, present
from bdr_console.cluster.text import format_seconds
from bdr_console.cluster.traffic import node_takes, taker
from bdr_console.cluster.verdict.findings import Level, Thresholds, Verdict
from bdr_console.cluster.verdict.headline import headline, proof_words
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.event_store.positions import PositionFile, taken
from bdr_console.links.advisory import Holder
from bdr_console.monitor import Monitor
from bdr_console.runbooks.journal.abandoned_runs import left_findings, works
from bdr_console.runbooks.journal.journal_file import follow, run_dir
from bdr_console.runbooks.model.run import RunStatus, RunView
from bdr_console.runbooks.operator_lock import LockWatch

READINGS = 3
"""Readings of each target that one look takes: two show where a lag is heading, a third that it goes on."""
_LOCK_PATIENCE = 2.5
"""Seconds for the question who holds the lock: a node may have frozen since its last reading."""
_LOOK_BACK = 20
"""Directories of runs that are looked at, newest first."""
_UNFINISHED = (RunStatus.LOST, RunStatus.STOPPED)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Everything that is known of a cluster at one moment, judged."""

    snapshot: Snapshot
    now: datetime
    verdict: Verdict
    links: tuple[Link, ...]
    readings: int
    """Readings of every target that answers, at least, that the judgement rests on."""
    runs: tuple[RunView, ...] = ()
    """Of this host: those under way, and those that ended and left something changed. Newest first."""
    lock: Holder | None = None
    """Who holds the operators' lock."""
    unkept: str = ""
    """Why no WAL positions of earlier looks are known, or these are not kept: then a lag is not known to be
    older than this look. Empty when all is well."""

    @property
    def headline(self) -> str:
        """The verdict as one line: `DEGRADED: node1 -> node3 lags 48 MiB, 35 s (and 1 more)`."""
        return headline(self.verdict, (), self.now, proof_words(self.snapshot, self.links, self.now))

    def level_of(self, subject: str) -> Level:
        """The worst finding about `subject`."""
        return max((f.level for f in self.verdict.findings if f.subject == subject), default=Level.OK)

    def node_takes(self, name: str) -> tuple[bool | None, str]:
        """Whether that node can take the clients' writes, and why not; None where it cannot be told."""
        return node_takes(name, present(self.snapshot, self.now))

    def server_takes(self, proxy: Observed[ProxyFacts], server: ProxyServer) -> tuple[bool | None, str]:
        """Whether that server can take the traffic, and why not; None where it cannot be told."""
        if not proxy.is_fresh(self.now, self.snapshot.refresh):
            return None, f"{proxy.name} does not answer"
        judged = taker(server, present(self.snapshot, self.now))
        return judged.takes, judged.why


class StatusReader:
    """Watches one cluster for as long as it is open; read-only, like everything that watches."""

    def __init__(self, name: str, settings: ClusterSettings, refresh: float) -> None:
        self._name = name
        self._thresholds: Thresholds = settings.thresholds.thresholds()
        self._monitor = Monitor(name, settings, refresh)
        self._history = History()
        self._positions = PositionFile(name)
        self._seen: dict[tuple[str, str], list[datetime]] = {}
        self._polling: asyncio.Task[None] | None = None
        self._lock: Holder | None = None

    async def first(self, patience: float) -> StatusReport:
        """A look as soon as every target has been read `READINGS` times or has failed, and after `patience`
        seconds in any case. A target that has said nothing by then counts as one that does not answer."""
        self._start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                async for snapshot in self._monitor.updates():
                    self._take(snapshot)
                    if self._enough(snapshot):
                        await self._ask_lock()
                        break
        return self._sight(_given_up(self._monitor.snapshot(), patience))

    async def reports(self, patience: float, every: float) -> AsyncIterator[StatusReport]:
        """A look, then one every `every` seconds; what is read in between is remembered."""
        yield await self.first(patience)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    async for snapshot in self._monitor.updates():
                        self._take(snapshot)
            await self._ask_lock()
            yield self._sight(self._monitor.snapshot())

    async def close(self) -> None:
        """Stop; does not wait for any server."""
        await self._monitor.close()
        if self._polling is not None:
            self._polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._polling

    def _start(self) -> None:
        if self._polling is None:
            self._polling = asyncio.create_task(self._monitor.run(), name="monitor")

    def _take(self, snapshot: Snapshot) -> None:
        if self._polling is not None and self._polling.done() and not self._polling.cancelled():
            self._polling.result()
        remember(self._history, snapshot)
        self._positions.recall(self._history, snapshot)
        for kind, targets in _by_kind(snapshot):
            for target in targets:
                seen = self._seen.setdefault((kind, target.name), [])
                if target.seen_at is not None and target.seen_at not in seen[-1:]:
                    seen[:] = [*seen[-READINGS:], target.seen_at]

    def _enough(self, snapshot: Snapshot) -> bool:
        return all(
            target.error is not None or len(self._seen.get((kind, target.name), ())) >= READINGS
            for kind, targets in _by_kind(snapshot)
            for target in targets
        )

    async def _ask_lock(self) -> None:
        self._lock = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOCK_PATIENCE):
                found = await LockWatch(self._monitor.readers.values()).holders()
                self._lock = found[0] if found else None

    def _sight(self, snapshot: Snapshot) -> StatusReport:
        self._take(snapshot)
        now = datetime.now(UTC)
        counts = [
            len(self._seen[kind, target.name])
            for kind, targets in _by_kind(snapshot)
            for target in targets
            if target.error is None
        ]
        runs = _runs(self._name)
        known = links(snapshot, now, self._history)
        self._positions.save(taken(self._history, snapshot))
        verdict = judge(
            snapshot,
            self._thresholds,
            now,
            self._history,
            known=known,
            works=works(runs),
            left=left_findings(runs, snapshot),
            keys=False,
        )
        return StatusReport(
            snapshot,
            now,
            verdict,
            known,
            min(min(counts, default=0), READINGS),
            runs,
            self._lock,
            self._positions.trouble,
        )


def _by_kind(snapshot: Snapshot) -> tuple[tuple[str, tuple[Observed, ...]], ...]:  # type: ignore[type-arg]
    return ("node", snapshot.nodes), ("haproxy", snapshot.proxies), ("pgbouncer", snapshot.poolers)


def _given_up(snapshot: Snapshot, patience: float) -> Snapshot:
    """The same; a target that has neither answered nor failed is said not to have answered in time."""

    def given_up(target: Observed[FactsT]) -> Observed[FactsT]:
        if target.seen_at is not None or target.error is not None:
            return target
        return replace(target, error=f"no answer within {format_seconds(patience)}")

    return replace(
        snapshot,
        nodes=tuple(map(given_up, snapshot.nodes)),
        proxies=tuple(map(given_up, snapshot.proxies)),
        poolers=tuple(map(given_up, snapshot.poolers)),
    )


def unknown_runs() -> str:
    """Why it cannot be told which runs there are on this host; empty when it can, or there are none."""
    try:
        paths.state_dir().lstat()
        list(paths.runs_dir().iterdir())
    except FileNotFoundError:
        return ""  # nothing was ever kept
    except (OSError, ConsoleError) as error:
        return error.problem if isinstance(error, ConsoleError) else f"{error.filename}: {error.strerror}"
    return ""


def _runs(cluster: str) -> tuple[RunView, ...]:
    """Runs of this host as their journals tell; none for an account that can keep none."""
    try:
        ids = sorted((path.name for path in paths.runs_dir().iterdir()), reverse=True)[:_LOOK_BACK]
        views = [follow(run_dir(run_id)).poll() for run_id in ids]
    except (OSError, ConsoleError):
        return ()
    wanted: Callable[[RunView], bool] = lambda run: not run.status.over or run.status in _UNFINISHED  # noqa: E731
    return tuple(run for run in views if run is not None and run.cluster == cluster and wanted(run))
