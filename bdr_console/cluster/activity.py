"""What a node is busy with and how it is set up, as far as details show it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionGroup:
    """Client sessions of one application in one state."""

    application: str
    state: str
    """active, idle, idle in transaction ...; empty where the role may not see it."""
    count: int
    longest: float | None = None
    """Seconds since the oldest of their open transactions began; None when none is open."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One client session with a transaction that has been open for more than a second."""

    pid: int
    age: float
    """Seconds since the transaction began."""
    state: str
    user: str
    application: str
    client: str
    """host:port, or `local`."""
    query: str
    """The current or last statement: cleaned, passwords masked, on one line, cut."""
    waits_for: str = ""
    """What the server says it waits for, for example `Lock: transactionid`; empty for nothing."""
    blocked_by: tuple[int, ...] = ()
    """The pids that hold the lock it waits for (PostgreSQL 10 and later)."""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A session whose lock somebody waits for."""

    pid: int
    """0 for a prepared transaction, which has no session any more."""
    user: str = ""
    application: str = ""
    client: str = ""
    """host:port, or `local`."""
    state: str = ""
    age: float | None = None
    """Seconds since its transaction began."""
    query: str = ""
    """The current or last statement: cleaned, passwords masked, on one line, cut."""


@dataclass(frozen=True, slots=True)
class BlockedWorker:
    """An apply worker that waits for a lock: nothing of its origin is applied meanwhile."""

    pid: int
    leader_pid: int
    """The apply worker that it helps; itself for most."""
    seconds: float
    """How long it has waited."""
    holders: tuple[LockHolder, ...]


@dataclass(frozen=True, slots=True)
class PreparedTransaction:
    """A transaction between PREPARE TRANSACTION and its end."""

    gid: str
    owner: str
    age: float
    """Seconds since it was prepared."""
    database: str


@dataclass(frozen=True, slots=True)
class Activity:
    """Client sessions of a node by what they do."""

    applications: tuple[SessionGroup, ...]
    """The largest groups first, at most 20."""
    transactions: tuple[Transaction, ...]
    """The oldest first, at most 20."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A setting of the server."""

    name: str
    value: str
    """With its unit, as SHOW would print it or near to that; cut when long."""
    restart: bool = False
    """Whether the file holds another value that waits for a restart."""


@dataclass(frozen=True, slots=True)
class SlotRoom:
    """How much more WAL a slot may keep before the server drops what its reader needs (PostgreSQL 13)."""

    name: str
    left: int | None
    """Bytes (safe_wal_size); None where nothing limits the slot, or it is lost already."""
    limit: int | None
    """max_slot_wal_keep_size in bytes; None for no limit: then only the disk ends it."""
