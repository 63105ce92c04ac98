"""Hand-made moments of a cluster for the screen's tests: no server behind them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bdr_console.cluster.nodes import Member, Membership, NodeFacts, Sessions, Slot, Subscription
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import Pool, PoolDatabase, PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ProxyServer, ServerState, StickEntry
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.runbooks.model.run import (
    Check,
    Command,
    Offer,
    Outcome,
    RunStatus,
    RunView,
    StepStatus,
    StepView,
)

NOW = datetime(2026, 3, 4, 10, 0, 0, tzinfo=UTC)
NAMES = ("node1", "node2", "node3")
SERVERS = {"node1": "bdr_initial_node", "node2": "bdr_next_node", "node3": "bdr_node3"}


def node(name: str, peers: tuple[str, ...], *, lag: int | None = 4096) -> NodeFacts:
    """A ready member that sends to and receives from its peers."""
    return NodeFacts(
        engine="BDR 3.7.23",
        server_version="15.5",
        node_name=name,
        group="bdrgroup",
        members=tuple(
            Member(other, Membership.READY, "ACTIVE", "bdrgroup", other == name) for other in (name, *peers)
        ),
        sessions=Sessions(
            total=21, active=3, idle_in_transaction=1, max_connections=100, oldest_transaction=2.5
        ),
        slots=tuple(
            Slot(f"bdr_app_{peer}", peer, True, 4711, "streaming", lag, 16 * 1024**2, 0.012) for peer in peers
        ),
        subscriptions=tuple(
            Subscription(f"sub_{peer}", peer, True, "replicating", NOW - timedelta(seconds=5), 4712)
            for peer in peers
        ),
    )


def server(name: str, of: str, state: ServerState = ServerState.UP, sessions: int = 0) -> ProxyServer:
    """A server of backend bk_db."""
    maintenance = state is ServerState.MAINT
    return ProxyServer(
        backend="bk_db",
        name=name,
        address="127.0.0.1:5432",
        node=of,
        status=state.name,
        state=state,
        backup=of != "node1",
        weight=1,
        sessions=sessions,
        total_sessions=120,
        queue=0,
        check=None if maintenance else "L4OK",
        since=3600,
        admin_state=1 if maintenance else 0,
    )


def proxy(*servers: ProxyServer, sticky: str | None = "bdr_initial_node") -> ProxyFacts:
    """An HAProxy 2.6 with backend bk_db."""
    return ProxyFacts("2.6.12", 77, 86400, 1, servers, (StickEntry("bk_db", "127.0.0.1", sticky),))


def pooler(mode: str, *, waiting: int = 0, close_needed: int | None = 0, paused: bool = False) -> PoolerFacts:
    """A PgBouncer 1.18 with one pool."""
    pool = Pool("app", "app", mode, 16, waiting, 4, 6, 0, 0, 0, 2.5 if waiting else 0.0, close_needed)
    database = PoolDatabase("app", "127.0.0.1", 6432, paused, False, 20, 10, "app")
    return PoolerFacts("1.18.0", (pool,), (database,))


def snapshot(at: datetime = NOW, *, environment: str = "lab") -> Snapshot:
    """Three healthy nodes behind one HAProxy and two PgBouncers, everything read just now."""

    def seen(name: str, address: str, facts: object) -> Observed:  # type: ignore[type-arg]
        return Observed(name, address, facts, at, took_ms=3.0)

    return Snapshot(
        cluster="lab",
        environment=environment,
        taken_at=at,
        refresh=1.0,
        nodes=tuple(
            seen(name, f"10.0.0.{i}:5432", node(name, tuple(n for n in NAMES if n != name)))
            for i, name in enumerate(NAMES, start=1)
        ),
        proxies=(
            seen(
                "haproxy1",
                "/run/haproxy/admin.sock",
                proxy(*(server(SERVERS[n], n, sessions=10 if n == "node1" else 0) for n in NAMES)),
            ),
        ),
        poolers=(
            seen("pgb-tx", "10.0.0.9:6432", pooler("transaction")),
            seen("pgb-session", "10.0.0.9:6433", pooler("session")),
        ),
    )


def silent(
    shown: Snapshot, name: str, *, age: float = 12.0, error: str | None = "timed out after 2.0 s"
) -> Snapshot:
    """The same moment with one target that has not answered for `age` seconds."""

    def old(target: Observed) -> Observed:  # type: ignore[type-arg]
        if target.name != name:
            return target
        return replace(target, seen_at=shown.taken_at - timedelta(seconds=age), error=error)

    return replace(
        shown,
        nodes=tuple(old(target) for target in shown.nodes),
        proxies=tuple(old(target) for target in shown.proxies),
        poolers=tuple(old(target) for target in shown.poolers),
    )


def never_read(shown: Snapshot) -> Snapshot:
    """The same targets before the first answer of any."""

    def unread(target: Observed) -> Observed:  # type: ignore[type-arg]
        return Observed(target.name, target.address)

    return replace(
        shown,
        nodes=tuple(unread(target) for target in shown.nodes),
        proxies=tuple(unread(target) for target in shown.proxies),
        poolers=tuple(unread(target) for target in shown.poolers),
    )


class FixedSource:
    """A list of snapshots instead of a monitor; more can be handed in with `give`."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self._queue: asyncio.Queue[Snapshot] = asyncio.Queue()
        for shown in snapshots:
            self._queue.put_nowait(shown)
        self.refreshes = 0
        self.pace: float | None = None
        self.closed = False

    def give(self, shown: Snapshot) -> None:
        """Hand out one more."""
        self._queue.put_nowait(shown)

    async def updates(self) -> AsyncIterator[Snapshot]:
        """The snapshots, then wait for more."""
        while True:
            yield await self._queue.get()

    def refresh_now(self) -> None:
        """Count."""
        self.refreshes += 1

    def set_refresh(self, seconds: float) -> None:
        """Remember."""
        self.pace = seconds

    async def close(self) -> None:
        """Remember."""
        self.closed = True


def steps(at: int = 2, status: StepStatus = StepStatus.WAITING) -> tuple[StepView, ...]:
    """The seven steps of a switchover, the one at index `at` in `status`."""
    haproxy, pgb = "haproxy1 (/run/haproxy/admin.sock)", "pgb-tx (10.0.0.9:6432)"
    listed = (
        (
            "disable",
            "Disable the server on every HAProxy",
            ((haproxy, "disable server bk_db/bdr_initial_node"),),
            ((haproxy, "enable server bk_db/bdr_initial_node"),),
            5.0,
        ),
        ("reconnect", "Mark every pool for reconnection", ((pgb, "RECONNECT app"),), (), 5.0),
        ("wait_close", "Wait until the old connections are closed", ((pgb, "WAIT_CLOSE app"),), (), 60.0),
        ("drained", "Prove that the node is drained", (), (), 30.0),
        ("hold", "Maintenance", (), (), None),
        ("ready", "Check the node before it is enabled", (), (), 60.0),
        (
            "enable",
            "Enable the server on every HAProxy",
            ((haproxy, "enable server bk_db/bdr_initial_node"),),
            (),
            10.0,
        ),
    )
    made = []
    for i, (key, title, commands, undo, deadline) in enumerate(listed):
        where = StepStatus.DONE if i < at else status if i == at else StepStatus.PENDING
        began = NOW - timedelta(seconds=20 - i) if i <= at else None
        evidence: tuple[str, ...] = ()
        if i == at and status in (StepStatus.WAITING, StepStatus.FAILED):
            evidence = (
                "pgb-tx/app: 3 of 9 server connections left",
                "the oldest: app=billing, 10.0.3.7, in transaction 41 s, pid 2211",
            )
        made.append(
            StepView(
                key,
                title,
                tuple(Command(*c) for c in commands),
                tuple(Command(*c) for c in undo),
                where,
                evidence,
                began,
                began + timedelta(seconds=0.4) if began and where is StepStatus.DONE else None,
                deadline,
            )
        )
    return tuple(made)


def run(
    status: RunStatus = RunStatus.RUNNING,
    at: int = 2,
    step: StepStatus = StepStatus.WAITING,
    **fields: object,
) -> RunView:
    """A switchover of node1."""
    offers = {
        RunStatus.RUNNING: (Offer("abort", "abort and put everything back"), Offer("wait", "wait longer")),
        RunStatus.HOLDING: (Offer("go", "check and enable it again"), Offer("abort", "enable it again")),
    }.get(status, ())
    message = "WAIT_CLOSE: 3 server connections left" if status is RunStatus.RUNNING else ""
    made = RunView(
        "20260304T095940-node1-ab12",
        "switchover",
        "lab",
        "lab",
        "node1",
        "dba@bastion",
        "kernel update",
        NOW - timedelta(seconds=21),
        status,
        steps(at, step),
        offers=offers,
        message=message,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


CHECKS = (
    Check("HAProxy answers and takes commands", Outcome.PASS, "haproxy1: level admin"),
    Check("another server takes traffic", Outcome.PASS, "bk_db: bdr_next_node up, bdr_node3 up"),
    Check(
        "session pools",
        Outcome.WARN,
        "pgb-session/app: 16 clients",
        "their clients keep connections",
        "ask them to leave",
    ),
)
REFUSING = Check(
    "every PgBouncer answers",
    Outcome.FAIL,
    "pgb-session: connection refused",
    "a pool that cannot be told would go on using the node",
    "start it, or take it out of the configuration",
)
