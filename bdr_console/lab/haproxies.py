"""The lab's HAProxies, set up as published for a BDR cluster: one active server, the others as backup."""

import csv
import signal
import socket
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.lab import processes
from bdr_console.lab.layout import Layout, ProxyLayout, loopback_addresses
from bdr_console.lab.processes import Process

NAME = "haproxy1"
"""The first one, the only one unless a lab was told to have more."""
BACKEND = "bk_db"


@dataclass(frozen=True, slots=True)
class BackendServer:
    """One server of the backend."""

    name: str
    status: str
    """HAProxy's own word: UP, MAINT, DOWN 1/2."""
    sessions: int
    """Sessions now (scur)."""
    weight: int
    """Effective; with 0 it takes no new session."""


class Variant(StrEnum):
    """How the backend differs from what is published."""

    PLAIN = "plain"
    CUTS_SESSIONS = "cuts sessions"
    """Sessions end with their server, and those of the backup servers when the first one is back."""
    STICKS_ELSEWHERE = "sticks elsewhere"
    """Its stick table is that of another section."""


STICKY = "sticky"
"""The section with the stick table that is elsewhere."""


def configuration_file(layout: Layout, name: str) -> Path:
    """Where one HAProxy's configuration is."""
    return layout.data(name) / "haproxy.cfg"


def _configuration(layout: Layout, proxy: ProxyLayout, variant: Variant) -> str:
    cuts = variant is Variant.CUTS_SESSIONS
    up = " on-marked-up shutdown-backup-sessions" if cuts else ""
    servers = "\n".join(
        f"    server {node.server} 127.0.0.1:{node.port} check{' backup' if index else up}"
        for index, node in enumerate(layout.nodes)
    )
    down = " on-marked-down shutdown-sessions" if cuts else ""
    table = "stick-table type ip size 1"
    stick = f"    {table}\n    stick on dst"
    elsewhere = ""
    if variant is Variant.STICKS_ELSEWHERE:
        stick = f"    stick on dst table {STICKY}"
        elsewhere = f"\nbackend {STICKY}\n    {table}\n"
    # PgBouncer may take `localhost` for ::1 (1.24 on Debian 13 does) and tries nothing else.
    binds = "\n".join(f"    bind {address}:{proxy.port}" for address in loopback_addresses())
    return f"""\
global
    stats socket {layout.socket(proxy.name)} mode 600 level admin
    stats timeout 30s
    maxconn 400
    nbthread 1
    log stdout format raw local0 notice

defaults
    mode tcp
    log global
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    default-server inter 1s{down}

frontend ft_postgresql
{binds}
    default_backend {BACKEND}

backend {BACKEND}
{stick}
{servers}
{elsewhere}"""


def create(layout: Layout, proxy: ProxyLayout) -> None:
    """Write one HAProxy's configuration."""
    layout.account.make_dir(layout.data(proxy.name))
    _write(layout, proxy, Variant.PLAIN)


def configure(layout: Layout, name: str, variant: Variant = Variant.PLAIN) -> bool:
    """Give one HAProxy that configuration and reload it; False when it has it already."""
    proxy, file = layout.proxy(name), configuration_file(layout, name)
    if file.read_text(encoding="utf-8") == _configuration(layout, proxy, variant):
        return False
    process = processes.find(layout, name)
    _write(layout, proxy, variant)
    if process is not None:
        reload(layout, process, name)
    return True


def _write(layout: Layout, proxy: ProxyLayout, variant: Variant) -> None:
    layout.account.write(configuration_file(layout, proxy.name), _configuration(layout, proxy, variant))


def start(layout: Layout, name: str = NAME) -> Process:
    """Start one HAProxy (master and worker) and wait until its runtime socket answers."""
    directory = layout.data(name)
    command: list[str | Path] = [layout.programs.haproxy.path, "-W", "-f", configuration_file(layout, name)]
    process = processes.start(layout, name, command, cwd=directory)
    _wait_answering(layout, name, process)
    return process


def _wait_answering(layout: Layout, name: str, process: Process, not_pid: str = "") -> None:
    def answers() -> bool:
        if not process.alive:
            raise ConsoleError(f"{name} did not start: {processes.last_words(layout, name)}")
        try:
            # More than once: while it leaves, the old process still takes connections now and then.
            return all(pid(layout, name) not in ("", not_pid) for _ in range(5))
        except ConsoleError:
            return False

    if not processes.wait(answers, 15):
        raise ConsoleError(
            f"{name} does not answer on {layout.socket(name)}: {processes.last_words(layout, name)}"
        )


def pid(layout: Layout, name: str = NAME) -> str:
    """The process that takes new connections, as it says itself; raises ConsoleError when nobody answers."""
    info = command(layout, "show info", timeout=1, name=name)
    return next((line[5:] for line in info.splitlines() if line.startswith("Pid: ")), "")


def stop(process: Process) -> None:
    """Stop HAProxy at once: every session through it is cut."""
    processes.stop([process], signal.SIGTERM)


def reload(layout: Layout, process: Process, name: str = NAME) -> None:
    """Reload one HAProxy, as its master does on SIGUSR2: a new worker, without the old one's server states.

    The old worker (it is told to finish by -sf) lives on as long as it has sessions.
    """
    before = pid(layout, name)
    process.send(signal.SIGUSR2)
    _wait_answering(layout, name, process, not_pid=before)


def command(layout: Layout, text: str, timeout: float = 5, *, name: str = NAME) -> str:
    """Send one line to a runtime socket and return the answer; raises ConsoleError when nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout)
            link.connect(str(layout.socket(name)))
            link.sendall(text.encode() + b"\n")
            parts = []
            while part := link.recv(65536):
                parts.append(part)
    except OSError as error:
        raise ConsoleError(f"{name} ({layout.socket(name)}) does not answer: {error}") from None
    return b"".join(parts).decode(errors="replace")


def servers(layout: Layout, name: str = NAME) -> tuple[BackendServer, ...]:
    """The servers of the backend in the order of the configuration, as `show stat` has them."""
    shown = command(layout, f"show stat {BACKEND} 4 -1", name=name)
    lines = shown.removeprefix("# ").strip().splitlines()
    rows = [line for line in csv.DictReader(lines) if line["type"] == "2"]
    return tuple(
        BackendServer(row["svname"], row["status"], int(row["scur"]), int(row["weight"])) for row in rows
    )
