"""A link is judged from both of its ends, and never looks better than what is known."""

from dataclasses import replace
from datetime import timedelta

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import LinkState, links
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
