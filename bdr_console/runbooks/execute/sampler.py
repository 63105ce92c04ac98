"""What clients feel of a run, sampled while it changes something: nobody looks during the hold.

It reads through the run's own links, on which nothing ever waits for clients: a WAIT_CLOSE or PAUSE has a
console of its own. What was found goes to the journal as `impact`, a few lines for each way (out, back), for
impact.py to read.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from bdr_console.errors import ConsoleError
from bdr_console.links.pgbouncer import PgBouncerReader
from bdr_console.links.pgbouncer_rows import CONSOLE, pools
from bdr_console.runbooks.execute.cluster_reader import ClusterReader
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.model.reading import Area
from bdr_console.runbooks.model.run import RunStatus

_EVERY = 0.1
"""Seconds between two looks at a PgBouncer."""
_TELL_EVERY = 1.0
_DEADLINE = 1.0
"""Seconds that the last look may take when the run ends."""
_SERVED_WITHIN = 3.0
"""Seconds that are waited at the end of a way for the clients to be served, so that their waits count."""
_LEFT_ALONE = 2.0
"""Seconds without a look at a PgBouncer that did not answer: the run itself waits behind such a look."""


@dataclass(slots=True)
class ClientImpact:
    """What the clients of one PgBouncer felt on one way."""

    clients: int = 0
    """Connected at the first look."""
    max_wait: float = 0.0
    """Seconds; the longest that SHOW POOLS showed."""
    waiting: int = 0
    """The most at one look."""
    looks: int = 0
    missed: int = 0
    """Looks that were not answered."""
    transactions: int | None = None
    """Done on this way, by SHOW STATS; None when its counters were not read twice by the same process."""
    waited: float | None = None
    """Seconds that all clients together waited for a server connection, by SHOW STATS."""
    unserved: int = 0
    """Clients that waited still when that was read: SHOW STATS counts a wait when it is over."""


Totals = tuple[int, float]
"""total_xact_count, and total_wait_time in seconds, of all databases but the console's own."""


@dataclass(slots=True)
class _Window:
    """One way: out, until the hold; or back, until the end."""

    way: str
    since: datetime
    sessions: dict[str, int]
    felt: dict[str, ClientImpact] = field(default_factory=dict)
    before: Mapping[str, Totals] = field(default_factory=dict)
    told_at: float = 0.0
    told: tuple[float, int] = (0.0, 0)


class Sampler:
    """Watches the PgBouncers of one turn until it is cancelled."""

    def __init__(self, reader: ClusterReader, node: str, journal: Journal) -> None:
        self._journal = journal
        self._node = node
        self._reader = reader
        self._poolers = reader.consoles
        self._silent_until: dict[str, float] = {}
        self.begun = asyncio.Event()
        """The first look is done: the run may begin to change something."""

    async def see_through(self) -> None:
        """Sample outside the hold; the last figures are journaled when it is cancelled."""
        window: _Window | None = None
        way = "out"
        try:
            window = await self._open(way)
            self.begun.set()
            while True:
                view = self._journal.run.view
                holding = view is not None and view.status is RunStatus.HOLDING
                if window is not None and holding:
                    ended, window = window, None
                    await self._close(ended)
                    way = "back"
                elif window is None and not holding:
                    window = await self._open(way)
                elif window is not None:
                    await self._look(window)
                await asyncio.sleep(_EVERY)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_DEADLINE):
                    if window is not None:
                        await self._close(window, within=_DEADLINE / 2)

    async def _open(self, way: str) -> _Window:
        window = _Window(way, datetime.now(UTC), await self._sessions())
        window.before = await self._totals()
        await self._look(window)
        return window

    async def _close(self, window: _Window, *, within: float = _SERVED_WITHIN) -> None:
        until = time.monotonic() + within
        await self._look(window)
        while any(felt.unserved for felt in window.felt.values()) and time.monotonic() < until:
            await asyncio.sleep(_EVERY)
            await self._look(window)
        for name, (transactions, waited) in (await self._totals()).items():
            start = window.before.get(name)
            if start is not None and transactions >= start[0] and waited >= start[1] and name in window.felt:
                window.felt[name].transactions = transactions - start[0]
                window.felt[name].waited = waited - start[1]
        self._tell(window, await self._sessions())

    async def _look(self, window: _Window) -> None:
        async def one(name: str, link: PgBouncerReader) -> None:
            felt = window.felt.setdefault(name, ClientImpact())
            if time.monotonic() < self._silent_until.get(name, 0.0):
                return
            try:
                found = pools(await link.show("POOLS"), ())
            except ConsoleError:
                felt.missed += 1
                self._silent_until[name] = time.monotonic() + _LEFT_ALONE
                return
            waiting = sum(pool.clients_waiting for pool in found)
            if not felt.looks:
                felt.clients = waiting + sum(pool.clients_active for pool in found)
            felt.looks += 1
            felt.unserved = waiting
            felt.waiting = max(felt.waiting, waiting)
            felt.max_wait = max((felt.max_wait, *(pool.max_wait for pool in found)))

        await asyncio.gather(*(one(name, link) for name, link in self._poolers.items()))
        most = max((felt.max_wait for felt in window.felt.values()), default=0.0)
        state = (most, max((felt.waiting for felt in window.felt.values()), default=0))
        now = time.monotonic()
        if state != window.told and now - window.told_at >= _TELL_EVERY:  # what a killed runner leaves
            window.told, window.told_at = state, now
            self._tell(window, {})

    async def _totals(self) -> Mapping[str, Totals]:
        found: dict[str, Totals] = {}

        async def one(name: str, link: PgBouncerReader) -> None:
            with suppress(ConsoleError, KeyError, ValueError):
                rows = [row for row in await link.show("STATS") if row.get("database") != CONSOLE]
                waited = sum(int(row["total_wait_time"]) for row in rows) / 1e6
                found[name] = (sum(int(row["total_xact_count"]) for row in rows), waited)

        await asyncio.gather(*(one(name, link) for name, link in self._poolers.items()))
        return found

    async def _sessions(self) -> dict[str, int]:
        """HAProxy's sessions on each server of the node."""
        reading = await self._reader.read(Area.PROXIES)
        return {
            f"{server.backend}/{server.name} on {proxy}": server.sessions
            for proxy, server in reading.snapshot.servers_of(self._node)
        }

    def _tell(self, window: _Window, sessions: dict[str, int]) -> None:
        self._journal.write(
            "impact",
            False,
            node=self._node,
            way=window.way,
            since=window.since.isoformat(),
            every=_EVERY,
            poolers={name: asdict(felt) for name, felt in window.felt.items()},
            sessions={name: [count, sessions.get(name)] for name, count in window.sessions.items()},
        )
