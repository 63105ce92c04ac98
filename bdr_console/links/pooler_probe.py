"""Reads one PgBouncer again and again: its list of clients as often as its length allows."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from bdr_console.cluster.poolers import PoolerConnections, PoolerFacts, PoolHold, WaitingClient
from bdr_console.links.errors import LinkError
from bdr_console.links.pgbouncer import PgBouncerReader
from bdr_console.links.pgbouncer_rows import PoolConnection, Row, connections, pooler_facts

_FEW = 200
"""Clients up to which SHOW CLIENTS is asked at each turn: PgBouncer is one thread."""
_MANY = 5000
"""Clients above which the list is not asked for at all."""
_SELDOM = 10.0
"""Seconds between two lists in between."""
_HELD, _WAITING = 100, 50


class PoolerProbe:
    """One PgBouncer through one reader."""

    def __init__(self, reader: PgBouncerReader) -> None:
        self._reader = reader
        self._kept: PoolerConnections | None = None
        self._kept_at = 0.0

    async def read(self) -> PoolerFacts:
        """One reading; raises LinkError."""
        reader = self._reader
        pool_rows: list[Row] = [*await reader.show("POOLS")]
        server_rows: list[Row] = [*await reader.show("SERVERS")]
        database_rows: list[Row] = [*await reader.show("DATABASES")]
        version = reader.version
        facts = pooler_facts(version, reader.server_version >= 10900, pool_rows, server_rows, database_rows)
        clients = sum(pool.clients_active + pool.clients_waiting for pool in facts.pools)
        if clients > _MANY:
            self._kept = None
            return replace(facts, unread=f"{clients} clients: the list of more than {_MANY} is not asked for")
        now = time.monotonic()
        if self._kept is None or clients <= _FEW or now - self._kept_at >= _SELDOM:
            try:
                client_rows = await reader.show("CLIENTS")
            except LinkError as error:
                self._kept = None
                return replace(facts, unread=error.reason)
            self._kept, self._kept_at = who_holds(server_rows, client_rows, datetime.now(UTC)), now
        return replace(facts, connections=self._kept)


def who_holds(servers: Iterable[Row], clients: Iterable[Row], at: datetime) -> PoolerConnections:
    """SHOW SERVERS and SHOW CLIENTS joined: who holds a connection, who waits for one. Pure."""
    known = connections(clients)
    by_ptr = {client.ptr: client for client in known}
    held = [
        _hold(server, by_ptr.get(server.link))
        for server in connections(servers)
        if server.link or server.close_needed or server.state in ("active", "tested")
    ]
    held.sort(key=lambda hold: (not hold.close_needed, hold.since, hold.local))
    waiting = sorted((c for c in known if c.state == "waiting"), key=lambda client: -client.wait)
    return PoolerConnections(
        at,
        tuple(held[:_HELD]),
        max(0, len(held) - _HELD),
        tuple(
            WaitingClient(client.database, client.user, client.address, client.wait, client.application)
            for client in waiting[:_WAITING]
        ),
        max(0, len(waiting) - _WAITING),
        len(known),
    )


def _hold(server: PoolConnection, client: PoolConnection | None) -> PoolHold:
    return PoolHold(
        database=server.database,
        user=server.user,
        state=server.state,
        close_needed=server.close_needed,
        address=server.address,
        local=server.local_address,
        pid=server.pid,
        since=server.requested,
        client=client.address if client else None,
        client_state=client.state if client else "",
        application=(client.application if client else "") or server.application,
    )
