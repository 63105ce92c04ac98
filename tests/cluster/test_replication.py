"""A link is judged from both of its ends, and never looks better than what is known."""

from dataclasses import replace
from datetime import timedelta

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import LinkState, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Finding, Impact, Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import NOW, node, node_facts, slot, snapshot, with_node


def test_every_ordered_pair_of_nodes_is_one_link() -> None:
    found = links(snapshot(), NOW)
    assert len(found) == 6
    assert {link.state for link in found} == {LinkState.STREAMING}


def test_lag_is_read_at_the_senders_slot_even_when_the_receiver_is_dead() -> None:
    facts = replace(node_facts("node1"), slots=(replace(slot("node2", 5 << 20), active=False), slot("node3")))
    world = with_node(snapshot(), node("node1", facts))
    world = with_node(world, replace(node("node2", age=60), error="connection refused"))
    link = next(link for link in links(world, NOW) if link.key == ("node1", "node2"))
    assert link.state is LinkState.DOWN
    assert link.lag_bytes == 5 << 20
    assert link.fresh


def test_a_link_that_nobody_can_see_is_unknown_and_has_no_figures() -> None:
    world = with_node(snapshot(), Observed("node1", "node1:5432", error="connection refused"))
    link = next(link for link in links(world, NOW) if link.key == ("node1", "node2"))
    assert link.state is LinkState.UNKNOWN
    assert link.lag_bytes is None
    assert link.lag_seconds is None


def test_figures_of_a_node_that_stopped_answering_are_dated_and_not_fresh() -> None:
    world = with_node(snapshot(), replace(node("node1", age=40), error="no answer within 2.0 s"))
    link = next(link for link in links(world, NOW) if link.key == ("node1", "node2"))
    assert link.state is LinkState.UNKNOWN
    assert not link.fresh
    assert link.seen_at == NOW - timedelta(seconds=40)


def test_nodes_are_joined_by_the_engines_name_where_the_configuration_calls_them_otherwise() -> None:
    renamed = replace(node("node1"), name="primary-site")
    world = replace(snapshot(), nodes=(renamed, *snapshot().nodes[1:]))
    link = next(link for link in links(world, NOW) if link.key == ("primary-site", "node2"))
    assert link.state is LinkState.STREAMING


def test_a_walsender_that_catches_up_is_named_so() -> None:
    facts = replace(
        node_facts("node1"), slots=(replace(slot("node2", 5 << 20), state="catchup"), slot("node3"))
    )
    link = next(
        link
        for link in links(with_node(snapshot(), node("node1", facts)), NOW)
        if link.key == ("node1", "node2")
    )
    assert link.state is LinkState.CATCHUP


def _receiver_without_worker() -> NodeFacts:
    """node2, with a subscription to node1 that names its slot and whose worker is not connected."""
    facts = node_facts("node2")
    broken = (replace(one, status="down", slot_name=f"to_{one.origin}") for one in facts.subscriptions)
    return replace(facts, subscriptions=tuple(broken))


def _found(world: Snapshot) -> Finding:
    (found,) = [f for f in judge(world, Thresholds(), NOW).findings if f.subject == "node1 -> node2"]
    return found


def test_a_slot_that_is_gone_loses_data_and_a_dead_sender_does_not() -> None:
    world = with_node(snapshot(), node("node2", _receiver_without_worker()))
    gone = _found(with_node(world, node("node1", replace(node_facts("node1"), slots=(slot("node3"),)))))
    assert (gone.level, gone.code, gone.hurts) == (Level.CRIT, "link.lost", Impact.DATA)
    assert "create it anew with a copy of the rows" in gone.remedy
    # It may have its slot and every change yet: nobody is told to begin anew.
    dead = _found(with_node(world, Observed("node1", "node1:5432", error="connection refused")))
    assert (dead.code, dead.hurts) == ("link.down", Impact.REDUNDANCY)
    assert "anew" not in dead.remedy
