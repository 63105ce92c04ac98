"""What a console notices when an SSH host dies, hangs or comes back, and what is left when it ends."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bdr_console import paths
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.links.errors import NotReached
from bdr_console.links.factory import Links
from bdr_console.links.haproxy import HaproxyReader
from bdr_console.links.postgres import PostgresReader
from bdr_console.links.ssh import connection as ssh_connection
from bdr_console.links.ssh import pool
from bdr_console.links.ssh import transport as ssh_transport
from bdr_console.links.ssh.directory import SocketDirectory
from bdr_console.links.ssh.hosts import resolve
from bdr_console.links.ssh.tunnel import Tunnel
from bdr_console.monitor import Monitor
from tests.links.servers import Haproxy, Postgres
from tests.links.ssh.conftest import behind
from tests.links.ssh.sshd import Sshd
from tests.waiting import eventually, wait_until

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life asked for more often than in earnest."""
    monkeypatch.setattr(ssh_connection, "_ASK_EVERY", 0.5)
    monkeypatch.setattr(ssh_connection, "_ANSWER_WITHIN", 1.5)


def two_ways(far: Sshd, near: Sshd, server: Postgres, proxy: Haproxy) -> ClusterSettings:
    """One node and the HAProxy behind host0, the other node behind host1."""
    dsn = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"
    settings = behind(
        far,
        nodes={"far": {"dsn": dsn}, "near": {"dsn": dsn, "via": "host1"}},
        proxies={"haproxy1": {"socket": proxy.socket(), "backends": ["bk_db"]}},
    ).model_dump()
    settings["ssh"]["hosts"]["host1"] = {"host": "127.0.0.1", "port": near.port, "user": near.user}
    return ClusterSettings.model_validate(settings)


@contextlib.asynccontextmanager
async def watching(settings: ClusterSettings) -> AsyncIterator[Monitor]:
    monitor = Monitor("test", settings, 0.3)
    running = asyncio.create_task(monitor.run())
    try:
        yield monitor
    finally:
        await monitor.close()
        running.cancel()
        await asyncio.wait([running])


async def until(monitor: Monitor, holds: Callable[[Snapshot], object], what: str, within: float = 40) -> None:
    try:
        async with asyncio.timeout(within):
            async for snapshot in monitor.updates():
                if holds(snapshot):
                    return
    except TimeoutError:
        pytest.fail(f"not within {within:g} s: {what}; now {monitor.snapshot()}")


def fine(target: Any) -> bool:
    return target is not None and target.facts is not None and target.error is None


async def test_an_sshd_that_is_killed_and_started_again_costs_its_rows_until_it_is_back(
    make_sshd: Callable[..., Sshd], postgres: Postgres, haproxy: Haproxy
) -> None:
    far, near = make_sshd(), make_sshd()
    async with watching(two_ways(far, near, postgres, haproxy)) as monitor:
        await until(
            monitor, lambda s: all(map(fine, (*s.nodes, *s.proxies))), "every row is fresh through SSH"
        )
        far.kill()
        await until(
            monitor,
            lambda s: (
                "connection refused" in (s.node("far").error or "")  # type: ignore[union-attr]
                and s.proxies[0].error
                and fine(s.node("near"))
            ),
            "the rows behind it say why, the other stays fresh",
        )
        lost = monitor.snapshot().node("far")
        assert lost is not None
        assert lost.facts is not None, "what was seen last is still shown, with its age"
        far.start()
        await until(monitor, lambda s: all(map(fine, (*s.nodes, *s.proxies))), "every row is fresh again")


async def test_a_frozen_sshd_costs_its_own_rows_and_blocks_nothing(
    make_sshd: Callable[..., Sshd], postgres: Postgres, haproxy: Haproxy
) -> None:
    far, near = make_sshd(), make_sshd()
    longest, beat = 0.0, 0.05

    async def pulse() -> None:
        nonlocal longest
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            await asyncio.sleep(beat)
            longest = max(longest, clock() - began - beat)

    async with watching(two_ways(far, near, postgres, haproxy)) as monitor:
        await until(monitor, lambda s: all(map(fine, (*s.nodes, *s.proxies))), "every row is fresh")
        pulsing = asyncio.create_task(pulse())
        far.freeze()
        await until(
            monitor,
            lambda s: s.node("far").error and s.proxies[0].error and fine(s.node("near")),  # type: ignore[union-attr]
            "its own rows only",
        )
        await until(
            monitor,
            lambda s: "speak SSH" in (s.node("far").error or "") or "still" in (s.node("far").error or ""),  # type: ignore[union-attr]
            "the dead connection is given up and a new one tried",
        )
        assert fine(monitor.snapshot().node("near"))
        far.thaw()
        await until(monitor, lambda s: all(map(fine, (*s.nodes, *s.proxies))), "fresh again after the thaw")
        pulsing.cancel()
    assert longest < 1.0, "no hang may reach the event loop"


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def _descriptors() -> set[str]:
    """Open sockets, pipes and files of this process."""
    found = set()
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(f"{fd.name} {fd.readlink()}")
    return found


async def test_after_the_end_no_thread_no_descriptor_and_no_directory_is_left(
    make_sshd: Callable[..., Sshd], postgres: Postgres, haproxy: Haproxy, home: Path
) -> None:
    far, near = make_sshd(), make_sshd()
    async with watching(two_ways(far, near, postgres, haproxy)) as first:  # what is opened once is open now
        await until(first, lambda s: all(map(fine, (*s.nodes, *s.proxies))), "fresh")
    await asyncio.to_thread(wait_until, lambda: not _ssh_threads(), "the first monitor's threads end")
    before = _descriptors()
    async with watching(two_ways(far, near, postgres, haproxy)) as second:
        await until(second, lambda s: all(map(fine, (*s.nodes, *s.proxies))), "fresh")
        assert list((paths.state_dir() / "ssh").iterdir()), "the socket directory is there"
        far.freeze()  # also under a hang
        await until(second, lambda s: not all(map(fine, (*s.nodes, *s.proxies))), "late")
    await asyncio.to_thread(wait_until, lambda: not _ssh_threads(), "its threads end")
    await asyncio.to_thread(wait_until, lambda: _descriptors() <= before, "its descriptors are closed")
    assert list((paths.state_dir() / "ssh").iterdir()) == []


def _ssh_threads() -> set[str]:
    return {name for name in _threads() if "ssh" in name or "via" in name or "tunnel" in name}


def test_a_socket_is_private_takes_one_connection_of_this_process_and_is_gone(
    bastion: Sshd, postgres: Postgres, home: Path
) -> None:
    connection = pool.take(resolve("host0", behind(bastion).ssh))
    directory = SocketDirectory()
    try:
        place = directory.fresh()
        channel = connection.transport(10).open_tcp("127.0.0.1", postgres.port, 10)
        Tunnel(channel, "test").listen(place, "5432")
        path = place / ".s.PGSQL.5432"
        assert [oct(p.stat().st_mode & 0o777) for p in (path, place, directory.path)] == [
            "0o600",
            "0o700",
            "0o700",
        ]
        stranger = (
            f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r}); print(s.recv(9))"
        )
        told = subprocess.run([sys.executable, "-c", stranger], capture_output=True, text=True, check=True)
        assert told.stdout == "b''\n", "another process, even of the same user, is turned away"
        with socket.socket(socket.AF_UNIX) as own:
            own.settimeout(10)
            own.connect(str(path))
            own.sendall((8).to_bytes(4, "big") + (80877103).to_bytes(4, "big"))  # SSLRequest
            assert own.recv(1) in (b"N", b"S"), "the server itself answers"
        wait_until(lambda: not place.exists(), "the socket and its directory are gone")
    finally:
        directory.close()
        pool.let_go(connection)


_HOLDS = """
import os, sys
from bdr_console.links.ssh.directory import SocketDirectory
directory = SocketDirectory()
print(directory.path, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_left_is_cleaned_up_and_what_a_living_one_uses_is_not(home: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    dead, living = (
        Path((process.stdout.readline() if process.stdout else "").strip()) for process in started
    )
    started[0].send_signal(signal.SIGKILL)
    started[0].wait(10)
    assert dead.exists()
    own = SocketDirectory()
    try:
        assert not dead.exists()
        assert living.exists()
        assert own.path.exists()
    finally:
        own.close()
        started[1].kill()
        for process in started:
            process.communicate(timeout=10)


def test_a_path_too_long_for_a_socket_goes_below_tmp(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(home / ("x" * 90)))
    directory = SocketDirectory()
    try:
        assert str(directory.path).startswith(f"/tmp/bdr-console-{os.getuid()}/")
        assert len(str(directory.fresh() / ".s.PGSQL.65535")) < 108
    finally:
        directory.close()


_WATCHES = """
import asyncio, sys
from bdr_console.config import ClusterSettings
from bdr_console.monitor import Monitor
settings = ClusterSettings.model_validate_json(sys.argv[1])
asyncio.run(Monitor("test", settings, 0.3).run())
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_the_process_ends_no_tunnel_outlives_it(
    bastion: Sshd, postgres: Postgres, how: signal.Signals
) -> None:
    dsn = f"host=127.0.0.1 port={postgres.port} user=postgres dbname=postgres"
    told = behind(bastion, nodes={"node1": {"dsn": dsn}}).model_dump_json()
    process = subprocess.Popen([sys.executable, "-c", _WATCHES, told])
    try:
        wait_until(lambda: "Accepted publickey" in bastion.log, "it has logged in")
        wait_until(lambda: len(bastion.serving()) > 0, "its connection is served")
        process.send_signal(how)
        process.wait(10)
        wait_until(lambda: bastion.serving() == [], "sshd has ended the connection and its tunnels")
    finally:
        process.kill()
        process.wait(10)
    SocketDirectory().close()
    assert list((paths.state_dir() / "ssh").iterdir()) == [], "the next start cleans up"


async def test_links_that_are_closed_while_they_connect_leave_no_connection(
    make_sshd: Callable[..., Sshd], postgres: Postgres, haproxy: Haproxy
) -> None:
    settings = two_ways(make_sshd(), make_sshd(), postgres, haproxy)
    links = Links(settings)
    asking = [
        asyncio.create_task(links.nodes(PostgresReader)["far"].fetch({"one": "SELECT 1"})),
        asyncio.create_task(links.proxies(HaproxyReader)["haproxy1"].show("show info")),
    ]
    await eventually(_ssh_threads, "they connect", pause=0.001)
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    await links.close()
    await asyncio.to_thread(wait_until, lambda: not _ssh_threads(), "every thread ends")


def test_what_is_kept_of_channels_is_bounded(
    bastion: Sshd, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_transport, "_REMEMBERED", 5)
    connection = pool.take(resolve("host0", behind(bastion).ssh))
    try:
        transport = connection.transport(10)
        for _ in range(20):
            transport.open_tcp("127.0.0.1", postgres.port, 10).close()
        assert len(transport.channels_seen) <= 5
    finally:
        pool.let_go(connection)


def test_while_it_waits_for_the_next_attempt_the_reason_comes_at_once(bastion: Sshd) -> None:
    bastion.kill()
    connection = pool.take(resolve("host0", behind(bastion).ssh))
    try:
        for _ in range(3):
            with pytest.raises(NotReached, match="connection refused"):
                connection.transport(2)
    finally:
        pool.let_go(connection)
