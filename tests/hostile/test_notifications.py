"""What is rung and notified on a real terminal: once, and nothing that a server wrote does anything there."""

import re
import time
from pathlib import Path

from tests.hostile.fakes import fake_haproxy
from tests.hostile.test_screen import _INFO, PAYLOAD, evil_stat
from tests.ui.test_terminal import terminal

_NOTIFIED = re.compile(rb"\x1b\]9;([^\x07\x1b]*)\x1b\\(\x07?)")


def test_an_alarm_rings_and_notifies_once_and_a_hostile_server_adds_nothing(tmp_path: Path) -> None:
    stat = (
        evil_stat().decode().replace(f"UP{PAYLOAD}", "DOWN").replace("x" * 100_000, PAYLOAD.replace('"', ""))
    )
    answers = {"show info": _INFO, "show stat": stat.encode(), "show servers": b"1\n# be_id\n", "show": b""}
    socket = tmp_path / "ha.sock"
    config = tmp_path / "alarms.yaml"
    config.write_text(
        "clusters: {demo: {nodes: {node1: {dsn: 'host=127.0.0.1 port=1'}}, "
        f"proxies: {{haproxy1: {{socket: {socket}, backends: [bk_db]}}}}, "
        "alarms: {notify: osc9, ring_from: warn, raise_after_warn: 0}}}\n"
    )
    with (
        fake_haproxy(socket, answers),
        terminal(tmp_path, "--config", str(config), size=(140, 40), TMUX="") as shown,
    ):
        shown.read_until(b"\x1b]9;")
        until = time.monotonic() + 4
        while time.monotonic() < until:
            shown._read(0.2)
        told = _NOTIFIED.findall(shown.out)
        shown.process.terminate()
        shown.wait()
    assert len(told) == 1, "at most once in 30 s"
    said, bell = told[0]
    assert bell == b"\x07"
    assert said.startswith(b"bdr-console: demo CRITICAL: ")
    assert b"\x1b]0;" not in shown.out
    assert b"\xc2\x9b" not in shown.out


def test_a_console_that_only_watches_is_silent_unless_it_is_told_to_ring(tmp_path: Path) -> None:
    with terminal(tmp_path, "--read-only") as shown:
        shown.read_until(b"CRITICAL")
        until = time.monotonic() + 3
        while time.monotonic() < until:
            shown._read(0.2)
        # Textual ends some of its own sequences with the same byte.
        assert b"\x07" not in re.sub(rb"\x1b\][^\x07\x1b]*\x07", b"", shown.out)
