"""The lab's HAProxy, set up as published for a BDR cluster: one active server, the others as backup."""

import csv
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.lab import processes, programs
from bdr_console.lab.layout import Layout
from bdr_console.lab.processes import Process

NAME = "haproxy1"
BACKEND = "bk_db"


@dataclass(frozen=True, slots=True)
class ServerState:
    """One server of the backend."""

    name: str
    status: str
    """HAProxy's own word: UP, MAINT, DOWN 1/2."""
    sessions: int
    """Sessions now (scur)."""


def _configuration(layout: Layout) -> str:
    servers = "\n".join(
        f"    server {node.server} 127.0.0.1:{node.port} check{' backup' if index else ''}"
        for index, node in enumerate(layout.nodes)
    )
    return f"""\
global
    stats socket {layout.haproxy_socket} mode 600 level admin
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
    default-server inter 1s

frontend ft_postgresql
    bind 127.0.0.1:{layout.frontend_port}
    default_backend {BACKEND}

backend {BACKEND}
    stick-table type ip size 1
    stick on dst
{servers}
"""


def create(layout: Layout) -> None:
    """Write HAProxy's configuration."""
    directory = layout.account.make_dir(layout.data(NAME))
    layout.account.write(directory / "haproxy.cfg", _configuration(layout))


def start(layout: Layout) -> Process:
    """Start HAProxy (master and worker) and wait until its runtime socket answers."""
    directory = layout.data(NAME)
    command: list[str | Path] = [programs.find("haproxy"), "-W", "-f", directory / "haproxy.cfg"]
    process = processes.start(layout, NAME, command, cwd=directory)
    _wait_answering(layout, process)
    return process


def _wait_answering(layout: Layout, process: Process, not_pid: str = "") -> None:
    def answers() -> bool:
        if not process.alive:
            raise ConsoleError(f"{NAME} did not start: {processes.last_words(layout, NAME)}")
        try:
            # More than once: while it leaves, the old process still takes connections now and then.
            return all(_pid(command(layout, "show info", timeout=1)) not in ("", not_pid) for _ in range(5))
        except ConsoleError:
            return False

    if not processes.wait(answers, 15):
        raise ConsoleError(
            f"{NAME} does not answer on {layout.haproxy_socket}: {processes.last_words(layout, NAME)}"
        )


def _pid(info: str) -> str:
    return next((line[5:] for line in info.splitlines() if line.startswith("Pid: ")), "")


def stop(process: Process) -> None:
    """Stop HAProxy at once: every session through it is cut."""
    processes.stop([process], signal.SIGTERM)


def reload(layout: Layout, process: Process) -> None:
    """Reload HAProxy, as its master does on SIGUSR2: a new worker, without the old one's server states."""
    before = _pid(command(layout, "show info"))
    process.send(signal.SIGUSR2)
    _wait_answering(layout, process, not_pid=before)


def command(layout: Layout, text: str, timeout: float = 5) -> str:
    """Send one line to the runtime socket and return the answer; raises ConsoleError when nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout)
            link.connect(str(layout.haproxy_socket))
            link.sendall(text.encode() + b"\n")
            parts = []
            while part := link.recv(65536):
                parts.append(part)
    except OSError as error:
        raise ConsoleError(f"{NAME} ({layout.haproxy_socket}) does not answer: {error}") from None
    return b"".join(parts).decode(errors="replace")


def servers(layout: Layout) -> tuple[ServerState, ...]:
    """The servers of the backend in the order of the configuration, as `show stat` has them."""
    lines = command(layout, f"show stat {BACKEND} 4 -1").removeprefix("# ").strip().splitlines()
    rows = [line for line in csv.DictReader(lines) if line["type"] == "2"]
    return tuple(ServerState(row["svname"], row["status"], int(row["scur"])) for row in rows)
