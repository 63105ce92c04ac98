"""Rows of PgBouncer's SHOW commands -> types, for the columns of 1.8 to 1.25. Pure; read by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bdr_console.cluster.addresses import canonical_endpoint
from bdr_console.cluster.poolers import Pool, PoolDatabase, PoolerFacts
from bdr_console.cluster.text import clean, whole

Row = Mapping[str, str]

CONSOLE = "pgbouncer"
"""The console's own database: nothing is ever routed through it."""


@dataclass(frozen=True, slots=True)
class PoolConnection:
    """One line of SHOW SERVERS or SHOW CLIENTS."""

    user: str
    database: str
    state: str
    """active, idle, used, tested, new (servers); active, waiting, idle (clients)."""
    address: str
    """host:port of the other end: the server's, or the client's."""
    local_address: str
    """host:port of PgBouncer's own end; for a server connection it is `src` in HAProxy's `show sess`."""
    connected: str
    requested: str
    """When the last request came, in PgBouncer's own text."""
    wait: float
    """Seconds that the current request has waited."""
    close_needed: bool
    """Flagged by RECONNECT; always False before PgBouncer 1.9."""
    ptr: str
    link: str
    """`ptr` of the connection it is linked with; empty when with none."""
    pid: int | None
    """The backend's pid on the node, for a server connection."""
    application: str
    """application_name; empty before PgBouncer 1.18."""
    id: str = ""
    """What KILL_CLIENT names a client by, never given twice; empty before PgBouncer 1.24."""


def connections(rows: Iterable[Row]) -> tuple[PoolConnection, ...]:
    """SHOW SERVERS or SHOW CLIENTS without the console's own."""
    return tuple(_connection(row) for row in rows if row.get("database") != CONSOLE)


def _connection(row: Row) -> PoolConnection:
    def text(key: str) -> str:
        return clean(row.get(key, ""), 200)

    return PoolConnection(
        user=text("user"),
        database=text("database"),
        state=text("state"),
        address=canonical_endpoint(text("addr"), text("port")),
        local_address=canonical_endpoint(text("local_addr"), text("local_port")),
        connected=text("connect_time"),
        requested=text("request_time"),
        wait=_number(row.get("wait")) + _number(row.get("wait_us")) / 1e6,
        close_needed=_flag(row.get("close_needed")),
        ptr=text("ptr"),
        link=text("link"),
        pid=_number(row.get("remote_pid")) or None,
        application=text("application_name"),
        id=text("id"),
    )


def pools(pool_rows: Iterable[Row], server_rows: Iterable[Row]) -> tuple[Pool, ...]:
    """SHOW POOLS without the console's own, each with its flagged connections from SHOW SERVERS."""
    flagged: dict[tuple[str, str], int] = {}
    knows_flags = True
    for row in server_rows:
        knows_flags = knows_flags and "close_needed" in row
        key = (row.get("database", ""), row.get("user", ""))
        flagged[key] = flagged.get(key, 0) + _flag(row.get("close_needed"))
    return tuple(
        Pool(
            database=clean(row.get("database", ""), 200),
            user=clean(row.get("user", ""), 200),
            mode=clean(row.get("pool_mode", ""), 40),
            clients_active=_number(row.get("cl_active")),
            clients_waiting=_number(row.get("cl_waiting")),
            servers_active=_number(row.get("sv_active")),
            servers_idle=_number(row.get("sv_idle")),
            servers_used=_number(row.get("sv_used")),
            servers_tested=_number(row.get("sv_tested")),
            servers_login=_number(row.get("sv_login")),
            max_wait=_number(row.get("maxwait")) + _number(row.get("maxwait_us")) / 1e6,
            close_needed=flagged.get((row.get("database", ""), row.get("user", "")), 0)
            if knows_flags
            else None,
        )
        for row in pool_rows
        if row.get("database") != CONSOLE
    )


def databases(rows: Iterable[Row]) -> tuple[PoolDatabase, ...]:
    """SHOW DATABASES without the console's own."""
    return tuple(
        PoolDatabase(
            name=clean(row.get("name", ""), 200),
            host=clean(row["host"], 200) if row.get("host") else None,
            port=_number(row.get("port")) or None,
            paused=_flag(row.get("paused")),
            disabled=_flag(row.get("disabled")),
            pool_size=_number(row.get("pool_size")),
            connections=_number(row.get("current_connections")),
            database=clean(row.get("database", ""), 200),
        )
        for row in rows
        if row.get("name") != CONSOLE
    )


def pooler_facts(
    version: str, reconnects: bool, pool_rows: list[Row], server_rows: list[Row], database_rows: list[Row]
) -> PoolerFacts:
    """One reading; `reconnects` says whether this version flags connections at all (1.9)."""
    found = pools(pool_rows, server_rows if reconnects or server_rows else [{"database": ""}])
    return PoolerFacts(clean(version, 40), found, databases(database_rows))


def _number(text: str | None) -> int:
    return whole(text) or 0


def _flag(text: str | None) -> bool:
    return text not in (None, "", "0", "no")
