"""What stands in front of the nodes on this very machine: HAProxy sockets and PgBouncers, as suggestions."""

import configparser
import re
import socket
import stat
from pathlib import Path

_SOCKETS = (
    "/run/haproxy/admin.sock",
    "/run/haproxy/haproxy.sock",
    "/run/haproxy.sock",
    "/var/lib/haproxy/stats",
    "/var/run/haproxy/admin.sock",
)
_CFG = Path("/etc/haproxy/haproxy.cfg")
_INI = Path("/etc/pgbouncer/pgbouncer.ini")
_PORT = 6432
_STATS_SOCKET = re.compile(r"^\s*stats\s+socket\s+(\S+)", re.MULTILINE)
_ADDRESS = re.compile(r"(?:ipv[46]@|tcp@)?(?P<host>\*|[^:]*|\[[^]]+\]):(?P<port>\d+)")


def haproxy_sockets(cfg: Path = _CFG, common: tuple[str, ...] = _SOCKETS) -> tuple[str, ...]:
    """Paths of sockets that exist here, and HOST:PORT that haproxy.cfg names; each once."""
    named = [_socket(text) for text in _STATS_SOCKET.findall(_text(cfg))]
    found = [name for name in (*named, *common) if name and (not name.startswith("/") or _is_socket(name))]
    resolved: dict[str, str] = {}
    for name in found:  # /var/run is /run
        resolved.setdefault(str(Path(name).resolve()) if name.startswith("/") else name, name)
    return tuple(resolved.values())


def _socket(text: str) -> str:
    if text.startswith(("/", "unix@/")):
        return text.removeprefix("unix@")
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return ""
    host = match["host"]
    return f"{'127.0.0.1' if host in ('', '*', '0.0.0.0') else host}:{match['port']}"  # noqa: S104 - compared


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(Path(path).stat().st_mode)
    except OSError:
        return False


def pgbouncer_dsn(user: str, ini: Path = _INI) -> str | None:
    """Where the PgBouncer of this machine is, for `user`: by its configuration, or where one usually is."""
    text = _text(ini)
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#", ";"), delimiters=("=",))
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    if not parser.has_section("pgbouncer"):
        return f"host=127.0.0.1 port={_PORT} user={user}" if _listens(_PORT) else None
    section = parser["pgbouncer"]
    port = section.get("listen_port", "6432").strip()
    listen = section.get("listen_addr", "").split(",")[0].strip()
    host = {"": section.get("unix_socket_dir", "/tmp").strip(), "*": "127.0.0.1", "0.0.0.0": "127.0.0.1"}.get(  # noqa: S104, S108 - PgBouncer's defaults
        listen, listen
    )
    return f"host={host} port={port} user={user}" if port.isdecimal() else None


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
