"""The real program on a real pseudo-terminal: what Pilot cannot see."""

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ui.driving import console, text
from tests.ui.scenes import snapshot

DEADLINE = 20.0
IGNORING_SIGHUP = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh")
CONFIG = """
clusters:
  demo:
    environment: staging
    nodes:
      node1: {dsn: "host=127.0.0.1 port=1 dbname=app"}
      node2: {dsn: "host=127.0.0.1 port=2 dbname=app"}
"""


class Terminal:
    """One console on a pseudo-terminal."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.master = master
        self.out = b""

    def read_until(self, word: bytes) -> bytes:
        """Everything it wrote, once `word` is in it."""
        end = time.monotonic() + DEADLINE
        while word not in self.out:
            assert time.monotonic() < end, self.out[-2000:]
            self._read(0.1)
        return self.out

    def wait(self) -> int:
        """Its exit code."""
        if self.master < 0:
            return self.process.wait(DEADLINE)
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            assert time.monotonic() < end, "still running"
            self._read(0.05)
        while self._read(0.1):
            pass
        return self.process.returncode

    def hang_up(self) -> None:
        """Close the terminal's other end."""
        os.close(self.master)
        self.master = -1

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], seconds)
        try:
            more = os.read(self.master, 65536) if ready else b""
        except OSError:
            return False
        self.out += more
        return bool(more)


@contextmanager
def terminal(
    directory: Path,
    *options: str,
    size: tuple[int, int] = (80, 24),
    prefix: tuple[str, ...] = (),
    config: str = CONFIG,
    **env: str,
) -> Iterator[Terminal]:
    """`bdr-console` on a terminal of `size`, on two nodes that refuse."""
    path = directory / "config.yaml"
    path.write_text(config)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    known = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "bdr_console", "--config", str(path), *options],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={
            **known,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "LC_ALL": "",
            "LC_CTYPE": "",  # Python sets it in its own environment where it starts without a locale
            "BDR_CONSOLE_STATE": str(directory),
            **env,
        },
    )
    os.close(slave)
    shown = Terminal(process, master)
    try:
        yield shown
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=DEADLINE)
        if shown.master >= 0:
            os.close(shown.master)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_console_and_gives_the_terminal_back(
    number: signal.Signals, tmp_path: Path
) -> None:
    with terminal(tmp_path) as shown:
        shown.read_until(b"CRITICAL")
        shown.process.send_signal(number)
        assert shown.wait() == 128 + number
        assert b"\x1b[?1049l" in shown.out
        assert shown.out.rindex(b"\x1b[?25h") > shown.out.rindex(b"CRITICAL")
        assert b"Traceback" not in shown.out


def test_a_closed_terminal_ends_the_console_even_with_sighup_ignored(tmp_path: Path) -> None:
    with terminal(tmp_path, prefix=IGNORING_SIGHUP) as shown:
        shown.read_until(b"CRITICAL")
        shown.hang_up()
        assert shown.wait() == 129


def test_q_ends_it_with_0_while_its_targets_refuse(tmp_path: Path) -> None:
    with terminal(tmp_path) as shown:
        shown.read_until(b"CRITICAL")
        os.write(shown.master, b"q")
        assert shown.wait() == 0


@pytest.mark.parametrize("size", [(59, 24), (80, 14)])
def test_a_terminal_that_is_too_small_is_refused_with_its_size(size: tuple[int, int], tmp_path: Path) -> None:
    with terminal(tmp_path, size=size) as shown:
        assert shown.wait() == 2
        assert f"the terminal is too small: {size[0]}x{size[1]}".encode() in shown.out
        assert b"60x15" in shown.out


def test_an_unknown_theme_is_refused_before_the_screen_is_taken(tmp_path: Path) -> None:
    with terminal(tmp_path, "--theme", "plaid") as shown:
        assert shown.wait() == 2
        assert b"there is no theme named 'plaid'" in shown.out
        assert b"\x1b[?1049h" not in shown.out


def test_no_color_really_sends_none(tmp_path: Path) -> None:
    with terminal(tmp_path, NO_COLOR="1") as shown:
        said = shown.read_until(b"CRITICAL")
        assert b"38;2" not in said
        assert b"48;2" not in said
        assert b"[31m" not in said
        assert b"[91m" not in said


def test_a_watching_console_says_read_only(tmp_path: Path) -> None:
    with terminal(tmp_path, "--read-only") as shown:
        shown.read_until(b"READ-ONLY")


def test_without_a_terminal_it_says_so_instead_of_starting(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-m", "bdr_console", "--config", str(config)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 2
    assert b"is not a terminal" in done.stderr
    assert b"bdr-console status" in done.stderr
    assert b"bdr-console top" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks that run where they are created came with 3.12")
async def test_the_console_opens_where_a_library_has_tasks_run_at_once() -> None:
    asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])
    async with console(snapshot()) as (app, _):
        assert "node1" in text(app)
