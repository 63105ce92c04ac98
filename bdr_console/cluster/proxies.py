"""What HAProxy's configuration file says that its runtime socket does not show."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """One server of a backend, as the file has it."""

    backend: str
    name: str
    cut_when_down: int | None = None
    """The line with `on-marked-down shutdown-sessions` that holds for it; None without one."""
    cuts_backups_when_up: int | None = None
    """The line with `on-marked-up shutdown-backup-sessions` that holds for it; None without one."""
    unknown: str = ""
    """Why that cannot be told from the file; empty when it can."""


@dataclass(frozen=True, slots=True)
class StateLoad:
    """Whether a backend takes its servers' states from a file when HAProxy is started or reloaded."""

    backend: str
    file: str | None
    """The file's name as it is written; None when it loads none."""
    unknown: str = ""
    """Why that cannot be told from the file; empty when it can."""


@dataclass(frozen=True, slots=True)
class ProxyFile:
    """One HAProxy's configuration file, or why it says nothing."""

    path: str
    servers: tuple[ServerOptions, ...] = ()
    states: tuple[StateLoad, ...] = ()
    problem: str = ""
    """Why nothing can be told from it: it could not be read, or it is not what HAProxy runs with."""

    @property
    def name(self) -> str:
        """The file's own name, without directory and host."""
        return PurePosixPath(self.path.split(" via ")[0]).name

    def server(self, backend: str, name: str) -> ServerOptions:
        """The options of that server; unknown when the file does not have it."""
        if self.problem:
            return ServerOptions(backend, name, unknown=self.problem)
        for server in self.servers:
            if (server.backend, server.name) == (backend, name):
                return server
        return ServerOptions(backend, name, unknown=f"{self.path} has no server {backend}/{name}")

    def state_load(self, backend: str) -> StateLoad:
        """Where that backend's states come from; unknown when the file does not have it."""
        if self.problem:
            return StateLoad(backend, None, self.problem)
        for load in self.states:
            if load.backend == backend:
                return load
        return StateLoad(backend, None, f"{self.path} has no backend {backend}")


class ServerState(StrEnum):
    """A server's state in words (HAProxy management guide 9.1, column `status`)."""

    UP = "up"
    FAILING = "going down"
    DOWN = "down"
    RISING = "coming up"
    MAINT = "maintenance"
    DRAIN = "draining"
    STOPPING = "not load-balanced"
    UNCHECKED = "not checked"
    UNKNOWN = "unknown"

    @property
    def accepts(self) -> bool:
        """Whether new connections can be sent there."""
        return self in (ServerState.UP, ServerState.FAILING, ServerState.UNCHECKED)


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """What HAProxy counts for one server, since its start or since its counters were cleared, where no other
    span is named. None: this version or this moment does not show it."""

    sessions_most: int | None = None
    """The most sessions at one time (smax)."""
    sessions_limit: int | None = None
    """maxconn of the server (slim); None without one."""
    queue_most: int | None = None
    rate: int | None = None
    """New sessions in the last second."""
    rate_most: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    connect_errors: int | None = None
    response_errors: int | None = None
    retries: int | None = None
    redispatches: int | None = None
    aborted_by_client: int | None = None
    aborted_by_server: int | None = None
    failed_checks: int | None = None
    """Single checks that failed (chkfail)."""
    downs: int | None = None
    """How often it went from up to down (chkdown)."""
    downtime: int | None = None
    """Seconds of being down, all together."""
    check_ms: int | None = None
    """How long the last check took."""
    check_code: int | None = None
    check_health: int | None = None
    check_rise: int | None = None
    check_fall: int | None = None
    last_session: int | None = None
    """Seconds since the last session was given to it; None when none ever was."""
    configured_weight: int | None = None
    throttle: int | None = None
    """Per cent of its weight while it warms up (slowstart)."""
    connect_ms: int | None = None
    """How long connecting took, mean of the last 1024."""
    session_ms: int | None = None
    """How long a session took, mean of the last 1024."""


@dataclass(frozen=True, slots=True)
class ProxyServer:
    """One server line of a backend (`show stat` joined with `show servers state`)."""

    backend: str
    name: str
    address: str | None
    """host:port; None on HAProxy older than 1.7."""
    node: str | None
    """The configured node behind it; None when none could be matched."""
    status: str
    """HAProxy's own text, for example `UP 2/3` or `MAINT (via bk_db/a)`."""
    state: ServerState
    backup: bool
    weight: int | None
    sessions: int
    """Sessions now (scur), from every pooler and client together."""
    total_sessions: int
    """Sessions since HAProxy started or its counters were cleared (stot)."""
    queue: int
    check: str | None
    """The check's result code, for example L4OK; None while no check runs (maintenance)."""
    check_text: str | None = None
    since: int | None = None
    """Seconds since the last change of state."""
    admin_state: int | None = None
    """Bits of `srv_admin_state` (show servers state); None where HAProxy does not show them (1.5)."""
    op_state: int | None = None
    """`srv_op_state`: 0 stopped, 1 starting, 2 running, 3 stopping; None as above."""
    figures: ServerFigures | None = None

    @property
    def in_maintenance(self) -> bool:
        """Whether maintenance is set: forced, inherited or configured; the bits win over the words."""
        if self.admin_state is not None:
            return bool(self.admin_state & 0x07)
        return self.state is ServerState.MAINT and not self.is_unresolved

    @property
    def is_unresolved(self) -> bool:
        """Its name has no address now (`MAINT (resolution)`): nobody's doing."""
        if self.admin_state is not None:
            return bool(self.admin_state & 0x20)
        return self.status == "MAINT (resolution)"

    @property
    def is_empty_slot(self) -> bool:
        """A line of a server-template that stands for nothing now."""
        return self.is_unresolved and not self.in_maintenance and self.node is None


@dataclass(frozen=True, slots=True)
class StickEntry:
    """One entry of a stick table: which server a key is stuck to."""

    table: str
    """The backend that it belongs to."""
    key: str
    server: str | None
    """The server's name; None when the entry names none yet."""
    stored_in: str = ""
    """The table's name where it is not that of the backend."""


@dataclass(frozen=True, slots=True)
class ProxyFacts:
    """Everything that one refresh reads from one HAProxy."""

    version: str
    pid: int
    uptime: int
    """Seconds since start."""
    processes: int
    servers: tuple[ProxyServer, ...]
    stick: tuple[StickEntry, ...] | None
    """Sticky entries of the watched backends; None when the socket's level does not show them."""
    stopping: bool = False
    """It was replaced by a reload and only ends its sessions: its word counts for no new connection."""

    def replaces(self, pid: int, uptime: int) -> bool:
        """Whether this is another process than the one of that pid that had been up for `uptime` seconds
        before: HAProxy was reloaded or restarted in between."""
        return self.stopping or self.pid != pid or self.uptime < uptime

    def backends(self) -> tuple[str, ...]:
        """Backend names in the order of the configuration."""
        return tuple(dict.fromkeys(server.backend for server in self.servers))
