"""Links that somebody set up one by one, where the engine does not connect every node with all. Pure."""

from bdr_console.cluster.nodes import NodeFacts, Subscription
from bdr_console.cluster.observed import Observed

Node = Observed[NodeFacts]


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
    if any(subscription.forwards and subscription.enabled for subscription in facts.subscriptions):
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


def _nameless(facts: NodeFacts) -> str:
    """A subscription of which nobody knows the origin."""
    return next((s.name for s in facts.subscriptions if s.origin == "unknown"), "")
