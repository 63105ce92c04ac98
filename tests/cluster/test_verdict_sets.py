"""Tables in replication sets: what does not arrive is told, what is local or meant is not."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.table_sets import SetRules, TableGroup, TableSet
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import NOW, node, node_facts, snapshot

Offers = Mapping[str, tuple[str, ...]]
TWO = ("node1", "node2")
SETS = SetRules(default="default", everything="all")


def two(first: Offers, second: Offers, taken: tuple[str, ...] = ("default",), **more: object) -> Snapshot:
    """Two nodes with these tables by set; node2 takes `taken` of node1, node1 the default set."""
    nodes = []
    for name, offers, takes in (("node1", first, ("default",)), ("node2", second, taken)):
        facts = node_facts(name, TWO)
        tables = tuple(TableGroup((s,) if s else (), len(t), None, t) for s, t in offers.items())
        subscriptions = tuple(
            replace(one, replication_sets=takes, **more)  # type: ignore[arg-type]
            for one in facts.subscriptions
        )
        facts = replace(facts, table_groups=tables, set_rules=SETS, subscriptions=subscriptions)
        nodes.append(node(name, facts))
    return replace(snapshot(), nodes=tuple(nodes), proxies=(), poolers=())


def told(found: Snapshot) -> list[tuple[Level, str, str]]:
    return [(f.level, f.subject, f.text) for f in judge(found, Thresholds(), NOW).findings]


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        ({"default": ("public.a",)}, {"default": ("public.a",)}, ("default",)),
        ({"": ("public.log",)}, {"": ("public.log",)}, ("default",)),
        ({"default": ("public.a", "public.only_here")}, {"default": ("public.a",)}, ("default",)),
        ({"default": ("public.a",), "eu": ("public.b",)}, {"default": ("public.a", "public.b")}, ("all",)),
    ],
    ids=["the same on both", "in no set anywhere", "on one node alone", "every set is taken"],
)
def test_what_replicates_or_is_local_is_no_finding(
    first: Offers, second: Offers, taken: tuple[str, ...]
) -> None:
    assert told(two(first, second, taken)) == []


def test_a_table_that_goes_one_way_only_is_critical_the_other_way() -> None:
    found = two({"": ("public.a",)}, {"default": ("public.a",)})
    text = "public.a is in no replication set of node1: changes do not reach node2"
    assert told(found) == [(Level.CRIT, "node1 -> node2", text)]


def test_a_table_that_was_copied_once_and_is_in_no_set_any_more_is_critical() -> None:
    offers = {"": ("public.a",)}
    found = told(two(offers, offers, copied_tables=("public.a",)))
    assert {(level, subject) for level, subject, _ in found} == {
        (Level.CRIT, "node1 -> node2"),
        (Level.CRIT, "node2 -> node1"),
    }


def test_a_set_that_is_not_taken_is_a_warning_unless_it_is_the_default_one() -> None:
    same = {"default": ("public.a",), "eu": tuple(f"public.t{n}" for n in range(5))}
    text = (
        "node2 does not take set eu of node1: changes to public.t0, public.t1, public.t2 and 2 more do not"
        " arrive"
    )
    assert (Level.WARN, "node1 -> node2", text) in told(two(same, same))
    without = told(two(same, same, ("eu",)))
    text = "node2 does not take set default of node1: changes to public.a do not arrive"
    assert (Level.CRIT, "node1 -> node2", text) in without


def test_sets_that_nobody_could_read_are_not_judged() -> None:
    found = two({"": ("public.a",)}, {"default": ("public.a",)})
    unread = replace(found.nodes[0].facts, table_groups=None)  # type: ignore[type-var]
    assert told(replace(found, nodes=(node("node1", unread), found.nodes[1]))) == []
    assert told(two({"": ("public.a",)}, {"default": ("public.a",)}, ())) == []


def test_a_table_sent_one_way_by_a_set_of_its_own_is_meant_to_go_one_way() -> None:
    first = {"default": ("public.a",), "reference": ("public.r",)}
    found = two(first, {"default": ("public.a",), "": ("public.r",)}, ("default", "reference"))
    assert told(found) == []


def test_a_set_that_a_subscription_takes_and_its_sender_does_not_have_is_critical() -> None:
    found = two({"default": ("public.a",)}, {"default": ("public.a",)}, ("default", "eu"))
    facts = replace(found.nodes[0].facts, table_sets=(TableSet("default"),))  # type: ignore[type-var]
    text = (
        "replication set eu does not exist on node1: nothing of their tables that is written there goes to"
        " node2"
    )
    assert told(replace(found, nodes=(node("node1", facts), found.nodes[1]))) == [
        (Level.CRIT, "node1 -> node2", text)
    ]


def many(count: int, digest: int) -> TableGroup:
    """More tables in the default set than names are read of."""
    return TableGroup(("default",), count, digest, ("public.t0",))


@pytest.mark.parametrize(
    ("back", "local", "expected"),
    [
        (many(2000, 7), ("public.log",), []),
        (many(2001, 9), (), []),
        (many(2001, 9), ("public.log",), ["node1 -> node2"]),
    ],
    ids=["the same both ways", "everything is sent", "one more comes back, and one is kept"],
)
def test_tables_beyond_the_names_that_are_read_are_compared_by_their_sums_or_unknown(
    back: TableGroup, local: tuple[str, ...], expected: list[str]
) -> None:
    found = two({}, {})
    groups = ((many(2000, 7), TableGroup((), len(local), 1, local)), (back,))
    nodes = tuple(
        node(one.name, replace(one.facts, table_groups=tables))  # type: ignore[type-var]
        for one, tables in zip(found.nodes, groups, strict=True)
    )
    findings = judge(replace(found, nodes=nodes), Thresholds(), NOW).findings
    assert [(f.subject, f.level, f.code) for f in findings] == [
        (subject, Level.UNKNOWN, "tables.uncompared") for subject in expected
    ]
