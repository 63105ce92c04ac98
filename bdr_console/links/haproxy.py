"""HAProxy's runtime socket, UNIX or TCP: one connection per command line, read to its end."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

from bdr_console.cluster.proxies import ProxyFacts
from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.links.errors import LinkError, NotReached, no_answer, remedy_for
from bdr_console.links.haproxy_facts import NodeOf, backends_of, proxy_facts
from bdr_console.links.haproxy_text import NotHaproxyError, is_absent, parse_stat, table_names
from bdr_console.links.resolve import addresses
from bdr_console.links.ssh_route import SshRoute

__all__ = ["HaproxyAdmin", "HaproxyReader", "read_proxy"]

_LARGEST, _LARGEST_SESS = 16 * 1024**2, 256 * 1024**2
"""Bytes of one answer; the `show sess` of 100 000 sessions is about 40 MiB."""

_MOST_TABLES = 20
"""Stick tables that belong to no backend; only those in use are read."""
_NAME = r"[A-Za-z0-9_.:-]+"
_SERVER = rf"{_NAME}/{_NAME}"
_SHOWS = re.compile(rf"show (info|stat|servers state|sess|cli level|table( {_NAME})?)")
"""What is read. Others would print secrets (`show env`), keys, or what clients sent."""
_ACTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(disable|enable) server {_SERVER}",
        rf"set server {_SERVER} state (ready|drain|maint)",
        rf"clear table {_NAME}( key [0-9A-Fa-f.:]+)?",
        rf"set table {_NAME} key [0-9A-Fa-f.:]+ data\.server_id [0-9]{{1,9}}",
        rf"shutdown sessions server {_SERVER}",
    )
)


class HaproxyReader:
    """One HAProxy to be read. Nothing but `show` goes out."""

    def __init__(
        self, name: str, socket: str, *, deadline: float = 2.0, through: SshRoute | None = None
    ) -> None:
        self.name = name
        self.deadline = deadline
        self._socket = socket
        self._through = through
        self._turn = asyncio.Lock()
        self._timeouts = 0

    @property
    def address(self) -> str:
        """Where it is, for people, and what leads there once that is known."""
        return self._through.shown(self._socket) if self._through else self._socket

    async def show(self, command: str) -> str:
        """The answer to one `show ...` command, error texts included; raises LinkError."""
        return await self._read(_checked_show(command))

    async def show_all(self, commands: Sequence[str]) -> list[str]:
        """The answers to several `show ...` commands, over one connection where their borders are clear.

        Answers end with an empty line, and so does the help text of an unknown command; where an answer
        holds empty lines itself the count does not come out, and each is asked on its own.
        """
        lines = [_checked_show(command) for command in commands]
        whole = await self._read(";".join(lines))
        parts = whole.split("\n\n")
        if parts[-1] == "" and len(parts) == len(lines) + 1:
            return [part.lstrip("\n") + "\n" for part in parts[:-1]]
        return [await self._read(line) for line in lines]

    async def _read(self, line: str) -> str:
        """One reading at a time: HAProxy has few slots for its runtime socket (`stats maxconn`, 10).

        Whoever waited behind one that was not answered is told so at once: a frozen HAProxy costs all of
        them together one deadline.
        """
        before = self._timeouts
        async with self._turn:
            if self._timeouts != before:
                raise no_answer(self.name, self.address, f"`{clean(line, 200)}`", self.deadline)
            return await self._exchange(line)

    async def _exchange(self, line: str) -> str:
        tried = f"`{clean(line, 200)}`"
        try:
            answer = await self._talk(line)
        except NotReached as error:
            raise LinkError(self.name, self.address, tried, error.reason, error.remedy) from None
        except TimeoutError:
            self._timeouts += 1
            raise no_answer(self.name, self.address, tried, self.deadline) from None
        except OSError as error:
            reason = (error.strerror or str(error) or type(error).__name__).lower()
            if re.search(r"connect call failed", reason):  # asyncio's own words around errno
                reason = "connection refused"
            raise LinkError(self.name, self.address, tried, reason, remedy_for(reason)) from None
        if not answer and self._through and (reason := self._through.why_silent()):
            raise LinkError(self.name, self.address, tried, reason, remedy_for(reason))
        if len(answer) > (most := _most(line)):
            raise LinkError(
                self.name,
                self.address,
                tried,
                f"the answer is larger than {most // 1024**2} MiB",
                "Look what answers at this address.",
            )
        if answer and not answer.endswith(b"\n"):
            remedy = (
                "It was stopped or reloaded while it answered, or something else answers there: try again."
            )
            raise LinkError(self.name, self.address, tried, "the answer broke off", remedy)
        return answer.decode("utf-8", "backslashreplace")

    async def _talk(self, line: str) -> bytes:
        if self._through:
            streams = await self._through.stream(self._socket, self.deadline)
            async with asyncio.timeout(self.deadline):
                return await _ask(line, *streams)
        async with asyncio.timeout(self.deadline):
            if self._socket.startswith("/"):
                return await _ask(line, *await asyncio.open_unix_connection(self._socket))
            host, _, port = self._socket.rpartition(":")
            return await _ask(line, *await self._dial(host.strip("[]"), int(port)))

    async def _dial(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first address of the host that answers."""
        *others, last = await addresses(host)
        for address in others:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(address, port)
        return await asyncio.open_connection(last, port)


def _most(line: str) -> int:
    return _LARGEST_SESS if "show sess" in line else _LARGEST


async def _ask(line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Send one line and read to the end; closes the connection whatever happens."""
    try:
        writer.write(line.encode() + b"\n")  # without the newline HAProxy runs nothing
        await writer.drain()
        answer = bytearray()
        while len(answer) <= _most(line) and (piece := await reader.read(65536)):
            answer += piece
        return bytes(answer)
    finally:
        writer.transport.abort()  # close() would wait for a peer that may be frozen


class HaproxyAdmin(HaproxyReader):
    """One HAProxy to act on, for runbooks; its socket must have level admin (operator for tables)."""

    async def act(self, command: str) -> None:
        """Send one change. HAProxy answers a success with an empty line; anything else raises LinkError."""
        if not any(pattern.fullmatch(command) for pattern in _ACTS):
            raise ConsoleError(
                f"{self.name}: `{clean(command, 200)}` is not a command the console sends to HAProxy",
                "Names of backends and servers are made of letters, digits, _ . : and -.",
            )
        answer = await self._exchange(command)
        if answer == "\n":
            return
        if answer == "":
            reason = "closed the connection without an answer: whether it took effect is not known"
            raise LinkError(
                self.name,
                self.address,
                f"`{command}`",
                reason,
                "Look at the server's state before anything else.",
            )
        reason = clean(answer.strip().splitlines()[0] if answer.strip() else answer, 300)
        raise LinkError(self.name, self.address, f"`{command}`", reason, _remedy(reason, self._socket))


def _remedy(reason: str, address: str) -> str:
    if reason == "Permission denied":
        kind = (
            f"`stats socket {address} level admin`"
            if Path(address).is_absolute()
            else "the stats socket `level admin`"
        )
        return f"Give {kind} in the global section of haproxy.cfg and reload."
    if reason.startswith(("No such", "Can't find")):
        return "Compare the names in the configuration with `show servers state` on this HAProxy."
    return "HAProxy refused the command, so it changed nothing."


def _checked_show(command: str) -> str:
    if not _SHOWS.fullmatch(command):
        raise ConsoleError(
            f"`{clean(command, 200)}` is not among the commands that the console reads HAProxy with",
            "Names of backends and tables are made of letters, digits, _ . : and -.",
        )
    return command


async def read_proxy(reader: HaproxyReader, backends: tuple[str, ...], node_of: NodeOf) -> ProxyFacts:
    """One reading: the named backends, or when none is named those that hold a server of a configured node.

    Raises LinkError, also when a named backend is not there or something else than HAProxy answers.
    """
    basics = ["show info", "show stat", "show servers state"]
    try:
        if backends:
            info, stat, state, *tables = await reader.show_all(
                [*basics, *(f"show table {name}" for name in backends)]
            )
        else:
            info, stat, state = await reader.show_all(basics)
            backends = backends_of(parse_stat(stat), state, node_of)
            tables = await reader.show_all([f"show table {name}" for name in backends]) if backends else []
        rows = parse_stat(stat)
        own = dict(zip(backends, tables, strict=True))
        elsewhere: dict[str, str] = {}
        if any(is_absent(answer) for answer in tables):
            # `stick on dst table T`: the table of another section, which no backend names in what is read.
            names = [name for name in table_names(await reader.show("show table")) if name not in backends]
            names = [name for name in names if re.fullmatch(_NAME, name)][:_MOST_TABLES]
            found = await reader.show_all([f"show table {name}" for name in names]) if names else []
            elsewhere = dict(zip(names, found, strict=True))
        facts = proxy_facts(info, rows, state, own, backends, node_of, elsewhere)
    except NotHaproxyError as error:
        reason = f"the answer is not HAProxy's: {error}"
        raise LinkError(
            reader.name,
            reader.address,
            "reading",
            reason,
            "Check that `socket` names a `stats socket` of HAProxy.",
        ) from None
    known = {row["pxname"] for row in rows}
    for name in backends:
        if name not in known:
            reason = f"there is no backend '{name}'"
            has = ", ".join(sorted(clean(row["pxname"], 60) for row in rows if row.get("type") == "1")[:20])
            raise LinkError(
                reader.name,
                reader.address,
                "reading",
                reason,
                f"Correct `backends` in the configuration. It has: {has}.",
            )
    return facts
