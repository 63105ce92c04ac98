"""The monitor on real servers: what freezes ages, what lives stays fresh, nothing waits for anything else."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import bdr_console.monitor
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.proxies import ServerState
from bdr_console.cluster.snapshot import Snapshot, from_json, to_json
from bdr_console.cluster.verdict.changes import changes
from bdr_console.config import ClusterSettings
from bdr_console.engines import Probe
from bdr_console.links import session
from bdr_console.links.haproxy import HaproxyAdmin
from bdr_console.links.pgbouncer import PgBouncerAdmin
from bdr_console.links.postgres import PostgresWriter
from bdr_console.monitor import Monitor, pause_after
from tests.links.servers import PASSWORD, Haproxy, PgBouncer, Postgres, directory, free_port, suspend
from tests.links.watching import heartbeat
from tests.waiting import eventually

REFRESH = 0.2


@dataclass
class Stack:
    """Two PostgreSQL nodes (no replication between them), one HAProxy, one PgBouncer."""

    first: Postgres
    second: Postgres
    haproxy: Haproxy
    pgbouncer: PgBouncer
    settings: ClusterSettings


def bare(node: Postgres) -> str:
    """Its DSN without the password."""
    return node.dsn().replace(f" password={PASSWORD}", "")


@pytest.fixture(scope="module")
def servers() -> Iterator[Stack]:
    """The servers, started once."""
    with contextlib.ExitStack() as exits:
        nodes = []
        for _ in range(2):
            node = Postgres(exits.enter_context(directory()))
            exits.callback(node.stop)
            nodes.append(node.start())
        first, second = nodes
        backend = {"bdr_initial_node": first.port, "bdr_next_node": second.port}
        haproxy = Haproxy(exits.enter_context(directory()), backend)
        exits.callback(haproxy.stop)
        haproxy.start()
        pgbouncer = PgBouncer(exits.enter_context(directory()), f"* = host=127.0.0.1 port={haproxy.frontend}")
        exits.callback(pgbouncer.stop)
        pgbouncer.start()
        settings = {
            "environment": "test",
            "nodes": {
                "node1": {"dsn": bare(first), "server": "bdr_initial_node"},
                "node2": {"dsn": bare(second)},
            },
            "proxies": {"haproxy1": {"socket": haproxy.socket("operator")}},
            "poolers": {"pgb": {"dsn": f"host=127.0.0.1 port={pgbouncer.port} user=operator"}},
        }
        yield Stack(first, second, haproxy, pgbouncer, ClusterSettings.model_validate(settings))


@pytest.fixture
def stack(servers: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The servers, all running; whatever a test does to them is mended afterwards."""
    # The configuration refuses passwords, so they come the way a user's would.
    passfile = tmp_path / "pass"
    passfile.write_text(f"127.0.0.1:*:*:*:{PASSWORD}\n")
    passfile.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    yield servers
    for server in (servers.first, servers.second, servers.haproxy, servers.pgbouncer):
        server.mend()


@contextlib.asynccontextmanager
async def watching(settings: ClusterSettings, refresh: float = REFRESH) -> AsyncIterator[Monitor]:
    monitor = Monitor("test", settings, refresh)
    task = asyncio.create_task(monitor.run())
    try:
        yield monitor
    finally:
        async with asyncio.timeout(2):
            await monitor.close()
            await task


def every(snapshot: Snapshot) -> list[tuple[str, str | None, bool]]:
    """(name, error, whether it was ever read) of every target."""
    targets: list[Observed[Any]] = [*snapshot.nodes, *snapshot.proxies, *snapshot.poolers]
    return [(target.name, target.error, target.facts is not None) for target in targets]


def all_read(monitor: Monitor) -> bool:
    return all(error is None and read for _, error, read in every(monitor.snapshot()))


async def test_every_target_is_read_and_the_snapshot_survives_json(stack: Stack) -> None:
    async with watching(stack.settings) as monitor:
        before = monitor.snapshot()
        assert [name for name, _, _ in every(before)] == ["node1", "node2", "haproxy1", "pgb"]
        assert not any(read for _, _, read in every(before)), "nothing is known before it was read"
        await eventually(lambda: all_read(monitor), "every target is read")
        snapshot = monitor.snapshot()
    assert (snapshot.cluster, snapshot.environment, snapshot.refresh) == ("test", "test", REFRESH)
    assert from_json(to_json(snapshot)) == snapshot
    servers = {
        server.name: server for _, server in (*snapshot.servers_of("node1"), *snapshot.servers_of("node2"))
    }
    assert set(servers) == {"bdr_initial_node", "bdr_next_node"}, (
        "one is found by its name, one by its address"
    )
    assert servers["bdr_initial_node"].node == "node1"
    assert servers["bdr_next_node"].node == "node2"


async def test_a_password_that_travels_without_tls_is_warned_of(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_far", lambda _: True)  # there is nothing but loopback here
    async with watching(stack.settings) as monitor:
        before = monitor.snapshot()
        await eventually(lambda: all_read(monitor), "every target is read")
        told = {event.subject: event.text for event in changes(before, monitor.snapshot())}
    for target in ("node1", "node2", "pgb"):
        assert "the password goes over the network without TLS" in told[target]


async def test_a_frozen_node_ages_while_the_others_stay_fresh(stack: Stack) -> None:
    async with watching(stack.settings) as monitor:
        await eventually(lambda: all_read(monitor), "every target is read")
        stack.second.freeze()
        try:
            async with heartbeat() as beats:
                await eventually(lambda: monitor.snapshot().nodes[1].error, "the frozen node is missed")
                snapshot = monitor.snapshot()
                node1, node2 = snapshot.nodes
                assert node2.error
                assert node2.error.startswith("timed out after")
                assert node2.facts is not None, "what was known of it is kept"
                assert not node2.is_fresh(snapshot.taken_at, REFRESH), "and shown as old"
                for live in (node1, snapshot.proxies[0], snapshot.poolers[0]):
                    assert live.error is None
                    assert live.is_fresh(snapshot.taken_at, REFRESH)
                age = node2.age(snapshot.taken_at)
                seen = node1.seen_at
                await eventually(lambda: monitor.snapshot().nodes[0].seen_at != seen, "node1 is read again")
                later = monitor.snapshot()
                assert age is not None
                assert (later.nodes[1].age(later.taken_at) or 0) > age
            assert len(beats) > 20, "the event loop stood still"
        finally:
            stack.second.thaw()
        monitor.refresh_now()
        await eventually(lambda: all_read(monitor), "the thawed node is read again")


async def test_closing_does_not_wait_for_frozen_servers(stack: Stack) -> None:
    assert stack.haproxy.process
    assert stack.pgbouncer.process
    async with watching(stack.settings) as monitor:
        await eventually(lambda: all_read(monitor), "every target is read")
        stack.second.freeze()
        suspend(stack.haproxy.process.pid)
        suspend(stack.pgbouncer.process.pid)

        def being_asked() -> bool:
            now = monitor.snapshot()
            asked: list[Observed[Any]] = [now.nodes[1], now.proxies[0], now.poolers[0]]
            return all(target.pending_since for target in asked)

        await eventually(being_asked, "the frozen servers are being asked")
        await monitor.close()
        now = monitor.snapshot()
        assert now.nodes[1].error is None, "it waited until the attempt had timed out"
        assert now.poolers[0].error is None


async def test_a_stopped_server_is_refused_and_read_again_when_asked_to_refresh(stack: Stack) -> None:
    async with watching(stack.settings) as monitor:
        await eventually(lambda: all_read(monitor), "every target is read")
        await asyncio.to_thread(stack.pgbouncer.stop)
        await eventually(
            lambda: monitor.snapshot().poolers[0].error == "Connection refused", "the stop is noticed"
        )
        await asyncio.to_thread(stack.pgbouncer.start)

        def again() -> bool:
            monitor.refresh_now()
            return all_read(monitor)

        await eventually(again, "it is read again")


@pytest.mark.parametrize(
    ("failures", "refresh", "took", "rest"),
    [
        (0, 1.0, 0.2, 0.8),
        (0, 1.0, 1.9, 0.05),
        (1, 1.0, 2.0, 1.0),
        (2, 1.0, 2.0, 2.0),
        (3, 1.0, 2.0, 3.0),
        (4, 1.0, 2.0, 5.0),
        (50, 1.0, 2.0, 5.0),
        (1, 10.0, 2.0, 10.0),
    ],
)
def test_failures_are_retried_more_and_more_slowly(
    failures: int, refresh: float, took: float, rest: float
) -> None:
    assert pause_after(failures, refresh, took) == pytest.approx(rest)


async def test_what_was_read_slowly_is_not_old_because_the_pace_has_just_become_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = ClusterSettings.model_validate({"nodes": {"node1": {"dsn": "host=127.0.0.1 port=1"}}})
    monitor = Monitor("c", settings, 5.0)
    monitor.set_refresh(1.0)
    assert monitor.snapshot().refresh == 5.0
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert monitor.snapshot().refresh == 1.0
    monitor.set_refresh(10.0)
    assert monitor.snapshot().refresh == 10.0
    await monitor.close()


async def test_asking_to_refresh_cuts_a_long_pause_short(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[object] = []

    async def refuse(probe: object, *_accounts: object) -> object:
        attempts.append(probe)
        raise ValueError("no such thing \x1b[31m")

    monkeypatch.setattr(Probe, "read", refuse)
    monkeypatch.setattr(bdr_console.monitor, "_BACK_OFF", (600.0,))
    settings = ClusterSettings.model_validate(
        {"nodes": {"node1": {"dsn": f"host=127.0.0.1 port={free_port()}"}}}
    )
    async with watching(settings) as monitor:
        await eventually(lambda: monitor.snapshot().nodes[0].error, "the failure is shown")
        assert len(attempts) == 1
        monitor.refresh_now()
        await eventually(lambda: len(attempts) == 2, "it is tried again at once")
        error = monitor.snapshot().nodes[0].error
    assert error == r"its answer could not be understood: ValueError: no such thing \x1b[31m"


async def test_updates_come_at_most_four_times_a_second_and_at_least_once_per_refresh() -> None:
    settings = ClusterSettings.model_validate(
        {"nodes": {"node1": {"dsn": f"host=127.0.0.1 port={free_port()}"}}}
    )
    async with watching(settings, 1.0) as monitor:
        times = []
        async with asyncio.timeout(20):
            async for _ in monitor.updates():
                times.append(time.monotonic())
                monitor.refresh_now()  # as much news as there can be
                if len(times) == 5:
                    break
        assert monitor.snapshot().nodes[0].error == "Connection refused"
        assert times[-1] - times[0] >= 4 * 0.24
        monitor.refresh_now()
        quiet = Monitor("quiet", settings, 0.5)  # never run: no news at all
        taken = []
        async with asyncio.timeout(20):
            async for later in quiet.updates():
                taken.append(later.taken_at)
                if len(taken) == 3:
                    break
        assert taken[0] < taken[1] < taken[2], "ages move although nothing is read"


async def test_two_followers_of_the_same_monitor_both_get_every_change(stack: Stack) -> None:
    async with watching(stack.settings) as monitor:

        async def follow() -> Snapshot:
            async for snapshot in monitor.updates():
                if all(read for _, _, read in every(snapshot)):
                    return snapshot
            raise AssertionError("the updates ended")

        async with asyncio.timeout(20):
            first, second = await asyncio.gather(follow(), follow())
    assert first.cluster == second.cluster


async def test_maintenance_set_by_another_hand_is_seen(stack: Stack) -> None:
    async with watching(stack.settings) as monitor:
        await eventually(lambda: all_read(monitor), "every target is read")
        await HaproxyAdmin("other", stack.haproxy.socket()).act("disable server bk_db/bdr_initial_node")

        def seen() -> bool:
            ((_, server),) = monitor.snapshot().servers_of("node1")
            return server.state is ServerState.MAINT and server.in_maintenance

        await eventually(seen, "the maintenance is shown")


def test_the_monitor_knows_nothing_that_can_write() -> None:
    names = vars(bdr_console.monitor).values()
    assert not any(writer in names for writer in (PostgresWriter, HaproxyAdmin, PgBouncerAdmin))
    source = Path(bdr_console.monitor.__file__).read_text()
    assert not any(word in source for word in ("Writer", "Admin", ".act(", ".execute("))
