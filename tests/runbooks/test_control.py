"""Words to a run over its control socket."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute.control import SOCKET, listening, say


def hear(word: str, who: str) -> tuple[bool, str]:
    return (True, f"{who} says {word}") if word == "go" else (False, "not offered now")


async def test_a_word_is_answered(tmp_path: Path) -> None:
    async with listening(tmp_path, hear):
        assert await say(tmp_path, "go", "dba@bastion") == "dba@bastion says go"


async def test_a_refused_word_says_why(tmp_path: Path) -> None:
    async with listening(tmp_path, hear):
        with pytest.raises(ConsoleError, match="'abort' was refused: not offered now"):
            await say(tmp_path, "abort", "dba")


async def test_the_socket_is_its_users_alone_and_goes_with_the_run(tmp_path: Path) -> None:
    async with listening(tmp_path, hear):
        assert stat.S_IMODE((tmp_path / SOCKET).stat().st_mode) == 0o600
    assert not (tmp_path / SOCKET).exists()


async def test_a_state_directory_too_deep_for_a_socket_path_still_hears(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    async with listening(deep, hear):
        assert await say(deep, "go", "dba") == "dba says go"


async def test_a_run_without_a_runner_says_that_it_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError) as refused:
        await say(tmp_path, "go", "dba")
    assert "cannot be reached" in refused.value.problem
    assert "gone" in refused.value.remedy


@pytest.mark.parametrize("line", [b"\n", b"go\n", b"[1]\n", b'{"who": "x"}\n', b"\xff\xfe\n", b"null\n"])
async def test_nonsense_on_the_socket_is_answered_and_hurts_nobody(tmp_path: Path, line: bytes) -> None:
    async with listening(tmp_path, hear):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET))
        writer.write(line)
        answer = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()
        assert answer["accepted"] is False
        assert await say(tmp_path, "go", "dba") == "dba says go"


async def test_a_caller_who_hangs_up_hurts_nobody(tmp_path: Path) -> None:
    async with listening(tmp_path, hear):
        _, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET))
        writer.transport.abort()
        assert await say(tmp_path, "go", "dba") == "dba says go"
