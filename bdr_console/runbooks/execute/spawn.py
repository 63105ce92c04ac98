"""Starting a runner: a process in a session of its own, and how its beginning is agreed upon.

Over a socket pair the runner is told `read DIRECTORY`, says `ready` when it has read the cluster, is told
`go`, and says `begun` once its journal shows it. A runner that was not told `go` does not begin: neither one
that was given up as too slow, nor one whose console died.
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
from bdr_console.paths import open_private

LOG = "runner.log"
_READY_WITHIN, _BEGUN_WITHIN = 30.0, 10.0
"""Seconds until the runner is ready, which takes a few where targets are silent, and until it has begun."""


class Runner:
    """A runner's process that is not told yet what to carry out.

    Importing everything takes a second, and more on a busy host: where every second counts it is started
    before the operator has decided. It holds nothing and does nothing until it is told to begin.
    """

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = _start(theirs.fileno())

    def begin(self, directory: Path) -> None:
        """Have it carry out the run of `directory`; returns when it has begun, which its journal shows.

        Blocks meanwhile. Raises ConsoleError with the runner's own words when it ended before it began.
        """
        process = self._process
        with self._socket as end:
            end.settimeout(_READY_WITHIN)
            try:
                end.sendall(f"read {directory}\n".encode(errors="surrogateescape"))
                ready = _line(end) == "ready"
            except TimeoutError:
                end.close()
                process.kill()
                process.wait()
                raise ConsoleError(
                    f"the runner was not ready within {_READY_WITHIN:.0f} s, and was ended",
                    f"Nothing has been changed. Look at {directory / LOG}.",
                ) from None
            except OSError:
                ready = False
            if not ready:
                process.wait()
                raise ConsoleError(*_last_words(directory))
            end.settimeout(_BEGUN_WITHIN)
            try:
                end.sendall(b"go\n")
                begun = _line(end) == "begun"
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
        self._wait_for_it()

    def dismiss(self) -> None:
        """It is not needed: it ends without having done anything."""
        self._socket.close()
        self._wait_for_it()

    def _wait_for_it(self) -> None:
        """A runner outlives this process on purpose. While this process lives, it takes its exit status."""
        name = f"runner {self._process.pid}"
        threading.Thread(target=self._process.wait, name=name, daemon=True).start()


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "bdr_console.runbooks.execute.runner", "--told-through", str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            env=_environment(),
            pass_fds=(descriptor,),
        )
    except OSError as error:
        raise ConsoleError(
            f"the runner cannot be started: {error.strerror or error}", "Nothing has been changed."
        ) from None


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

    def directory(self) -> Path | None:
        """Wait for the word which run to carry out; None when nobody wants one. Further output goes to that
        run's log."""
        assert self._socket is not None  # noqa: S101 - without one the directory is an argument
        self._socket.setblocking(True)
        said = b""
        while not said.endswith(b"\n"):
            if not (piece := self._socket.recv(4096)):
                return None
            said += piece
        self._socket.setblocking(False)
        directory = Path(os.fsdecode(said.removeprefix(b"read ").rstrip(b"\n")))
        log = open_private(directory / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log, stream.fileno())
        os.close(log)
        return directory

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
    root = str(Path(__file__).resolve().parents[3])
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
