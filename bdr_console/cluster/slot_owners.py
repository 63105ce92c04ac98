"""Whose slot is it? Where slots name no node, the subscriptions of the other nodes tell. Pure.

BDR's views say which node reads a slot. pglogical, Spock and native replication know at the sender only the
slot's name, at the receiver that name and the provider's name or address: together they make the link.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import islice
from operator import attrgetter, is_

from bdr_console.cluster.addresses import HERE, Names, Place, address_places, is_wide, machine_of, meet, split
from bdr_console.cluster.nodes import NodeFacts, Slot, Subscription, engine_name
from bdr_console.cluster.observed import Observed

Node = Observed[NodeFacts]


def with_slot_owners(
    nodes: Iterable[Node],
    node_places: Mapping[str, frozenset[Place]] | None = None,
    names: Names | None = None,
) -> tuple[Node, ...]:
    """Return the same nodes with `Slot.target` and `Subscription.origin` filled in where another node tells
    them.

    A node that does not answer any more still tells by its last reading. What two nodes claim, or nobody,
    stays unknown. `node_places`: where each node is, by its configured name (else by the address that it was
    reached at); `names`: the addresses of host names. Each subscription is looked up, so that the cost grows
    with the number of links.
    """
    known = tuple(nodes)
    directory = _Directory.of(known, node_places or {}, names or {})
    names_in_engine = {node.name: engine_name(node) for node in known}
    readers: dict[str, dict[str, str | None]] = {node.name: {} for node in known}
    """By node and slot; None where two claim it."""
    origins: dict[str, dict[str, str]] = {}
    """By node and subscription."""
    for receiver in known:
        reader = names_in_engine[receiver.name]
        found = origins[receiver.name] = {}
        for subscription in receiver.facts.subscriptions if receiver.facts else ():
            sender = directory.sender(subscription, receiver)
            if sender is None:
                continue
            found[subscription.name] = names_in_engine[sender.name]
            if slot := subscription.slot_name:
                claims = readers[sender.name]
                claims[slot] = reader if claims.get(slot, reader) == reader else None
        found |= _by_elimination(receiver, found, names_in_engine)
    return tuple(_filled(node, readers[node.name], origins[node.name]) for node in known)


def _by_elimination(
    receiver: Node, found: Mapping[str, str], names_in_engine: Mapping[str, str]
) -> Mapping[str, str]:
    """The origin of the only subscription whose slot is on no node, if no worker runs for it, nobody may see
    where it connects to, and one node alone is left that it may be to: its slot was dropped there."""
    known = receiver.facts.subscriptions if receiver.facts else ()
    lost = [s for s in known if s.origin == "unknown" and s.name not in found and s.slot_name]
    if len(lost) != 1 or lost[0].apply_pid is not None or lost[0].origin_address is not None:
        return {}
    origins = {found.get(s.name, s.origin) for s in known}
    left = [n for node, n in names_in_engine.items() if node != receiver.name and n not in origins]
    return {lost[0].name: left[0]} if len(left) == 1 else {}


def _filled(node: Node, readers: Mapping[str, str | None], origins: Mapping[str, str]) -> Node:
    facts = node.facts
    if facts is None or not (readers or origins):
        return node
    slots = tuple(
        _retargeted(slot, reader) if not slot.target and (reader := readers.get(slot.name)) else slot
        for slot in facts.slots
    )
    subscriptions = tuple(
        _reassigned(one, origin) if one.origin == "unknown" and (origin := origins.get(one.name)) else one
        for one in facts.subscriptions
    )
    if all(map(is_, slots, facts.slots)) and all(map(is_, subscriptions, facts.subscriptions)):
        return node
    return replace(node, facts=replace(facts, slots=slots, subscriptions=subscriptions))


_SLOT = [field.name for field in fields(Slot)]
_SUBSCRIPTION = [field.name for field in fields(Subscription)]
_TARGET, _ORIGIN = _SLOT.index("target"), _SUBSCRIPTION.index("origin")
_slot_values, _subscription_values = attrgetter(*_SLOT), attrgetter(*_SUBSCRIPTION)


def _retargeted(slot: Slot, target: str) -> Slot:
    """`replace(slot, target=target)`, which costs a third of it: fifty nodes have 2450 slots."""
    values = _slot_values(slot)
    return Slot(*(*values[:_TARGET], target, *values[_TARGET + 1 :]))


def _reassigned(subscription: Subscription, origin: str) -> Subscription:
    """`replace(subscription, origin=origin)`, for the same reason."""
    values = _subscription_values(subscription)
    return Subscription(*(*values[:_ORIGIN], origin, *values[_ORIGIN + 1 :]))


@dataclass(frozen=True, slots=True)
class _Directory:
    """The nodes by everything that a subscription may know of its sender."""

    by_slot: Mapping[str, dict[str, Node]]
    """By the slot's name, then the node's."""
    by_place: Mapping[Place, list[Node]]
    by_wide_place: tuple[tuple[Node, frozenset[Place]], ...]
    """Nodes at an address that stands for several, such as any UNIX socket: these have to be compared."""
    names: Names
    looked_up: dict[tuple[str, str], tuple[Node, ...]]
    """The nodes at an address, by the address and the machine that it is used on."""
    own: dict[str, bool]
    """Whether an address is a machine's own, and so means another place on each."""

    @classmethod
    def of(
        cls, nodes: tuple[Node, ...], node_places: Mapping[str, frozenset[Place]], names: Names
    ) -> "_Directory":
        """Sort `nodes` by their slots and places."""
        by_slot, by_place = defaultdict[str, dict[str, Node]](dict), defaultdict[Place, list[Node]](list)
        wide = []
        for node in nodes:
            for slot in node.facts.slots if node.facts else ():
                by_slot[slot.name][node.name] = node
            there = node_places.get(node.name) or _reached_at(node, names)
            if any(map(is_wide, there)):
                wide.append((node, there))
            for place in there:
                by_place[place].append(node)
        return cls(by_slot, by_place, tuple(wide), names, {}, {})

    def sender(self, subscription: Subscription, receiver: Node) -> Node | None:
        """Find the one node that has the subscription's slot, or failing that, its address."""
        having = self.by_slot.get(subscription.slot_name or "", {})
        addressed = self._at(subscription.origin_address, receiver)
        both = [node for node in addressed if node.name in having]
        if len(both) == 1 and subscription.origin == "unknown" and both[0] is not receiver:
            return both[0]  # nearly always
        for candidates in (both, having.values(), addressed):
            possible = (
                node
                for node in candidates
                if node is not receiver and subscription.origin in ("unknown", engine_name(node))
            )
            if found := tuple(islice(possible, 2)):
                return found[0] if len(found) == 1 else None
        return None

    def _at(self, address: str | None, receiver: Node) -> tuple[Node, ...]:
        """Find the nodes at `address`, as the receiver's machine understands it."""
        if address is None:
            return ()
        own = self.own.get(address)
        if own is None:
            own = self.own[address] = machine_of(split(address)[0]) == HERE
        machine = machine_of(split(receiver.address.partition(",")[0])[0]) if own else HERE
        key = (address, machine)
        if key not in self.looked_up:
            here = address_places(address, machine, self.names)
            found = [node for place in here for node in self.by_place.get(place, ())]
            found += [node for node, there in self.by_wide_place if meet(here, there)]
            self.looked_up[key] = tuple({node.name: node for node in found}.values())
        return self.looked_up[key]


def _reached_at(node: Node, names: Names) -> frozenset[Place]:
    return frozenset(
        place for one in node.address.split(",") for place in address_places(one.strip(), HERE, names)
    )
