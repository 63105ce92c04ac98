"""A program under a pseudo-terminal, read as fast as it writes: times and bytes as a terminal sees them."""

import fcntl
import os
import pty
import select
import struct
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used since it began: seconds of processor time, and resident bytes now."""

    cpu: float
    rss: int


class Terminal:
    """The program on the far side of a pty of a given size."""

    def __init__(self, command: Sequence[str], columns: int, lines: int) -> None:
        self.began = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execvp(command[0], list(command))  # noqa: S606 - the console itself, no shell
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.received = 0

    def write(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._fd, keys)

    def read(self, seconds: float) -> bytes:
        """What arrives within `seconds`; returns at the first arrival, empty when there is none."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # the far side is gone
            return b""
        self.received += len(data)
        return data

    def until(self, text: bytes, seconds: float = 30.0) -> float:
        """The moment (perf_counter) at which `text` had arrived."""
        end = time.perf_counter() + seconds
        seen = b""
        while text not in seen:
            if time.perf_counter() > end:
                raise TimeoutError(f"{text!r} did not appear within {seconds} s")
            seen = seen[-200:] + self.read(0.5)
        return time.perf_counter()

    def drain(self, seconds: float) -> int:
        """Read on for `seconds`; the bytes that came."""
        before, end = self.received, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)
        return self.received - before

    def usage(self) -> Usage:
        """Processor time and memory of the program, from /proc."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        status = Path(f"/proc/{self.pid}/status").read_text().split("VmRSS:")[1].split()
        return Usage((int(fields[11]) + int(fields[12])) / _TICKS, int(status[0]) * 1024)

    def close(self) -> None:
        """Ask it to quit and reap it."""
        self.write(b"q")
        end = time.perf_counter() + 5
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.perf_counter() > end:
                os.kill(self.pid, 9)
            self.read(0.1)
        os.close(self._fd)
