"""A command ordered for the hold that runs on the node itself, over a real sshd."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute import hold_command
from bdr_console.runbooks.execute.hold_command import LOST, NodeHosts, OnNode, need_hosts
from tests.links.ssh.conftest import bastion, behind, home, make_sshd  # noqa: F401 - fixtures
from tests.links.ssh.sshd import Sshd
from tests.waiting import wait_until

Start = Callable[[str], Awaitable[OnNode]]

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def start(bastion: Sshd) -> AsyncIterator[Start]:  # noqa: F811
    """Starts a command on node1, whose host is the bastion."""
    hosts = NodeHosts(behind(bastion, nodes={"node1": {"dsn": "host=a", "ssh_host": "host0"}}))
    yield lambda command: hosts.start("node1", command, {"BDR_CONSOLE_NODE": "node1", "HARD": "it's $x"})
    await hosts.close()


async def output(running: OnNode) -> tuple[list[str], int]:
    return [line.decode() async for line in running.lines()], await running.code()


@pytest.mark.parametrize(
    ("command", "lines", "code"),
    [
        ("echo one; echo two >&2", ["one", "two"], 0),
        ("printf 'no newline'; exit 3", ["no newline"], 3),
        ('echo "$BDR_CONSOLE_NODE: $HARD"; cat', ["node1: it's $x"], 0),
        ("echo; echo", ["", ""], 0),
        ("true", [], 0),
    ],
)
async def test_output_and_exit_code_come_back(
    start: Start, command: str, lines: list[str], code: int
) -> None:
    assert await output(await start(command)) == (lines, code)


async def test_a_command_may_be_silent_for_longer_than_its_start_may_take(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_command, "_START_WITHIN", 3)
    assert await output(await start("sleep 5; echo late")) == (["late"], 0)


async def test_a_command_that_is_ended_is_ended_there_with_what_it_started(
    start: Start, tmp_path: Path
) -> None:
    running = await start(f"sleep 300 & echo $! > {tmp_path}/pid; wait")
    await asyncio.to_thread(
        wait_until, lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "it runs"
    )
    pid = int((tmp_path / "pid").read_text())
    await running.end()
    await asyncio.to_thread(wait_until, lambda: not _runs(pid), "it is gone")


def _runs(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def test_a_command_outlives_a_connection_that_breaks_and_that_is_told(
    start: Start,
    bastion: Sshd,  # noqa: F811
    tmp_path: Path,
) -> None:
    running = await start(f"echo begun; sleep 1; touch {tmp_path}/done")
    lines = running.lines()
    assert await anext(lines) == b"begun"
    bastion.kill()
    assert [line async for line in lines] == []
    assert await running.code() == LOST
    await asyncio.to_thread(wait_until, (tmp_path / "done").exists, "it went on to its end")


def test_a_node_without_a_host_is_named_before_anything_starts() -> None:
    settings = ClusterSettings.model_validate(
        {"nodes": {"a": {"dsn": "host=a"}, "b": {"dsn": "host=b", "ssh_host": "b"}}}
    )
    need_hosts(settings, ["b"])
    with pytest.raises(ConsoleError, match="no SSH host is configured for a"):
        need_hosts(settings, ["a", "b"])
