"""Servers reached through a real sshd."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bdr_console.config import ClusterSettings
from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links
from bdr_console.links.haproxy import HaproxyAdmin, HaproxyReader
from bdr_console.links.pgbouncer import PgBouncerAdmin, PgBouncerReader
from bdr_console.links.postgres import PostgresReader
from tests.links.servers import PASSWORD, Haproxy, PgBouncer, Postgres, free_port
from tests.links.ssh.conftest import behind
from tests.links.ssh.sshd import Sshd

pytestmark = pytest.mark.timeout(60)

PATIENT = 8.0
"""Seconds: a login shell on a busy machine takes its time."""
WHO = {"who": "SELECT pg_backend_pid() AS pid, host(inet_client_addr()) AS client"}


def node(server: Postgres) -> dict[str, Any]:
    """A node as the bastion reaches it, its password in ~/.pgpass."""
    return {"node1": {"dsn": f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"}}


def proxy(socket: str) -> dict[str, Any]:
    return {"haproxy1": {"socket": socket}}


async def read(settings: ClusterSettings) -> str:
    """One reading of node1; the client's address as the server sees it."""
    links = Links(settings, deadline=PATIENT)
    reader = links.nodes(PostgresReader)["node1"]
    try:
        answer = (await reader.fetch(WHO))["who"]
        assert isinstance(answer, list)
        return str(answer[0]["client"])
    finally:
        await reader.close()
        await links.close()


async def show(settings: ClusterSettings) -> tuple[str, str]:
    """haproxy1's name for its own process, and its address afterwards; two commands, as a monitor sends."""
    links = Links(settings, deadline=PATIENT)
    reader = links.proxies(HaproxyReader)["haproxy1"]
    try:
        first, second = await reader.show("show info"), await reader.show("show info")
        assert [text.splitlines()[0] for text in (first, second)] == ["Name: HAProxy"] * 2
        return first, reader.address
    finally:
        await links.close()


async def test_a_node_is_read_through_the_bastion_and_no_local_port_is_opened(
    bastion: Sshd, postgres: Postgres
) -> None:
    links = Links(behind(bastion, nodes=node(postgres)))
    reader = links.nodes(PostgresReader)["node1"]
    try:
        answer = (await reader.fetch(WHO))["who"]
        assert isinstance(answer, list)
        assert answer[0]["client"] == "127.0.0.1", "it sees a TCP connection of the bastion"
        assert reader.address == f"127.0.0.1:{postgres.port} via host0"
        assert listening_ports() == set()
    finally:
        await reader.close()
        await links.close()


async def test_a_password_file_works_through_the_bastion_too(
    bastion: Sshd, postgres: Postgres, home: Path
) -> None:
    (home / ".pgpass").unlink()
    secret = home / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    told = node(postgres)
    told["node1"]["password_file"] = "~/secret"
    assert await read(behind(bastion, nodes=told)) == "127.0.0.1"


def listening_ports() -> set[int]:
    """The TCP ports that this process listens on."""
    own = set()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            own.add(str(fd.readlink()))
        except OSError:
            continue
    found = set()
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{family}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and f"socket:[{words[9]}]" in own:
                found.add(int(words[1].rpartition(":")[2], 16))
    return found


async def test_what_the_environment_tells_libpq_does_not_lead_around_the_bastion(
    bastion: Sshd, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGHOSTADDR": "127.0.0.9", "PGPORT": "1", "PGSSLMODE": "verify-full"}.items():
        monkeypatch.setenv(name, value)
    assert await read(behind(bastion, nodes=node(postgres))) == "127.0.0.1"


async def test_a_remote_unix_socket_of_postgresql_is_reached_as_well(
    bastion: Sshd, postgres: Postgres
) -> None:
    dsn = f"host={postgres.directory} port={postgres.port} user=postgres dbname=postgres"
    assert await read(behind(bastion, nodes={"node1": {"dsn": dsn}})) == "None"


async def test_pgbouncer_is_read_and_acted_on_through_the_bastion(
    bastion: Sshd, pgbouncer: PgBouncer
) -> None:
    dsn = f"host=127.0.0.1 port={pgbouncer.port} user=operator"
    links = Links(behind(bastion, poolers={"pgb": {"dsn": dsn}}))
    console = links.poolers(PgBouncerAdmin)["pgb"]
    other = links.poolers(PgBouncerReader)["pgb"]
    try:
        await console.warm()
        assert await console.show("VERSION")
        await console.act("SET server_login_retry = '3'")
        assert {row["key"]: row["value"] for row in await other.show("CONFIG")}["server_login_retry"] == "3"
    finally:
        await other.close()
        await console.close()
        await links.close()


async def test_haproxys_socket_is_forwarded_by_sshd_itself(bastion: Sshd, haproxy: Haproxy) -> None:
    path = haproxy.socket()
    assert (await show(behind(bastion, proxies=proxy(path))))[1] == f"{path} via host0"


async def test_haproxys_tcp_socket_is_reached_too(bastion: Sshd, haproxy: Haproxy) -> None:
    _, address = await show(behind(bastion, proxies=proxy(f"127.0.0.1:{haproxy.tcp}")))
    assert address == f"127.0.0.1:{haproxy.tcp} via host0"


async def test_socat_does_it_where_sshd_may_not_forward_and_the_address_says_so(
    make_sshd: Callable[..., Sshd], haproxy: Haproxy
) -> None:
    settings = behind(make_sshd("AllowStreamLocalForwarding no"), proxies=proxy(haproxy.socket()))
    assert (await show(settings))[1] == f"{haproxy.socket()} via host0 (socat)"


async def test_a_change_through_socat_takes_effect_and_is_answered(
    make_sshd: Callable[..., Sshd], haproxy: Haproxy
) -> None:
    links = Links(
        behind(make_sshd("AllowStreamLocalForwarding no"), proxies=proxy(haproxy.socket())), deadline=PATIENT
    )
    admin = links.proxies(HaproxyAdmin)["haproxy1"]
    try:
        await admin.act("disable server bk_db/bdr_next_node")
        assert ",MAINT" in await admin.show("show stat")
        with pytest.raises(LinkError, match="No such"):
            await admin.act("disable server bk_db/nobody")
    finally:
        await links.close()


def _path_with(folder: Path, **programs: str) -> str:
    """A line that gives the bastion's user a PATH with sh, grep and these programs alone."""
    folder.mkdir()
    for name in ("sh", "grep"):
        (folder / name).symlink_to(f"/bin/{name}")
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return f"SetEnv PATH={folder}"


FAKE_NC = """#!/bin/sh
[ "$1" = -h ] && { echo "nc [-46CDdFhklNnrStUuvZz]"; exit; }
exec /usr/bin/socat -t0.05 - UNIX-CONNECT:"$2"
"""


async def test_nc_does_it_where_there_is_no_socat(
    make_sshd: Callable[..., Sshd], haproxy: Haproxy, tmp_path: Path
) -> None:
    server = make_sshd("AllowStreamLocalForwarding no", _path_with(tmp_path / "bin", nc=FAKE_NC))
    assert (await show(behind(server, proxies=proxy(haproxy.socket()))))[1].endswith("via host0 (nc)")


async def test_without_any_way_to_the_socket_the_error_says_what_to_install(
    make_sshd: Callable[..., Sshd], haproxy: Haproxy, tmp_path: Path
) -> None:
    server = make_sshd("AllowStreamLocalForwarding no", _path_with(tmp_path / "bin"))
    with pytest.raises(LinkError, match="no socat and no nc") as refused:
        await show(behind(server, proxies=proxy(haproxy.socket())))
    assert "Install socat on host0" in refused.value.remedy


async def test_a_haproxy_that_is_down_and_one_that_never_was_are_told_apart(
    bastion: Sshd, haproxy: Haproxy
) -> None:
    haproxy.stop()
    with pytest.raises(LinkError, match=r"admin\.sock: connection refused"):
        await show(behind(bastion, proxies=proxy(haproxy.socket())))
    missing = f"{haproxy.directory}/it's; not $HOME.sock"
    with pytest.raises(LinkError, match="no such file or directory"):
        await show(behind(bastion, proxies=proxy(missing)))


async def test_a_server_that_the_bastion_cannot_reach_is_named_with_the_bastions_reason(
    bastion: Sshd,
) -> None:
    port = free_port()
    dsn = {"node1": {"dsn": f"host=127.0.0.1 port={port} user=postgres"}}
    with pytest.raises(LinkError, match=f"host0: 127.0.0.1:{port}: connection refused"):
        await read(behind(bastion, nodes=dsn))


async def test_a_bastion_that_may_not_forward_is_told_with_the_option(
    make_sshd: Callable[..., Sshd], postgres: Postgres
) -> None:
    with pytest.raises(LinkError) as refused:
        await read(behind(make_sshd("AllowTcpForwarding no"), nodes=node(postgres)))
    assert "AllowTcpForwarding" in refused.value.remedy


async def test_a_chain_of_two_jump_hosts_is_followed(
    make_sshd: Callable[..., Sshd], postgres: Postgres
) -> None:
    servers = make_sshd(), make_sshd(), make_sshd()
    assert await read(behind(*servers, nodes=node(postgres))) == "127.0.0.1"
    assert all("Accepted publickey" in server.log for server in servers)


async def test_targets_behind_one_host_share_one_connection(
    bastion: Sshd, postgres: Postgres, haproxy: Haproxy
) -> None:
    settings = behind(bastion, nodes=node(postgres), proxies=proxy(haproxy.socket()))
    links, others = Links(settings, deadline=PATIENT), Links(settings, deadline=PATIENT)
    readers = [links.nodes(PostgresReader)["node1"], others.nodes(PostgresReader)["node1"]]
    try:
        for reader in readers:
            await reader.fetch(WHO)
        await links.proxies(HaproxyReader)["haproxy1"].show("show info")
        assert bastion.log.count("Accepted publickey") == 1
    finally:
        for reader in readers:
            await reader.close()
        await links.close()
        await others.close()
