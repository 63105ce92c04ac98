"""The SSH connection is lost in the middle of a switchover: the run goes on, and a second console ends it."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from bdr_console.lab import Lab
from tests.links.ssh.sshd import Sshd, make_key
from tests.terminal.choosing import choose_gradual
from tests.terminal.conftest import Opener
from tests.terminal.tmux import Tmux
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.terminal, pytest.mark.timeout(180)]


def events(state: Path) -> list[dict[str, object]]:
    """The journal of the only run."""
    (journal,) = state.glob("runs/*/journal.jsonl")
    return [json.loads(line) for line in journal.read_text().splitlines()]


def test_a_lost_ssh_connection_in_wait_close_stops_nothing_and_a_second_console_finishes_the_run(
    healthy_lab: Lab, console: Opener, tmp_path: Path
) -> None:
    healthy_lab.start_load(clients=4, rate=40)
    healthy_lab.break_("hold-transaction")
    state = tmp_path / "state"
    program = [str(Path(sys.executable).parent / "bdr-console"), "--config", str(healthy_lab.config)]
    with Sshd(tmp_path / "sshd") as sshd:
        key = make_key(tmp_path / "operator")
        sshd.let_in(key)
        remote = sshd.client(key, "env", f"BDR_CONSOLE_STATE={state}", "LANG=C.UTF-8", *program)
        with Tmux(remote, 140, 40, {"TERM": "tmux-256color"}) as over_ssh:
            over_ssh.wait_for("HEALTHY", "node1")
            over_ssh.press("s")
            choose_gradual(over_ssh)
            over_ssh.write("node1")
            over_ssh.press("Enter")
            over_ssh.wait_for("billing", "server connections left", seconds=60)
            running = [psutil.Process(pid) for pid in sshd.family()]
            (there,) = [one for one in running if one.cmdline()[1:2] == program[:1]]
            os.kill(over_ssh.child(), signal.SIGKILL)
            over_ssh.wait_for("exit status 137")
            wait_until(lambda: not there.is_running(), "the console of the lost connection has ended")
            told = len(events(state))
            wait_until(lambda: len(events(state)) > told, "the run goes on and tells so")

    second = console(columns=80, lines=24)
    second.wait_for("node1")
    second.press("w")
    second.wait_for("billing", "server connections left", "from 127.0.0.1")
    healthy_lab.mend("hold-transaction")
    second.wait_for("node1 is out of service", "g go on: bring the node back", seconds=60)
    second.press("g")
    second.wait_for("node1 is back in service", seconds=60)

    ended = events(state)
    assert ended[-1]["event"] in ("end", "impact")
    assert [event["status"] for event in ended if event["event"] == "end"] == ["done"]
    assert "resume" not in {event["event"] for event in ended}  # one runner from the beginning to the end
    result = healthy_lab.stop_load()
    assert (result.failed, result.aborted_clients) == (0, 0)
    assert result.transactions > 100
