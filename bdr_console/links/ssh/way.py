"""One target's way through an SSH host, as the links use it."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from bdr_console.config import SshSettings
from bdr_console.links import conninfo
from bdr_console.links.errors import NotReached
from bdr_console.links.passwords import password_for
from bdr_console.links.ssh import pool, remote
from bdr_console.links.ssh.connection import SshConnection
from bdr_console.links.ssh.directory import SocketDirectory
from bdr_console.links.ssh.hosts import resolve
from bdr_console.links.ssh.threads import in_thread
from bdr_console.links.ssh.transport import Refused
from bdr_console.links.ssh.tunnel import Tunnel
from bdr_console.links.ssh_route import Login

Words = conninfo.Words


class SshWay:
    """The way of one target; connections of their own, one SSH connection for all that share the host."""

    def __init__(self, connection: SshConnection, directory: Callable[[], SocketDirectory]) -> None:
        self._connection = connection
        self._directory = directory
        self._method = remote.FORWARDED
        self._last: Tunnel | None = None

    def shown(self, address: str) -> str:
        """`10.0.0.11:5432 via bastion`, and the program there that leads to a UNIX socket."""
        by = f" ({self._method})" if self._method else ""
        return f"{address} via {self._connection.host.name}{by}"

    async def words(self, words: Words, deadline: float) -> Words:
        """The keywords with the host replaced by a socket directory for one connection, TLS left out (libpq
        has none over UNIX sockets; SSH encrypts up to its host) and the password looked up beforehand,
        because libpq would look it up by the directory. Raises NotReached."""
        sockets = self._directory()
        ends = conninfo.endpoints(words)
        problem = NotReached("the DSN names no host")
        for host, port in ends:  # libpq's rule: the first that answers
            try:
                directory = await in_thread(
                    f"tunnel to {host}:{port}",
                    lambda host=host, port=port: self._listening(sockets, host, port, deadline),  # type: ignore[misc]
                    lambda _: None,  # nobody comes: it closes by itself
                )
            except NotReached as error:
                problem = error
                continue
            kept = {key: value for key, value in words.items() if key not in ("service", "sslnegotiation")}
            secret = password_for(words, host, port)
            return {
                **kept,
                **({"password": secret} if secret is not None else {}),
                "host": str(directory),
                "port": port,
                "hostaddr": "",
                "sslmode": "disable",
                "gssencmode": "disable",
                "channel_binding": "disable",
            }
        raise problem

    async def stream(
        self, socket_: str, deadline: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the path of a UNIX socket, or HOST:PORT, as the host sees it. Raises NotReached."""
        sock = await in_thread(
            f"tunnel to {socket_}", lambda: self._paired(socket_, deadline), socket.socket.close
        )
        return await asyncio.open_unix_connection(sock=sock)

    async def command(
        self, script: str, deadline: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The output and the input of a sh script on the host. Raises NotReached."""
        name = f"command via {self._connection.host.name}"

        def start() -> socket.socket:
            return Tunnel(remote.open_command(self._connection, script, deadline), name).pair()

        return await asyncio.open_unix_connection(sock=await in_thread(name, start, socket.socket.close))

    def why_silent(self) -> str:
        """What the program on the host said when it ended without an answer."""
        return self._last.said if self._last else ""

    def _listening(self, sockets: SocketDirectory, host: str, port: str, deadline: float) -> Path:
        tunnel = self._tunnel(
            f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{host}:{port}", deadline
        )
        directory = sockets.fresh()
        try:
            tunnel.listen(directory, port)
        except OSError as error:
            raise NotReached(f"no socket can be made in {directory}: {error.strerror}") from None
        return directory

    def _paired(self, place: str, deadline: float) -> socket.socket:
        self._last = tunnel = self._tunnel(place, deadline)
        return tunnel.pair()

    def _tunnel(self, place: str, deadline: float) -> Tunnel:
        name = f"{place} via {self._connection.host.name}"
        if place.startswith("/"):
            channel, self._method = remote.open_unix(self._connection, place, deadline)
            return Tunnel(channel, name)
        host, _, port = place.rpartition(":")
        transport = self._connection.transport(deadline)
        try:
            return Tunnel(transport.open_tcp(host.strip("[]"), int(port), deadline), name)
        except Refused as error:
            remedy = f"Look whether the server runs and {self._connection.host.name} reaches it."
            if error.prohibited:
                remedy = "Allow it in sshd_config there: AllowTcpForwarding, PermitOpen."
            reason = f"{self._connection.host.name}: {place}: {error.reason}"
            raise NotReached(reason, remedy) from None


class Ways:
    """The ways of one group of links; it holds the connections they share and their socket directory."""

    def __init__(self, settings: SshSettings) -> None:
        self._settings = settings
        self._made: SocketDirectory | None = None
        self._connections: dict[str, SshConnection] = {}

    def to(self, host: str) -> SshWay:
        """A way through that host, for one target; raises ConsoleError when its configuration is wrong."""
        if host not in self._connections:
            self._connections[host] = pool.take(resolve(host, self._settings))
        return SshWay(self._connections[host], self._directory)

    def _directory(self) -> SocketDirectory:
        """Made when it is first needed: links that are never used leave nothing behind."""
        if self._made is None:
            self._made = SocketDirectory()
        return self._made

    def logins(self) -> dict[str, Login]:
        """How each host let us in, the jump hosts included; those that were not reached yet are left out."""
        found: dict[str, Login] = {}
        for first in self._connections.values():
            connection: SshConnection | None = first
            while connection is not None:
                if connection.login is not None:
                    found[connection.host.name] = connection.login
                connection = connection.before
        return found

    def close(self) -> None:
        """Let go of the connections and remove the directory. Waits for nobody."""
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            pool.let_go(connection)
        if self._made is not None:
            self._made.close()
