"""What a user meets at the terminal: sizes, faults, read-only, the way out."""

import json
import os
import signal
from pathlib import Path

import pytest

from bdr_console.lab import Lab
from tests.terminal.conftest import Opener

pytestmark = [pytest.mark.lab, pytest.mark.terminal, pytest.mark.timeout(120)]


def test_the_cluster_is_readable_at_every_size_that_a_window_takes(healthy_lab: Lab, console: Opener) -> None:
    healthy_lab.start_load(clients=4, rate=50)
    terminal = console(columns=80, lines=24)
    assert "Nodes" in terminal.wait_for("HEALTHY", "node1", "node2", "node3")
    for columns, lines in ((140, 40), (220, 60), (80, 24), (140, 40)):
        terminal.resize(columns, lines)
        if columns == 80:
            terminal.wait_gone("node1 -> node2")
            continue
        titles = ("Connections", "Replication lag", "HAProxy", "PgBouncer", "Events")
        terminal.wait_for("node1 -> node2", "bdr_initial_node", "pgb-tx", "pgb-session", "Sticky", *titles)


def test_a_frozen_node_ages_while_keys_and_the_other_rows_stay_live(
    healthy_lab: Lab, console: Opener
) -> None:
    healthy_lab.start_load(clients=4, rate=50)
    terminal = console()
    terminal.wait_for("HEALTHY", "node3")
    healthy_lab.break_("freeze", "node3")
    terminal.wait_for("CRITICAL: node3", "no answer")
    row = next(line for line in terminal.screen().splitlines() if line.startswith(("node1", " node1")))
    assert "no answer" not in row
    assert "up" in row
    terminal.press("?")
    terminal.wait_for("Keys   esc closes", "Go to the nodes pane", seconds=5)
    terminal.press("Escape")
    terminal.wait_for("CRITICAL: node3", seconds=5)
    healthy_lab.mend("freeze", "node3")
    terminal.wait_for("HEALTHY", "node3")


def test_a_stopped_haproxy_costs_its_own_rows_only(healthy_lab: Lab, console: Opener) -> None:
    terminal = console()
    terminal.wait_for("HEALTHY", "bdr_initial_node")
    healthy_lab.break_("stop-haproxy")
    screen = terminal.wait_for("CRITICAL: haproxy1")
    assert "node1" in screen
    healthy_lab.mend("stop-haproxy")
    terminal.wait_for("HEALTHY", "answers again")


def test_a_small_terminal_is_refused_with_the_size_that_is_needed(console: Opener) -> None:
    screen = console(columns=40, lines=10).wait_for("exit status")
    assert "terminal" in screen
    assert "exit status 0" not in screen
    assert "Traceback" not in screen


def test_a_run_whose_runner_was_killed_is_offered_and_undone_by_keys(
    healthy_lab: Lab, console: Opener, tmp_path: Path
) -> None:
    terminal = console(columns=80, lines=24)
    terminal.wait_for("HEALTHY", "node1")
    terminal.press("s")
    terminal.wait_for("type the node's name: node1", "tab: reason (optional)", seconds=30)
    terminal.write("node1")
    terminal.press("Enter")
    terminal.wait_for("g go on: bring the node back", seconds=60)
    (journal,) = (tmp_path / "state").glob("runs/*/journal.jsonl")
    os.kill(json.loads(journal.read_text().splitlines()[0])["pid"], signal.SIGKILL)
    terminal.wait_for("runner gone", "u undo what is left of it")
    terminal.press("b")
    terminal.wait_for("LEFT", "node1 is in maintenance", "at step hold", "o Left over")
    terminal.press("o")
    terminal.wait_for(
        "Steps: what each",
        "is MAINT with 0 sessions",
        "u undo: put back what was changed",
        seconds=30,
    )
    terminal.press("u")
    terminal.wait_for("to undo on lab in LAB (put back what was changed), type the node's name: node1")
    terminal.write("node1")
    terminal.press("Enter")
    terminal.wait_for("everything put back", "this run is over", seconds=60)
