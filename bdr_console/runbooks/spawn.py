"""Starting a runner: a process in a session of its own, and how its beginning is agreed upon.

Over a socket pair the runner says `ready`, is told `go`, and says `begun` once its journal shows it. A runner
that was not told `go` does not begin: neither one that was given up as too slow, nor one whose console died.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from bdr_console import paths
from bdr_console.errors import ConsoleError
from bdr_console.private_files import open_private

LOG = "runner.log"
_READY_WITHIN, _BEGUN_WITHIN = 30.0, 10.0
"""Seconds until the runner is ready, which takes a few where targets are silent, and until it has begun."""


def spawn(directory: Path) -> None:
    """Start the runner of `directory` and return when it has begun, which its journal shows.

    Blocks meanwhile. Raises ConsoleError with the runner's own words when it ended before it began.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = _start(directory, theirs.fileno())
        ours.settimeout(_READY_WITHIN)
        try:
            if _line(ours) != "ready":
                process.wait()
                raise ConsoleError(*_last_words(directory))
        except TimeoutError:
            ours.close()
            process.kill()
            process.wait()
            raise ConsoleError(
                f"the runner was not ready within {_READY_WITHIN:.0f} s, and was ended",
                f"Nothing has been changed. Look at {directory / LOG}.",
            ) from None
        ours.settimeout(_BEGUN_WITHIN)
        try:
            ours.sendall(b"go\n")
            begun = _line(ours) == "begun"
        except TimeoutError:
            raise ConsoleError(
                f"the runner (pid {process.pid}) does not say that it has begun",
                f"It may have. Look at `bdr-console runs`, and at {directory / LOG}.",
            ) from None
        except OSError:
            begun = False
    if not begun:
        process.wait()
        raise ConsoleError(*_last_words(directory))
    # The runner outlives this process on purpose. While this process lives, it takes its exit status.
    threading.Thread(target=process.wait, name=f"runner {process.pid}", daemon=True).start()


def _start(directory: Path, descriptor: int) -> subprocess.Popen[bytes]:
    log = open_private(directory / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "bdr_console.runbooks.runner", str(directory), str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=_environment(),
            pass_fds=(descriptor,),
        )
    except OSError as error:
        raise ConsoleError(
            f"the runner cannot be started: {error.strerror or error}", "Nothing has been changed."
        ) from None
    finally:
        os.close(log)


def _line(end: socket.socket) -> str:
    """One line; empty when the other end is gone. Raises TimeoutError when it takes longer than it may."""
    until = time.monotonic() + (end.gettimeout() or 0.0)
    data = b""
    while not data.endswith(b"\n"):
        end.settimeout(max(0.001, until - time.monotonic()))
        if not (piece := end.recv(1)):
            return ""
        data += piece
    return data.decode().strip()


class Starter:
    """The runner's end of the agreement; without a descriptor (started by hand) nobody is asked."""

    def __init__(self, descriptor: int | None) -> None:
        self._socket = None if descriptor is None else socket.socket(fileno=descriptor)
        if self._socket is not None:
            self._socket.setblocking(False)
            os.set_inheritable(self._socket.fileno(), False)

    async def agree(self) -> None:
        """Say that everything is ready, and wait for the word to begin. Raises ConsoleError when it does not
        come: whoever started this run believes that nothing happens."""
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._socket, b"ready\n")
            if await loop.sock_recv(self._socket, 16) == b"go\n":
                return
        except OSError:
            pass
        raise ConsoleError("nobody waits for this run any more: it does not begin", "Nothing was changed.")

    def begun(self) -> None:
        """Say that the journal shows the run."""
        if self._socket is not None:
            with self._socket as end, contextlib.suppress(OSError):  # without its console a run goes on
                end.send(b"begun\n")
            self._socket = None


def _environment() -> dict[str, str]:
    """Ours, with the package findable from a checkout; what libpq needs (PGPASSFILE...) goes along.

    The runner works in `/`: a relative state directory would be another one there.
    """
    root = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH")
    path = f"{root}{os.pathsep}{known}" if known else root
    return {**os.environ, "PYTHONPATH": path, "BDR_CONSOLE_STATE": str(paths.state_dir())}


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
