"""Small healthy pieces of a cluster for tests to start from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bdr_console.cluster.access import Access
from bdr_console.cluster.nodes import Member, Membership, NodeFacts, Sessions, Slot, Subscription
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import Pool, PoolDatabase, PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer, ServerState, StickEntry
from bdr_console.cluster.snapshot import Snapshot

NOW = datetime(2026, 11, 22, 3, 0, 0, tzinfo=UTC)
NAMES = ("node1", "node2", "node3")


def slot(target: str, lag: int = 0) -> Slot:
    """An active, streaming slot."""
    return Slot(f"to_{target}", target, True, 100, "streaming", lag, lag + 1024, 0.0, "0/16B3748")


def subscription(origin: str) -> Subscription:
    """An enabled subscription whose apply runs."""
    return Subscription(f"from_{origin}", origin, True, "replicating", NOW, 200)


def node_facts(name: str, names: tuple[str, ...] = NAMES) -> NodeFacts:
    """A ready member that sends to and receives from all others."""
    peers = [other for other in names if other != name]
    return NodeFacts(
        engine="BDR 3.7.23",
        server_version="15.4",
        node_name=name,
        group="app",
        members=tuple(Member(n, Membership.READY, "ACTIVE", "app", n == name) for n in names),
        sessions=Sessions(total=10, active=2, idle_in_transaction=0, max_connections=100),
        slots=tuple(slot(peer) for peer in peers),
        subscriptions=tuple(subscription(peer) for peer in peers),
        wal_lsn="0/16B3748",
        started_at=NOW - timedelta(days=3),
        logins=(Access("app", "app"),),
    )


def node(name: str, facts: NodeFacts | None = None, age: float = 0.5) -> Observed[NodeFacts]:
    """A node read `age` seconds ago."""
    return Observed(
        name, f"{name}:5432", facts or node_facts(name), NOW - timedelta(seconds=age), took_ms=1.0
    )


def server(
    name: str, node_name: str, state: ServerState = ServerState.UP, *, backup: bool = True
) -> ProxyServer:
    """A HAProxy server with its check passed."""
    return ProxyServer(
        "bk_db", name, f"{node_name}:5432", node_name, state.name, state, backup, 1, 4, 99, 0, "L4OK",
        None, 60, 1 if state is ServerState.MAINT else 0,
    )  # fmt: skip


def proxy(*servers: ProxyServer, age: float = 0.5, sticky: str = "bdr_initial_node") -> Observed[ProxyFacts]:
    """One HAProxy with these servers, traffic stuck to `sticky`."""
    shown = servers or (
        server("bdr_initial_node", "node1", backup=False),
        server("bdr_next_node", "node2"),
        server("bdr_node3", "node3"),
    )
    facts = ProxyFacts("2.6.12", 4242, 3600, 1, shown, (StickEntry("bk_db", "127.0.0.1", sticky),))
    return Observed("haproxy1", "/run/haproxy.sock", facts, NOW - timedelta(seconds=age), took_ms=0.4)


def pool(mode: str = "transaction") -> Pool:
    """A pool at ease."""
    return Pool("app", "app", mode, 8, 0, 2, 4, 0, 0, 0, 0.0, 0)


def pooler(
    name: str = "pgb-tx", *pools: Pool, paused: bool = False, age: float = 0.5
) -> Observed[PoolerFacts]:
    """One PgBouncer that routes database app to the proxy."""
    database = PoolDatabase("app", "127.0.0.1", 5433, paused, False, 20, 8, "app", ("haproxy1",))
    facts = PoolerFacts("1.18.0", pools or (pool(),), (database,))
    return Observed(name, "127.0.0.1:6432", facts, NOW - timedelta(seconds=age), took_ms=0.6)


def snapshot() -> Snapshot:
    """Three healthy nodes behind one HAProxy and two PgBouncers."""
    return Snapshot(
        "shop",
        "prod",
        NOW,
        1.0,
        tuple(node(name) for name in NAMES),
        (proxy(),),
        (pooler(), pooler("pgb-session", pool("session"))),
    )


def with_node(before: Snapshot, changed: Observed[NodeFacts]) -> Snapshot:
    """The same moment with one node replaced."""
    return replace(before, nodes=tuple(changed if n.name == changed.name else n for n in before.nodes))
