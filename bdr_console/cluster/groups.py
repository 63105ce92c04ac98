"""What nodes agree on: groups and their leaders, consensus, global locks, global sequences."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """A node group; sub-groups name their parent (PGD 4 and later)."""

    name: str
    parent: str | None = None
    kind: str | None = None
    write_leader: str | None = None
    previous_write_leader: str | None = None
    read_nodes: tuple[str, ...] = ()
    raft_leader: str | None = None
    routing: str | None = None
    """Who routes clients: `PGD Proxy`, `Connection Manager`; None where neither does."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """What one node says of Raft in its own words."""

    state: str
    """RAFT_LEADER, RAFT_FOLLOWER, RAFT_CANDIDATE ..., or why it could not tell."""
    leader: str | None
    term: int | None = None
    nodes: int | None = None
    voting_nodes: int | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class GlobalLock:
    """A lock over all nodes, held or being acquired, as one node knows it."""

    kind: str
    """The engine's own word: GLOBAL_LOCK_DDL, GLOBAL_LOCK_DML, ddl_lock, write_lock ..."""
    origin: str
    """The node that asked for it, in the engine's words."""
    relation: str
    stage: str
    age: float | None
    """Seconds since it was asked for; None when this node does not know."""
    pid: int | None = None
    """The backend that asked for it; known on the origin node only."""
    confirmed: str | None = None
    """How many peers have agreed, for example `1 of 2`; None where the engine does not say."""

    @property
    def blocks_writes(self) -> bool:
        """Whether rows cannot be written meanwhile, by its kind."""
        return self.kind in ("write_lock", "GLOBAL_LOCK_DML")


@dataclass(frozen=True, slots=True)
class SequenceShare:
    """What a node has left of a global sequence that hands out chunks."""

    name: str
    left: int | None
    """Values left before the node must ask the others again."""
    note: str = ""
