"""Whose slot is it? Where slots name no node, the subscriptions of the other nodes tell. Pure.

BDR's views say which node reads a slot. pglogical, Spock and native replication know at the sender only the
slot's name, at the receiver that name and the provider's name or address: together they make the link.
"""

from collections.abc import Iterable
from dataclasses import replace

from bdr_console.cluster.nodes import NodeFacts, Slot, Subscription
from bdr_console.cluster.observed import Observed

Node = Observed[NodeFacts]

_LOOPBACK = ("127.0.0.1", "[::1]", "::1", "localhost")


def with_readers(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The same nodes with `Slot.target` and `Subscription.origin` filled in where another node tells them.

    A node that does not answer any more still tells by its last reading. What two nodes claim, or nobody,
    stays unknown.
    """
    known = tuple(nodes)
    readers: dict[tuple[str, str], set[str]] = {}
    origins: dict[tuple[str, str], str] = {}
    for receiver in known:
        for subscription in receiver.facts.subscriptions if receiver.facts else ():
            sender = _sender(subscription, receiver, known)
            if sender is None:
                continue
            origins[receiver.name, subscription.name] = _engine_name(sender)
            if subscription.slot_name:
                readers.setdefault((sender.name, subscription.slot_name), set()).add(_engine_name(receiver))
    return tuple(_filled(node, readers, origins) for node in known)


def _filled(
    node: Node, readers: dict[tuple[str, str], set[str]], origins: dict[tuple[str, str], str]
) -> Node:
    if node.facts is None:
        return node

    def slot(found: Slot) -> Slot:
        claimed = readers.get((node.name, found.name), set())
        return replace(found, target=next(iter(claimed))) if not found.target and len(claimed) == 1 else found

    def subscription(found: Subscription) -> Subscription:
        origin = origins.get((node.name, found.name))
        return replace(found, origin=origin) if origin and found.origin == "unknown" else found

    facts = replace(
        node.facts,
        slots=tuple(slot(s) for s in node.facts.slots),
        subscriptions=tuple(subscription(s) for s in node.facts.subscriptions),
    )
    return replace(node, facts=facts) if facts != node.facts else node


def _sender(subscription: Subscription, receiver: Node, nodes: tuple[Node, ...]) -> Node | None:
    """The one node that has the subscription's slot, or failing that, its address."""
    others = [
        node
        for node in nodes
        if node is not receiver and subscription.origin in ("unknown", _engine_name(node))
    ]
    addressed = [node for node in others if _is_at(node, subscription.origin_address)]
    having = [
        node
        for node in others
        if node.facts and any(slot.name == subscription.slot_name for slot in node.facts.slots)
    ]
    both = [node for node in having if node in addressed]
    for found in (both, having, addressed):
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _is_at(node: Node, address: str | None) -> bool:
    return address is not None and _spelled(address) in {_spelled(at) for at in node.address.split(",")}


def _spelled(address: str) -> str:
    host, _, port = address.lower().rpartition(":")
    return f"loopback:{port}" if host in _LOOPBACK else f"{host}:{port}"


def _engine_name(node: Node) -> str:
    return (node.facts.node_name or node.name) if node.facts else node.name
