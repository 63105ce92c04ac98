"""Links that somebody set up one by one: which are missing, and which make changes go round."""

from dataclasses import replace

import pytest

from bdr_console.cluster.manual_topology import flaws
from bdr_console.cluster.nodes import NodeFacts, Subscription
from bdr_console.cluster.observed import Observed
from tests.cluster.builders import node, node_facts


def by_hand(name: str, *origins: tuple[str, bool], enabled: bool = True) -> Observed[NodeFacts]:
    """A node that subscribes to those; True where the origin passes on what it received."""
    subscriptions = tuple(
        Subscription(f"from_{origin}", origin, enabled, "replicating", forwards=forwards)
        for origin, forwards in origins
    )
    return node(name, replace(node_facts(name, ("a", "b", "c")), meshed=False, subscriptions=subscriptions))


@pytest.mark.parametrize(
    ("nodes", "subject", "severe", "text"),
    [
        ([by_hand("a", ("b", False)), by_hand("b", ("a", False))], None, False, ""),
        (
            [by_hand("a", ("b", False)), by_hand("b")],
            "a -> b",
            False,
            "b does not subscribe to a: changes made there do not reach it",
        ),
        (
            [by_hand("a", ("b", True)), by_hand("b", ("a", False))],
            "a <-> b",
            True,
            "and from_b on a also brings what came from elsewhere: changes come back",
        ),
        ([by_hand("a", ("b", True), enabled=False), by_hand("b", ("a", False))], None, False, ""),
        (
            # c gets what a wrote from b.
            [
                by_hand("a", ("b", False), ("c", False)),
                by_hand("b", ("a", False), ("c", False)),
                by_hand("c", ("b", True)),
            ],
            "b <-> c",
            True,
            "they subscribe to each other",
        ),
        ([node("a"), by_hand("b")], None, False, ""),
    ],
)
def test_what_is_wrong_with_hand_made_links_is_told_once(
    nodes: list[Observed[NodeFacts]], subject: str | None, severe: bool, text: str
) -> None:
    found = [(at, caveat.severe, caveat.text) for at, caveat in flaws(nodes)]
    assert [(at, bad) for at, bad, _ in found] == ([] if subject is None else [(subject, severe)])
    assert all(text in said for _, _, said in found)
