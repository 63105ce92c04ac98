"""PostgreSQL nodes as one reading shows them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bdr_console.cluster.access import Access
from bdr_console.cluster.activity import Activity, BlockedWorker, Parameter, PreparedTransaction, SlotRoom
from bdr_console.cluster.conflicts import Conflict, ConflictCount
from bdr_console.cluster.groups import Consensus, GlobalLock, Group, SequenceShare
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.table_sets import SET_RULES, NarrowedTable, SetRules, TableGroup, TableSet


class Membership(StrEnum):
    """What the catalogs say of a node. It is membership, never health: a crashed node stays READY."""

    READY = "ready"
    JOINING = "joining"
    STANDBY = "standby"
    PARTING = "parting"
    PARTED = "parted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the group in the words of the node that was asked."""

    name: str
    membership: Membership
    raw_state: str
    """The engine's own word or letter, for example ACTIVE or r."""
    group: str | None = None
    is_local: bool = False
    target_state: str | None = None
    """Where the engine is taking it (BDR 3 and later); None where it does not say."""
    kind: str | None = None
    """data, standby, witness, subscriber-only, source, target, coordinator ...; None where all are alike."""
    read_only: bool | None = None
    """The engine's own read-only mark for the node; None where there is none."""
    fenced: bool | None = None
    """Kept from becoming write leader (PGD 5 and later)."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Client backends on a node (pg_stat_activity; the console's own session is not counted)."""

    total: int
    active: int
    idle_in_transaction: int
    max_connections: int
    oldest_transaction: float | None = None
    """Age in seconds of the oldest open transaction; None when there is none."""
    oldest_transaction_pid: int | None = None
    prepared_transactions: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A replication slot of the node that was asked: what it sends, and to whom."""

    name: str
    target: str | None
    """The node that reads it; None when no known node does (an orphan)."""
    active: bool
    pid: int | None
    state: str
    """The walsender's word (streaming, catchup) or `disconnected`."""
    lag_bytes: int | None
    """WAL written here that the target has not confirmed or replayed, in bytes."""
    retained_bytes: int | None
    """WAL kept for this slot, in bytes."""
    lag_seconds: float | None = None
    """The walsender's replay_lag in seconds; None when unknown. Falls to 0 right after a reconnect, and keeps
    its last figure while apply is blocked: `lag_time` says when it counts."""
    confirmed_lsn: str | None = None
    wal_status: str | None = None
    """PostgreSQL 13 and later: reserved, extended, unreserved or lost."""
    catchup_seconds: float | None = None
    """The engine's own estimate until the target has caught up, in seconds; None where it makes none."""
    plugin: str | None = None
    applied_lsn: str | None = None
    """How far the target has applied what was written here, as the walsender knows it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What the node that was asked receives, and from whom."""

    name: str
    origin: str
    enabled: bool
    status: str
    """The engine's own word: replicating, down, disabled, initializing, unknown."""
    last_commit_at: datetime | None = None
    """Origin commit time of the last transaction applied here; grows old on an idle origin too."""
    apply_pid: int | None = None
    replication_sets: tuple[str, ...] = ()
    apply_delay: float | None = None
    """A delay that somebody configured, in seconds."""
    unidirectional: bool = False
    errors: int | None = None
    """Failed attempts to apply since the counters began (rollbacks, retries or errors in the engine's words);
    None where it counts none. What grows is what matters."""
    last_error: str | None = None
    last_error_at: datetime | None = None
    received_lsn: str | None = None
    """How far the origin's WAL has arrived here."""
    received_at: datetime | None = None
    """When the origin sent what arrived last, by its own clock."""
    applied_until: datetime | None = None
    """Everything that the origin committed until then, by its own clock, was applied; None where the engine
    does not prove it."""
    slot_name: str | None = None
    """The slot at the origin that it reads: where slots name no node, this tells whose they are."""
    origin_address: str | None = None
    """Where it connects to, as host:port; None where the role may not see it. Never more of the DSN."""
    copied_tables: tuple[str, ...] = ()
    """schema.table: those whose rows it copied when it began, where the engine keeps that; the first of them
    where there are very many."""
    copied_count: int | None = None
    """How many those are; None where `copied_tables` are all."""
    forwards: bool | None = None
    """Whether the origin also passes on what it received from others; None where the engine does not say."""
    enable: str = ""
    """The statement that lets apply go on, while it is disabled; empty where there is none."""

    @property
    def is_off(self) -> bool:
        """Whether somebody disabled it, by its mark or by the engine's word: they are not read at once."""
        return not self.enabled or self.status == "disabled"


@dataclass(frozen=True, slots=True)
class Pending:
    """Changes that triggers have captured on a node and that have not gone everywhere yet."""

    name: str
    """The sync or channel that is to take them; empty where the engine has only one."""
    table: str
    """schema.table; empty where the engine does not count by table."""
    target: str | None
    """The node or group that they wait for; None where the engine does not say."""
    rows: int
    more: bool = False
    """Whether the count was given up at `rows`: there are that many at least."""
    oldest: float | None = None
    """Seconds that the oldest of them waits; None when none does, or where the engine does not say."""


@dataclass(frozen=True, slots=True)
class Caveat:
    """Something the engine's rules make of this reading that no figure says by itself."""

    severe: bool
    """Whether it stops replication or loses data; else it is a warning."""
    text: str
    """What was seen and what it means, in a DBA's words."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of a reading that could not be had, and why: shown as unknown, never as empty."""

    what: str
    """The part: server, members, sessions, slots or subscriptions (or a finer one an engine names)."""
    why: str
    judged: bool = True
    """Whether the verdict depends on it; False for what is only counted, and for what this version shows to
    nobody but superusers."""


@dataclass(frozen=True, slots=True)
class PeerPosition:
    """How far one peer has applied what a node wrote, as the node's walsender hears it."""

    target: str | None
    """The peer's name in the engine; None where slots name no node."""
    active: bool
    replay_lsn: str | None
    """X/Y; None while it is not connected."""


@dataclass(frozen=True, slots=True)
class WalPositions:
    """A node's WAL insert position, read before the positions of its peers."""

    insert_lsn: str
    peers: tuple[PeerPosition, ...]


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """Everything that one refresh reads from one node."""

    engine: str
    """The replication engine and its version, for example `BDR 3.7.23`."""
    server_version: str
    node_name: str | None
    """The node's own name in the engine; None when it is no member."""
    group: str | None
    members: tuple[Member, ...]
    sessions: Sessions | None
    """None when they could not be read; `unread` then says why."""
    slots: tuple[Slot, ...]
    subscriptions: tuple[Subscription, ...]
    in_recovery: bool = False
    read_only: bool = False
    wal_lsn: str | None = None
    """The WAL insert position (X/Y) at the time of the reading."""
    flushed_lsn: str | None = None
    """How far the WAL was flushed then: no more of it can be sent."""
    started_at: datetime | None = None
    unread: tuple[Unread, ...] = ()
    edition: str | None = None
    clock: datetime | None = None
    """The server's own clock when it answered."""
    database: str | None = None
    """The database that its DSN leads to."""
    apply_paused: bool | None = None
    """Whether apply is paused for all peers of this node; None where the engine has no such switch."""
    resume_apply: str = ""
    """The statement that lets apply go on, while it is paused."""
    groups: tuple[Group, ...] = ()
    consensus: tuple[Consensus, ...] = ()
    locks: tuple[GlobalLock, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    """The newest first, at most 50 of the last hour; conflicts of the engine's own tables are left out."""
    conflict_counts: tuple[ConflictCount, ...] = ()
    sequences: tuple[SequenceShare, ...] = ()
    """Global sequences at risk of running out of values."""
    caveats: tuple[Caveat, ...] = ()
    pending: tuple[Pending, ...] | None = None
    """What waits to be sent, where triggers capture changes; None where the WAL is read instead."""
    is_control: bool = False
    """It holds the engine's control database: no member itself, it takes no clients, replicates nothing."""
    shards: bool = False
    """Its cluster spreads rows over nodes and replicates none between those that clients use: no links."""
    meshed: bool = True
    """Whether the engine itself connects every member with every other, so that a missing link is a fault."""
    last_arrival_wins: bool = False
    """Whether of two changes to one row each node keeps the last to arrive, so that they come to differ."""
    activity: Activity | None = None
    """What its client sessions do; None when that could not be read."""
    blocked_workers: tuple[BlockedWorker, ...] = ()
    """Apply workers that wait for a lock (PostgreSQL 10 and later)."""
    prepared: tuple[PreparedTransaction, ...] = ()
    """The oldest first, of every database of the server."""
    parameters: tuple[Parameter, ...] = ()
    """Settings to compare with those of its peers."""
    slot_room: tuple[SlotRoom, ...] = ()
    """How much more WAL its slots may keep; empty before PostgreSQL 13."""
    seldom_at: datetime | None = None
    """When the parts were read that are asked seldom: conflicts, parameters, room of slots and the like."""
    table_sets: tuple[TableSet, ...] | None = None
    """The publications or replication sets that it offers; None where they are not read."""
    table_groups: tuple[TableGroup, ...] | None = None
    """Its tables by what they are sent and taken with; None where that is not read."""
    narrowed_tables: tuple[NarrowedTable, ...] = ()
    set_rules: SetRules = SET_RULES
    """How its engine decides by them what goes where."""
    logins: tuple[Access, ...] = ()
    """Whether the users that the PgBouncers log in get in here; empty when there are none to ask for."""

    @property
    def membership(self) -> Membership:
        """What the node says of itself."""
        for member in self.members:
            if member.is_local:
                return member.membership
        return Membership.UNKNOWN

    @property
    def state(self) -> str:
        """`up`, or what it says of itself that is less."""
        if self.in_recovery:
            return "in recovery"
        if self.membership not in (Membership.READY, Membership.UNKNOWN):
            return self.membership.value
        return "up, read-only" if self.read_only else "up"

    def why_unread(self, what: str) -> str | None:
        """Why that part could not be read; None when it was."""
        return next((part.why for part in self.unread if part.what == what), None)


def engine_name(node: Observed[NodeFacts]) -> str:
    """Return what the engine calls that node: see `name_in_engine`."""
    return name_in_engine(node.name, node.facts)


def name_in_engine(name: str, facts: NodeFacts | None) -> str:
    """Return what the engine calls the node of that configured name; `name` itself where it calls it nothing,
    or while that is not known."""
    return (facts.node_name if facts else None) or name
