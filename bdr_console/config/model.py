"""The configuration as the program sees it: every key, its type and its default."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bdr_console.cluster.verdict.alarm import AlarmRules
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.config.values import (
    AbsolutePath,
    ByteCount,
    Dsn,
    FilePath,
    ListenAddress,
    Patterns,
    PlainName,
    Seconds,
    SocketAddress,
)
from bdr_console.errors import ConsoleError

_LIMITS, _ALARMS = Thresholds(), AlarmRules()
"""The judgement's own defaults: those of the file are the same."""
DIRECT = "direct"
"""The `via` of a target that is reached without SSH."""
EngineWord = Literal[
    "bdr1", "bdr3", "pgactive", "spock", "pglogical", "bucardo",
    "xdb", "symmetricds", "rubyrep", "xc", "native", "plain",
]  # fmt: skip


def _off(value: object) -> object:
    """YAML takes a bare `off` for false."""
    return "off" if value is False else value


class Section(BaseModel):
    """One mapping of the file; a key it does not know is a mistake."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
    )


class Target(Section):
    """What every target has."""

    via: PlainName | None = None
    """The SSH host to reach it through; `direct` for none where the cluster names one."""


class Login(Target):
    """What every target has that is logged in to with libpq."""

    dsn: Dsn
    """How to reach it (libpq keywords or URI), without a password. A node: its replicated database; a
    PgBouncer: its admin console, to which dbname=pgbouncer is added."""
    password_file: FilePath | None = None
    """A file whose first line is the password; nobody but its owner may read or write it (mode 0600)."""
    password_command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """A program and its arguments that print the password; run without a shell, 10 s at most."""

    @model_validator(mode="after")
    def _one_source(self) -> "Login":
        if self.password_file and self.password_command:
            raise ValueError("has password_file and password_command: keep one")
        return self


class NodeSettings(Login):
    """One PostgreSQL node."""

    server: PlainName | None = None
    """HAProxy's name for it; found by address when absent."""
    ssh_host: PlainName | None = None
    """The SSH host that is the node itself, for a command that a run is to run there."""
    engine: EngineWord | None = None
    """The replication engine; found out from the node's catalogs when absent."""


class ProxySettings(Target):
    """One HAProxy, reached on its runtime socket."""

    socket: SocketAddress
    """The path of its UNIX socket, or HOST:PORT. Watching needs level user, switchovers need level admin."""
    backends: tuple[PlainName, ...] = ()
    """The backends to watch and act on; when empty, those that hold a server of a configured node."""
    listen: tuple[ListenAddress, ...] = ()
    """Where poolers reach it: HOST:PORT, *:PORT, or DIRECTORY:PORT for a UNIX socket. A pooler database
    leading there is routed through this proxy."""
    config_file: AbsolutePath | None = None
    """Its haproxy.cfg, on the host where its socket is; read for a plan, for what the socket does not show:
    on-marked-down, on-marked-up, server-state-file."""


class PoolerSettings(Login):
    """One PgBouncer, reached on its admin console (database `pgbouncer`)."""


class ThresholdSettings(Section):
    """When a figure becomes a warning or critical. Bytes may be written as 10MiB."""

    lag_bytes_warn: ByteCount = _LIMITS.lag_bytes_warn
    """WAL that a peer has not applied."""
    lag_bytes_crit: ByteCount = _LIMITS.lag_bytes_crit
    """WAL that a peer has not applied."""
    lag_seconds_warn: Seconds = _LIMITS.lag_seconds_warn
    """How far a peer is behind, in seconds."""
    lag_seconds_crit: Seconds = _LIMITS.lag_seconds_crit
    """How far a peer is behind, in seconds."""
    client_wait_warn: Seconds = _LIMITS.client_wait_warn
    """Seconds that a client waits for a server connection in PgBouncer."""
    client_wait_crit: Seconds = _LIMITS.client_wait_crit
    """Seconds that a client waits for a server connection in PgBouncer."""
    transaction_age_warn: Seconds = _LIMITS.transaction_age_warn
    """Seconds that the oldest transaction on a node is open."""
    connections_warn: Annotated[float, Field(gt=0, le=1)] = _LIMITS.connections_warn
    """The share of max_connections in use."""
    lock_wait_warn: Seconds = _LIMITS.lock_wait_warn
    """Seconds that a global lock is waited for, or held."""
    lock_wait_crit: Seconds = _LIMITS.lock_wait_crit
    """Seconds that a global lock is waited for, or held."""
    clock_skew_warn: Seconds = _LIMITS.clock_skew_warn
    """Seconds that a node's clock differs from the others'."""
    clock_skew_crit: Seconds = _LIMITS.clock_skew_crit
    """Seconds that a node's clock differs from the others'."""
    orphan_slot_crit: ByteCount = _LIMITS.orphan_slot_crit
    """WAL kept by a slot that no known node reads."""
    conflicts_warn: Annotated[int, Field(ge=0)] = _LIMITS.conflicts_warn
    """Conflicts in 5 min, when they come more often than before (0: never)."""
    single_writer: bool = _LIMITS.single_writer
    """Clients that write on two nodes are critical; false where each HAProxy has a node of its own."""

    @model_validator(mode="after")
    def _in_order(self) -> "ThresholdSettings":
        for figure in ("lag_bytes", "lag_seconds", "client_wait", "lock_wait", "clock_skew"):
            warn, crit = getattr(self, f"{figure}_warn"), getattr(self, f"{figure}_crit")
            if crit < warn:
                raise ValueError(f"{figure}_crit ({crit:g}) is below {figure}_warn ({warn:g})")
        return self

    def thresholds(self) -> Thresholds:
        """The same figures as the judgement takes them."""
        return Thresholds(**self.model_dump())


class AlarmSettings(Section):
    """When a finding becomes an alarm, when it is over, and how somebody is told."""

    raise_after_crit: Seconds = _ALARMS.raise_after_crit
    """Seconds that something critical must hold before it is an alarm."""
    raise_after_warn: Seconds = _ALARMS.raise_after_warn
    """Seconds that a warning must hold before it is an alarm."""
    clear_after: Seconds = _ALARMS.clear_after
    """Seconds that it must be gone before the alarm is over."""
    margin: Annotated[float, Field(ge=0, lt=1)] = _ALARMS.margin
    """The share of its limit that a figure must fall below it before the alarm is over."""
    bell: bool = True
    """Ring the terminal's bell at a new alarm, at most once in 30 s."""
    notify: Annotated[Literal["off", "osc9", "osc777"], BeforeValidator(_off)] = "off"
    """Ask the terminal for a desktop notification: osc9 (iTerm2, kitty, WezTerm) or osc777 (foot, urxvt)."""
    ring_from: Literal["warn", "crit"] = "crit"
    """The level that rings and notifies."""
    ring_when_watching: bool = False
    """Ring and notify in a read-only console too."""

    def rules(self) -> AlarmRules:
        """The same figures as the alarms take them."""
        return AlarmRules(self.raise_after_warn, self.raise_after_crit, self.clear_after, self.margin)


class QuiesceSettings(Section):
    """How long clients may be kept waiting by a switchover that pauses them."""

    max_stall: Annotated[float, Field(gt=0)] = 2.0
    """Seconds; a longer predicted wait is not chosen without being asked for."""
    pause_deadline: Annotated[float, Field(ge=1, le=100)] = 10.0
    """Seconds that the whole pause may take; then clients go on where they were. PgBouncer itself drops
    waiting clients after query_wait_timeout, 120 s by default."""


class SshHostSettings(Section):
    """One SSH host; what is left out comes from the OpenSSH configuration, as for `ssh` itself."""

    host: str | None = None
    """Its address or name; the key it stands under when nothing else is said."""
    user: str | None = None
    """The account there."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Where its sshd listens."""
    identity_file: str | None = None
    """A private key."""
    certificate_file: str | None = None
    """The key's certificate."""
    proxy_jump: str | None = None
    """Hosts to jump over, [user@]host[:port] separated by commas; `none` for none."""
    known_hosts: str | None = None
    """The file of known host keys; it is never added to."""


class SshSettings(Section):
    """The SSH hosts that targets are reached through."""

    config_file: str | None = None
    """An OpenSSH client configuration; ~/.ssh/config and /etc/ssh/ssh_config when absent."""
    hosts: dict[PlainName, SshHostSettings] = {}
    """What the OpenSSH configuration does not say already, by the name that `via` uses."""


class RecordSettings(Section):
    """What is recorded of what the console shows."""

    limit: Annotated[ByteCount, Field(ge=2**20)] = 100 * 1024**2
    """The size of a recording made with --record; the newest half of it at least is kept."""
    ring_minutes: Annotated[float, Field(ge=0, le=1440)] = 30.0
    """The last minutes of each cluster, kept in memory so that they can be saved afterwards; 0 keeps none."""
    ring_limit: Annotated[ByteCount, Field(ge=2**20)] = 16 * 1024**2
    """Bytes of memory for them, for each cluster; compressed, a small cluster needs about 2 MiB."""


class CommonSettings(Section):
    """What `defaults` may say for every cluster; a cluster's own word goes before it."""

    environment: str = ""
    """A label such as prod, staging or lab; prod is made unmistakable on the screen."""
    via: PlainName | None = None
    """The SSH host that every target is reached through which does not say otherwise."""
    ssh: SshSettings = SshSettings()
    """The SSH hosts, as far as ~/.ssh/config does not say it."""
    thresholds: ThresholdSettings = ThresholdSettings()
    """When a figure becomes a warning or critical."""
    alarms: AlarmSettings = AlarmSettings()
    """When a finding becomes an alarm, and how somebody is told."""
    quiesce: QuiesceSettings = QuiesceSettings()
    """A switchover that has every client wait once, so that no update is lost."""
    maintenance_roles: tuple[str, ...] = ()
    """Roles whose sessions on a node are no clients: monitoring, backups. A node is drained beside them."""


class ClusterSettings(CommonSettings):
    """One cluster: its nodes, and what stands in front of them."""

    nodes: Annotated[dict[PlainName, NodeSettings], Field(min_length=1)]
    """The PostgreSQL nodes, by the names the engine knows them by."""
    proxies: dict[PlainName, ProxySettings] = {}
    """Every HAProxy that sends traffic to these nodes."""
    poolers: dict[PlainName, PoolerSettings] = {}
    """Every PgBouncer in front of those proxies."""

    def via_of(self, target: Target) -> str | None:
        """The SSH host that this target is reached through; None for a direct connection."""
        host = target.via or self.via
        return None if host == DIRECT else host

    @property
    def ssh_hosts(self) -> tuple[str, ...]:
        """The SSH hosts that targets are reached through, each once."""
        targets = (*self.nodes.values(), *self.proxies.values(), *self.poolers.values())
        return tuple(dict.fromkeys(host for target in targets if (host := self.via_of(target))))

    @property
    def proxy_places(self) -> tuple[str, ...]:
        """Each HAProxy's runtime socket, and the host on which that path or address is meant."""
        return tuple(
            f"{proxy.socket} via {host}" if (host := self.via_of(proxy)) else proxy.socket
            for proxy in self.proxies.values()
        )


class Settings(Section):
    """The whole file."""

    include: Patterns = ()
    """Further files with `clusters`, relative to this one; * stands for any names."""
    refresh: Annotated[float, Field(ge=0.2, le=60)] = 1.0
    """Seconds between two readings of each target."""
    background_refresh: Annotated[float, Field(ge=0.2, le=300)] = 5.0
    """The same for the clusters that the console does not show at the moment."""
    collect: Literal["all", "shown"] = "all"
    """Which clusters the console reads: all of them from the start, or each from when it is first shown."""
    theme: str = "dark"
    """A shipped theme (dark, light, high-contrast, colour-blind-safe, ansi, ansi-light, mono), or one of your
    own in ~/.config/bdr-console/themes/ or in themes/ beside this file."""
    ascii: bool = False
    """Nothing but ASCII on the screen: no box drawing, no symbols. Always so where LANG says no UTF-8."""
    mouse: bool = True
    """Whether the console takes the mouse; otherwise the terminal keeps it, to select text."""
    keys: dict[str, str] = {}
    """Keys of your own by action, several separated by commas; the help (?) lists the keys, and
    `bdr-console config keys` the actions."""
    record: RecordSettings = RecordSettings()
    """What is recorded of what the console shows."""
    defaults: CommonSettings = CommonSettings()
    """What holds for every cluster that says nothing else."""
    clusters: Annotated[dict[PlainName, ClusterSettings], Field(min_length=1)]
    """The clusters by name; the first is shown first unless --cluster names another."""

    def cluster(self, name: str | None) -> tuple[str, ClusterSettings]:
        """The named cluster, or the only one, or the first."""
        if name is None:
            return next(iter(self.clusters.items()))
        if name not in self.clusters:
            known = ", ".join(self.clusters)
            raise ConsoleError(
                f"there is no cluster named '{name}' in the configuration", f"It has: {known}."
            )
        return name, self.clusters[name]
