"""The lab's processes: started as the lab's account, known by pid and start time, ended by pid."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.lab.account import Account
from bdr_console.lab.layout import Layout

PROGRAMS = ("postgres", "haproxy", "pgbouncer", "pgbench", "bucardo")
_children: dict[int, subprocess.Popen[bytes]] = {}
"""What this very process has started; kept so that they can be reaped."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started: str
    """Boot id and start time in clock ticks since that boot, from /proc."""

    @property
    def alive(self) -> bool:
        """Whether it still runs; one that has ended and waits to be reaped does not."""
        if child := _children.get(self.pid):
            child.poll()
        status = _stat(self.pid)
        return status is not None and status.state not in "ZX" and status.started == self.started

    @property
    def frozen(self) -> bool:
        """Whether it is stopped by a signal."""
        status = _stat(self.pid)
        return status is not None and status.state == "T" and status.started == self.started

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if this process is still the one we mean."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One line of `lab status`."""

    name: str
    """node1, haproxy1, pgb-tx, load, hold-transaction."""
    what: str
    """The program and where it listens."""
    state: str
    """running, frozen or stopped."""
    pid: int | None


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    parent: int
    started: str


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return _Stat(fields[0], int(fields[1]), f"{boot}/{fields[19]}")


def _processes() -> dict[int, _Stat]:
    return {int(p.name): s for p in Path("/proc").iterdir() if p.name.isdigit() and (s := _stat(int(p.name)))}


def family(process: Process) -> tuple[Process, ...]:
    """The process and all its descendants, parents first."""
    if not process.alive:
        return ()
    everyone = _processes()
    found = [process.pid]
    for pid in found:
        found += [child for child, status in everyone.items() if status.parent == pid]
    return tuple(Process(pid, everyone[pid].started) for pid in found if pid in everyone)


def run(
    account: Account,
    command: Sequence[str | Path],
    cwd: Path,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a short program as `account` and return its output; raises ConsoleError with what it said."""
    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            start_new_session=True,
            umask=0o077,
            env=_environment(env or {}),
            check=False,
            **account.spawn,
        )
    except subprocess.TimeoutExpired:
        raise ConsoleError(f"{command[0]} did not end within {timeout:g} s") from None
    except OSError as error:
        raise ConsoleError(f"cannot run {command[0]}: {error.strerror}") from None
    if done.returncode:
        raise ConsoleError(f"{command[0]} failed: {clean(_last_lines(done.stderr or done.stdout))}")
    return str(done.stdout)


def start(
    layout: Layout, name: str, command: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None
) -> Process:
    """Start a server in the background and remember its pid; it outlives the caller and writes to its log."""
    account = layout.account
    log = account.open_log(layout.log(name))
    try:
        child = subprocess.Popen(
            list(command),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,
            env=_environment(env or {}),
            **account.spawn,
        )
    except OSError as error:
        raise ConsoleError(f"cannot start {name} ({command[0]}): {error.strerror}") from None
    finally:
        os.close(log)
    _children[child.pid] = child
    return remember(layout, name, child.pid)


def remember(layout: Layout, name: str, pid: int) -> Process:
    """Keep `pid` under `name`: of a server just started, or of a daemon that has left its parent."""
    status = _stat(pid)
    process = Process(pid, status.started if status else "")
    layout.account.write(_record(layout, name), json.dumps({"pid": process.pid, "started": process.started}))
    return process


def find(layout: Layout, name: str) -> Process | None:
    """The process remembered under `name`, if it still runs and belongs to the lab's account."""
    try:
        content = json.loads(_record(layout, name).read_text(encoding="utf-8"))
        process = Process(int(content["pid"]), str(content["started"]))
        if Path(f"/proc/{process.pid}").stat().st_uid != layout.account.uid:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if process.alive else None


def running(layout: Layout, name: str) -> Process:
    """The lab's process of that name; raises ConsoleError when it does not run."""
    process = find(layout, name)
    if process is None:
        raise ConsoleError(f"{name} does not run", "See bdr-console lab status.")
    return process


def stop(processes: Iterable[Process], gently: signal.Signals, patience: float = 5.0) -> None:
    """End processes: thaw them, ask with `gently`, and kill what has not gone after `patience` seconds.

    Returns only when each one and all its descendants are gone; raises ConsoleError otherwise.
    """
    roots = tuple(processes)
    everyone = {member for root in roots for member in family(root)}
    for root in roots:
        root.send(gently)
    for member in everyone:
        member.send(signal.SIGCONT)
    if not wait(lambda: not any(member.alive for member in everyone), patience):
        everyone |= {relative for member in everyone for relative in family(member)}
        for member in everyone:
            member.send(signal.SIGKILL)
        if not wait(lambda: not any(member.alive for member in everyone), 10):
            left = ", ".join(str(member.pid) for member in everyone if member.alive)
            raise ConsoleError(f"these processes of the lab do not end: {left}")
    for member in everyone:
        if child := _children.pop(member.pid, None):
            child.wait()  # it has ended: this only reaps it


def strays(directory: Path, programs: tuple[str, ...] = PROGRAMS) -> tuple[Process, ...]:
    """The processes of these programs that work in a lab's directory as its owner, whoever started them."""
    uid, found = Account.owner_of(directory).uid, []
    for pid, status in _processes().items():
        try:
            if Path(f"/proc/{pid}").stat().st_uid != uid or status.state in "ZX":
                continue
            cwd = Path(f"/proc/{pid}/cwd").readlink()
            comm = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue
        program = comm.lower().split(" ")[0]  # Bucardo's daemons call themselves `Bucardo Kid. Sy...`
        if program in programs and cwd.is_relative_to(directory):
            found.append(Process(pid, status.started))
    return tuple(found)


def wait(condition: Callable[[], bool], timeout: float, pause: float = 0.02) -> bool:
    """Poll until `condition` holds; False when `timeout` seconds have passed first."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return condition()
        time.sleep(pause)
    return True


def last_words(layout: Layout, name: str) -> str:
    """The end of a server's log, made safe for a terminal."""
    try:
        text = layout.log(name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return clean(_last_lines(text))


def _last_lines(text: str) -> str:
    return " | ".join(line.strip() for line in text.strip().splitlines()[-4:])[-600:]


def _record(layout: Layout, name: str) -> Path:
    return layout.directory / "run" / f"{name}.json"


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """A plain environment: nothing of the caller's libpq settings or locale reaches the servers."""
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **extra}
