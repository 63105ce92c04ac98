"""Links that somebody set up one by one, where the engine does not connect every node with all. Pure."""

from collections.abc import Iterable, Mapping
from itertools import combinations, permutations

from bdr_console.cluster.nodes import Caveat, Membership, NodeFacts, Subscription, engine_name
from bdr_console.cluster.observed import Observed

Node = Observed[NodeFacts]
ByOrigin = Mapping[str, Subscription]


def without_slot(origin: Node, target: Node, subscription: Subscription | None) -> str | None:
    """Why `origin` has no slot that `target` is known to read, if that is a fault; else see `absent`."""
    if subscription is None or subscription.slot_name is None:
        return None
    return f"{origin.name} has no slot {subscription.slot_name}, which {target.name} wants to read"


def absent(origin: Node, target: Node) -> str | None:
    """That nobody has set this direction up, if one can know it; None where `unknown` says why not."""
    facts = target.facts
    if facts is None or facts.why_unread("subscriptions") or _nameless(facts):
        return None
    if _passed_on(facts):
        return f"{target.name} does not subscribe to {origin.name}; others may pass its changes on"
    return f"{target.name} does not subscribe to {origin.name}: changes made there do not reach it"


def unknown(origin: Node, target: Node) -> str:
    """Why one cannot tell whether there is a link."""
    if target.facts is None:
        return f"{target.name} does not answer: nobody else knows which slot of {origin.name} it reads"
    if why := target.facts.why_unread("subscriptions"):
        return f"the subscriptions of {target.name} could not be read: {why}"
    name = _nameless(target.facts)
    return f"subscription {name} of {target.name} may be to {origin.name}: its slot is on no node"


def flaws(nodes: Iterable[Node]) -> list[tuple[str, Caveat]]:
    """What is wrong with the way links were set up, each with its subject: directions that are missing, and
    changes that go round for ever."""
    known = [
        node
        for node in nodes
        if node.facts and not node.facts.meshed and node.facts.membership is not Membership.UNKNOWN
    ]
    received = {node.name: _by_origin(node) for node in known}
    missing = [
        (f"{origin.name} -> {target.name}", Caveat(False, why))
        for origin, target in permutations(known, 2)
        if engine_name(origin) not in received[target.name]
        and (why := absent(origin, target))
        and not (target.facts and _passed_on(target.facts))
    ]
    return [*_loops(known, received), *missing]


def _loops(nodes: list[Node], received: Mapping[str, ByOrigin]) -> list[tuple[str, Caveat]]:
    """Two nodes that subscribe to each other must not send on what they received."""
    found = []
    for one, other in combinations(nodes, 2):
        both = (
            (one, received[one.name].get(engine_name(other))),
            (other, received[other.name].get(engine_name(one))),
        )
        running = [(node, there) for node, there in both if there and there.enabled]
        passing = [f"{there.name} on {node.name}" for node, there in running if there.forwards]
        if len(running) == 2 and passing:
            text = f"they subscribe to each other, and {' and '.join(passing)} also brings what came from"
            found.append(
                (f"{one.name} <-> {other.name}", Caveat(True, f"{text} elsewhere: changes come back"))
            )
    return found


def _by_origin(node: Node) -> ByOrigin:
    """What a node receives; of two subscriptions to one origin the first counts."""
    return {one.origin: one for one in reversed(node.facts.subscriptions)} if node.facts else {}


def _passed_on(facts: NodeFacts) -> bool:
    """Whether the node may get what others wrote from somebody between."""
    return any(subscription.forwards and subscription.enabled for subscription in facts.subscriptions)


def _nameless(facts: NodeFacts) -> str:
    """A subscription of which nobody knows the origin."""
    return next((s.name for s in facts.subscriptions if s.origin == "unknown"), "")
