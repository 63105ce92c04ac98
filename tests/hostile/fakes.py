"""Servers that answer what no honest one would. They are fakes, because no real one can be made to say it."""

import contextlib
import os
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextlib.contextmanager
def fake_haproxy(path: Path, answers: Mapping[str, bytes]) -> Iterator[list[str]]:
    """A runtime socket that gives these answers; yields the commands that came."""
    came: list[str] = []

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            commands = self.rfile.readline().decode().strip().split(";")
            came.extend(commands)
            for command in commands:
                found = next((answer for known, answer in answers.items() if command.startswith(known)), b"")
                self.wfile.write(found + b"\n")

    with _serving(_UnixServer(str(path), Talk)):
        yield came


@contextlib.contextmanager
def tapped_haproxy(path: Path, behind: str) -> Iterator[list[str]]:
    """A socket that passes everything on to a real one; yields the commands that came."""
    came: list[str] = []

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline()
            came.extend(line.decode().strip().split(";"))
            with socket.socket(socket.AF_UNIX) as real:
                real.connect(behind)
                real.sendall(line)
                while piece := real.recv(65536):
                    self.wfile.write(piece)

    with _serving(_UnixServer(str(path), Talk)):
        yield came


Table = tuple[Sequence[bytes], Sequence[Sequence[bytes]]]
"""Columns, and rows."""


@contextlib.contextmanager
def fake_pgbouncer(answer: Callable[[str], Table]) -> Iterator[int]:
    """A PgBouncer console that lets anybody in and answers with these tables; yields its port."""

    class Talk(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError, struct.error):
                self._greet()
                while (kind := self._exactly(1)) == b"Q":
                    (size,) = struct.unpack("!I", self._exactly(4))
                    self._tell(*answer(self._exactly(size - 4).rstrip(b"\0").decode()))
                assert kind in (b"X", b"")

        def _exactly(self, size: int) -> bytes:
            data = b""
            while len(data) < size and (piece := self.request.recv(size - len(data))):
                data += piece
            return data

        def _send(self, kind: bytes, body: bytes) -> None:
            self.request.sendall(kind + struct.pack("!I", len(body) + 4) + body)

        def _greet(self) -> None:
            while True:
                (size,) = struct.unpack("!I", self._exactly(4))
                (code,) = struct.unpack("!I", self._exactly(size - 4)[:4])
                if code == 196608:
                    break
                self.request.sendall(b"N")  # neither TLS nor GSS
            self._send(b"R", struct.pack("!I", 0))
            for name, value in (("server_version", "1.21.0/bouncer"), ("client_encoding", "UTF8")):
                self._send(b"S", f"{name}\0{value}\0".encode())
            self._send(b"Z", b"I")

        def _tell(self, columns: Sequence[bytes], rows: Sequence[Sequence[bytes]]) -> None:
            shape = b"".join(name + b"\0" + struct.pack("!IHIHIH", 0, 0, 25, 65535, 0, 0) for name in columns)
            self._send(b"T", struct.pack("!H", len(columns)) + shape)
            for row in rows:
                values = b"".join(struct.pack("!I", len(value)) + value for value in row)
                self._send(b"D", struct.pack("!H", len(row)) + values)
            self._send(b"C", b"SHOW\0")
            self._send(b"Z", b"I")

    server = _TcpServer(("127.0.0.1", 0), Talk)
    with _serving(server):
        yield int(server.server_address[1])


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is all
