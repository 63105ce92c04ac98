"""Tables in replication sets: what does not arrive is told, what is local or meant is not."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bdr_console.cluster.replication_sets import SetTables
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict import Level, Thresholds, judge
from tests.cluster.builders import NOW, node, node_facts, snapshot

Offers = Mapping[str, tuple[str, ...]]
TWO = ("node1", "node2")


def two(first: Offers, second: Offers, taken: tuple[str, ...] = ("default",), **more: object) -> Snapshot:
    """Two nodes with these tables by set; node2 takes `taken` of node1, node1 the default set."""
    nodes = []
    for name, offers, takes in (("node1", first, ("default",)), ("node2", second, taken)):
        facts = node_facts(name, TWO)
        tables = tuple(SetTables((s,) if s else (), len(t), t) for s, t in offers.items())
        subscriptions = tuple(
            replace(one, replication_sets=takes, **more)  # type: ignore[arg-type]
            for one in facts.subscriptions
        )
        facts = replace(facts, engine="BDR 1.0.2", set_tables=tables, subscriptions=subscriptions)
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
    unread = replace(found.nodes[0].facts, set_tables=None)  # type: ignore[type-var]
    assert told(replace(found, nodes=(node("node1", unread), found.nodes[1]))) == []
    assert told(two({"": ("public.a",)}, {"default": ("public.a",)}, ())) == []
