"""What should replicate and does not, where tables are in replication sets: each link's sender against its
receiver, table by table. Pure.

A table that no node sends to any other is local: nobody misses its changes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bdr_console.cluster.findings import Finding, Level
from bdr_console.cluster.nodes import NodeFacts, Subscription
from bdr_console.cluster.reach import listed, present
from bdr_console.cluster.replication import Link
from bdr_console.cluster.replication_sets import CHANGES, SetTables
from bdr_console.cluster.snapshot import Snapshot

_SHOWN = 3
"""Names of tables in one text."""
_DEFAULT = "default"
"""The set that every subscription takes unless somebody said otherwise."""
_ALL = "all"
"""BDR 1 and pgactive: who takes it takes every table."""
_INSERT_ONLY = "default_insert_only"
"""The set for tables without a key, of which only inserts can be sent."""
_ADD_TABLE = {
    "Spock": "SELECT spock.repset_add_table('%s', '%s')",
    "pglogical": "SELECT pglogical.replication_set_add_table('%s', '%s')",
}
_TAKE_SET = {
    "Spock": "SELECT spock.sub_add_repset('%s', '%s')",
    "pglogical": "SELECT pglogical.alter_subscription_add_replication_set('%s', '%s')",
}
"""By the first word of the engine's name."""

Tables = dict[str, tuple[str, ...]]
"""Each table with the sets that it is in."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One link whose two ends tell their tables."""

    origin: str
    target: str
    taken: frozenset[str]
    """The sets that the target takes."""
    offers: Tables
    """Of the origin."""
    there: Tables
    """Of the target."""
    sender: NodeFacts
    subscription: Subscription

    @property
    def sent(self) -> set[str]:
        """The tables whose changes reach the target."""
        if _ALL in self.taken:
            return set(self.offers)
        return {table for table, sets in self.offers.items() if not self.taken.isdisjoint(sets)}

    @property
    def subject(self) -> str:
        """Both ends, as links are named."""
        return f"{self.origin} -> {self.target}"


def set_findings(snapshot: Snapshot, links: Iterable[Link], now: datetime) -> list[Finding]:
    """Find tables that both ends of a link have and whose changes do not arrive, though some node's do, and
    sets that leave out some sorts of changes."""
    nodes = present(snapshot, now)
    read = {name: _tables(facts.set_tables) for name, facts in nodes.items()}
    tables = {name: found for name, found in read.items() if found is not None}
    ways = {
        link.key: _Way(
            link.origin,
            link.target,
            frozenset(link.subscription.replication_sets),
            tables[link.origin],
            tables[link.target],
            nodes[link.origin],
            link.subscription,
        )
        for link in links
        if link.subscription and link.origin in tables and link.target in tables
        # Where the engine makes the links, no set at all means that its rows of connections do not say.
        if link.subscription.replication_sets or not nodes[link.target].meshed
    }
    anywhere = {table for way in ways.values() for table in way.sent}
    found: list[Finding] = []
    for (origin, target), way in ways.items():
        back = ways.get((target, origin))
        found += _not_sent(way, back, anywhere)
        found += _narrow(way) if back else ()
    return found


def _tables(groups: Sequence[SetTables] | None) -> Tables | None:
    """None where they were not read. Of very many tables only the first are known by name."""
    return None if groups is None else {name: group.sets for group in groups for name in group.names}


def _not_sent(way: _Way, back: _Way | None, anywhere: set[str]) -> Iterator[Finding]:
    """What goes the other way, or was copied when the subscription began, is certainly meant to arrive."""
    lacking = {table for table in way.offers if table in way.there} - way.sent
    if not lacking:
        return
    copied = set(way.subscription.copied_tables)
    meant = copied | (back.sent if back else set())
    # Of a table in no set nothing is sent at all; of one in a set that is not taken, nothing arrives here.
    if unset := sorted(t for t in lacking if not way.offers[t] and t in anywhere | copied):
        level = Level.WARN if meant.isdisjoint(unset) else Level.CRIT
        text = f"{_some(unset)} {'is' if len(unset) == 1 else 'are'} in no replication set of {way.origin}:"
        text += f" changes do not reach {way.target}"
        wanted = _DEFAULT if _DEFAULT in way.taken else min(way.taken, default=_DEFAULT)
        command = _command(_ADD_TABLE, way, wanted, unset[0]) or f"add {unset[0]} to set {wanted}"
        remedy = f"on {{origin_at}}: {command}; compare the rows"
        yield Finding(level, way.subject, text, "sets.not_sent", remedy)
    by_sets: dict[tuple[str, ...], list[str]] = {}
    for table in sorted(t for t in lacking if way.offers[t]):
        by_sets.setdefault(way.offers[table], []).append(table)
    for sets, names in by_sets.items():
        level = Level.CRIT if _DEFAULT in sets or not meant.isdisjoint(names) else Level.WARN
        text = f"{way.target} does not take set {listed(list(sets))} of {way.origin}: changes to"
        text += f" {_some(names)} do not arrive"
        subscription = way.subscription.name
        command = _command(_TAKE_SET, way, subscription, sets[0]) or f"add set {sets[0]} to what it takes"
        remedy = f"on {{target_at}}: {command}; compare the rows"
        yield Finding(level, way.subject, text, f"sets.not_taken:{sets[0]}", remedy)


def _narrow(way: _Way) -> Iterator[Finding]:
    """Sets that leave out changes, between nodes that send to each other: a copy that is only read may be
    meant to keep what the origin deletes."""
    for narrow in way.sender.narrow_sets:
        if narrow.name not in way.taken or narrow.name == _INSERT_ONLY or narrow.leaves_out == CHANGES[-1:]:
            continue
        only = sorted(t for t, sets in way.offers.items() if way.taken.intersection(sets) == {narrow.name})
        if not only:
            continue
        kinds = " or ".join(f"{change}s" for change in narrow.leaves_out)
        text = f"set {narrow.name} of {way.origin} sends no {kinds} of {_some(only)}:"
        text += f" {way.target} comes to differ"
        yield Finding(Level.CRIT, way.subject, text, f"sets.narrow:{narrow.name}")


def _command(templates: Mapping[str, str], way: _Way, first: str, second: str) -> str:
    """The engine's own statement; empty where it is not one function."""
    template = templates.get(way.sender.engine.partition(" ")[0], "")
    return template % (first, second) if template else ""


def _some(tables: Sequence[str]) -> str:
    """`public.a`, `public.a and public.b`, `public.a, public.b, public.c and 5 more`."""
    shown = list(tables[:_SHOWN])
    return listed([*shown, f"{len(tables) - _SHOWN} more"] if len(tables) > _SHOWN else shown)
