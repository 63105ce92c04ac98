"""Slots that name no node get their reader from the other nodes' subscriptions."""

from dataclasses import replace

import pytest

from bdr_console.cluster import slot_owners
from bdr_console.cluster.addresses import Names, Place, address_places
from bdr_console.cluster.nodes import NodeFacts, Slot, Subscription
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import LinkState, links
from bdr_console.cluster.slot_owners import with_slot_owners
from tests.cluster.builders import NOW, node_facts, snapshot
from tests.ui.large import native

SLOT = Slot("s", None, True, 1, "streaming", 0, 0)


def node(
    name: str, slots: tuple[str, ...] = (), subscriptions: tuple[Subscription, ...] = (), port: int = 5432
) -> Observed[NodeFacts]:
    """A node of an engine that names no nodes."""
    facts = replace(
        node_facts(name),
        node_name=None,
        members=(),
        meshed=False,
        slots=tuple(replace(SLOT, name=slot) for slot in slots),
        subscriptions=subscriptions,
    )
    return Observed(name, f"10.0.0.1:{port}", facts, NOW, took_ms=1.0)


def subscription(slot: str | None, at: str | None = None, origin: str = "unknown") -> Subscription:
    """An enabled subscription that reads `slot`, at that address if it can be seen."""
    return Subscription(f"to_{slot}", origin, True, "replicating", slot_name=slot, origin_address=at)


def told(nodes: tuple[Observed[NodeFacts], ...], name: str) -> tuple[list[str | None], list[str]]:
    """The targets of the slots and the origins of the subscriptions of that node."""
    facts = next(node.facts for node in with_slot_owners(nodes) if node.name == name)
    assert facts
    return [slot.target for slot in facts.slots], [s.origin for s in facts.subscriptions]


def test_a_slot_and_the_subscription_that_reads_it_find_each_other_by_its_name() -> None:
    nodes = (node("a", ("ab",)), node("b", (), (subscription("ab"),)))
    assert told(nodes, "a") == (["b"], [])
    assert told(nodes, "b") == ([], ["a"])


def test_equal_names_both_ways_do_not_make_a_node_its_own_reader() -> None:
    nodes = (node("a", ("s",), (subscription("s"),)), node("b", ("s",), (subscription("s"),)))
    assert told(nodes, "a") == (["b"], ["b"])
    assert told(nodes, "b") == (["a"], ["a"])


@pytest.mark.parametrize(
    ("address", "expected"), [("10.0.0.1:5434", ["c"]), (None, ["unknown"]), ("10.9.9.9:1", ["unknown"])]
)
def test_an_address_decides_between_equal_slots_and_nothing_else_does(
    address: str | None, expected: list[str]
) -> None:
    nodes = (
        node("a", ("s",), port=5433),
        node("b", (), (subscription("s", address),)),
        node("c", ("s",), port=5434),
    )
    assert told(nodes, "b")[1] == expected


def test_a_slot_that_two_nodes_claim_has_no_known_reader() -> None:
    nodes = (node("a", ("s",)), node("b", (), (subscription("s"),)), node("c", (), (subscription("s"),)))
    assert told(nodes, "a") == ([None], [])


def test_the_subscription_of_a_node_that_died_still_tells_whose_the_slot_is() -> None:
    dead = replace(node("b", (), (subscription("ab"),)), error="connection refused")
    assert told((node("a", ("ab",)), dead), "a") == (["b"], [])


def test_an_origin_whose_slot_is_gone_is_known_by_its_address() -> None:
    nodes = (node("a", port=5433), node("b", (), (subscription("ab", "10.0.0.1:5433"),)))
    assert told(nodes, "b") == ([], ["a"])
    both = replace(snapshot(), nodes=with_slot_owners(nodes))
    (link,) = (link for link in links(both, NOW) if link.key == ("a", "b"))
    assert (link.state, link.reason) == (LinkState.DOWN, "a has no slot ab, which b wants to read")


def test_a_provider_of_another_name_is_not_taken_for_the_origin() -> None:
    nodes = (node("a", ("ab",)), node("b", (), (subscription("ab", origin="somebody"),)))
    assert told(nodes, "a") == ([None], [])


def test_names_that_the_engine_gives_itself_stay() -> None:
    before = snapshot().nodes
    assert with_slot_owners(before) == before


@pytest.mark.parametrize(
    ("reached_at", "dsn"),
    [
        ("DB1.Example:5432", "db1.example:5432"),
        ("[fd00::1]:5432", "[FD00:0:0::1]:5432"),
        ("127.0.0.1:5433", "localhost:5433"),
        ("10.0.0.1:5432,10.0.0.2:5432", "10.0.0.2:5432"),
    ],
)
def test_an_address_leads_to_the_same_node_however_it_is_written(reached_at: str, dsn: str) -> None:
    nodes = (
        replace(node("a"), address=reached_at),
        replace(node("b", (), (subscription("ab", dsn),)), address="127.0.0.1:5434"),
    )
    assert told(nodes, "b")[1] == ["a"]


def test_a_name_is_compared_by_the_addresses_that_it_resolves_to() -> None:
    sender = replace(node("a"), address="10.0.0.1:5432")
    receiver = node("b", (), (subscription("ab", "db1:5432"),), port=5433)
    assert told((sender, receiver), "b")[1] == ["unknown"]
    (_, found) = with_slot_owners((sender, receiver), names={"db1": ("10.0.0.1",)})
    assert found.facts
    assert found.facts.subscriptions[0].origin == "a"


def test_a_node_is_found_where_its_dsn_says_and_not_where_a_tunnel_begins() -> None:
    sender = replace(node("a"), address="127.0.0.1:40001")
    receiver = node("b", (), (subscription("ab", "10.0.0.1:5432"),), port=5433)
    (_, found) = with_slot_owners((sender, receiver), {"a": frozenset({("10.0.0.1", "5432")})})
    assert found.facts
    assert found.facts.subscriptions[0].origin == "a"


def test_fifty_native_nodes_find_every_owner_and_each_address_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_up: list[str] = []

    def counted(address: str, machine: str = "", names: Names | None = None) -> frozenset[Place]:
        looked_up.append(address)
        return address_places(address, machine, names)

    monkeypatch.setattr(slot_owners, "address_places", counted)
    nodes = with_slot_owners(native(50).nodes)
    for each in nodes:
        assert each.facts
        peers = [other.name for other in nodes if other.name != each.name]
        assert [slot.target for slot in each.facts.slots] == peers
        assert [one.origin for one in each.facts.subscriptions] == peers
    assert len(looked_up) == 2 * len(nodes)  # where each node is, and where subscriptions lead
