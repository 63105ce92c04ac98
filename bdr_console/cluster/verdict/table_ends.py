"""Both ends of a link with the tables that they offer, send, take and expect. Pure."""

from dataclasses import dataclass, field

from bdr_console.cluster.nodes import NodeFacts, Subscription
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.table_sets import SetRules, TableGroup


@dataclass(frozen=True, slots=True)
class TableEnd:
    """One node, with its groups of tables by what they are in."""

    node: Observed[NodeFacts]
    facts: NodeFacts
    groups: tuple[TableGroup, ...]
    listed: dict[str, list[TableGroup]]
    """By the subscription that lists them."""
    sent: dict[tuple[str, ...], "Tables"] = field(default_factory=dict)
    """By the sets that somebody takes; filled when they are asked for."""

    @classmethod
    def of(cls, node: Observed[NodeFacts]) -> "TableEnd | None":
        facts = node.facts
        if facts is None or facts.table_groups is None:
            return None
        by_subscription: dict[str, list[TableGroup]] = {}
        for group in facts.table_groups:
            for subscription in group.subscriptions:
                by_subscription.setdefault(subscription, []).append(group)
        return cls(node, facts, facts.table_groups, by_subscription)

    @property
    def rules(self) -> SetRules:
        return self.facts.set_rules

    def offered(self, sets: tuple[str, ...]) -> "Tables":
        """The tables that go to who takes these sets."""
        if sets not in self.sent:
            every = self.rules.everything in sets if self.rules.everything else False
            wanted = frozenset(sets)
            self.sent[sets] = Tables(tuple(g for g in self.groups if every or not wanted.isdisjoint(g.sets)))
        return self.sent[sets]

    def has(self, table: str) -> bool:
        """Whether that table is here at all; so it is where there are too many to name."""
        return any(table in group.names or not group.is_named for group in self.groups)

    def sets_of(self, table: str) -> tuple[str, ...]:
        """The sets that a table is in; none for one that is not known by its name."""
        return next((group.sets for group in self.groups if table in group.names), ())


@dataclass(frozen=True, slots=True)
class Tables:
    """Some groups of tables of one node."""

    groups: tuple[TableGroup, ...]

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def named(self) -> bool:
        return all(group.is_named for group in self.groups)

    @property
    def names(self) -> set[str]:
        return {name for group in self.groups for name in group.names}

    def same_as(self, other: "Tables") -> bool:
        """Whether they are the same tables: by the sums of their hashes, else by their names."""
        if self.count != other.count:
            return False
        mine, theirs = [g.digest for g in self.groups], [g.digest for g in other.groups]
        if None in mine or None in theirs:
            return self.named and other.named and self.names == other.names
        return sum(d or 0 for d in mine) == sum(d or 0 for d in theirs)


@dataclass(frozen=True, slots=True)
class TableEnds:
    """Both ends of a link."""

    sender: TableEnd
    receiver: TableEnd
    subscription: Subscription
    back: Subscription | None
    """What the sender takes from the receiver."""

    @property
    def sets(self) -> tuple[str, ...]:
        return self.subscription.replication_sets

    @property
    def origin(self) -> str:
        return self.sender.node.name

    @property
    def target(self) -> str:
        return self.receiver.node.name

    @property
    def subject(self) -> str:
        return f"{self.origin} -> {self.target}"

    @property
    def sent(self) -> Tables:
        return self.sender.offered(self.sets)

    @property
    def returned(self) -> Tables:
        """What comes back by sets that this link takes too: who means to send a table one way gives it a set
        of its own."""
        back = self.back.replication_sets if self.back else ()
        everything = {self.receiver.rules.everything, self.sender.rules.everything} - {""}
        if everything & {*back, *self.sets}:
            return self.receiver.offered(back)
        return self.receiver.offered(tuple(name for name in back if name in self.sets))

    @property
    def applied_back(self) -> set[str]:
        """What the sender lists of the way back, where subscriptions list tables."""
        listed = self.sender.listed.get(self.back.name, ()) if self.back else ()
        return Tables(tuple(listed)).names

    @property
    def expected(self) -> Tables:
        """What the receiver wants of this link whatever is sent: its own list, or what it has copied."""
        if self.sender.rules.lists_tables:
            return Tables(tuple(self.receiver.listed.get(self.subscription.name, ())))
        copied = self.subscription.copied_tables
        count = self.subscription.copied_count
        return Tables((TableGroup((), len(copied) if count is None else count, None, copied),))

    def statement(self, template: str, **places: str) -> str:
        """The engine's own statement; empty where it is not one."""
        known = {"subscription": self.subscription.name, "node": self.receiver.facts.node_name or self.target}
        return template.format(**known, **places)
