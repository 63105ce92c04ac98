"""What should replicate and does not: tables that one end sends and the other does not take, and the other
way round; changes, rows and columns that a publication leaves out. Pure.

A table that no node publishes and none subscribes to is nobody's business here: it is local.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bdr_console.cluster.findings import Finding, Level
from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import NodeFacts, Subscription
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.publications import TableGroup
from bdr_console.cluster.reach import listed
from bdr_console.cluster.replication import Link
from bdr_console.cluster.replication_sets import CHANGES
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted

_AT_ONCE = timedelta(seconds=2)
"""Readings of two nodes within this time are taken for one moment."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_SHOWN = 3
"""Names of tables in one text."""

Pair = tuple[str, str]


def table_findings(
    snapshot: Snapshot, links: Iterable[Link], now: datetime, past: History | None
) -> list[Finding]:
    """Every difference between what a link's sender offers and what its receiver takes, and what publications
    leave out.

    Both ends are read one after the other, so a table that is being added looks like one that is missing: a
    difference counts when both were read at once, or again since it was first found.
    """
    found = []
    for at, finding in _differences(snapshot, links, now):
        began = past.since(difference_key(finding)) if past else None
        if past is None or max(at) - min(at) <= _AT_ONCE or (began is not None and min(at) > began):
            found.append(finding)
    return found


def differences(snapshot: Snapshot, links: Iterable[Link], now: datetime) -> set[Hashable]:
    """The keys under which history keeps how long each difference has been there."""
    return {difference_key(finding) for _, finding in _differences(snapshot, links, now)}


def difference_key(finding: Finding) -> Hashable:
    """1 while the two ends of a link differ in that way."""
    return ("tables:", finding.subject, finding.code)


@dataclass(frozen=True, slots=True)
class _End:
    """One node, with its groups of tables by what they are in."""

    node: Observed[NodeFacts]
    facts: NodeFacts
    groups: tuple[TableGroup, ...]
    taken: dict[str, list[TableGroup]] = field(default_factory=dict)
    """By subscription."""
    sent: dict[tuple[str, ...], list[TableGroup]] = field(default_factory=dict)
    """By the publications that somebody subscribes to; filled when they are asked for."""

    @classmethod
    def of(cls, node: Observed[NodeFacts]) -> "_End | None":
        facts = node.facts
        if facts is None or facts.publications is None or facts.table_groups is None:
            return None
        taken: dict[str, list[TableGroup]] = {}
        for group in facts.table_groups:
            for subscription in group.subscriptions:
                taken.setdefault(subscription, []).append(group)
        return cls(node, facts, facts.table_groups, taken)

    def published(self, publications: tuple[str, ...]) -> list[TableGroup]:
        """The groups that are in any of these publications."""
        if publications not in self.sent:
            wanted = frozenset(publications)
            self.sent[publications] = [g for g in self.groups if not wanted.isdisjoint(g.publications)]
        return self.sent[publications]

    def has(self, table: str) -> bool:
        """Whether that table is here at all; so it is where there are too many to name."""
        return any(table in group.names or len(group.names) < group.count for group in self.groups)


@dataclass(frozen=True, slots=True)
class _Ends:
    """Both ends of a link."""

    sender: _End
    receiver: _End
    subscription: Subscription
    back: Subscription | None
    """What the sender takes from the receiver."""

    @property
    def publications(self) -> tuple[str, ...]:
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


def _differences(
    snapshot: Snapshot, links: Iterable[Link], now: datetime
) -> Iterator[tuple[tuple[datetime, datetime], Finding]]:
    """Each with the moments of the two readings that it was found in."""
    ends = {
        node.name: end
        for node in snapshot.nodes
        if node.is_fresh(now, snapshot.refresh) and (end := _End.of(node))
    }
    if not ends:
        return
    by_pair = {link.key: link.subscription for link in links if link.subscription}
    for (origin, target), subscription in by_pair.items():
        if origin not in ends or target not in ends:
            continue
        link = _Ends(ends[origin], ends[target], subscription, by_pair.get((target, origin)))
        if missing := _missing_publications(link):
            yield _moments(link, "seen_at"), missing
            continue
        for finding in (*_tables(link), *_left_out(link)):
            yield _moments(link, "seldom_at"), finding


def _moments(ends: _Ends, of: str) -> tuple[datetime, datetime]:
    sender, receiver = ends.sender, ends.receiver
    found = [
        (end.facts.seldom_at if of == "seldom_at" else None) or end.node.seen_at or _NEVER
        for end in (sender, receiver)
    ]
    return found[0], found[1]


def _missing_publications(ends: _Ends) -> Finding | None:
    there = {publication.name for publication in ends.sender.facts.publications or ()}
    missing = [name for name in ends.publications if name not in there]
    if not missing:
        return None
    what = "publication" if len(missing) == 1 else "publications"
    lost = "nothing" if len(missing) == len(ends.publications) else "nothing of their tables"
    text = (
        f"{what} {listed(missing)} {'does' if len(missing) == 1 else 'do'} not exist on {ends.origin}:"
        f" {lost} that is written there goes to {ends.target}"
    )
    remedy = (
        f"on {{origin_at}}: CREATE PUBLICATION {missing[0]} FOR TABLE ...; rows written there meanwhile are"
        f" lost to {ends.target}: compare them"
    )
    return Finding(Level.CRIT, ends.subject, text, "publication.missing", remedy)


# Tables ----------------------------------------------------------------------------------------------


def _tables(ends: _Ends) -> list[Finding]:
    """Tables that are sent and not taken, taken and not sent, or sent one way only."""
    sent = ends.sender.published(ends.publications)
    taken = ends.receiver.taken.get(ends.subscription.name, [])
    if _same(sent, taken):
        return _one_way(ends, sent)
    if not (_named(sent) and _named(taken)):
        return [_too_many(ends, sent, taken)]
    here, there = _names(sent), _names(taken)
    ignored, silent = sorted(here - there), sorted(there - here)
    return [*_not_taken(ends, ignored), *_not_sent(ends, silent, replaced=bool(ignored))]


def _not_taken(ends: _Ends, tables: list[str]) -> list[Finding]:
    name, found = ends.subscription.name, []
    refresh = f"ALTER SUBSCRIPTION {name} REFRESH PUBLICATION"
    if ignored := [table for table in tables if ends.receiver.has(table)]:
        text = f"{ends.target} does not take {_some(ignored)}: what {ends.origin} sends of"
        text += f" {_them(ignored)} is thrown away"
        remedy = f"on {{target_at}}: {refresh} (WITH (copy_data = false) where the rows are there already)"
        found.append(Finding(Level.CRIT, ends.subject, text, "tables.not_taken", remedy))
    if absent := [table for table in tables if not ends.receiver.has(table)]:
        does = "does" if len(absent) == 1 else "do"
        text = (
            f"{_some(absent)} {does} not exist on {ends.target}, and {ends.origin} publishes {_them(absent)}"
        )
        remedy = (
            f"create {_them(absent)} on {{target_at}}, then {refresh}; or take {_them(absent)} out of the"
        )
        remedy += " publication"
        found.append(Finding(Level.WARN, ends.subject, text, "tables.absent", remedy))
    return found


def _not_sent(ends: _Ends, tables: list[str], *, replaced: bool) -> list[Finding]:
    """`replaced`: others are sent that are not taken, as partitions are when their root is published."""
    publication, found = ends.publications[0] if ends.publications else "?", []
    if silent := [table for table in tables if ends.sender.has(table)]:
        verb = "is" if len(silent) == 1 else "are"
        text = (
            f"{_some(silent)} {verb} no longer published on {ends.origin}, and {ends.target} subscribes to"
            f" {_them(silent)}: changes are not sent"
        )
        refresh = f"on {{target_at}}: ALTER SUBSCRIPTION {ends.subscription.name} REFRESH PUBLICATION"
        add = f"on {{origin_at}}: ALTER PUBLICATION {publication} ADD TABLE {silent[0]}"
        lost = f"rows written there meanwhile are lost to {ends.target}: compare them"
        remedy = f"{refresh}; {lost}" if replaced else f"{add}; {lost}. Or, if meant, {refresh}"
        found.append(Finding(Level.CRIT, ends.subject, text, "tables.not_sent", remedy))
    if gone := [table for table in tables if not ends.sender.has(table)]:
        does = "does" if len(gone) == 1 else "do"
        text = (
            f"{_some(gone)} {does} not exist on {ends.origin}, and {ends.target} subscribes to {_them(gone)}"
        )
        remedy = f"drop {_them(gone)} on {{target_at}} too, or create {_them(gone)} on {{origin_at}}"
        found.append(Finding(Level.WARN, ends.subject, text, "tables.gone", remedy))
    return found


def _too_many(ends: _Ends, sent: Sequence[TableGroup], taken: Sequence[TableGroup]) -> Finding:
    here, there = sum(group.count for group in sent), sum(group.count for group in taken)
    text = f"{ends.origin} sends {counted(here, 'table')}, and {ends.target} takes {there}: not the same"
    remedy = (
        f"compare pg_publication_tables on {{origin_at}} with pg_subscription_rel on {{target_at}}; there:"
        f" ALTER SUBSCRIPTION {ends.subscription.name} REFRESH PUBLICATION"
    )
    return Finding(Level.CRIT, ends.subject, text, "tables.not_taken", remedy)


def _one_way(ends: _Ends, sent: Sequence[TableGroup]) -> list[Finding]:
    """Of what this link sends both ways, tables that the publications of the same names on the other side
    leave out. Who means to send a table one way gives it a publication of its own."""
    back = ends.back
    if back is None or back.replication_sets != ends.publications:
        return []
    returned = ends.receiver.published(ends.publications)
    if _same(sent, returned) or not (_named(sent) and _named(returned)):
        return []
    lacking = sorted(table for table in _names(sent) - _names(returned) if ends.receiver.has(table))
    expected = _names(ends.sender.taken.get(back.name, []))
    lacking = [table for table in lacking if table not in expected]  # else it is found on the way back
    if not lacking:
        return []
    goes = "goes" if len(lacking) == 1 else "go"
    text = (
        f"{_some(lacking)} {goes} from {ends.origin} to {ends.target} and not back: what clients write on"
        f" {ends.target} stays there"
    )
    remedy = (
        f"on {ends.target}: ALTER PUBLICATION {ends.publications[0]} ADD TABLE {lacking[0]}, then on"
        f" {ends.origin}: ALTER SUBSCRIPTION {back.name} REFRESH PUBLICATION WITH (copy_data = false); if one"
        " way is meant, a publication of its own"
    )
    subject = f"{ends.target} -> {ends.origin}"
    return [Finding(Level.WARN, subject, text, "tables.one_way", remedy)]


# What publications leave out --------------------------------------------------------------------------


def _left_out(ends: _Ends) -> list[Finding]:
    """Sorts of changes, rows and columns that are not sent. A copy that is only read may be meant to keep
    what the origin deletes: between nodes that subscribe to each other it is a fault."""
    found = []
    sends = {publication.name: publication.changes for publication in ends.sender.facts.publications or ()}
    wanted = frozenset(ends.publications)
    missing: dict[tuple[str, ...], list[str]] = {}
    for group in ends.sender.published(ends.publications):
        sent = {change for name in wanted & set(group.publications) for change in sends.get(name, CHANGES)}
        if len(sent) < len(CHANGES):
            missing.setdefault(tuple(c for c in CHANGES if c not in sent), []).extend(group.publications)
    for changes, names in missing.items():
        level = Level.CRIT if ends.back and changes != ("truncate",) else Level.WARN
        if not ends.back and changes == ("truncate",):
            continue
        named = listed(sorted(set(names) & wanted))
        text = f"publication {named} of {ends.origin} sends no {_or(changes)}: {ends.target} comes to differ"
        remedy = (
            f"on {{origin_at}}: ALTER PUBLICATION {named} SET (publish = 'insert, update, delete, truncate');"
            " compare the rows"
        )
        found.append(Finding(level, ends.subject, text, "publication.changes", remedy))
    return found + (_narrowed(ends, wanted) if ends.back else [])


def _narrowed(ends: _Ends, wanted: frozenset[str]) -> list[Finding]:
    """Tables of which only some rows or columns are sent, whichever publication they come by."""
    by_table: dict[str, list[str]] = {}
    whole: dict[str, frozenset[str]] = {}
    for group in ends.sender.published(ends.publications):
        whole |= dict.fromkeys(group.names, wanted & set(group.publications))
    for one in ends.sender.facts.narrowed_tables:
        if one.publication not in wanted:
            continue
        others = whole.get(one.table, frozenset()) - {
            other.publication for other in ends.sender.facts.narrowed_tables if other.table == one.table
        }
        if others:
            continue  # it comes whole by another one
        what = [f"only rows with {one.row_filter}"] if one.row_filter else []
        what += [f"not column {listed(one.left_out)}"] if one.left_out else []
        by_table.setdefault(one.table, []).append(", ".join(what))
    if not by_table:
        return []
    first, what = next(iter(by_table.items()))
    more = f", and less than all of {counted(len(by_table) - 1, 'other table')}" if len(by_table) > 1 else ""
    text = f"{ends.origin} sends of {first} {what[0]}{more}: {ends.target} lacks the rest"
    remedy = (
        f"if nobody meant that, on {{origin_at}}: ALTER PUBLICATION {ends.publications[0]}"
        f" DROP TABLE {first}, then ADD TABLE without WHERE and columns; compare the rows"
    )
    return [Finding(Level.WARN, ends.subject, text, "tables.narrowed", remedy)]


# Words -----------------------------------------------------------------------------------------------


def _same(one: Sequence[TableGroup], other: Sequence[TableGroup]) -> bool:
    return (sum(g.count for g in one), sum(g.digest for g in one)) == (
        sum(g.count for g in other),
        sum(g.digest for g in other),
    )


def _named(groups: Iterable[TableGroup]) -> bool:
    """Whether every table of these is known by its name."""
    return all(len(group.names) == group.count for group in groups)


def _names(groups: Iterable[TableGroup]) -> set[str]:
    return {name for group in groups for name in group.names}


def _some(tables: Sequence[str]) -> str:
    """`public.a`, `public.a and public.b`, `public.a, public.b, public.c and 5 more`."""
    shown = list(tables[:_SHOWN])
    return listed([*shown, f"{len(tables) - _SHOWN} more"] if len(tables) > _SHOWN else shown)


def _them(tables: Sequence[str]) -> str:
    return "it" if len(tables) == 1 else "them"


def _or(changes: Sequence[str]) -> str:
    """`updates or deletes`."""
    return " or ".join(part for part in (", ".join(f"{c}s" for c in changes[:-1]), f"{changes[-1]}s") if part)
