"""The configuration file: one YAML file, checked as a whole, every mistake named with its line and key."""

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bdr_console.cluster.verdict import Thresholds
from bdr_console.errors import ConsoleError

DIRECT = "direct"
"""The `via` of a target that is reached without SSH."""
_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")


def _plain_name(name: str) -> str:
    """Names end up in commands to HAProxy and PgBouncer: letters, digits, `_`, `.` and `-` only."""
    if not _NAME.match(name):
        raise ValueError(f"'{name}' is not a plain name: use letters, digits, _ . and -")
    return name


def _no_secret(dsn: str) -> str:
    if re.search(r"(^|\s|[?&])(password|sslpassword)\s*=", dsn) or re.match(
        r"postgres(ql)?://[^/@]*:[^/@]*@", dsn
    ):
        raise ValueError("holds a password: put it in ~/.pgpass, or name a file with passfile=/path")
    return dsn


def _socket(text: str) -> str:
    if text.startswith("/") or re.match(r"^(\[[^\]]+\]|[^:/\s]+):\d{1,5}$", text):
        return text
    raise ValueError(f"'{text}' is neither the path of a UNIX socket (/run/haproxy/admin.sock) nor HOST:PORT")


def _bytes(value: Any) -> Any:
    """`10MiB` -> 10485760; a number as it is."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT])iB\s*", value)
    if match is None:
        raise ValueError(f"'{value}' is no size: write bytes as a number, or as 64KiB, 10MiB, 1GiB")
    return int(float(match[1]) * 1024 ** ("KMGT".index(match[2]) + 1))


PlainName = Annotated[str, AfterValidator(_plain_name)]
ByteCount = Annotated[int, BeforeValidator(_bytes), Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Dsn = Annotated[str, AfterValidator(_no_secret)]
SocketAddress = Annotated[str, AfterValidator(_socket)]
EngineWord = Literal[
    "bdr1", "bdr3", "pgactive", "spock", "pglogical", "bucardo",
    "xdb", "symmetricds", "rubyrep", "xc", "native", "plain",
]  # fmt: skip


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class _Target(_Section):
    """What every target has."""

    via: PlainName | None = None
    """The SSH host to reach it through; `direct` for none where the cluster names one."""


class NodeSettings(_Target):
    """One PostgreSQL node."""

    dsn: Dsn
    """How to reach the replicated database (libpq keywords or URI), without a password."""
    server: PlainName | None = None
    """HAProxy's name for it; found by address when absent."""
    ssh_host: PlainName | None = None
    """The SSH host that is the node itself, for a command that a run is to run there."""
    engine: EngineWord | None = None
    """The replication engine; found out from the node's catalogs when absent."""


class ProxySettings(_Target):
    """One HAProxy, reached on its runtime socket."""

    socket: SocketAddress
    backends: tuple[PlainName, ...] = ()
    """The backends to watch and act on; when empty, those that hold a server of a configured node."""
    listen: tuple[str, ...] = ()
    """HOST:PORT where poolers reach it; a pooler database leading there is routed through this proxy."""


class PoolerSettings(_Target):
    """One PgBouncer, reached on its admin console (database `pgbouncer`)."""

    dsn: Dsn


class ThresholdSettings(_Section):
    """When a figure becomes a warning or critical. Bytes may be written as 10MiB."""

    lag_bytes_warn: ByteCount = 10 * 1024**2
    lag_bytes_crit: ByteCount = 100 * 1024**2
    lag_seconds_warn: Seconds = 30.0
    lag_seconds_crit: Seconds = 300.0
    client_wait_warn: Seconds = 1.0
    client_wait_crit: Seconds = 10.0
    transaction_age_warn: Seconds = 60.0
    connections_warn: Annotated[float, Field(gt=0, le=1)] = 0.85
    lock_wait_warn: Seconds = 10.0
    lock_wait_crit: Seconds = 60.0
    clock_skew_warn: Seconds = 2.0
    clock_skew_crit: Seconds = 5.0
    orphan_slot_crit: ByteCount = 1024**3
    conflicts_warn: Annotated[int, Field(ge=0)] = 1

    def thresholds(self) -> Thresholds:
        """The same figures as the judgement takes them."""
        return Thresholds(**self.model_dump())


class QuiesceSettings(_Section):
    """How long clients may be kept waiting by a switchover that pauses them."""

    max_stall: Annotated[float, Field(gt=0)] = 2.0
    """Seconds; a longer predicted wait is not chosen without being asked for."""
    pause_deadline: Annotated[float, Field(ge=1, le=100)] = 10.0
    """Seconds that the whole pause may take; then clients go on where they were. PgBouncer itself drops
    waiting clients after query_wait_timeout, 120 s by default."""


class SshHostSettings(_Section):
    """One SSH host; what is left out comes from the OpenSSH configuration, as for `ssh` itself."""

    host: str | None = None
    """Its address or name; the key it stands under when nothing else is said."""
    user: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    identity_file: str | None = None
    certificate_file: str | None = None
    proxy_jump: str | None = None
    """Hosts to jump over, [user@]host[:port] separated by commas; `none` for none."""
    known_hosts: str | None = None


class SshSettings(_Section):
    """The SSH hosts that targets are reached through."""

    config_file: str | None = None
    """An OpenSSH client configuration; ~/.ssh/config and /etc/ssh/ssh_config when absent."""
    hosts: dict[PlainName, SshHostSettings] = {}


class ClusterSettings(_Section):
    """One cluster: its nodes, and what stands in front of them."""

    environment: str = ""
    """A label such as prod, staging or lab; prod is made unmistakable on the screen."""
    via: PlainName | None = None
    """The SSH host that every target is reached through which does not say otherwise."""
    ssh: SshSettings = SshSettings()
    nodes: Annotated[dict[PlainName, NodeSettings], Field(min_length=1)]
    proxies: dict[PlainName, ProxySettings] = {}
    poolers: dict[PlainName, PoolerSettings] = {}
    thresholds: ThresholdSettings = ThresholdSettings()
    quiesce: QuiesceSettings = QuiesceSettings()

    def via_of(self, target: _Target) -> str | None:
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


class Settings(_Section):
    """The whole file."""

    refresh: Annotated[float, Field(ge=0.2, le=60)] = 1.0
    """Seconds between two readings of each target."""
    theme: str = "dark"
    clusters: Annotated[dict[PlainName, ClusterSettings], Field(min_length=1)]

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


def search_path() -> tuple[Path, ...]:
    """Where a configuration is looked for, first found wins, when no --config is given."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    named = os.environ.get("BDR_CONSOLE_CONFIG")
    return (
        (Path(named),) if named else (home / "bdr-console/config.yaml", Path("/etc/bdr-console/config.yaml"))
    )


def find(path: Path | None) -> Path:
    """The configuration file to read; raises ConsoleError that says where it was looked for."""
    candidates = (path,) if path else search_path()
    for candidate in candidates:
        if path or candidate.exists():
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise ConsoleError(
        f"no configuration found (looked for {looked})",
        "Copy config.example.yaml to one of these places and edit it, name one with --config FILE, "
        "or try the rehearsal cluster: bdr-console lab up.",
    )


def load(path: Path) -> Settings:
    """Read and check one configuration file; raises ConsoleError that names every mistake with its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConsoleError(
            f"cannot read the configuration {path}: {reason}", "Check the path and its permissions."
        ) from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = _mark(path, mark) if mark else str(path)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is not YAML"
        raise ConsoleError(
            f"{place}: {what}", "Mend the YAML there; config.example.yaml shows the form."
        ) from None
    mistakes = [
        f"{_mark(path, key.start_mark)}: the key '{key.value}' stands twice" for key in _duplicates(root)
    ]
    try:
        settings = Settings.model_validate(raw if raw is not None else {})
    except ValidationError as error:
        mistakes += [_mistake(path, root, dict(item)) for item in error.errors()]
    if mistakes:
        raise ConsoleError("\n".join(mistakes), "Every key and its default is in config.example.yaml.")
    return settings


def _duplicates(node: yaml.Node | None) -> list[yaml.Node]:
    """Keys that stand a second time in one mapping; YAML itself would silently keep the last."""
    if isinstance(node, yaml.SequenceNode):
        return [key for item in node.value for key in _duplicates(item)]
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [key for key, _ in node.value]
    again = [key for i, key in enumerate(keys) if key.value in [earlier.value for earlier in keys[:i]]]
    return again + [key for _, value in node.value for key in _duplicates(value)]


def _mark(path: Path, mark: yaml.Mark) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}"


def _place(path: Path, root: yaml.Node | None, where: tuple[str | int, ...]) -> str:
    """file:line:column of the deepest part of `where` that stands in the file."""
    node, mark = root, root.start_mark if root else None
    for part in where:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if str(pair[0].value) == str(part)), None)
            if pair is None:
                continue  # a step of the model that is not in the file ([key]), or a missing key
            mark, node = pair[0].start_mark, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
    return _mark(path, mark) if mark else str(path)


def _mistake(path: Path, root: yaml.Node | None, item: dict[str, Any]) -> str:
    """One validation error as `file:line:column: key: what is wrong`."""
    where = tuple(part for part in item["loc"] if part != "[key]")
    key = ".".join(str(part) for part in where) or "the file"
    kind = item["type"]
    if kind == "extra_forbidden":
        known = _known_keys(where[:-1])
        near = difflib.get_close_matches(str(where[-1]), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(known)}"
        return f"{_place(path, root, where)}: {key}: unknown key; {hint}"
    if kind == "missing":
        return f"{_place(path, root, where[:-1])}: {key}: this key is required and missing"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{_place(path, root, where)}: {key}: {message[:1].lower()}{message[1:]}"


def _known_keys(where: tuple[str | int, ...]) -> list[str]:
    """The keys that the section at `where` knows."""
    sections: dict[str, type[_Section]] = {
        "nodes": NodeSettings,
        "proxies": ProxySettings,
        "poolers": PoolerSettings,
        "thresholds": ThresholdSettings,
        "quiesce": QuiesceSettings,
        "ssh": SshHostSettings if len(where) > 3 else SshSettings,
    }
    if not where:
        return list(Settings.model_fields)
    if len(where) > 2:
        return list(sections[str(where[2])].model_fields)
    return list(ClusterSettings.model_fields)
