"""Start a run, speak to it, and find the runs there have been: all that a console needs of runbooks."""

import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bdr_console import paths
from bdr_console.config import load
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.control import say
from bdr_console.runbooks.journal import JOURNAL, JournalFollower
from bdr_console.runbooks.locks import cluster_locks, holder_of
from bdr_console.runbooks.preview import preview
from bdr_console.runbooks.run import RunView

__all__ = ["follow", "preview", "run_dir", "runs", "send", "start", "who"]

REQUEST = "request.json"
LOG = "runner.log"
_BORN_WITHIN = 30.0
"""Seconds until the journal's first event; the first reading of silent targets takes a few."""


def start(
    config: Path,
    cluster: str,
    node: str,
    reason: str = "",
    *,
    mode: str = "auto",
    session_pools: str = "wait",
    until: datetime | None = None,
    runbook: str = "switchover",
) -> Path:
    """Start the switchover of `node` in a runner process of its own and return the run's directory.

    `mode` is auto, quiesce or gradual, `session_pools` wait or fast-close; `until` (with its zone) is when
    the maintenance should be over, and `runbook` may be `isolate` for a node that is dead already.

    Returns when the journal has begun. Blocks meanwhile (seconds when targets are silent): call it from a
    thread. Raises ConsoleError when another run is under way, or when the runner ended before it began.
    """
    settings = load(config)
    name, chosen = settings.cluster(cluster)
    if node not in chosen.nodes:
        known = ", ".join(chosen.nodes)
        raise ConsoleError(f"cluster '{name}' has no node named '{node}'", f"It has: {known}.")
    refuse_if_busy(tuple(proxy.socket for proxy in chosen.proxies.values()))
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{node}-{secrets.token_hex(2)}"
    directory = paths.runs_dir() / run_id
    directory.mkdir(mode=0o700)
    request = {
        "run": run_id,
        "config": str(config.absolute()),
        "cluster": name,
        "node": node,
        "reason": reason,
        "who": who(),
        "mode": mode,
        "session_pools": session_pools,
        "until": until.isoformat() if until else "",
        "runbook": runbook,
    }
    (directory / REQUEST).write_text(json.dumps(request), encoding="utf-8")
    _spawn(directory)
    return directory


def _spawn(directory: Path) -> None:
    log = os.open(directory / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "bdr_console.runbooks.runner", str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=_environment(),
        )
    finally:
        os.close(log)
    born = time.monotonic() + _BORN_WITHIN
    while not _has_begun(directory):
        if process.poll() is not None and not _has_begun(directory):
            said = _last_words(directory)
            shutil.rmtree(directory, ignore_errors=True)
            raise ConsoleError(*said)
        if time.monotonic() > born:
            raise ConsoleError(
                f"the runner (pid {process.pid}) has not begun within {_BORN_WITHIN:.0f} s",
                f"Look at {directory / LOG}; nothing has been changed.",
            )
        time.sleep(0.02)
    # The runner outlives this process on purpose. While this process lives, it takes its exit status.
    threading.Thread(target=process.wait, name=f"runner {process.pid}", daemon=True).start()


def _environment() -> dict[str, str]:
    """Ours, with the package findable from a checkout; what libpq needs (PGPASSFILE...) goes along."""
    root = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else root}


def _has_begun(directory: Path) -> bool:
    try:
        return b"\n" in (directory / JOURNAL).read_bytes()
    except OSError:
        return False


def _last_words(directory: Path) -> tuple[str, str, int]:
    """(problem, remedy, exit code) from the end of the runner's log."""
    try:
        lines = (directory / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    if not lines:
        return "the runner ended before it began, and said nothing", "Nothing was changed.", 2
    try:
        told = json.loads(lines[-1])
        return str(told["problem"]), str(told["remedy"]), int(told["exit_code"])
    except (ValueError, KeyError, TypeError):
        return f"the runner ended before it began: {lines[-1]}", "Nothing was changed.", 2


def refuse_if_busy(addresses: tuple[str, ...]) -> None:
    """Raise ConsoleError that names who runs what on these HAProxies, if anybody does on this host."""
    for path in cluster_locks(addresses):
        holder = holder_of(path)
        if holder is not None:
            raise busy_error(holder)


def busy_error(holder: dict[str, str]) -> ConsoleError:
    """The refusal of a second run, with what is known of the first."""
    at = ""
    directory = Path(holder.get("directory", "/nonexistent"))
    view = JournalFollower(directory).poll()
    if view is not None and view.current is not None:
        at = f", now at '{view.current.title}' ({view.current.status.value})"
    node, operator, since = (holder.get(key, "?") for key in ("node", "who", "since"))
    return ConsoleError(
        f"a run is under way on this cluster: switchover of {node} by {operator}, since {since}{at}",
        f"Attach to it ({holder.get('run', '?')}) and let it end, or abort it there.",
        exit_code=11,
    )


async def send(run_dir: Path, word: str) -> str:
    """Say one word to a run (go, abort, wait, again, status) and return its answer; raises ConsoleError when
    the word is refused, with the reason, or when the runner is gone."""
    return await say(run_dir, word, who())


def follow(run_dir: Path) -> JournalFollower:
    """The run's picture, kept up to date by `poll()`."""
    return JournalFollower(run_dir)


def runs() -> tuple[RunView, ...]:
    """Every run this user started from this host, newest first; `run_dir` gives the directory of one."""
    views = [view for directory in _directories() if (view := JournalFollower(directory).poll())]
    return tuple(sorted(views, key=lambda view: view.started_at, reverse=True))


def run_dir(run_id: str) -> Path:
    """The directory of the run with that id."""
    return paths.runs_dir() / run_id


def _directories() -> Iterator[Path]:
    return (path for path in paths.runs_dir().iterdir() if (path / JOURNAL).exists())


def who() -> str:
    """user@host, the sudo user where there is one, and where the SSH session came from."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    sudo = os.environ.get("SUDO_USER")
    named = f"{sudo} as {user}" if sudo and sudo != user else user
    client = os.environ.get("SSH_CLIENT", "").split(" ")[0]
    return f"{named}@{socket.gethostname()}" + (f" from {client}" if client else "")
