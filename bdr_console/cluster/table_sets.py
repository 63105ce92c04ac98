"""Which tables a node sends and takes, by publication or replication set, whatever the engine."""

from dataclasses import dataclass

CHANGES = ("insert", "update", "delete", "truncate")
"""What a set may send, in the order in which engines name it."""


@dataclass(frozen=True, slots=True)
class TableSet:
    """One publication or replication set of a node."""

    name: str
    changes: tuple[str, ...] = CHANGES
    """Those of CHANGES that it sends."""


@dataclass(frozen=True, slots=True)
class TableGroup:
    """All tables of a node that are in the same sets and subscriptions: one or two groups on most nodes,
    however many tables there are."""

    sets: tuple[str, ...]
    """Empty for tables that are in none."""
    count: int
    digest: int | None
    """The sum of a hash of each name: two nodes with the same sum have the same tables. None where it was not
    read."""
    names: tuple[str, ...]
    """schema.table, in order; the first of them where there are very many."""
    subscriptions: tuple[str, ...] = ()
    """The subscriptions that list these tables, where subscriptions do."""

    @property
    def is_named(self) -> bool:
        """Whether every table is known by its name."""
        return len(self.names) == self.count


@dataclass(frozen=True, slots=True)
class NarrowedTable:
    """A table of which a set does not send everything."""

    set: str
    table: str
    row_filter: str
    """The condition that rows must meet; empty for all rows."""
    left_out: tuple[str, ...]
    """Columns that are not sent."""


@dataclass(frozen=True, slots=True)
class SetRules:
    """How one engine decides which tables go where, in its own words. Statements have places in braces:
    `{set}`, `{table}`, `{subscription}`, `{node}` (the receiver, as the engine calls it)."""

    word: str = "replication set"
    default: str = ""
    """The set that every node takes unless somebody said otherwise; empty where there is none."""
    everything: str = ""
    """The set whose taker gets every table; empty where there is none."""
    insert_only: str = ""
    """The set for tables without a key, of which only inserts can be sent."""
    lists_tables: bool = False
    """Whether a subscription keeps a list of its own, and throws away what comes of any other table."""
    create: str = ""
    add_table: str = ""
    """Adds a table to a set of the origin."""
    take: str = ""
    """Makes the target take a set."""
    send_all: str = ""
    """Makes a set send every sort of change."""


SET_RULES = SetRules()
"""Those of an engine that says nothing of sets."""
