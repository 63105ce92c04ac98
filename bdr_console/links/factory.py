"""Every link to the targets of one cluster is made here, directly or through the SSH host it is behind."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from bdr_console.cluster.proxies import ProxyFile
from bdr_console.config import ClusterSettings, NodeSettings, PoolerSettings, ProxySettings
from bdr_console.links import conninfo
from bdr_console.links.haproxy import HaproxyReader
from bdr_console.links.haproxy_file import read_config_file
from bdr_console.links.pgbouncer import PgBouncerReader
from bdr_console.links.postgres import PostgresReader
from bdr_console.links.secret import PasswordCommand, PasswordSource, source
from bdr_console.links.ssh_route import Login, SshRoute

if TYPE_CHECKING:
    from bdr_console.links.ssh.way import Ways

NodeT = TypeVar("NodeT", bound=PostgresReader)
ProxyT = TypeVar("ProxyT", bound=HaproxyReader)
PoolerT = TypeVar("PoolerT", bound=PgBouncerReader)

_PROMISES = ("require", "verify-ca", "verify-full")


class Links:
    """Makes links that share what leads to them. Close it after the last link made here.

    `deadline` is what one exchange with a target may take, in seconds. Nothing is connected before a link
    is used.
    """

    def __init__(
        self, settings: ClusterSettings, *, application_name: str = "bdr-console", deadline: float = 2.0
    ) -> None:
        self._settings = settings
        self._application_name = application_name
        self._deadline = deadline
        self._ways: Ways | None = None
        self._commands: dict[tuple[str, ...], PasswordCommand] = {}

    def nodes(self, kind: type[NodeT]) -> dict[str, NodeT]:
        """A link of that kind to every node."""
        return {
            name: kind(
                name,
                node.dsn,
                application_name=self._application_name,
                deadline=self._deadline,
                through=self._through(node),
                password=self._password(node),
            )
            for name, node in self._settings.nodes.items()
        }

    def proxies(self, kind: type[ProxyT]) -> dict[str, ProxyT]:
        """A link of that kind to every HAProxy."""
        return {
            name: kind(name, proxy.socket, deadline=self._deadline, through=self._through(proxy))
            for name, proxy in self._settings.proxies.items()
        }

    async def proxy_file(self, name: str, path: str, uptime: int) -> ProxyFile:
        """What a HAProxy's configuration file says; `uptime` is the process's, in seconds. Never raises."""
        proxy = self._settings.proxies[name]
        return await read_config_file(path, proxy.socket, self._through(proxy), uptime, self._deadline)

    def poolers(self, kind: type[PoolerT]) -> dict[str, PoolerT]:
        """A link of that kind to the console of every PgBouncer."""
        return {
            name: kind(
                name,
                pooler.dsn,
                application_name=self._application_name,
                deadline=self._deadline,
                through=self._through(pooler),
                password=self._password(pooler),
            )
            for name, pooler in self._settings.poolers.items()
        }

    def _password(self, target: NodeSettings | PoolerSettings) -> PasswordSource | None:
        return source(target.password_file, target.password_command, self._command)

    def _command(self, command: tuple[str, ...]) -> PasswordCommand:
        """One for all targets that name the same command: it runs once."""
        return self._commands.setdefault(command, PasswordCommand(command))

    def logins(self) -> dict[str, Login]:
        """How each SSH host that was used let us in, by its name."""
        return self._ways.logins() if self._ways else {}

    async def close(self) -> None:
        """Let go of the SSH connections; those that nobody else in this process uses end at once."""
        ways, self._ways = self._ways, None
        if ways is not None:
            ways.close()

    def _through(self, target: NodeSettings | ProxySettings | PoolerSettings) -> SshRoute | None:
        host = self._settings.via_of(target)
        return None if host is None else self.host(host)

    def host(self, host: str) -> SshRoute:
        """The way through, or to, one SSH host; raises ConsoleError when its configuration is wrong."""
        if self._ways is None:
            from bdr_console.links.ssh.way import Ways  # paramiko is slow to import

            self._ways = Ways(self._settings.ssh)
        return self._ways.to(host)


def tls_given_up(settings: ClusterSettings) -> tuple[str, ...]:
    """Nodes and poolers whose DSN asks for TLS that the way through SSH cannot give, a sentence each."""
    targets: Mapping[str, NodeSettings | PoolerSettings] = {**settings.nodes, **settings.poolers}
    return tuple(
        f"{name}: sslmode={words['sslmode']} has no effect through SSH: {host} talks to it without TLS"
        for name, target in targets.items()
        if (host := settings.via_of(target))
        and (words := conninfo.parse(name, target.dsn)).get("sslmode") in _PROMISES
    )
