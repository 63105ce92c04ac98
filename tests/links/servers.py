"""Real servers on loopback for tests: started here, ended here by their own pid."""

import atexit
import contextlib
import functools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from bdr_console.errors import ConsoleError
from bdr_console.lab import installations
from bdr_console.lab.account import Account
from bdr_console.lab.installations import Installation
from tests.waiting import wait_until

PASSWORD = secrets.token_hex(12)
"""Of every role in these servers: other accounts of the machine can reach a loopback port too."""

_SEEN_PORTS: set[int] = set()


@functools.cache
def installed() -> tuple[Installation, ...]:
    """The PostgreSQL servers to test with: the system's newest, then what the Python package brings, in a
    copy where the servers' account cannot go to it."""
    found = installations.installed()
    chosen = [
        next((server for server in found if server.embedded is embedded), None) for embedded in (False, True)
    ]
    return tuple(_reachable(server) for server in chosen if server)


def _reachable(server: Installation) -> Installation:
    with contextlib.suppress(ConsoleError):
        installations.version_of(server.bin_dir / "postgres", Account.current())
        return server
    folder = private_directory()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    installations.copy_embedded_to(folder)
    return replace(server, bin_dir=installations.embedded_bin_dir_in(folder))


def free_port() -> int:
    """A loopback port that nobody listens on now and that this test run has not used yet."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _SEEN_PORTS:
            _SEEN_PORTS.add(port)
            return port


def program(name: str) -> str:
    """The path of an installed program; PostgreSQL's own are not on Debian's PATH."""
    for server in installed():
        if (server.bin_dir / name).exists():
            return str(server.bin_dir / name)
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    assert found, f"{name} is not installed"
    return found


def account() -> dict[str, Any]:
    """How to start a server that refuses to run as root: arguments for subprocess."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def private_directory() -> Path:
    """A new directory that the servers' account owns; short, for UNIX sockets."""
    path = Path(tempfile.mkdtemp(prefix="bdrt-", dir="/tmp"))
    who = account()
    if who:
        os.chown(path, who["user"], who["group"])
        path.chmod(0o755)
    return path


@functools.cache
def _template(initdb: str) -> Path:
    """A data directory made once by that initdb and copied for each server."""
    folder = private_directory()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    secret = write(folder / "secret", PASSWORD)
    words = [
        "-U",
        "postgres",
        "-A",
        "scram-sha-256",
        f"--pwfile={secret}",
        "-N",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
    ]
    subprocess.run(
        [initdb, "-D", str(folder / "data"), *words],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **account(),
    )
    return folder / "data"


def _give_away(path: Path) -> None:
    who = account()
    if who:
        os.chown(path, who["user"], who["group"])


def write(path: Path, text: str) -> Path:
    """A file that the servers' account owns and nobody else reads."""
    path.write_text(text)
    path.chmod(0o600)
    _give_away(path)
    return path


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _launch(directory: Path, server: str | Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a server as its account, in its own directory: root's checkout is one that it may not enter."""
    with (directory / f"{Path(server).name}.log").open("ab") as log:
        command = [server, *arguments]
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=directory, **account())


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(signal.SIGCONT)
    process.send_signal(how)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


def suspend(pid: int) -> None:
    """SIGSTOP; returns when every thread of the process has stopped: on a busy machine a moment later."""
    os.kill(pid, signal.SIGSTOP)

    def stopped() -> bool:
        states = [stat.read_text().rpartition(")")[2].split()[0] for stat in _threads(pid)]
        return all(state in "TtZX" for state in states)

    wait_until(stopped, f"process {pid} stops")


def _threads(pid: int) -> list[Path]:
    return [task / "stat" for task in Path(f"/proc/{pid}/task").iterdir()]


class Postgres:
    """One real PostgreSQL server."""

    def __init__(self, directory: Path, *settings: str, server: Installation | None = None) -> None:
        self.directory = directory
        self._bin = (server or installed()[0]).bin_dir
        self.port = free_port()
        self.data = directory / "data"
        shutil.copytree(_template(str(self._bin / "initdb")), self.data)
        for path in (self.data, *self.data.rglob("*")):
            _give_away(path)
        self.data.chmod(0o700)
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                f"unix_socket_directories = '{directory}'\nfsync = off\nshared_buffers = 16MB\n"
                "wal_level = logical\nmax_connections = 40\nmax_wal_senders = 8\n"
                "max_replication_slots = 8\nautovacuum = off\n" + "".join(f"{line}\n" for line in settings)
            )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Postgres":
        """Start and wait until it takes connections."""
        self.process = _launch(self.directory, self._bin / "postgres", "-D", str(self.data))
        wait_until(self._ready, "PostgreSQL takes connections")
        return self

    def _ready(self) -> bool:
        try:
            psycopg.connect(self.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def dsn(self, user: str = "postgres", database: str = "postgres") -> str:
        """A DSN over TCP."""
        return f"host=127.0.0.1 port={self.port} user={user} dbname={database} password={PASSWORD}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as superuser, each on its own."""
        with psycopg.connect(self.dsn(database=database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def log(self) -> str:
        """The server's log so far."""
        return (self.directory / "postgres.log").read_text(errors="replace")

    def tree(self) -> list[int]:
        """Pids of the postmaster and its children."""
        assert self.process
        top = self.process.pid
        children = Path(f"/proc/{top}/task/{top}/children").read_text().split()
        return [top, *map(int, children)]

    def has_unread(self) -> bool:
        """Whether a client sent something that no session has read (proc(5): `rx_queue` in /proc/net/tcp)."""
        own = f":{self.port:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        established = [row for row in rows if row[3] == "01" and row[1].endswith(own)]
        return any(int(row[4].partition(":")[2], 16) for row in established)

    def freeze(self) -> None:
        """SIGSTOP to the postmaster first, then to every child it has."""
        assert self.process
        suspend(self.process.pid)
        for pid in self.tree()[1:]:
            with contextlib.suppress(ProcessLookupError):
                suspend(pid)

    def thaw(self) -> None:
        """SIGCONT to all of them."""
        for pid in self.tree():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def mend(self) -> "Postgres":
        """Running again, whatever a test has done to it."""
        if self.process and self.process.poll() is None:
            self.thaw()
        else:
            self.start()
        return self

    def stop(self) -> None:
        """Immediate shutdown; thaws it first."""
        if self.process and self.process.poll() is None:
            self.thaw()
            _stop(self.process, signal.SIGQUIT)


class Haproxy:
    """One real HAProxy with three UNIX sockets (levels user, operator, admin) and one TCP socket."""

    def __init__(self, directory: Path, servers: dict[str, int], *, extra: str = "") -> None:
        self.directory = directory
        self.frontend = free_port()
        self.tcp = free_port()
        backup = dict.fromkeys(list(servers)[1:], " backup")
        levels = ("user", "operator", "admin")
        lines = [
            "global",
            "  maxconn 200",
            *(f"  stats socket {self.socket(level)} mode 600 level {level}" for level in levels),
            f"  stats socket ipv4@127.0.0.1:{self.tcp} level operator",
            "defaults",
            "  mode tcp",
            "  timeout connect 1s",
            "  timeout client 1h",
            "  timeout server 1h",
            "frontend ft_postgresql",
            f"  bind 127.0.0.1:{self.frontend}",
            "  default_backend bk_db",
            "backend bk_db",
            "  stick-table type ip size 1",
            "  stick on dst",
            "  default-server inter 200ms",
            *(
                f"  server {name} 127.0.0.1:{port} check{backup.get(name, '')}"
                for name, port in servers.items()
            ),
            extra,
        ]
        self.config = write(directory / "haproxy.cfg", "\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def socket(self, level: str = "admin") -> str:
        """The UNIX socket of that level."""
        return f"{self.directory}/{level}.sock"

    def start(self) -> "Haproxy":
        """Start and wait until it listens."""
        self.process = _launch(self.directory, program("haproxy"), "-db", "-f", str(self.config))
        wait_until(self._ready, "HAProxy listens on all its sockets")
        return self

    def _ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.directory / "haproxy.log").read_text()
        # It binds UNIX sockets under another name and renames them last.
        paths = [Path(self.socket(level)) for level in ("user", "operator", "admin")]
        return all(path.exists() for path in paths) and listens(self.tcp)

    def mend(self) -> None:
        """Running again, whatever a test has done to it, and no server in maintenance by command."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """End it; thaws it first."""
        if self.process and self.process.poll() is None:
            _stop(self.process, signal.SIGTERM)


class PgBouncer:
    """One real PgBouncer; `operator` may act on its console, `watcher` only look."""

    def __init__(self, directory: Path, databases: str, *, pool_mode: str = "transaction") -> None:
        self.directory = directory
        self.port = free_port()
        auth = write(
            directory / "users.txt",
            "".join(f'"{user}" "{PASSWORD}"\n' for user in ("postgres", "operator", "watcher", "nobody")),
        )
        self.config = write(
            directory / "pgbouncer.ini",
            f"[databases]\n{databases}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\n"
            f"unix_socket_dir = {directory}\nauth_type = plain\nauth_file = {auth}\nadmin_users = operator\n"
            f"stats_users = watcher\npool_mode = {pool_mode}\ndefault_pool_size = 5\n",
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "PgBouncer":
        """Start and wait until it listens."""
        self.process = _launch(self.directory, program("pgbouncer"), str(self.config))
        wait_until(self._ready, "PgBouncer listens")
        return self

    def _ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.directory / "pgbouncer.log").read_text()
        return Path(f"{self.directory}/.s.PGSQL.{self.port}").exists() and listens(self.port)

    def dsn(self, user: str = "operator") -> str:
        """The console's DSN."""
        return f"host=127.0.0.1 port={self.port} user={user} password={PASSWORD}"

    def mend(self) -> None:
        """Running again, whatever a test has done to it."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """End it; thaws it first."""
        if self.process and self.process.poll() is None:
            _stop(self.process, signal.SIGINT)


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A private directory that is gone afterwards."""
    path = private_directory()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
