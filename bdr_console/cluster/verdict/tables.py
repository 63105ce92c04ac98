"""What should replicate and does not: on each link the tables that its sender offers against those that its
receiver takes; changes, rows and columns that are left out. Pure.

Publications and replication sets are judged by one rule.
A table that nobody sends and nobody takes is nobody's business here: it is local.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import Subscription
from bdr_console.cluster.replication import Link
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.table_sets import CHANGES
from bdr_console.cluster.text import counted, listed
from bdr_console.cluster.verdict.findings import Finding, Level
from bdr_console.cluster.verdict.table_ends import TableEnd, TableEnds, Tables

_AT_ONCE = timedelta(seconds=2)
"""Readings of two nodes within this time are taken for one moment."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_SHOWN = 3
"""Names of tables in one text."""


def table_findings(
    snapshot: Snapshot, links: Iterable[Link], now: datetime, past: History | None
) -> list[Finding]:
    """Find every difference between what a link's sender offers and what its receiver takes.

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
    """Return the keys under which history keeps how long each difference has been there."""
    return {difference_key(finding) for _, finding in _differences(snapshot, links, now)}


def difference_key(finding: Finding) -> Hashable:
    """1 while the two ends of a link differ in that way."""
    return ("tables:", finding.subject, finding.code)


def _differences(
    snapshot: Snapshot, links: Iterable[Link], now: datetime
) -> Iterator[tuple[tuple[datetime, datetime], Finding]]:
    """Each with the moments of the two readings that it was found in."""
    ends = {
        node.name: end
        for node in snapshot.nodes
        if node.is_fresh(now, snapshot.refresh) and (end := TableEnd.of(node))
    }
    if not ends:
        return
    by_pair = {link.key: link.subscription for link in links if link.subscription}
    for (origin, target), subscription in by_pair.items():
        # Where the engine makes the links, no set at all means that its rows of connections do not say.
        silent = not subscription.replication_sets and target in ends and ends[target].facts.meshed
        if origin not in ends or target not in ends or silent:
            continue
        link = TableEnds(ends[origin], ends[target], subscription, by_pair.get((target, origin)))
        if missing := _missing_sets(link):
            yield _moments(link, "seen_at"), missing
            continue
        for finding in (*_not_taken(link), *_not_sent(link), *_left_out(link)):
            yield _moments(link, "seldom_at"), finding


def _moments(ends: TableEnds, of: str) -> tuple[datetime, datetime]:
    found = [
        (end.facts.seldom_at if of == "seldom_at" else None) or end.node.seen_at or _NEVER
        for end in (ends.sender, ends.receiver)
    ]
    return found[0], found[1]


def _missing_sets(ends: TableEnds) -> Finding | None:
    known = ends.sender.facts.table_sets
    if known is None:
        return None
    there = {one.name for one in known}
    missing = [name for name in ends.sets if name not in there]
    if not missing:
        return None
    rules = ends.sender.rules
    what = rules.word if len(missing) == 1 else f"{rules.word}s"
    lost = "nothing" if len(missing) == len(ends.sets) else "nothing of their tables"
    text = (
        f"{what} {listed(missing)} {'does' if len(missing) == 1 else 'do'} not exist on {ends.origin}:"
        f" {lost} that is written there goes to {ends.target}"
    )
    create = ends.statement(rules.create, set=missing[0]) or f"create {missing[0]}"
    remedy = (
        f"on {{origin_at}}: {create}; rows written there meanwhile are lost to {ends.target}: compare them"
    )
    return Finding(Level.CRIT, ends.subject, text, "sets.missing", remedy)


# Tables ----------------------------------------------------------------------------------------------


def _not_taken(ends: TableEnds) -> Iterator[Finding]:
    """What is sent and thrown away, where subscriptions list their tables."""
    sent, taken = ends.sent, ends.expected
    if not ends.sender.rules.lists_tables or sent.same_as(taken):
        return
    refresh = f"ALTER SUBSCRIPTION {ends.subscription.name} REFRESH PUBLICATION"
    if not (sent.named and taken.named):
        text = (
            f"{ends.origin} sends {counted(sent.count, 'table')}, and {ends.target} takes {taken.count}: not"
        )
        remedy = (
            "compare pg_publication_tables on {origin_at} with pg_subscription_rel on {target_at}; there:"
            f" {refresh}"
        )
        yield Finding(Level.CRIT, ends.subject, f"{text} the same", "tables.not_taken", remedy)
        return
    tables = sorted(sent.names - taken.names)
    if ignored := [table for table in tables if ends.receiver.has(table)]:
        text = f"{ends.target} does not take {_some(ignored)}: what {ends.origin} sends of"
        text += f" {_them(ignored)} is thrown away"
        remedy = f"on {{target_at}}: {refresh} (WITH (copy_data = false) where the rows are there already)"
        yield Finding(Level.CRIT, ends.subject, text, "tables.not_taken", remedy)
    if absent := [table for table in tables if not ends.receiver.has(table)]:
        does, them = "does" if len(absent) == 1 else "do", _them(absent)
        text = f"{_some(absent)} {does} not exist on {ends.target}, and {ends.origin} publishes {them}"
        remedy = f"create {them} on {{target_at}}, then {refresh}; or take {them} out of the publication"
        yield Finding(Level.WARN, ends.subject, text, "tables.absent", remedy)


def _not_sent(ends: TableEnds) -> Iterator[Finding]:
    """What is certainly meant to arrive and does not: tables that the receiver lists or has copied, and those
    that come back by the same sets."""
    sent, expected, returned = ends.sent, ends.expected, ends.returned
    if (
        ends.sender.rules.lists_tables
        and sent.same_as(expected)
        and (not ends.back or sent.same_as(returned))
    ):
        return  # nearly always
    known = Tables(ends.sender.groups).names
    back = (returned.names - sent.names - expected.names) & known
    if not ends.sender.rules.lists_tables:
        wanted = (expected.names - sent.names) & known
        meant = sorted(wanted)
    else:
        wanted = expected.names - sent.names if sent.named and expected.named else set()
        back &= ends.applied_back
        meant = sorted(table for table in wanted if ends.sender.has(table))
    yield from _unset(ends, meant, sorted(back))
    yield from _untaken_sets(ends, {*meant, *back})
    if gone := sorted(wanted.difference(meant)):
        does, them = "does" if len(gone) == 1 else "do", _them(gone)
        text = f"{_some(gone)} {does} not exist on {ends.origin}, and {ends.target} subscribes to {them}"
        remedy = f"drop {them} on {{target_at}} too, or create {them} on {{origin_at}}"
        yield Finding(Level.WARN, ends.subject, text, "tables.gone", remedy)
    if unknown := _uncompared(ends, sent, expected, returned):
        yield unknown


def _unset(ends: TableEnds, meant: Sequence[str], back: Sequence[str]) -> Iterator[Finding]:
    """Tables of the sender that are in no set of it. PostgreSQL's publications are for whoever subscribes to
    them, so a table in another one is sent to the target no more than one in none."""
    rules, sets_of = ends.sender.rules, ends.sender.sets_of
    meant = [table for table in meant if rules.lists_tables or not sets_of(table)]
    back = [table for table in back if rules.lists_tables or not sets_of(table)]
    lost = f"rows written there meanwhile are lost to {ends.target}: compare them"
    if rules.lists_tables:
        if meant:
            verb = "is" if len(meant) == 1 else "are"
            text = (
                f"{_some(meant)} {verb} no longer published on {ends.origin}, and {ends.target} subscribes to"
                f" {_them(meant)}: changes are not sent"
            )
            refresh = f"on {{target_at}}: ALTER SUBSCRIPTION {ends.subscription.name} REFRESH PUBLICATION"
            add = ends.statement(rules.add_table, set=ends.sets[0] if ends.sets else "?", table=meant[0])
            # Others are sent that are not taken: partitions, when their root is published instead.
            replaced = bool(ends.sent.names - ends.expected.names)
            remedy = (
                f"{refresh}; {lost}"
                if replaced
                else f"on {{origin_at}}: {add}; {lost}. Or, if meant, {refresh}"
            )
            yield Finding(Level.CRIT, ends.subject, text, "tables.not_sent", remedy)
    else:
        by_default = [table for table in back if rules.default in ends.receiver.sets_of(table)]
        meant = sorted({*meant, *by_default})
        back = [table for table in back if table not in by_default]
        if meant:
            text = f"{_some(meant)} {'is' if len(meant) == 1 else 'are'} in no {rules.word} of {ends.origin}:"
            text += f" changes do not reach {ends.target}"
            into = rules.default if rules.default in ends.sets else min(ends.sets, default=rules.default)
            add = ends.statement(rules.add_table, set=into, table=meant[0]) or f"add {meant[0]} to set {into}"
            yield Finding(
                Level.CRIT,
                ends.subject,
                text,
                "tables.not_sent",
                f"on {{origin_at}}: {add}; compare the rows",
            )
    if back and ends.back:
        yield _one_way(ends, ends.back, back)


def _one_way(ends: TableEnds, back: Subscription, tables: Sequence[str]) -> Finding:
    goes, rules = "goes" if len(tables) == 1 else "go", ends.sender.rules
    text = (
        f"{_some(tables)} {goes} from {ends.target} to {ends.origin} and not back: what clients write on"
        f" {ends.origin} stays there"
    )
    into = next((name for name in ends.receiver.sets_of(tables[0]) if name in ends.sets), "?")
    add = ends.statement(rules.add_table, set=into, table=tables[0]) or f"add {tables[0]} to set {into}"
    refresh = f", then on {{target_at}}: ALTER SUBSCRIPTION {ends.subscription.name} REFRESH PUBLICATION WITH"
    then = f"{refresh} (copy_data = false)" if rules.lists_tables else ""
    remedy = f"on {{origin_at}}: {add}{then}; if one way is meant, a {rules.word} of its own"
    return Finding(Level.WARN, ends.subject, text, "tables.one_way", remedy)


def _untaken_sets(ends: TableEnds, meant: set[str]) -> Iterator[Finding]:
    """Sets of the whole group that hold tables of both ends and that the target does not take. The set of a
    sub-group is for its own nodes."""
    rules = ends.sender.rules
    if rules.lists_tables or (rules.everything and rules.everything in ends.sets):
        return
    own = {group.name for group in ends.sender.facts.groups if group.parent is not None}
    by_sets: dict[tuple[str, ...], list[str]] = {}
    for group in ends.sender.groups:
        if not group.sets or not set(ends.sets).isdisjoint(group.sets):
            continue
        names = [name for name in group.names if any(name in there.names for there in ends.receiver.groups)]
        if own.intersection(group.sets):
            names = [name for name in names if name in meant]
        if names:
            by_sets.setdefault(group.sets, []).extend(names)
    for sets, names in by_sets.items():
        level = Level.CRIT if rules.default in sets or not meant.isdisjoint(names) else Level.WARN
        text = f"{ends.target} does not take set {listed(list(sets))} of {ends.origin}: changes to"
        text += f" {_some(sorted(names))} do not arrive"
        take = ends.statement(rules.take, set=sets[0]) or f"add set {sets[0]} to what it takes"
        remedy = f"on {{target_at}}: {take}; compare the rows"
        yield Finding(level, ends.subject, text, f"sets.not_taken:{sets[0]}", remedy)


def _uncompared(ends: TableEnds, sent: Tables, expected: Tables, returned: Tables) -> Finding | None:
    """Of very many tables only the first names are read, beside a sum of all: it tells that two nodes send
    each other the same, but not in what they differ."""
    if ends.sender.rules.lists_tables:
        return None  # the list of the subscription is compared by its sum
    kept = Tables(tuple(group for group in ends.sender.groups if group not in sent.groups))
    elsewhere = Tables(tuple(group for group in ends.receiver.groups if group not in returned.groups))
    same = not ends.back or returned.named or sent.same_as(returned) or kept.names <= elsewhere.names
    if kept.named and same and expected.named:
        return None
    if not kept.count or (not expected.count and (not ends.back or sent.same_as(returned))):
        return None
    text = (
        f"{ends.origin} keeps {counted(kept.count, 'table')} to itself, and whether {ends.target} should get"
        " any of them is not known: there are more tables than names are read of"
    )
    return Finding(Level.UNKNOWN, ends.subject, text, "tables.uncompared")


# What sets leave out ---------------------------------------------------------------------------------


def _left_out(ends: TableEnds) -> Iterator[Finding]:
    """Sorts of changes, rows and columns that are not sent. A copy that is only read may be meant to keep
    what the origin deletes: between nodes that take from each other it is a fault."""
    sends = {one.name: one.changes for one in ends.sender.facts.table_sets or ()}
    wanted, rules = frozenset(ends.sets), ends.sender.rules
    missing: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for group in ends.sent.groups:
        by = tuple(sorted(wanted & set(group.sets)))
        sent = {change for name in by for change in sends.get(name, CHANGES)}
        if by and len(sent) < len(CHANGES) and by != (rules.insert_only,):
            left = tuple(change for change in CHANGES if change not in sent)
            missing.setdefault((by, left), []).extend(group.names)
    for (by, changes), tables in missing.items():
        level = Level.CRIT if ends.back and changes != ("truncate",) else Level.WARN
        if changes == ("truncate",) and not ends.back:
            continue
        of = "" if rules.lists_tables else f" of {_some(sorted(tables))}"
        text = f"{rules.word} {listed(by)} of {ends.origin} sends no {_or(changes)}{of}:"
        text += f" {ends.target} comes to differ"
        send = ends.statement(rules.send_all, set=by[0]) or f"let set {by[0]} send every change"
        remedy = f"on {{origin_at}}: {send}; compare the rows"
        yield Finding(level, ends.subject, text, f"sets.changes:{by[0]}", remedy)
    if ends.back and (narrowed := _narrowed(ends, wanted)):
        yield narrowed


def _narrowed(ends: TableEnds, wanted: frozenset[str]) -> Finding | None:
    """Tables of which only some rows or columns are sent, whichever set they come by."""
    by_table: dict[str, list[str]] = {}
    narrowed = ends.sender.facts.narrowed_tables
    whole = (
        {name: wanted & set(group.sets) for group in ends.sent.groups for name in group.names}
        if narrowed
        else {}
    )
    for one in narrowed:
        if one.set not in wanted:
            continue
        if whole.get(one.table, frozenset()) - {other.set for other in narrowed if other.table == one.table}:
            continue  # it comes whole by another one
        what = [f"only rows with {one.row_filter}"] if one.row_filter else []
        what += [f"not column {listed(one.left_out)}"] if one.left_out else []
        by_table.setdefault(one.table, []).append(", ".join(what))
    if not by_table:
        return None
    first, what = next(iter(by_table.items()))
    more = f", and less than all of {counted(len(by_table) - 1, 'other table')}" if len(by_table) > 1 else ""
    text = f"{ends.origin} sends of {first} {what[0]}{more}: {ends.target} lacks the rest"
    rules = ends.sender.rules
    whole_again = "add the table to its set without a row filter"
    if rules.lists_tables:
        whole_again = (
            f"ALTER PUBLICATION {ends.sets[0]} DROP TABLE {first}, then ADD TABLE without WHERE and columns"
        )
    remedy = f"if nobody meant that, on {{origin_at}}: {whole_again}; compare the rows"
    return Finding(Level.WARN, ends.subject, text, "tables.narrowed", remedy)


# Words -----------------------------------------------------------------------------------------------


def _some(tables: Sequence[str]) -> str:
    """`public.a`, `public.a and public.b`, `public.a, public.b, public.c and 5 more`."""
    shown = list(tables[:_SHOWN])
    return listed([*shown, f"{len(tables) - _SHOWN} more"] if len(tables) > _SHOWN else shown)


def _them(tables: Sequence[str]) -> str:
    return "it" if len(tables) == 1 else "them"


def _or(changes: Sequence[str]) -> str:
    """`updates or deletes`."""
    return " or ".join(part for part in (", ".join(f"{c}s" for c in changes[:-1]), f"{changes[-1]}s") if part)
