"""Names that resolve slowly or not at all."""

import asyncio
import socket
import threading
from collections.abc import Awaitable
from pathlib import Path

import pytest

from bdr_console.links import conninfo
from bdr_console.links.errors import LinkError
from bdr_console.links.haproxy import HaproxyReader
from bdr_console.links.postgres import PostgresReader
from bdr_console.links.resolve import addresses
from tests.links.servers import PASSWORD, Postgres, free_port
from tests.links.watching import heartbeat


async def _any(reading: Awaitable[object]) -> object:
    return await reading


async def test_a_resolver_that_hangs_holds_up_its_own_target_only(
    monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    asked, release = [], threading.Event()
    real = socket.getaddrinfo

    def hang(host: str, *rest: object, **more: object) -> object:
        if host != "slow.example":
            return real(host, *rest, **more)  # type: ignore[arg-type]
        asked.append(host)
        release.wait(30)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    slow = [
        PostgresReader(f"node{i}", f"host=slow.example port={free_port()}", deadline=0.4) for i in range(8)
    ]
    live = PostgresReader("live", postgres.dsn())
    try:
        async with heartbeat() as beats, asyncio.timeout(10):
            waiting: list[asyncio.Task[object]] = [
                asyncio.create_task(_any(reader.fetch({"one": "SELECT 1"}))) for reader in slow
            ]
            proxy = HaproxyReader("ha", "slow.example:1", deadline=0.4)
            waiting.append(asyncio.create_task(_any(proxy.show("show info"))))
            assert await live.fetch({"one": "SELECT 1 AS n"}) == {"one": [{"n": 1}]}
            failures = await asyncio.gather(*waiting, return_exceptions=True)
    finally:
        release.set()
        await live.close()
    assert all(
        isinstance(failure, LinkError) and "timed out after 0.4 s" in failure.reason for failure in failures
    )
    assert len(beats) > 10, "the event loop stood still"
    assert asked == ["slow.example"], "one thread for one name, however many wait for it"


async def test_a_name_is_looked_up_and_an_address_or_path_is_not() -> None:
    assert await addresses("10.0.0.1") == ("10.0.0.1",)
    assert await addresses("::1") == ("::1",)
    assert await addresses("/run/postgresql") == ("/run/postgresql",)
    assert set(await addresses("localhost")) <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError, match="does not resolve"):
        await addresses("no.such.host.invalid")


async def test_a_host_list_keeps_its_names_ports_and_sockets_in_order() -> None:
    words = await conninfo.resolved({"host": "127.0.0.9,/run/pg", "port": "1,2"})
    assert (words["host"], words["port"]) == ("127.0.0.9,/run/pg", "1,2")
    assert "hostaddr" not in words


async def test_a_node_named_by_its_host_name_is_reached(postgres: Postgres) -> None:
    reader = PostgresReader("node1", postgres.dsn().replace("127.0.0.1", "localhost"))
    assert await reader.fetch({"one": "SELECT 1 AS n"}) == {"one": [{"n": 1}]}
    assert reader.address == f"localhost:{postgres.port}"
    assert reader.peer in (("127.0.0.1", str(postgres.port)), ("::1", str(postgres.port)))
    await reader.close()


async def test_a_service_is_read_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    file = tmp_path / "services"
    file.write_text(
        f"# the nodes\n[app1]\nhost=127.0.0.1\nport={postgres.port}\nuser=postgres\ndbname=nowhere\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    reader = PostgresReader("node1", "service=app1 dbname=postgres")
    assert reader.address == f"127.0.0.1:{postgres.port}"
    assert await reader.fetch({"one": "SELECT current_database()::text AS n"}) == {"one": [{"n": "postgres"}]}
    await reader.close()
    with pytest.raises(LinkError, match='definition of service "app2" not found'):
        await PostgresReader("node1", "service=app2").fetch({"one": "SELECT 1"})
