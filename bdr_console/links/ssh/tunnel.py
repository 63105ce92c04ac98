"""Bytes between a local socket and an SSH channel: two threads for each connection, gone with it."""

import contextlib
import os
import shutil
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import paramiko

from bdr_console.cluster.text import clean

_PIECE = 32768
_ACCEPT_WITHIN = 5.0
"""Seconds that libpq has to come for the connection that was made for it."""


class Tunnel:
    """One connection through a host, joined to one local socket. Either end closing closes both."""

    def __init__(self, channel: paramiko.Channel, name: str) -> None:
        self._channel = channel
        self._name = name
        self._received = 0
        self.said = ""
        """What the command on the other side wrote when it ended without an answer."""

    def pair(self) -> socket.socket:
        """A socket that is the connection."""
        ours, theirs = socket.socketpair()
        self._start(lambda: ours)
        return theirs

    def listen(self, directory: Path, port: str) -> None:
        """Make `.s.PGSQL.PORT` in a directory of its own; the first connection of this process to it is
        joined, and then it is gone with its directory, or after 5 s."""
        path = directory / f".s.PGSQL.{port}"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(1)
        except OSError:
            listener.close()
            self.close()
            raise
        self._start(lambda: _accepted(listener, directory))

    def close(self) -> None:
        """End it; for a tunnel that nobody has joined."""
        self._channel.close()

    def _start(self, local: Callable[[], socket.socket | None]) -> None:
        threading.Thread(target=self._carry, args=(local,), name=f"{self._name} in", daemon=True).start()

    def _carry(self, local: Callable[[], socket.socket | None]) -> None:
        """From the channel to the socket, and the other direction beside it; closes both at the end."""
        sock = local()
        if sock is None:
            self._channel.close()
            return
        out = threading.Thread(target=self._out, args=(sock,), name=f"{self._name} out", daemon=True)
        out.start()
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            while piece := self._channel.recv(_PIECE):
                self._received += len(piece)
                sock.sendall(piece)
        self._listen_to_the_end()
        _hang_up(sock, self._channel)
        out.join()
        sock.close()

    def _out(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            while piece := sock.recv(_PIECE):
                self._channel.sendall(piece)
        _hang_up(sock, self._channel)

    def _listen_to_the_end(self) -> None:
        if self._received or not self._channel.recv_stderr_ready():
            return
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self.said = clean(self._channel.recv_stderr(2048).decode("utf-8", "backslashreplace"), 200)


def _hang_up(sock: socket.socket, channel: paramiko.Channel) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        channel.close()


def _accepted(listener: socket.socket, directory: Path) -> socket.socket | None:
    """The connection of this very process; None when it does not come."""
    listener.settimeout(_ACCEPT_WITHIN)
    try:
        while True:
            sock, _ = listener.accept()
            sock.settimeout(None)
            if _pid_of(sock) in (os.getpid(), None):
                return sock
            sock.close()
    except OSError:
        return None
    finally:
        listener.close()
        shutil.rmtree(directory, ignore_errors=True)


def _pid_of(sock: socket.socket) -> int | None:
    """Who is at the other end; None where the system does not tell (the directory is private anyway)."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    pid, _, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)
