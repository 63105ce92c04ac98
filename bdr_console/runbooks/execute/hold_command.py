"""The command that was ordered for the maintenance hold, run on this host or on the node itself over SSH."""

import asyncio
import os
import secrets
import shlex
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.links.errors import NotReached
from bdr_console.links.factory import Links
from bdr_console.links.ssh_route import SshRoute

_END_WITHIN = 5.0
_START_WITHIN = 10.0
_LONGEST = 65536
"""Bytes of one line; of a longer one the end is kept."""
LOST = 255
"""The exit code that stands for an SSH connection that broke off, as with `ssh` itself."""

# Told to stop it ends its whole process group; when the connection breaks the command goes on by itself,
# because half a package upgrade is worse than one that nobody watches.
_SCRIPT = """
exec 3<&0
({exports} exec /bin/sh -c {command}) </dev/null 2>&1 &
job=$!
(read -r word <&3 && kill -TERM 0) >/dev/null 2>&1 &
listener=$!
wait $job
code=$?
printf '\\n%s %s\\n' {mark} $code
kill $listener 2>/dev/null
"""


class HoldCommand(Protocol):
    """A command under way."""

    @property
    def pid(self) -> int | None:
        """Its process on this host; None for one of another host."""

    def lines(self) -> AsyncIterator[bytes]:
        """Its output, line by line, to its end."""

    async def code(self) -> int:
        """Its exit code, once its output has ended."""

    async def end(self) -> None:
        """End it, with what it started."""


class Here:
    """A command of this host, in a session of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: str, environment: Mapping[str, str]) -> "Here":
        """Start it by /bin/sh, in our environment without our PGPASSWORD: what it logs in to is its own."""
        process = await asyncio.create_subprocess_shell(
            command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            env={**{key: value for key, value in os.environ.items() if key != "PGPASSWORD"}, **environment},
        )
        return cls(process)

    @property
    def pid(self) -> int | None:
        """Its shell."""
        return self._process.pid

    async def lines(self) -> AsyncIterator[bytes]:
        """Its output, line by line, to its end."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        async for line in _lines(self._process.stdout):
            yield line

    async def code(self) -> int:
        """Its exit code."""
        return await self._process.wait()

    async def end(self) -> None:
        """End its session."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_END_WITHIN):
                        await self._process.wait()


class OnNode:
    """A command of the node's own host, over SSH."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mark: str) -> None:
        self._reader, self._writer = reader, writer
        self._mark = mark.encode()
        self._code = LOST

    @classmethod
    async def start(cls, through: SshRoute, command: str, environment: Mapping[str, str]) -> "OnNode":
        """Start it by /bin/sh there; raises NotReached."""
        mark = f"bdr-console-{secrets.token_hex(8)}"
        exports = " ".join(f"{key}={shlex.quote(value)};" for key, value in environment.items())
        exports += f" export {' '.join(environment)};" if environment else ""
        script = _SCRIPT.format(exports=exports, command=shlex.quote(command), mark=mark)
        return cls(*await through.command(script, _START_WITHIN), mark)

    @property
    def pid(self) -> int | None:
        """None: it is not of this host."""
        return None

    async def lines(self) -> AsyncIterator[bytes]:
        """Its output, line by line, to its end or that of the connection."""
        pending = False  # an empty line stands before the mark, so that it begins a line of its own
        async for line in _lines(self._reader):
            if line.startswith(self._mark):
                with suppress(ValueError, IndexError):
                    self._code = int(line.split()[1])
                break
            if pending:
                yield b""
            pending = not line
            if line:
                yield line
        self._writer.transport.abort()

    async def code(self) -> int:
        """Its exit code; LOST when the connection broke off."""
        return self._code

    async def end(self) -> None:
        """End its process group there, as far as it can be told."""
        with suppress(OSError, RuntimeError, TimeoutError):
            self._writer.write(b"stop\n")
            async with asyncio.timeout(_END_WITHIN):
                await self._reader.read()
        self._writer.transport.abort()


class NodeHosts:
    """Starts commands on the nodes of one cluster; close it when the run is over."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._links = Links(settings)

    async def start(self, node: str, command: str, environment: Mapping[str, str]) -> OnNode:
        """Start a command on the SSH host that is that node; raises ConsoleError."""
        need_hosts(self._settings, [node])
        host = self._settings.nodes[node].ssh_host or ""
        try:
            return await OnNode.start(self._links.host(host), command, environment)
        except NotReached as error:
            raise ConsoleError(f"{node}: {error.reason}", error.remedy) from None

    async def close(self) -> None:
        """Let go of the hosts."""
        await self._links.close()


def need_hosts(settings: ClusterSettings, nodes: Sequence[str]) -> None:
    """Raise ConsoleError unless each of these nodes has a host that a command can run on."""
    without = [name for name in nodes if name in settings.nodes and settings.nodes[name].ssh_host is None]
    if without:
        raise ConsoleError(
            f"no SSH host is configured for {', '.join(without)}: the command cannot run there",
            f"Give nodes.{without[0]}.ssh_host, or leave --on-node out: then it runs on this host.",
        )


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    rest = b""
    with suppress(OSError):
        while data := await reader.read(_LONGEST):
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[-_LONGEST:]
            for line in lines:
                yield line
    if rest:
        yield rest
