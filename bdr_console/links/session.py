"""One PostgreSQL-protocol connection with a deadline on every exchange.

psycopg connects and converts; the exchange itself is done here on libpq's non-blocking interface,
because psycopg answers a cancelled task with a cancel request and up to ten more seconds of waiting
on a frozen server, and because a cancel request sent to a PgBouncer console lifts anybody's PAUSE.
Here a passed deadline closes the socket at once and sends nothing.
"""

import asyncio
import fcntl
import ipaddress
import itertools
import sys
import termios
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import BaseConnection, pq
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader, Transformer
from psycopg.conninfo import make_conninfo

from bdr_console.links.conninfo import Words, resolved, revealed
from bdr_console.links.secret import PasswordSource
from bdr_console.links.ssh_route import SshRoute

Rows = list[dict[str, Any]]
ResultT = TypeVar("ResultT")

IN_CLEAR = "the password goes over the network without TLS: add sslmode=verify-full (or require) to the DSN"
"""What to say of a target whose `password_in_clear` holds."""
_LOST = "the server closed the connection"
_LARGEST = 64 * 1024**2
"""Bytes of one exchange's answers. It bounds rows without end; a single row is libpq's to take, which reads
on until it has the whole of it: up to 1 GiB from a server that is none, within the deadline."""
_STALE_PLAN = b"0A000"


def _sqlstate(result: pq.abc.PGresult) -> bytes | None:
    """The error's code; None for a result that is none."""
    return result.error_field(pq.DiagnosticField.SQLSTATE)


def _codec(connection: BaseConnection[Any]) -> str:
    """Python's name for the session's encoding: ASCII for one it does not know, of which the rest is shown as
    bytes, and UTF-8 where a database does not say (SQL_ASCII) what it holds."""
    try:
        codec = connection.info.encoding
    except psycopg.NotSupportedError:
        return "ascii"
    return "utf-8" if connection.info.parameter_status("client_encoding") == "SQL_ASCII" else codec


class _Text(Loader):
    """Text as it is, even where a database holds bytes that its encoding does not know."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._codec = _codec(self.connection) if self.connection else "utf-8"

    def load(self, data: Buffer) -> str:
        return bytes(data).decode(self._codec, "backslashreplace")


def _far(address: bytes) -> bool:
    """Whether a server's address is beyond this host; it is empty for a UNIX socket."""
    try:
        return bool(address) and not ipaddress.ip_address(address.decode().split("%")[0]).is_loopback
    except ValueError:
        return True


class SessionLost(Exception):  # noqa: N818 - an event of the wire; links turn it into a LinkError
    """The connection ended in the middle of an exchange; its text says how."""


class Session:
    """An open connection. One exchange at a time; after any failure it is closed for good."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._waiter: asyncio.Future[None] | None = None
        self._seen: set[str] = set()
        self._prepared: dict[str, bytes] = {}
        self._numbers = itertools.count(1)
        self._received = 0
        for name in ("text", "varchar", "bpchar", "name", '"char"', "unknown", "cstring", "xml"):
            if connection.adapters.types.get(name) is not None:
                connection.adapters.register_loader(name, _Text)

    @classmethod
    async def open(
        cls,
        words: Words,
        deadline: float,
        through: SshRoute | None = None,
        password: PasswordSource | None = None,
    ) -> "Session":
        """Connect; raises psycopg.Error or OSError, or TimeoutError when `deadline` seconds have passed.

        `through` is a host on the way: NotReached when the way to the server is closed. `password` says where
        the password is kept: NotReached when it cannot be had.
        """
        if password is not None:
            words = {**words, "password": await password.password()}
        if through is not None:
            words = await through.words(words, deadline)
        async with asyncio.timeout(deadline):
            known = await resolved(words)
            try:
                connection = await psycopg.AsyncConnection.connect(
                    make_conninfo("", **revealed(known)), autocommit=True, prepare_threshold=None
                )
            except BaseException as error:
                if password is not None and isinstance(error, psycopg.Error):
                    password.refused()
                # psycopg's frames hold the password in their variables, and tracebacks hold frames.
                error.__context__ = None
                raise error.with_traceback(None) from None
        return cls(connection)

    @property
    def connection(self) -> psycopg.AsyncConnection[Any]:
        """psycopg's own object, for what needs parameters."""
        return self._connection

    @property
    def alive(self) -> bool:
        """Whether another exchange may be tried."""
        return self._pgconn.status == pq.ConnStatus.OK

    @property
    def password_in_clear(self) -> bool:
        """Whether a password was used to log in over a network without TLS."""
        connection = self._pgconn
        return bool(connection.used_password) and not connection.ssl_in_use and _far(connection.hostaddr)

    def parameter(self, name: str) -> str:
        """What the server said of itself at the start (server_version ...); empty when nothing."""
        value = self._pgconn.parameter_status(name.encode())
        return value.decode("utf-8", "backslashreplace") if value else ""

    @property
    def server_version(self) -> int:
        """libpq's number: 150020 for PostgreSQL 15.20, 11800 for PgBouncer 1.18.0."""
        return self._pgconn.server_version

    def text(self, data: bytes) -> str:
        """Return text that the server sent; a byte that its encoding does not know is shown as `\\xNN`."""
        return data.decode(_codec(self._connection), "backslashreplace")

    def _encoded(self, statement: str) -> bytes:
        """A letter that the session's encoding lacks becomes `?`: no name there can have it."""
        return statement.encode(_codec(self._connection), "replace")

    def close(self) -> None:
        """Close the socket now, also under a running exchange, without a word to the server."""
        waiter, self._waiter = self._waiter, None
        if self.alive or waiter is not None:
            fd = self._socket()
            if fd >= 0 and waiter is not None:
                loop = waiter.get_loop()
                loop.remove_reader(fd)
                loop.remove_writer(fd)
            self._pgconn.finish()
        if waiter is not None and not waiter.done():
            waiter.set_exception(SessionLost("closed from here"))

    async def pipeline(
        self, statements: Sequence[str], deadline: float, *, again: bool = False
    ) -> list[pq.abc.PGresult]:
        """Send all statements at once, each its own transaction; one result for each, failed or not.

        `again`: the same texts will come again. From the second time on the server keeps them prepared, and
        neither parses nor plans them any more, which is most of what small queries cost it.
        """

        async def exchange() -> list[pq.abc.PGresult]:
            self._pgconn.enter_pipeline_mode()
            sent = [self._send(statement, again) for statement in statements]
            await self._flush()
            found = [
                await self._answer(statement, prepares)
                for statement, prepares in zip(statements, sent, strict=True)
            ]
            for place, (statement, result) in enumerate(zip(statements, found, strict=True)):
                # A column's type has changed since: the statement itself is as good as before.
                if statement in self._prepared and _sqlstate(result) == _STALE_PLAN:
                    del self._prepared[statement]
                    self._send(statement, again=False)
                    await self._flush()
                    found[place] = await self._synced()
            self._pgconn.exit_pipeline_mode()
            return found

        return await self._guarded(exchange(), deadline)

    def _send(self, statement: str, again: bool) -> bool:
        """Queue one statement and its sync; true when a prepare with a sync of its own goes before it."""
        name = self._prepared.get(statement)
        prepares = again and name is None and statement in self._seen
        if prepares:
            name = self._prepared[statement] = f"bdr_console_{next(self._numbers)}".encode()
            self._pgconn.send_prepare(name, self._encoded(statement))
            self._pgconn.pipeline_sync()
        if again:
            self._seen.add(statement)
        if name is None:
            self._pgconn.send_query_params(self._encoded(statement), None)
        else:
            self._pgconn.send_query_prepared(name, None)
        self._pgconn.pipeline_sync()
        return prepares

    async def _answer(self, statement: str, prepares: bool) -> pq.abc.PGresult:
        """The result of one statement; where it could not be prepared, why."""
        prepared = await self._synced() if prepares else None
        result = await self._synced()
        if prepared is None or _sqlstate(prepared) is None:
            return result
        del self._prepared[statement]
        return prepared

    async def simple(self, statement: str, deadline: float | None) -> pq.abc.PGresult:
        """One statement over the simple query protocol; its last result."""

        async def exchange() -> pq.abc.PGresult:
            self._pgconn.send_query(self._encoded(statement))
            await self._flush()
            last = None
            while (result := await self._next()) is not None:
                if result.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH):
                    raise SessionLost("the server began a COPY, which was not asked for")
                last = result
            if last is None:
                raise SessionLost(_LOST)
            return last

        return await self._guarded(exchange(), deadline)

    def rows(self, result: pq.abc.PGresult) -> Rows:
        """The result's rows as Python values; raises psycopg.DataError for a value Python cannot hold."""
        transformer = Transformer(self._connection)
        transformer.set_pgresult(result)
        names = [(result.fname(i) or b"").decode("utf-8", "backslashreplace") for i in range(result.nfields)]
        return transformer.load_rows(0, result.ntuples, lambda values: dict(zip(names, values, strict=True)))

    async def _guarded(self, exchange: Coroutine[Any, Any, ResultT], deadline: float | None) -> ResultT:
        """Run one exchange; whatever interrupts it leaves a closed connection, never a half-read one."""
        complete = False
        self._received = 0
        try:
            async with asyncio.timeout(deadline):
                found = await exchange
                complete = True
                return found
        except psycopg.Error as error:
            raise SessionLost(str(error).strip() or _LOST) from None
        finally:
            if not complete:
                self.close()

    async def _flush(self) -> None:
        while self._pgconn.flush():
            await self._ready(write=True)
            self._take()

    async def _next(self) -> pq.abc.PGresult | None:
        while self._pgconn.is_busy():
            await self._ready()
            self._take()
        return self._pgconn.get_result()

    def _take(self) -> None:
        """Let libpq take what has arrived, counted before it does."""
        arrived = fcntl.ioctl(self._pgconn.socket, termios.FIONREAD, bytes(4))
        self._received += int.from_bytes(arrived, sys.byteorder)
        if self._received > _LARGEST:
            raise SessionLost(f"the answer is larger than {_LARGEST // 1024**2} MiB")
        self._pgconn.consume_input()

    async def _synced(self) -> pq.abc.PGresult:
        """The result of one statement, read up to and including its sync."""
        answer = None
        while True:
            result = await self._next()
            if result is None:
                if not self.alive:
                    raise SessionLost(_LOST)
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                if answer is None:
                    raise SessionLost("the server answered out of turn")
                return answer
            answer = result
            if not self.alive:
                raise SessionLost(result.error_message.decode("utf-8", "backslashreplace") or _LOST)

    async def _ready(self, *, write: bool = False) -> None:
        """Wait until the socket has something to read (or room to write)."""
        fd = self._socket()
        if fd < 0:
            raise SessionLost("closed from here")
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiter = waiter

        def wake() -> None:
            if not waiter.done():
                waiter.set_result(None)

        loop.add_reader(fd, wake)
        if write:
            loop.add_writer(fd, wake)
        try:
            await waiter
        finally:
            if self._waiter is waiter:  # otherwise close() has taken the socket away already
                self._waiter = None
                loop.remove_reader(fd)
                loop.remove_writer(fd)

    def _socket(self) -> int:
        try:
            return self._pgconn.socket
        except psycopg.Error:
            return -1
