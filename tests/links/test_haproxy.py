"""The HAProxy link on a real HAProxy."""

import asyncio
import os
import pwd
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bdr_console.cluster.proxies import ServerState
from bdr_console.errors import ConsoleError
from bdr_console.links.errors import LinkError
from bdr_console.links.haproxy import HaproxyAdmin, HaproxyReader, read_proxy
from tests.links.servers import Haproxy, Postgres, free_port, suspend
from tests.links.watching import heartbeat


def node_of(_backend: str, server: str, _address: str | None) -> str | None:
    return {"bdr_initial_node": "node1"}.get(server)


async def test_unix_and_tcp_sockets_read_the_same(haproxy: Haproxy) -> None:
    by_path = await read_proxy(HaproxyReader("ha", haproxy.socket()), (), node_of)
    by_port = await read_proxy(HaproxyReader("ha", f"127.0.0.1:{haproxy.tcp}"), (), node_of)
    assert by_path.backends() == by_port.backends() == ("bk_db",)
    assert [s.name for s in by_path.servers] == ["bdr_initial_node", "bdr_next_node"]
    assert by_path.servers[0].node == "node1"
    assert by_path.pid == by_port.pid


async def test_each_socket_level_shows_what_it_may_and_acts_only_as_admin(
    haproxy: Haproxy, postgres: Postgres
) -> None:
    psycopg.connect(postgres.dsn(), port=haproxy.frontend).close()
    sticky = {}
    for level in ("user", "operator"):
        admin = HaproxyAdmin("ha", haproxy.socket(level))
        sticky[level] = (await read_proxy(admin, ("bk_db",), node_of)).stick
        with pytest.raises(LinkError, match="Permission denied") as caught:
            await admin.act("disable server bk_db/bdr_initial_node")
        assert "level admin" in caught.value.remedy
    assert sticky["user"] is None
    assert sticky["operator"] is not None
    assert [entry.server for entry in sticky["operator"]] == ["bdr_initial_node"]
    admin = HaproxyAdmin("ha", haproxy.socket("admin"))
    assert await admin.show("show cli level") == "admin\n\n"
    await admin.act("disable server bk_db/bdr_initial_node")
    facts = await read_proxy(admin, ("bk_db",), node_of)
    assert facts.servers[0].state is ServerState.MAINT
    assert facts.servers[0].admin_state == 1
    await admin.act("enable server bk_db/bdr_initial_node")
    assert not (await read_proxy(admin, ("bk_db",), node_of)).servers[0].in_maintenance


async def test_a_refused_command_is_raised_in_haproxys_own_words(haproxy: Haproxy) -> None:
    admin = HaproxyAdmin("ha", haproxy.socket())
    for command, answer in (
        ("disable server bk_db/nowhere", "No such server."),
        ("disable server nowhere/a", "No such backend."),
        ("clear table nowhere", "No such table"),
    ):
        with pytest.raises(LinkError) as caught:
            await admin.act(command)
        assert caught.value.reason == answer
        assert "show servers state" in caught.value.remedy or "changed nothing" in caught.value.remedy


@pytest.mark.parametrize(
    "command",
    [
        "show info;disable server bk_db/a",
        "disable server bk_db/a",
        "show info\nshow stat",
        "show env",
        "show",
        "",
        "show x <<",
    ],
)
async def test_a_reader_sends_nothing_but_one_show(command: str) -> None:
    with pytest.raises(ConsoleError):
        await HaproxyReader("ha", "/nowhere").show(command)


@pytest.mark.parametrize(
    "command",
    [
        "disable server bk_db/a;enable server bk_db/b",
        "disable server bk_db/a\n",
        "disable server bk_db",
        "set server bk_db/a addr 10.0.0.1",
        "shutdown frontend x",
        "clear counters all",
        "disable server bk db/a",
    ],
)
async def test_an_admin_sends_only_the_acts_it_knows(command: str) -> None:
    with pytest.raises(ConsoleError, match="not a command the console sends"):
        await HaproxyAdmin("ha", "/nowhere").act(command)


async def test_a_backend_that_is_not_there_is_named_with_those_that_are(haproxy: Haproxy) -> None:
    with pytest.raises(LinkError, match="there is no backend 'bk_wrong'") as caught:
        await read_proxy(HaproxyReader("ha", haproxy.socket()), ("bk_wrong",), node_of)
    assert "It has: bk_db." in caught.value.remedy


async def test_unreachable_sockets_are_named_with_what_to_do(tmp_path: Path) -> None:
    for socket, reason, remedy in (
        (str(tmp_path / "none.sock"), "no such file or directory", "There is no such socket"),
        (f"127.0.0.1:{free_port()}", "connection refused", "Nothing listens there"),
    ):
        with pytest.raises(LinkError) as caught:
            await HaproxyReader("ha", socket).show("show info")
        assert caught.value.reason == reason
        assert remedy in caught.value.remedy
        assert socket in caught.value.problem


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user to be refused")
def test_a_socket_without_permission_says_so(haproxy: Haproxy) -> None:
    script = (
        "import asyncio\nfrom bdr_console.links.haproxy import HaproxyReader\n"
        "from bdr_console.links.errors import LinkError\n"
        f"try: asyncio.run(HaproxyReader('ha', {haproxy.socket()!r}).show('show info'))\n"
        "except LinkError as error: print(error.reason, '|', error.remedy)\n"
    )
    nobody = pwd.getpwnam("nobody")
    code = f"import os; os.setgid({nobody.pw_gid}); os.setgroups([]); os.setuid({nobody.pw_uid})\n"
    code = "import bdr_console.links.haproxy\n" + code + script  # imported while the tree can still be read
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.startswith("permission denied | The user who runs the console may not open it"), (
        done.stderr
    )


async def test_a_frozen_haproxy_is_given_up_at_the_deadline_and_the_loop_stays_free(haproxy: Haproxy) -> None:
    assert haproxy.process
    suspend(haproxy.process.pid)
    async with heartbeat() as beats, asyncio.timeout(5):
        for socket in (haproxy.socket(), f"127.0.0.1:{haproxy.tcp}"):
            with pytest.raises(LinkError, match=r"timed out after 0.5 s"):
                await HaproxyReader("ha", socket, deadline=0.5).show("show info")
    assert len(beats) > 20, "the event loop stood still"


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (b"", "the answer is not HAProxy's"),
        (
            b"HTTP/1.0 400 Bad request\r\nContent-Type: text/html\r\n\r\n<html></html>\n",
            "the answer is not HAProxy's",
        ),
        (b"# pxname,svname,\n\n\xff\xfe\x00", "the answer broke off"),
        (b"\x1b]0;owned\x07\n" * 3, "the answer is not HAProxy's"),
    ],
)
async def test_an_answer_from_something_else_is_an_error_and_not_a_crash(garbage: bytes, reason: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(garbage)
        await writer.drain()
        writer.close()

    something_else = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = something_else.sockets[0].getsockname()[1]
    async with something_else:
        with pytest.raises(LinkError) as caught:
            await read_proxy(HaproxyReader("ha", f"127.0.0.1:{port}"), ("bk_db",), node_of)
    assert reason in caught.value.reason
    assert "\x1b" not in str(caught.value)


async def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdr_console.links.haproxy._LARGEST", 100_000)

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            writer.close()

    something_else = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = something_else.sockets[0].getsockname()[1]
    async with something_else:
        with pytest.raises(LinkError, match="the answer is larger than"):
            await HaproxyReader("ha", f"127.0.0.1:{port}").show("show info")


async def test_a_connection_closed_without_an_answer_is_never_taken_for_success() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    something_else = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = something_else.sockets[0].getsockname()[1]
    async with something_else:
        with pytest.raises(LinkError, match="whether it took effect is not known"):
            await HaproxyAdmin("ha", f"127.0.0.1:{port}").act("disable server bk_db/a")


async def test_answers_whose_borders_are_unclear_are_asked_for_one_by_one() -> None:
    lines: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode().strip()
        lines.append(line)
        answers = {"show sess": "first\n\nsecond\n\n", "show info": "Name: HAProxy\n\n"}
        writer.write("".join(answers[command] for command in line.split(";")).encode())
        await writer.drain()
        writer.close()

    something_else = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = something_else.sockets[0].getsockname()[1]
    async with something_else:
        found = await HaproxyReader("ha", f"127.0.0.1:{port}").show_all(["show sess", "show info"])
    assert found == ["first\n\nsecond\n\n", "Name: HAProxy\n\n"]
    assert lines == ["show sess;show info", "show sess", "show info"]


async def test_several_questions_at_once_take_one_connection_and_one_deadline_of_a_frozen_haproxy(
    tmp_path: Path,
) -> None:
    came = 0
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        await gone.wait()
        writer.close()

    async with await asyncio.start_unix_server(silent, str(tmp_path / "admin.sock")):
        reader = HaproxyReader("haproxy1", str(tmp_path / "admin.sock"), deadline=0.3)
        asked = [reader.show("show info"), reader.show("show sess"), reader.show("show cli level")]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert came == 1
        assert ["timed out" in str(answer) for answer in answers] == [True] * 3
        with pytest.raises(LinkError, match="timed out"):
            await reader.show("show info")
        assert came == 2, "who asks later asks anew"
        gone.set()
