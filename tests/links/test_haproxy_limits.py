"""What HAProxy may answer and be sent at its limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.links.errors import LinkError
from bdr_console.links.haproxy import HaproxyAdmin, HaproxyReader
from bdr_console.runbooks.execute import target_queries

_LINE = b"0x55: proto=tcpv4 src=127.0.0.1:39070 fe=ft be=bk_db srv=bdr_initial_node " + b"x" * 300 + b"\n"


@asynccontextmanager
async def answering(path: Path, answer: bytes) -> AsyncIterator[str]:
    """A FAKE HAProxy that says the same to everything."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        try:
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(talk, str(path))
    try:
        yield str(path)
    finally:
        server.close()


async def test_the_sessions_of_a_busy_proxy_are_read_whole_and_nothing_else_may_be_so_long(
    tmp_path: Path,
) -> None:
    many = _LINE * (17 * 1024**2 // len(_LINE) + 1)
    async with answering(tmp_path / "s", many) as socket:
        reader = HaproxyReader("haproxy1", socket, deadline=30.0)
        assert len(await reader.show("show sess")) == len(many)
        with pytest.raises(LinkError, match="larger than 16 MiB"):
            await reader.show("show info")


@pytest.mark.parametrize("answer", [b"\n", b"\n\n"])
async def test_a_socket_that_does_not_say_its_level_is_not_known_and_no_error(
    tmp_path: Path, answer: bytes
) -> None:
    async with answering(tmp_path / "s", answer) as socket:
        assert (await target_queries.proxy_rights(HaproxyReader("haproxy1", socket))).may_act is None


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ("set table bk_db key 10.0.0.1 data.server_id 2", True),
        ("set table bk_db key 10.0.0.1 data.server_id 1234567890", False),
        ("set table bk_db key 10.0.0.1 data.server_id", False),
    ],
)
async def test_a_stick_table_entry_is_set_by_the_number_of_its_server(
    tmp_path: Path, command: str, sent: bool
) -> None:
    async with answering(tmp_path / "s", b"\n") as socket:
        admin = HaproxyAdmin("haproxy1", socket)
        if sent:
            await admin.act(command)
        else:
            with pytest.raises(ConsoleError, match="not a command the console sends"):
                await admin.act(command)
