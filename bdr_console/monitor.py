"""Polls every target at its own pace and hands out one Snapshot at a time. It builds readers only."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from bdr_console import logs
from bdr_console.cluster.access import accounts
from bdr_console.cluster.addresses import split
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts
from bdr_console.cluster.slot_owners import with_slot_owners
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.config import ClusterSettings
from bdr_console.engines import Probe
from bdr_console.engines.probe import ShippedReader
from bdr_console.links.addresses import AddressBook
from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links
from bdr_console.links.haproxy import HaproxyReader, read_proxy
from bdr_console.links.pgbouncer import PgBouncerReader
from bdr_console.links.pooler_probe import PoolerProbe
from bdr_console.links.postgres import PostgresReader
from bdr_console.links.session import IN_CLEAR

FactsT = TypeVar("FactsT")

_BACK_OFF = (1.0, 2.0, 3.0, 5.0)
"""Seconds before the next attempt after one, two, ... failures in a row."""
_CATCH_UP = 3.0
"""Seconds after a change of pace within which every target that answers has been read again."""
_QUIET = 0.25
"""The least time between two snapshots handed out, in seconds."""


def pause_after(failures: int, refresh: float, took: float) -> float:
    """Seconds to rest after a reading that took `took`, with `failures` in a row up to now."""
    if failures:
        return max(refresh, _BACK_OFF[min(failures, len(_BACK_OFF)) - 1])
    return max(refresh - took, 0.05)


class _Target(Generic[FactsT]):
    """One target: its latest observation, and the loop that renews it."""

    def __init__(
        self,
        name: str,
        address: Callable[[], str],
        read: Callable[[], Awaitable[FactsT]],
        close: Callable[[], Awaitable[None]],
        changed: Callable[[], None],
        warning: Callable[[], str] = str,
    ) -> None:
        self.observed: Observed[FactsT] = Observed(name, address())
        self._address = address
        self.close = close
        self._seen = 0.0
        self._read = read
        self._changed = changed
        self._warning = warning
        self._wake = asyncio.Event()

    def dated(self, now: datetime) -> Observed[FactsT]:
        """What was observed, with its age by a clock that nobody sets."""
        return self.observed.dated(time.monotonic() - self._seen, now)

    def wake(self) -> None:
        """Read again at once, also in the middle of a back-off."""
        self._wake.set()

    async def poll(self, pace: Callable[[], float]) -> None:
        """Read for ever, every `pace()` seconds; slower while it fails."""
        failures = 0
        while True:
            began = time.monotonic()
            failures = 0 if await self._once() else failures + 1
            refresh = pace()
            rest = pause_after(failures, refresh, time.monotonic() - began)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._wake.wait()
            self._wake.clear()

    async def _once(self) -> bool:
        began, clock = datetime.now(UTC), time.monotonic()
        self.observed = replace(self.observed, pending_since=began)
        error = None
        try:
            facts = await self._read()
        except LinkError as failure:
            error = failure.reason
            if error != self.observed.error:
                logs.swallowed(failure, self.observed.name)
        except Exception as failure:
            error = (
                f"its answer could not be understood: {clean(f'{type(failure).__name__}: {failure}', 200)}"
            )
            if error != self.observed.error:  # each reading says the same again
                logs.swallowed(failure, f"{self.observed.name}: its answer could not be understood")
        warning = self.observed.warning if error else self._warning()
        self.observed = replace(self.observed, address=self._address(), warning=warning)
        if error is None:
            self._seen = time.monotonic()
            took = (time.monotonic() - clock) * 1000
            self.observed = replace(
                self.observed,
                facts=facts,
                seen_at=datetime.now(UTC),
                error=None,
                pending_since=None,
                took_ms=took,
            )
        else:
            self.observed = replace(self.observed, error=error, pending_since=None)
        self._changed()
        return error is None


class Monitor:
    """Watches one cluster: start `run()` as a task, take `snapshot()` or `updates()`, then `close()`."""

    def __init__(self, cluster: str, settings: ClusterSettings, refresh: float) -> None:
        self._cluster = cluster
        self._environment = settings.environment
        self._refresh = refresh
        self._before = (refresh, 0.0)
        self._version = 0
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._links = Links(settings)
        readers = self._links.nodes(ShippedReader)
        self.readers: Mapping[str, PostgresReader] = readers
        """The session on each node; others may read through it, so that a node bears one only."""
        self._addresses = AddressBook(settings, readers)
        self._nodes = tuple(
            self._node(reader, settings.nodes[name].engine) for name, reader in readers.items()
        )
        self._proxies = tuple(
            self._proxy(reader, settings.proxies[name].backends)
            for name, reader in self._links.proxies(HaproxyReader).items()
        )
        self._poolers = tuple(map(self._pooler, self._links.poolers(PgBouncerReader).values()))

    @property
    def refresh(self) -> float:
        """Seconds between two readings of a target."""
        return self._refresh

    async def run(self) -> None:
        """Poll until `close()` or until cancelled. One task per target: none waits for another."""
        self._tasks = [asyncio.create_task(target.poll(lambda: self._refresh)) for target in self._targets()]
        try:
            await asyncio.wait(self._tasks)
        finally:
            await self.close()

    def snapshot(self) -> Snapshot:
        """What every target said last. Cheap: nothing is asked."""
        now = datetime.now(UTC)
        return Snapshot(
            cluster=self._cluster,
            environment=self._environment,
            taken_at=now,
            refresh=self._judged_by(),
            nodes=with_slot_owners(
                (target.dated(now) for target in self._nodes),
                self._addresses.node_places(),
                self._addresses.names,
            ),
            proxies=tuple(target.dated(now) for target in self._proxies),
            poolers=tuple(target.dated(now) for target in self._poolers),
        )

    async def updates(self) -> AsyncIterator[Snapshot]:
        """A snapshot soon after a reading (at most four a second), and one per refresh in any case."""
        seen = -1
        while True:
            seen = self._version
            yield self.snapshot()
            await asyncio.sleep(_QUIET)
            if self._version == seen:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(self._refresh - _QUIET, 0.01)):
                        await self._news.wait()

    def _judged_by(self) -> float:
        """The pace by which readings are fresh or old: what was read slowly is not old because the pace has
        just become faster."""
        pace, until = self._before
        return max(pace, self._refresh) if time.monotonic() < until else self._refresh

    def refresh_now(self) -> None:
        """Read every target at once, also those whose next attempt is still far, and what was refused."""
        for reader in self.readers.values():
            reader.ask_again()
        for target in self._targets():
            target.wake()

    def set_refresh(self, seconds: float) -> None:
        """Read every target this often from now on, beginning now."""
        self._before = (self._refresh, time.monotonic() + _CATCH_UP)
        self._refresh = seconds
        self.refresh_now()

    async def close(self) -> None:
        """Stop polling and close every connection; does not wait for any server."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for target in self._targets():
            await target.close()
        await self._links.close()
        if tasks:
            await asyncio.wait(tasks)

    def _targets(self) -> list[_Target[Any]]:
        return [*self._nodes, *self._proxies, *self._poolers]

    def _changed(self) -> None:
        self._version += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _node(self, reader: PostgresReader, engine: str | None) -> _Target[NodeFacts]:
        probe = Probe(reader, engine)

        async def read() -> NodeFacts:
            facts = await probe.read(accounts(target.observed.facts for target in self._poolers))
            origins = [at for one in facts.subscriptions if (at := one.origin_address)]
            if origins:  # named by their addresses alone: compared with where the nodes are
                await self._addresses.learn(split(at)[0] for at in origins)
            return facts

        return _Target(
            reader.name,
            lambda: reader.address,
            read,
            reader.close,
            self._changed,
            lambda: IN_CLEAR if reader.password_in_clear else "",
        )

    def _proxy(self, reader: HaproxyReader, backends: tuple[str, ...]) -> _Target[ProxyFacts]:
        async def read() -> ProxyFacts:
            await self._addresses.learn()
            return await read_proxy(reader, backends, self._addresses.node_of(reader.name))

        async def close() -> None:
            return None  # a reading's connection lives no longer than the reading

        return _Target(
            reader.name,
            lambda: reader.address,
            read,
            close,
            self._changed,
        )

    def _pooler(self, reader: PgBouncerReader) -> _Target[PoolerFacts]:
        probe = PoolerProbe(reader)

        async def read() -> PoolerFacts:
            return await self._addresses.routed(reader.name, await probe.read())

        return _Target(
            reader.name,
            lambda: reader.address,
            read,
            reader.close,
            self._changed,
            lambda: IN_CLEAR if reader.password_in_clear else "",
        )
