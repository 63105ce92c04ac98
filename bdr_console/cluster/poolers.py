"""PgBouncer as one reading of its admin console shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

CHANGED_SETTINGS = ("server_login_retry", "server_fast_close", "default_pool_size", "reserve_pool_size")
"""The settings of a PgBouncer that a switchover changes and puts back."""


def looks_quiesced(settings: Mapping[str, str]) -> bool:
    """Whether a PgBouncer is set as a quiesce sets it for a moment: one connection for each pool, and no rest
    after a failed login. No file says both."""
    return settings.get("server_login_retry") == "0" and settings.get("default_pool_size") == "1"


@dataclass(frozen=True, slots=True)
class Pool:
    """One line of SHOW POOLS, with what SHOW SERVERS says of its connections."""

    database: str
    user: str
    mode: str
    """transaction, session or statement."""
    clients_active: int
    clients_waiting: int
    servers_active: int
    servers_idle: int
    servers_used: int
    servers_tested: int
    servers_login: int
    max_wait: float
    """How long the oldest waiting client has waited, in seconds."""
    close_needed: int | None
    """Server connections flagged by RECONNECT and not yet closed; None before PgBouncer 1.9."""

    @property
    def servers(self) -> int:
        """All server connections of the pool."""
        return (
            self.servers_active
            + self.servers_idle
            + self.servers_used
            + self.servers_tested
            + self.servers_login
        )


@dataclass(frozen=True, slots=True)
class PoolDatabase:
    """One line of SHOW DATABASES: where a database name leads."""

    name: str
    """The name clients use; RECONNECT and WAIT_CLOSE take this one."""
    host: str | None
    port: int | None
    paused: bool
    disabled: bool
    pool_size: int
    connections: int
    database: str = ""
    """The database's name on the node, where it was read."""
    proxies: tuple[str, ...] = ()
    """The configured HAProxies that its address leads to."""
    nodes: tuple[str, ...] = ()
    """The configured nodes that its address leads to past any HAProxy."""


@dataclass(frozen=True, slots=True)
class PoolHold:
    """A server connection of a pool (SHOW SERVERS), with the client that holds it (SHOW CLIENTS)."""

    database: str
    user: str
    state: str
    """active, idle, used, tested, new."""
    close_needed: bool
    """RECONNECT has flagged it: it closes as soon as its client lets go."""
    address: str
    """host:port that it leads to: the proxy, or the node itself."""
    local: str
    """host:port of PgBouncer's own end."""
    pid: int | None
    """The backend's pid on whichever node is behind; None when PgBouncer does not know it."""
    since: str
    """When its last request began, in PgBouncer's own text."""
    client: str | None = None
    """host:port of the client that holds it; None when none does."""
    client_state: str = ""
    application: str = ""
    """Of the client, or else of the connection; empty before PgBouncer 1.18."""


@dataclass(frozen=True, slots=True)
class WaitingClient:
    """A client that waits for a server connection (SHOW CLIENTS)."""

    database: str
    user: str
    address: str
    wait: float
    """Seconds."""
    application: str = ""


@dataclass(frozen=True, slots=True)
class PoolerConnections:
    """Who holds and who waits, as of `at`."""

    at: datetime
    held: tuple[PoolHold, ...]
    """Connections that a client holds, that are busy, or that must close; at most 100, flagged ones first."""
    held_more: int
    """How many more of them there are."""
    waiting: tuple[WaitingClient, ...]
    """The longest first, at most 50."""
    waiting_more: int
    clients: int
    """Clients of all pools together."""


@dataclass(frozen=True, slots=True)
class PoolerFacts:
    """Everything that one refresh reads from one PgBouncer."""

    version: str
    pools: tuple[Pool, ...]
    databases: tuple[PoolDatabase, ...]
    connections: PoolerConnections | None = None
    """Read now and then where there are many clients; None when they were never read."""
    unread: str = ""
    """Why the connections could not be read; empty when they were."""
    settings: tuple[tuple[str, str], ...] = ()
    """Of SHOW CONFIG what a switchover changes and puts back; empty when it was not read."""

    @property
    def throttled(self) -> bool:
        """Whether its settings are those of a quiesce whose end never came."""
        return looks_quiesced(dict(self.settings))


_NOTHING_PAUSED = ("is not paused", "no such database")


def nothing_paused(error: str) -> bool:
    """Whether PgBouncer refused a RESUME because nothing is paused there.

    A database made by `*` is unknown to a PgBouncer that was started anew, until its next client: the pause
    has gone with the old process.
    """
    return any(words in error for words in _NOTHING_PAUSED)
