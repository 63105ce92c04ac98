"""Where everything of a lab is: directory, names and ports, remembered in `lab.json`."""

import json
import os
import random
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.lab.account import Account
from bdr_console.lab.programs import Programs
from bdr_console.paths import state_dir

MARKER = "lab.json"
"""The file that makes a directory a lab's: without it nothing is ever removed."""
CONFIG = "config.yaml"
DATABASE = "app"
GROUP = "lab"
_KIND = "bdr-console lab"
_POOLS = (("transaction", "tx"), ("session", "session"))
"""The PgBouncers in front of each HAProxy: how they pool, and the end of their name."""
_MOST_PROXIES = 4
_SOCKET_LIMIT = 97
"""HAProxy binds a temporary name ten characters longer first; the system's own limit is 107 bytes."""


@dataclass(frozen=True, slots=True)
class NodeLayout:
    """One PostgreSQL node."""

    name: str
    server: str
    """HAProxy's name for it; empty where it has none."""
    port: int


@dataclass(frozen=True, slots=True)
class ProxyLayout:
    """One HAProxy."""

    name: str
    port: int
    """Where its frontend listens."""


@dataclass(frozen=True, slots=True)
class PoolerLayout:
    """One PgBouncer."""

    name: str
    mode: str
    """transaction or session."""
    port: int
    proxy: str
    """The HAProxy that it leads to."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Names, ports and paths of one lab; everything listens on 127.0.0.1 only."""

    directory: Path
    environment: str
    nodes: tuple[NodeLayout, ...]
    poolers: tuple[PoolerLayout, ...]
    proxies: tuple[ProxyLayout, ...]
    programs: Programs
    """What it runs: whatever is installed later, a node that is started again is the same server."""
    engine: str = "bdr3"
    """What replicates between the nodes: a word of mesh.MESHES."""
    control: NodeLayout | None = None
    """Bucardo's control database has a server of its own, which takes no clients; None for other engines."""

    @property
    def servers(self) -> tuple[NodeLayout, ...]:
        """Every PostgreSQL server: the nodes, and the one with a control database."""
        return (*self.nodes, self.control) if self.control else self.nodes

    @property
    def account(self) -> Account:
        """Who the servers run as: the owner of the directory."""
        return Account.owner_of(self.directory)

    @property
    def passfile(self) -> Path:
        """Passwords of every role (libpq format); for set-up, replication and the load."""
        return self.directory / "lab.pass"

    @property
    def console_passfile(self) -> Path:
        """The password of `bdr_console` alone; the one that the console's configuration names."""
        return self.directory / "console.pass"

    @property
    def frontend_port(self) -> int:
        """Where the first HAProxy's frontend listens."""
        return self.proxies[0].port

    def socket(self, proxy: str) -> Path:
        """The runtime socket of a HAProxy, level admin."""
        return self.directory / f"{proxy}.sock"

    @property
    def config(self) -> Path:
        """The console's configuration for this lab."""
        return self.directory / CONFIG

    def data(self, name: str) -> Path:
        """The directory that belongs to one server: its data or configuration."""
        return self.directory / name

    def log(self, name: str) -> Path:
        """What one server has to say."""
        return self.directory / "log" / f"{name}.log"

    def dsn(self, port: int, user: str = "postgres", database: str = DATABASE) -> str:
        """libpq keywords, without a password: that is in the passfile."""
        passfile = self.console_passfile if user == "bdr_console" else self.passfile
        return f"host=127.0.0.1 port={port} dbname={database} user={user} passfile={passfile}"

    def node(self, name: str) -> NodeLayout:
        """The PostgreSQL server of that name; raises ConsoleError that lists the known ones."""
        for node in self.servers:
            if node.name == name:
                return node
        known = ", ".join(node.name for node in self.servers)
        raise ConsoleError(f"the lab has no node '{name}'", f"It has: {known}.")

    def proxy(self, name: str) -> ProxyLayout:
        """The HAProxy of that name; raises ConsoleError that lists the known ones."""
        for proxy in self.proxies:
            if proxy.name == name:
                return proxy
        known = ", ".join(proxy.name for proxy in self.proxies)
        raise ConsoleError(f"the lab has no HAProxy '{name}'", f"It has: {known}.")

    def poolers_of(self, proxy: str) -> tuple[PoolerLayout, ...]:
        """The PgBouncers that lead to a HAProxy."""
        return tuple(pooler for pooler in self.poolers if pooler.proxy == proxy)

    def pooler(self, name: str) -> PoolerLayout:
        """The PgBouncer of that name; raises ConsoleError that lists the known ones."""
        for pooler in self.poolers:
            if pooler.name == name:
                return pooler
        known = ", ".join(pooler.name for pooler in self.poolers)
        raise ConsoleError(f"the lab has no PgBouncer '{name}'", f"It has: {known}.")

    def save(self) -> None:
        """Write `lab.json`."""
        content = {"kind": _KIND, **asdict(self)}
        self.account.write(self.directory / MARKER, json.dumps(content, indent=2, default=str) + "\n")


def default_directory() -> Path:
    """Where a lab lives when no directory is named: below the state directory.

    The lab of root runs as another account, which cannot enter root's own state directory below /root: only
    one that $BDR_CONSOLE_STATE names is taken, and has to let that account in.
    """
    if os.geteuid() == 0 and not os.environ.get("BDR_CONSOLE_STATE"):
        return Path("/var/tmp/bdr-console-lab")  # noqa: S108
    return state_dir() / "lab"


def is_lab(directory: Path) -> bool:
    """Whether `directory` was made by `up`: it holds the marker and belongs to the lab's account or us."""
    try:
        content = json.loads((directory / MARKER).read_text(encoding="utf-8"))
        owner = directory.lstat().st_uid
    except (OSError, ValueError):
        return False
    ours = owner in (os.geteuid(), Account.current().uid) and not directory.is_symlink()
    return ours and isinstance(content, dict) and content.get("kind") == _KIND


def load(directory: Path) -> Layout:
    """The layout that `up` remembered; raises ConsoleError when there is no lab."""
    if not is_lab(directory):
        raise ConsoleError(f"there is no lab in {directory}", "Start one: bdr-console lab up.")
    try:
        content = json.loads((directory / MARKER).read_text(encoding="utf-8"))
        return Layout(
            directory,
            content["environment"],
            tuple(NodeLayout(**node) for node in content["nodes"]),
            tuple(PoolerLayout(**pooler) for pooler in content["poolers"]),
            tuple(ProxyLayout(**proxy) for proxy in content["proxies"]),
            Programs.from_json(content["programs"]),
            content["engine"],
            NodeLayout(**content["control"]) if content["control"] else None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise ConsoleError(
            f"{directory / MARKER} cannot be read as a lab's",
            f"Clear it away: bdr-console lab down --directory {directory}.",
        ) from None


def plan(
    directory: Path,
    nodes: int,
    environment: str,
    programs: Programs,
    engine: str = "bdr3",
    control: str | None = None,
    proxies: int = 1,
) -> Layout:
    """A layout with free ports for `nodes` nodes; creates nothing. Raises ConsoleError for a bad request.

    `control` names the server of a control database, where the engine has one.
    """
    if not 1 <= nodes <= 9:
        raise ConsoleError(f"a lab of {nodes} nodes cannot be made", "Choose from 1 to 9 nodes.")
    if not 1 <= proxies <= _MOST_PROXIES:
        raise ConsoleError(
            f"a lab with {proxies} HAProxies cannot be made", f"Choose from 1 to {_MOST_PROXIES}."
        )
    ports = _free_ports(nodes + 3 * proxies + 1)
    node_ports, proxy_ports, pooler_ports = (
        ports[:nodes],
        ports[nodes : nodes + proxies],
        ports[-2 * proxies :],
    )
    fronts = tuple(ProxyLayout(f"haproxy{i + 1}", port) for i, port in enumerate(proxy_ports))
    modes = [(mode, short, i) for i in range(proxies) for mode, short in _POOLS]
    layout = Layout(
        directory,
        environment,
        tuple(NodeLayout(f"node{i + 1}", _server_name(i), port) for i, port in enumerate(node_ports)),
        tuple(
            PoolerLayout(f"pgb{i + 1 if i else ''}-{short}", mode, port, fronts[i].name)
            for (mode, short, i), port in zip(modes, pooler_ports, strict=True)
        ),
        fronts,
        programs,
        engine,
        NodeLayout(control, "", ports[nodes + proxies]) if control else None,
    )
    longest = max(
        *(len(os.fsencode(layout.socket(proxy.name))) for proxy in layout.proxies),
        *(len(os.fsencode(layout.data(pooler.name) / ".s.PGSQL.65535")) - 10 for pooler in layout.poolers),
    )
    if longest > _SOCKET_LIMIT:
        raise ConsoleError(
            f"the directory {directory} is {longest - _SOCKET_LIMIT} bytes too long for a UNIX socket in it",
            "Choose a shorter one with --directory.",
        )
    if any(character in str(directory) for character in "'\"\\ \n\t"):
        raise ConsoleError(
            f"the directory {directory} holds a blank, a quote or a backslash, which no DSN can carry here",
            "Choose another one with --directory.",
        )
    return layout


def _server_name(index: int) -> str:
    """HAProxy's server names as the published set-up has them, and its like for further nodes."""
    return ("bdr_initial_node", "bdr_next_node")[index] if index < 2 else f"bdr_node{index + 1}"


def loopback_addresses() -> tuple[str, ...]:
    """`127.0.0.1`, and `[::1]` on a machine that has it."""
    return ("127.0.0.1", "[::1]") if _is_free(socket.AF_INET6, "::1", 0) else ("127.0.0.1",)


def _is_free(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.bind((host, port))
    except OSError:
        return False
    return True


def _free_ports(count: int) -> list[int]:
    """Ports of the loopback addresses that are free, below the range that outgoing connections take theirs
    from."""
    has_ipv6 = len(loopback_addresses()) > 1
    found: list[int] = []
    for _ in range(1000):
        port = random.SystemRandom().randrange(15000, 30000)
        if not _is_free(socket.AF_INET, "127.0.0.1", port):
            continue
        if has_ipv6 and not _is_free(socket.AF_INET6, "::1", port):
            continue
        if port not in found:
            found.append(port)
        if len(found) == count:
            return found
    raise ConsoleError("no free ports were found on 127.0.0.1", "Is the loopback interface up?")
