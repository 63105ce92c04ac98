"""PgBouncer as one reading of its admin console shows it."""

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class PoolerFacts:
    """Everything that one refresh reads from one PgBouncer."""

    version: str
    pools: tuple[Pool, ...]
    databases: tuple[PoolDatabase, ...]
