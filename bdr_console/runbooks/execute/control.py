"""Words from the operator to a run: JSON lines over a UNIX socket in the run's private directory.

A request is `{"word": "go", "who": "dba@bastion"}`, an answer `{"accepted": true, "text": "..."}`.
Both ends name the socket through /proc/self/fd, so the 107 bytes that a socket's path may have are never
too few for it, however deep the state directory lies.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from bdr_console.errors import ConsoleError

SOCKET = "control.sock"
_LONGEST = 4096
_DEADLINE = 3.0

Answer = tuple[bool, str]
"""Whether the word was accepted, and what there is to say about it."""


@contextlib.asynccontextmanager
async def listening(
    directory: Path, take_word: Callable[[str, str], Answer]
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Serve the control socket of a run while the block runs; `take_word(word, who)` answers at once.

    Yields what makes the socket anew where somebody has deleted it.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_DEADLINE):
                line = await reader.readline()
            accepted, text = _answer(line, take_word)
            writer.write(json.dumps({"accepted": accepted, "text": text}).encode() + b"\n")
            async with asyncio.timeout(_DEADLINE):
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # a caller that hangs up or says nothing is its own loss
        finally:
            writer.close()

    server: asyncio.Server | None = None

    async def renew() -> None:
        nonlocal server
        if server is not None and (directory / SOCKET).exists():
            return
        if server is not None:
            server.close()
        with _short_path(directory) as path:
            _remove(path)
            old = os.umask(0o177)
            try:
                server = await asyncio.start_unix_server(talk, path, limit=_LONGEST)
            finally:
                os.umask(old)

    await renew()
    try:
        yield renew
    finally:
        if server is not None:
            server.close()
        with contextlib.suppress(FileNotFoundError), _short_path(directory) as path:
            _remove(path)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - a name that is only good while its descriptor is open


def _answer(line: bytes, take_word: Callable[[str, str], Answer]) -> Answer:
    try:
        request = json.loads(line)
        word, who = str(request["word"]), str(request.get("who", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False, 'not understood: send one line such as {"word": "status"}'
    return take_word(word, who)


async def say(directory: Path, word: str, who: str) -> str:
    """Send one word and return what the runner says to it; raises ConsoleError when it is refused."""
    try:
        with _short_path(directory) as path:
            async with asyncio.timeout(_DEADLINE):
                reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST)
        try:
            async with asyncio.timeout(_DEADLINE):
                writer.write(json.dumps({"word": word, "who": who}).encode() + b"\n")
                await writer.drain()
                answer = json.loads(await reader.readline())
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    except TimeoutError:
        raise ConsoleError(
            f"the runner of {directory.name} did not answer '{word}' within {_DEADLINE:.0f} s",
            "It may be stopped (SIGSTOP) or busy; whether it heard the word is told by the run's journal.",
        ) from None
    except (OSError, ValueError):
        raise ConsoleError(
            f"the runner of {directory.name} cannot be reached", "The run is over, or its runner is gone."
        ) from None
    if not answer.get("accepted"):
        raise ConsoleError(f"'{word}' was refused: {answer.get('text', '')}")
    return str(answer.get("text", ""))


@contextlib.contextmanager
def _short_path(directory: Path) -> Iterator[str]:
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
