"""A whole switchover, as an operator does it: with the real program, by the keys, under load."""

import pytest

from bdr_console.lab import Lab
from tests.terminal.choosing import choose_gradual
from tests.terminal.conftest import Opener

pytestmark = [pytest.mark.lab, pytest.mark.terminal, pytest.mark.timeout(180)]


def test_a_node_goes_out_of_service_and_back_without_a_failed_transaction(
    healthy_lab: Lab, console: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy_lab.start_load(clients=16, rate=200)
    terminal = console()
    terminal.wait_for("HEALTHY", "← sticky", "node1")

    terminal.press("s")
    terminal.wait_for("disable server bk_db/bdr_initial_node", "type the node's name: node1")
    terminal.write("node2")
    terminal.press("Enter")
    terminal.wait_for("that is not 'node1': nothing was started")
    for _ in "node2":
        terminal.press("BSpace")
    terminal.wait_for("type node1 and press enter")  # the field is empty again
    terminal.write("node1")
    terminal.press("Enter")

    held = terminal.wait_for("node1 is out of service", "g go on: bring the node back", seconds=60)
    assert "maintenance" in held
    terminal.press("g")
    terminal.wait_for("node1 is back in service", "New connections to bk_db on haproxy1 go to bdr_next_node")
    terminal.press("Escape")
    terminal.wait_for("HEALTHY", "← sticky")

    result = healthy_lab.stop_load()
    with capsys.disabled():
        stall = result.longest_stall
        print(
            f"\n{result.transactions} transactions, longest client stall {stall.seconds * 1000:.0f} ms"
            if stall
            else ""
        )
    assert result.transactions > 500
    assert result.failed == 0
    assert result.lost == 0
    assert [count.node for count in result.counts] == ["node1", "node2", "node3"]


def test_the_client_that_holds_a_switchover_up_is_picked_and_ended(healthy_lab: Lab, console: Opener) -> None:
    healthy_lab.break_("hold-transaction")
    terminal = console()
    terminal.wait_for("node1")
    terminal.press("s")
    choose_gradual(terminal)
    terminal.write("node1")
    terminal.press("Enter")
    terminal.wait_for("x end a holder (2 choices)", "app=billing", seconds=60)
    terminal.press("x")
    terminal.wait_for("End which session?", "terminate app=billing pid")
    terminal.press("Enter")
    terminal.wait_for("Terminate app=billing pid", "SELECT pg_terminate_backend(pid) FROM", "backend_start =")
    terminal.press("y")
    terminal.wait_for("node1 is out of service", "g go on: bring the node back", seconds=60)
    terminal.press("a")
    terminal.wait_for("Abort the switchover of node1?")
    terminal.press("y")
    terminal.wait_for("everything put back", seconds=60)


def test_an_abort_while_a_client_holds_its_transaction_puts_the_node_back(
    healthy_lab: Lab, console: Opener
) -> None:
    healthy_lab.start_load(clients=4, rate=40)
    healthy_lab.break_("hold-transaction")
    terminal = console(columns=80, lines=24)
    terminal.wait_for("node1")
    terminal.press("s")
    choose_gradual(terminal)
    terminal.write("node1")
    terminal.press("Enter")
    terminal.wait_for("billing", "server connections left", seconds=60)
    terminal.press("a")
    terminal.wait_for("Abort the switchover of node1?", "server bk_db/bdr_initial_node")
    terminal.press("y")
    terminal.wait_for("stopped, traffic not where it was", seconds=60)  # the new sessions stay on node2
    terminal.press("b")
    terminal.wait_for("4 ● HAProxy")  # a key right after another screen's would be lost to the old one
    terminal.press("4")
    screen = terminal.wait_for("Server", "bdr_initial_node", "L4OK")
    row = next(line for line in screen.splitlines() if "bdr_initial_node" in line and "L4OK" in line)
    assert "up" in row
    result = healthy_lab.stop_load()
    assert result.failed == 0
