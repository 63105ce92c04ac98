"""Terminals that change their size without end, know little, go away, or are not read."""

import fcntl
import os
import re
import resource
import signal
import socket
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bdr_console.lab import Lab
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.model.run import RunStatus
from tests.terminal.tmux import Tmux
from tests.ui.test_terminal import CONFIG, IGNORING_SIGHUP, Terminal, terminal
from tests.waiting import wait_until

pytestmark = [pytest.mark.terminal, pytest.mark.timeout(120)]

_COLOURS = re.compile(rb"\x1b\[([0-9;]*)m")


def size(shown: Terminal, columns: int, lines: int) -> None:
    """Give the terminal another size, as its window does."""
    fcntl.ioctl(shown.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    shown.process.send_signal(signal.SIGWINCH)


WALK = ((b"T", b"Colour theme"), (b"\r", b"To keep this theme"), (b"?", b"Keys"))
"""Keys, and a word on the screen that each brings. No escape: what is behind a dialog is sent too, so its
words do not tell that it has closed, and a key typed before that would be read as Alt with that key."""


def press(shown: Terminal, keys: bytes, word: bytes) -> None:
    """Type, and wait for the word."""
    before = len(shown.out)
    again_at = 0.0

    def there() -> bool:
        nonlocal again_at
        if time.monotonic() > again_at:  # one that came while the screen changed may be lost
            os.write(shown.master, keys)
            again_at = time.monotonic() + 4
        shown._read(0.1)
        return word in shown.out[before:]

    wait_until(there, f"{word!r} after {keys!r}")


def stall(shown: Terminal) -> None:
    """Do not read, and have the screen painted until the terminal takes no more and the console's own queue
    of pictures is full too."""
    waiting: list[int] = []

    def full() -> bool:
        size(shown, 200 - len(waiting) % 2, 50)
        waiting.append(_unread(shown.master))
        return waiting[-1] > 0 and waiting[-40:].count(waiting[-1]) == 40

    wait_until(full, "the terminal takes no more")


def _unread(terminal: int) -> int:
    """Bytes that wait in the terminal to be read."""
    return int(struct.unpack("i", fcntl.ioctl(terminal, termios.FIONREAD, bytes(4)))[0])


def repainted(shown: Terminal) -> bool:
    """Whether the footer, which does not change by itself, was sent again."""
    shown._read(0.1)
    return b"Switchover" in shown.out


def in_tmux(directory: Path, *options: str, columns: int = 80, lines: int = 24, **env: str) -> Tmux:
    """The console in tmux, on two nodes that refuse."""
    config = directory / "config.yaml"
    config.write_text(CONFIG)
    command = [sys.executable, "-m", "bdr_console", "--config", str(config), *options]
    return Tmux(command, columns, lines, {"BDR_CONSOLE_STATE": str(directory), "LANG": "C.UTF-8", **env})


def test_a_storm_of_new_sizes_leaves_a_whole_screen_that_answers(tmp_path: Path) -> None:
    with in_tmux(tmp_path) as tmux:
        tmux.wait_for("CRITICAL", "node1")
        for _ in range(25):
            tmux.resize(200, 50)
            tmux.resize(80, 24)
        screen = tmux.wait_for("CRITICAL", "node1", "1-6 Panes")
        assert "Traceback" not in screen
        tmux.resize(200, 50)
        screen = tmux.wait_for("Connections", "PgBouncer", "Events", "q Quit")
        assert len(screen.rstrip("\n").splitlines()) == 50
        tmux.press("?")
        tmux.wait_for("Keys   esc closes")


@pytest.mark.parametrize("how", ["SIGHUP", "SIGTERM", "closed"])
def test_the_console_ends_soon_and_quietly_when_its_terminal_or_its_session_ends(
    how: str, tmp_path: Path
) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with terminal(tmp_path, prefix=IGNORING_SIGHUP if how == "closed" else ()) as shown:
        shown.read_until(b"CRITICAL")
        if how == "closed":
            shown.hang_up()
        else:
            shown.process.send_signal(signal.Signals[how])
        assert shown.wait() == {"SIGTERM": 143}.get(how, 129)
        if how != "closed":
            for given_back in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"):
                assert given_back in shown.out
        assert b"Traceback" not in shown.out
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < 15, f"{used:.1f} s of CPU: something was read in a loop"


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_without_escape_sequences_gets_one_sentence_and_plain_pages(
    term: str, tmp_path: Path
) -> None:
    with terminal(tmp_path, TERM=term) as shown:
        shown.read_until(b"node2")
        said = shown.out.decode().splitlines()[0]
        assert said.startswith(f"This terminal cannot show the screen (TERM is {term or 'not set'})")
        shown.read_until(b"CRIT ")
        shown.process.send_signal(signal.SIGINT)  # it is in a session of its own, without this terminal
        assert shown.wait() == 0
        assert b"\x1b" not in shown.out
        assert b"Traceback" not in shown.out


@pytest.mark.parametrize("how", ["LANG=C", "--ascii", "ascii: true"])
def test_nothing_but_ascii_reaches_a_terminal_that_knows_no_more(how: str, tmp_path: Path) -> None:
    options = ("--ascii",) if how == "--ascii" else ()
    locale = "C" if how == "LANG=C" else "C.UTF-8"
    more = "ascii: true\n" if how == "ascii: true" else ""
    with terminal(tmp_path, *options, size=(140, 40), config=more + CONFIG, LANG=locale) as shown:
        shown.read_until(b"CRITICAL")
        for keys, word in WALK:
            press(shown, keys, word)
        shown.process.terminate()
        assert shown.wait() == 143
    assert shown.out.isascii(), {byte for byte in shown.out if byte > 127}


def test_no_color_sends_not_one_colour(tmp_path: Path) -> None:
    with terminal(tmp_path, NO_COLOR="1", size=(140, 40)) as shown:
        shown.read_until(b"CRITICAL")
        for keys, word in WALK:
            press(shown, keys, word)
        shown.process.terminate()
        shown.wait()
    found = {code for codes in _COLOURS.findall(shown.out) for code in codes.split(b";") if code}
    assert found, "bold and reversed text are used all the same"
    # 39 and 49 are the terminal's own foreground and background: no colour of ours.
    assert found <= {b"0", b"1", b"2", b"3", b"4", b"7", b"9", b"39", b"49"}, found


@pytest.mark.parametrize("how", ["--no-mouse", "mouse: false", "on"])
def test_the_mouse_is_the_terminals_own_when_it_is_turned_off(how: str, tmp_path: Path) -> None:
    options = ("--no-mouse",) if how == "--no-mouse" else ()
    config = ("mouse: false\n" if how == "mouse: false" else "") + CONFIG
    with terminal(tmp_path, *options, config=config) as shown:
        shown.read_until(b"CRITICAL")
        assert (b"\x1b[?1000h" in shown.out) is (how == "on")


@contextmanager
def counting_listener() -> Iterator[tuple[int, list[float]]]:
    """A port that takes every connection, notes when it came, and closes it."""
    came: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                came.append(time.monotonic())
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_terminal_that_is_not_read_stops_the_screen_and_not_the_readings(tmp_path: Path) -> None:
    with counting_listener() as (port, came):
        node = f'node1: {{dsn: "host=127.0.0.1 port={port} dbname=app connect_timeout=2"}}'
        config = f"refresh: 0.2\nclusters: {{demo: {{nodes: {{{node}}}}}}}\n"
        with terminal(tmp_path, size=(200, 50), config=config) as shown:
            shown.read_until(b"CRITICAL")
            stall(shown)
            stalled_at = len(came)
            wait_until(lambda: len(came) >= stalled_at + 2, "the node is asked on")
            size(shown, 200, 50)
            shown.read_until(b"CRITICAL")  # what was written before the stall is read now
            shown.out = b""
            wait_until(lambda: repainted(shown), "the screen is painted again")
            press(shown, b"?", b"Keys")
            shown.process.terminate()
            assert shown.wait() == 143


@pytest.mark.lab
def test_a_run_goes_on_behind_a_terminal_that_is_not_read(
    healthy_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    with terminal(tmp_path, size=(200, 50), config=healthy_lab.config.read_text()) as shown:
        shown.read_until(b"HEALTHY")
        press(shown, b"s", b"type the node's name")
        stall(shown)
        os.write(shown.master, b"node1\r")
        wait_until(lambda: [run.status for run in launch.runs()] == [RunStatus.HOLDING], "the run holds")
        shown.read_until(b"node1 is out of service")
        press(shown, b"g", b"is back in service")
        assert [run.status for run in launch.runs()] == [RunStatus.DONE]


def test_a_terminal_that_is_not_read_does_not_keep_the_console_from_ending(tmp_path: Path) -> None:
    with terminal(tmp_path, size=(200, 50)) as shown:
        shown.read_until(b"CRITICAL")
        stall(shown)
        shown.process.terminate()
        wait_until(lambda: shown.process.poll() is not None, "it ends")
        assert shown.process.returncode == 143


def test_ctrl_z_gives_the_shell_back_and_fg_brings_the_screen_again(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    environment = {"BDR_CONSOLE_STATE": str(tmp_path), "LANG": "C.UTF-8", "PS1": "shell> "}
    with Tmux(["bash", "--norc", "--noprofile", "-i"], 100, 30, environment) as tmux:
        tmux.wait_for("shell>")
        tmux.write(f"{sys.executable} -m bdr_console --config {config}")
        tmux.press("Enter")
        tmux.wait_for("CRITICAL", "q Quit")
        tmux.press("C-z")
        tmux.wait_for("Stopped", "shell>")
        tmux.write("fg")
        tmux.press("Enter")
        tmux.wait_for("CRITICAL", "q Quit")
        tmux.press("?")
        tmux.wait_for("Keys   esc closes")
        tmux.press("Escape")
        tmux.wait_gone("Keys   esc closes")
        tmux.press("q")
        tmux.wait_for("shell>")
