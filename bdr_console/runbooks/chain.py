"""Who is behind a PgBouncer's busy server connections, looked up beside a wait that must not be held up."""

import asyncio
import time

from bdr_console.runbooks.holders import holders, interventions
from bdr_console.runbooks.reading import Part, Reading
from bdr_console.runbooks.run import Holder
from bdr_console.runbooks.seen import Subject
from bdr_console.runbooks.step import Intervention, World

_FIRST_AFTER = 0.2
"""Seconds of waiting after which it is worth asking: most transactions have ended by then."""
_EVERY = 1.0
"""Seconds between two look-ups; each costs a query on every node."""
_SHOWN = 20


class Chain:
    """Client -> server connection -> backend, as of the last look-up that came back.

    Under a PAUSE every client waits, so the look-up runs beside the proof: a node that hangs delays only the
    names.
    """

    def __init__(self) -> None:
        self._next = time.monotonic() + _FIRST_AFTER
        self._asked: asyncio.Task[Reading] | None = None
        self._found: tuple[Holder, ...] = ()
        self._interventions: tuple[Intervention, ...] = ()

    @property
    def holders(self) -> tuple[Holder, ...]:
        """Who holds a connection, the longest first."""
        return self._found

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """What may be done about them: cancel, terminate."""
        return self._interventions

    def look(self, world: World, pools: tuple[Subject, ...]) -> None:
        """Take what the last look-up brought of these (PgBouncer, database), and begin the next when it is
        due."""
        if self._asked is not None and self._asked.done():
            self._take(self._asked.result(), frozenset(pools))
            self._asked, self._next = None, time.monotonic() + _EVERY
        if self._asked is None and time.monotonic() >= self._next:
            parts = Part.CONNECTIONS | Part.SESSIONS | Part.PROXIES | Part.BACKENDS
            self._asked = asyncio.create_task(world.read(parts))

    def forget(self) -> None:
        """Nobody is waited for any more."""
        self._found, self._interventions = (), ()

    def _take(self, reading: Reading, pools: frozenset[Subject]) -> None:
        busy = [
            (pooler, connection)
            for pooler, connections in reading.connections.items()
            for connection in connections
            if (pooler, connection.database) in pools
            and (connection.client or connection.state in ("active", "tested"))
        ]
        busy.sort(key=lambda item: (item[1].since, item[1].local))
        self._found = holders(reading, busy)[:_SHOWN]
        # No KILL here: its RESUME would let clients go on before everything is applied elsewhere.
        self._interventions = interventions(reading, self._found, ())
