"""Who holds a server connection of a pool, and what the node says of the backend behind it. Pure.

The chain of a run asks HAProxy for its sessions to find the node for sure; watching does not. Here a backend
is named only where everything that is known fits one transaction and no other.
"""

from dataclasses import dataclass

from bdr_console.cluster.activity import Transaction
from bdr_console.cluster.poolers import PoolHold
from bdr_console.cluster.text import format_seconds
from bdr_console.ui.moment import Moment


@dataclass(frozen=True, slots=True)
class Holding:
    """One held connection with what it does."""

    hold: PoolHold
    node: str | None
    transaction: Transaction | None
    """An open one of more than a second; None where none was found: there may be one."""

    @property
    def seconds(self) -> float | None:
        """For how long its transaction has been open."""
        return self.transaction.age if self.transaction else None

    @property
    def does(self) -> str:
        """`idle in transaction for 41.0 s, pid 2211 on node1: SELECT ...`, or since when it has been busy."""
        at = f"pid {self.hold.pid}" if self.hold.pid else "pid not known"
        if self.transaction is None:
            return f"last request {self.hold.since or '?'}, {at}; no long transaction was seen"
        one = self.transaction
        waits = f", waits for {one.waits_for}" if one.waits_for.startswith("Lock") else ""
        return f"{one.state} for {format_seconds(one.age)}, {at} on {self.node}{waits}: {one.query}"


def holding(hold: PoolHold, moment: Moment) -> Holding:
    """The transaction behind a held connection: the only one with its pid, user and application on a node
    that clients can be on."""
    fits = [
        (node.name, one)
        for node in moment.snapshot.nodes
        if node.facts and node.facts.activity and node.name in _reachable(moment)
        for one in node.facts.activity.transactions
        if one.pid == hold.pid
        and one.user == hold.user
        and (not hold.application or hold.application == one.application)
    ]
    return Holding(hold, *fits[0]) if len(fits) == 1 else Holding(hold, None, None)


def _reachable(moment: Moment) -> frozenset[str]:
    """Nodes that carry sessions behind some HAProxy; all of them where none is known."""
    carrying = {
        server.node
        for proxy in moment.snapshot.proxies
        for server in (proxy.facts.servers if proxy.facts else ())
        if server.node and server.sessions
    }
    return frozenset(carrying or {node.name for node in moment.snapshot.nodes})
