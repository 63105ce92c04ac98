"""Tables that one end of a link sends and the other does not take: when that counts, and what it costs."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.table_sets import CHANGES, NarrowedTable, SetRules, TableGroup, TableSet
from bdr_console.cluster.verdict.findings import Finding, Thresholds
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import NAMES, NOW, node, node_facts, snapshot, with_node

BOTH = ("public.a", "public.b")
PUBLICATIONS = SetRules(word="publication", lists_tables=True)


def tables(*names: str, of: str, publications: tuple[str, ...] = ("pub",)) -> TableGroup:
    """These tables, published and taken from both others."""
    taken = tuple(f"from_{other}" for other in NAMES if other != of)
    return TableGroup(publications, len(names), sum(map(hash, names)), names, taken)


def member(name: str, *groups: TableGroup, changes: tuple[str, ...] = CHANGES) -> NodeFacts:
    """A node that publishes `pub` and subscribes to that of the others."""
    facts = node_facts(name)
    return replace(
        facts,
        subscriptions=tuple(replace(s, replication_sets=("pub",)) for s in facts.subscriptions),
        table_sets=(TableSet("pub", changes),),
        set_rules=PUBLICATIONS,
        table_groups=groups or (tables(*BOTH, of=name),),
    )


def mesh(**changed: NodeFacts) -> Snapshot:
    """Three nodes that replicate two tables, but for those given."""
    found = snapshot()
    for name in NAMES:
        found = with_node(found, node(name, changed.get(name) or member(name)))
    return found


def found_in(shown: Snapshot, past: History | None = None) -> list[Finding]:
    judged = judge(shown, Thresholds(), shown.taken_at, past).findings
    return [finding for finding in judged if finding.code.startswith(("tables.", "sets."))]


def read_at(shown: Snapshot, now: datetime, **at: datetime) -> Snapshot:
    """The same seen at `now`; the tables of each node were read then, or at the time given."""
    for name in NAMES:
        facts = next(one.facts for one in shown.nodes if one.name == name)
        assert facts
        seen = replace(node(name, replace(facts, seldom_at=at.get(name, now))), seen_at=now)
        shown = with_node(shown, seen)
    return replace(shown, taken_at=now)


LACKS_B = member("node2", replace(tables("public.a", of="node2"), sets=("pub",)),
                 replace(tables("public.b", of="node2"), subscriptions=("from_node3",)))  # fmt: skip


def test_a_mesh_that_replicates_the_same_tables_everywhere_is_healthy() -> None:
    assert found_in(mesh()) == []


def test_a_table_that_is_being_added_is_no_fault_until_both_ends_were_read_again() -> None:
    past, early, late = History(), NOW - timedelta(seconds=8), NOW
    shown = read_at(mesh(node2=LACKS_B), NOW, node1=late, node2=early)
    remember(past, shown)
    assert found_in(shown, past) == [], "node2 was read before node1: it may take the table by now"
    half = read_at(
        mesh(node2=LACKS_B), NOW + timedelta(seconds=5), node1=late, node2=NOW + timedelta(seconds=4)
    )
    remember(past, half)
    assert found_in(half, past) == [], "node1 was not read again: it may not send the table any more"
    again = NOW + timedelta(seconds=12)
    both = read_at(
        mesh(node2=LACKS_B), again, node1=NOW + timedelta(seconds=10), node2=NOW + timedelta(seconds=4)
    )
    remember(past, both)
    assert [(f.subject, f.code) for f in found_in(both, past)] == [("node1 -> node2", "tables.not_taken")]


def test_one_look_at_both_ends_at_once_is_enough_for_a_plugin_that_runs_once() -> None:
    past = History()
    shown = read_at(mesh(node2=LACKS_B), NOW)
    remember(past, shown)
    assert [f.code for f in found_in(shown, past)] == ["tables.not_taken"]


def test_a_table_that_goes_one_way_by_a_publication_of_its_own_is_meant_to() -> None:
    sent = TableGroup(("reference",), 1, 7, ("public.r",))
    taken = TableGroup((), 1, 7, ("public.r",), ("from_node1",))
    node1 = replace(member("node1", tables(*BOTH, of="node1"), sent))
    node1 = replace(node1, table_sets=(TableSet("pub"), TableSet("reference")))
    others = {}
    for name in ("node2", "node3"):
        facts = member(name, tables(*BOTH, of=name), taken)
        subscriptions = tuple(
            replace(s, replication_sets=("pub", "reference")) if s.origin == "node1" else s
            for s in facts.subscriptions
        )
        others[name] = replace(facts, subscriptions=subscriptions)
    assert found_in(mesh(node1=node1, **others)) == []


def test_ten_thousand_tables_are_compared_though_not_all_are_named() -> None:
    many = TableGroup(("pub",), 10_000, 123, BOTH, ("from_node2", "from_node3"))
    node2 = replace(many, subscriptions=("from_node1", "from_node3"))
    node3 = replace(many, subscriptions=("from_node1", "from_node2"))
    healthy = mesh(node1=member("node1", many), node2=member("node2", node2), node3=member("node3", node3))
    assert found_in(healthy) == []
    fewer = replace(node2, count=9_999, digest=100)
    extra = replace(tables("public.c", of="node2"), subscriptions=("from_node3",))
    one = mesh(
        node1=member("node1", many),
        node2=member("node2", fewer, replace(extra, digest=23)),
        node3=member("node3", node3),
    )
    (found,) = found_in(one)
    assert found.subject == "node1 -> node2"
    assert found.text == "node1 sends 10000 tables, and node2 takes 9999: not the same"


@pytest.mark.parametrize(
    ("publications", "narrowed", "expected"),
    [
        (("pub",), ("pub",), ["tables.narrowed"] * 2),
        (("pub", "whole"), ("pub",), []),
        (("pub", "whole"), ("pub", "whole"), ["tables.narrowed"] * 2),
    ],
)
def test_a_table_that_also_comes_whole_by_another_publication_is_not_narrowed(
    publications: tuple[str, ...], narrowed: tuple[str, ...], expected: list[str]
) -> None:
    facts = member("node1", tables(*BOTH, of="node1", publications=publications))
    facts = replace(
        facts,
        table_sets=tuple(TableSet(name) for name in publications),
        narrowed_tables=tuple(NarrowedTable(name, "public.a", "(i > 0)", ()) for name in narrowed),
    )
    others = {}
    for name in ("node2", "node3"):
        there = member(name)
        subscriptions = tuple(
            replace(s, replication_sets=publications) if s.origin == "node1" else s
            for s in there.subscriptions
        )
        others[name] = replace(there, subscriptions=subscriptions)
    assert [f.code for f in found_in(mesh(node1=facts, **others))] == expected


def test_a_copy_that_keeps_what_its_origin_deletes_is_only_a_warning() -> None:
    one_way = replace(
        member("node1", changes=("insert", "update", "truncate")),
        subscriptions=(),
        slots=node_facts("node1").slots,
    )
    found = found_in(mesh(node1=one_way))
    assert {(f.subject, f.level.name) for f in found if f.code == "sets.changes:pub"} == {
        ("node1 -> node2", "WARN"),
        ("node1 -> node3", "WARN"),
    }
    both_ways = found_in(mesh(node1=member("node1", changes=("insert", "update", "truncate"))))
    assert {f.level.name for f in both_ways} == {"CRIT"}


def test_a_node_whose_tables_could_not_be_read_is_not_compared() -> None:
    assert found_in(mesh(node2=replace(LACKS_B, table_groups=None))) == []
