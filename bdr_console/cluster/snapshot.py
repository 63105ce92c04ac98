"""One moment of the whole cluster: immutable, complete, and the same again after a trip through JSON."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from pydantic import TypeAdapter

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What every target said last, and when."""

    cluster: str
    environment: str
    taken_at: datetime
    refresh: float
    """Seconds between two readings of a target."""
    nodes: tuple[Observed[NodeFacts], ...]
    proxies: tuple[Observed[ProxyFacts], ...]
    poolers: tuple[Observed[PoolerFacts], ...]
    schema: int = 1
    """The version of this shape; raised when a field changes its meaning."""

    def node(self, name: str) -> Observed[NodeFacts] | None:
        """The node of that configured name."""
        return next((node for node in self.nodes if node.name == name), None)

    def servers_of(self, node: str) -> tuple[tuple[str, ProxyServer], ...]:
        """Every HAProxy server that stands for `node`, each with its proxy's name."""
        return tuple(
            (proxy.name, server)
            for proxy in self.proxies
            if proxy.facts
            for server in proxy.facts.servers
            if server.node == node
        )


@cache
def _adapter() -> TypeAdapter[Snapshot]:
    return TypeAdapter(Snapshot)


def to_json(snapshot: Snapshot, *, indent: int | None = None) -> str:
    """The snapshot as JSON text; times are ISO 8601 with their zone."""
    return _adapter().dump_json(snapshot, indent=indent).decode()


def from_json(text: str | bytes) -> Snapshot:
    """The snapshot that `to_json` wrote; raises ValueError on anything else."""
    return _adapter().validate_json(text)


def read_lately(snapshot: Snapshot, now: datetime) -> tuple[tuple[Observed[NodeFacts], NodeFacts], ...]:
    """The nodes whose readings may be taken for the present, each with its facts."""
    return tuple(
        (node, node.facts)
        for node in snapshot.nodes
        if node.facts is not None and node.is_fresh(now, snapshot.refresh)
    )


def present(snapshot: Snapshot, now: datetime) -> dict[str, NodeFacts]:
    """The same by configured name."""
    return {node.name: facts for node, facts in read_lately(snapshot, now)}
