"""Runs from the command line on real servers: applied, interrupted, finished, and kept apart."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from bdr_console.cli import cli
from bdr_console.config import load
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.model.run import RunStatus, RunView, StepStatus
from tests.runbooks.test_lab_switchover import CLUSTER, NODE, SERVER, Started, in_maintenance

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two bastions, `here` and `elsewhere`; no runner of theirs outlives the test."""
    for place in ("elsewhere", "here"):
        monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / place))
    yield
    for place in ("elsewhere", "here"):
        monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / place))
        for view in launch.runs():
            if pid := Started(launch.run_dir(view.run_id)).pid:
                os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Program = Callable[..., Done]


@pytest.fixture
def program(healthy_lab: Lab, tmp_path: Path) -> Program:
    """`bdr-console ...` as a script on one of the two bastions calls it; in this process, for speed."""

    def call(*words: str, at: str = "here") -> Done:
        state = {"BDR_CONSOLE_STATE": str(tmp_path / at)}
        done = CliRunner().invoke(cli, ["--config", str(healthy_lab.config), *words], env=state)
        if isinstance(done.exception, ConsoleError):
            return Done(done.exception.exit_code, done.stdout, str(done.exception))
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    return call


def start(lab: Lab, mode: str = "gradual") -> Started:
    return Started(launch.start(lab.config, CLUSTER, NODE, "a test", mode=mode))


def kill(run: Started) -> None:
    pid = run.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    run.until(lambda view: view.status is RunStatus.LOST, "its runner is gone")


def plan_id(program: Program, node: str = NODE, at: str = "here") -> str:
    done = program("switchover", node, "--plan", "--json", at=at)
    assert done.returncode == 0, done.stdout + done.stderr
    made: str = json.loads(done.stdout)["id"]
    return made


def to_haproxy(lab: Lab, command: str) -> None:
    """Somebody else at HAProxy's socket."""
    socket = load(lab.config).clusters[CLUSTER].proxies["haproxy1"].socket
    subprocess.run(
        ["socat", "-", f"UNIX-CONNECT:{socket}"], input=command + "\n", text=True, check=True, timeout=10
    )


def test_a_script_applies_a_plan_with_its_maintenance_and_can_report_it(
    healthy_lab: Lab, program: Program
) -> None:
    healthy_lab.start_load(clients=8, rate=100)
    made = plan_id(program)
    done = program(
        "switchover", NODE, "--apply", made, "--reason", "kernel",
        "--hold-command", "echo maintenance of $BDR_CONSOLE_NODE; echo password=hunter2",
    )  # fmt: skip
    assert (done.returncode, in_maintenance(healthy_lab)) == (0, set()), done.stdout + done.stderr
    assert done.stdout.startswith("done: node1 is back in service")
    assert "[1/13]" in done.stderr
    result = healthy_lab.stop_load()
    assert (result.failed, result.aborted_clients) == (0, 0)
    (run,) = launch.runs()
    journal = (launch.run_dir(run.run_id) / "journal.jsonl").read_text()
    assert f"maintenance of {NODE}" in journal
    assert "hunter2" not in journal
    told = program("report").stdout
    assert f"| `disable server {SERVER}` | answered: `\\n` |" in told
    assert "why: kernel" in told
    data = json.loads(program("report", run.run_id[:17], "--json").stdout)
    assert [sent["command"] for sent in data["sent"]][-1] == f"enable server {SERVER}"
    assert data["exit_code"] == 0
    felt = {(item["where"], item["what"]): item["value"] for item in data["impact"]}
    assert felt["way out, pgb-tx", "clients at its beginning"] == 8
    assert felt["way out, pgb-tx", "transactions done"] > 0
    assert felt[f"way out, {SERVER} on haproxy1", "sessions that left"] > 0
    assert not [where for where, _ in felt if where.startswith("way") and "pgb-session" in where]
    # That plan was for a world in which new connections went to node1.
    again = program("switchover", NODE, "--apply", made)
    assert again.returncode == 10
    assert "The world moved" in again.stdout
    assert "stick bk_db" in again.stdout
    assert "Nothing was changed" in again.stdout


def test_a_failed_hold_command_leaves_the_node_out_and_says_so(healthy_lab: Lab, program: Program) -> None:
    done = program("switchover", NODE, "--apply", plan_id(program), "--hold-command", "exit 3")
    assert done.returncode == 21
    assert "exit code 3" in done.stderr
    assert "bdr-console go" in done.stdout
    assert in_maintenance(healthy_lab) == {SERVER}
    assert program("abort").returncode == 0
    assert program("attach", launch.runs()[0].run_id).returncode == 20
    assert in_maintenance(healthy_lab) == set()


def test_another_bastion_is_locked_out_by_name_until_the_runner_dies_and_then_can_undo(
    healthy_lab: Lab, program: Program
) -> None:
    other_plan = plan_id(program, "node2", at="elsewhere")
    run = start(healthy_lab)
    run.holding()
    second = program("switchover", "node2", "--apply", other_plan, at="elsewhere")
    assert second.returncode == 11
    assert f"bdr-console run {run.view.run_id[-4:]}" in second.stderr
    assert "from 127.0.0.1" in second.stderr
    for at in ("here", "elsewhere"):
        assert program("with-lock", "--", "true", at=at).returncode == 11
    assert program("undo", "--node", NODE, at="elsewhere").returncode == 11
    assert in_maintenance(healthy_lab) == {SERVER}
    kill(run)
    assert program("with-lock", "--", "sh", "-c", "exit 7", at="elsewhere").returncode == 7
    undone = program("undo", "--node", NODE, at="elsewhere")
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert f"{SERVER} is MAINT" in undone.stderr
    assert "put back" in undone.stdout
    assert in_maintenance(healthy_lab) == set()
    nothing = program("undo", "--node", NODE, at="elsewhere")
    assert nothing.returncode == 10
    assert "nothing of a switchover" in nothing.stderr


@pytest.mark.parametrize("mode", ["gradual", "quiesce"])
def test_a_run_killed_in_the_hold_is_named_resumed_and_ended(
    healthy_lab: Lab, program: Program, mode: str
) -> None:
    run = start(healthy_lab, mode)
    run.holding()
    kill(run)
    run_id = run.view.run_id
    assert f"bdr-console resume {run_id}" in program("runs").stdout
    assert f"left by run {run_id}" in program("switchover", NODE, "--plan").stdout
    resumed = program("resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "out of service" in resumed.stdout
    view = run.holding()
    assert view.run_id == run_id
    assert len(run.sent()) == len(set(run.sent())), "a command went to the same place twice"
    assert program("go").returncode == 0
    assert run.over().status is RunStatus.DONE
    assert in_maintenance(healthy_lab) == set()
    assert run.commands().count(f"disable server {SERVER}") == 1
    assert program("resume", run_id).returncode == 10


def test_a_run_killed_while_wait_close_waits_goes_on_to_the_hold(healthy_lab: Lab, program: Program) -> None:
    healthy_lab.break_("hold-transaction", "pgb-tx")
    run = start(healthy_lab)
    run.until(lambda view: view.steps[2].status is StepStatus.WAITING, "WAIT_CLOSE waits")
    kill(run)
    healthy_lab.mend("hold-transaction", "pgb-tx")
    assert program("resume").returncode == 0
    run.holding()
    sent = [where for where in run.sent() if not where[1].startswith("WAIT_CLOSE")]
    assert len(sent) == len(set(sent)), "a command went to the same place twice"
    kill(run)
    undone = program("undo", run.view.run_id)
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert run.view.status is RunStatus.UNDONE
    assert in_maintenance(healthy_lab) == set()


def _at(view: RunView, key: str) -> StepStatus:
    return next(step.status for step in view.steps if step.key == key)


def test_a_run_killed_after_go_does_not_take_the_node_out_again(healthy_lab: Lab, program: Program) -> None:
    run = start(healthy_lab)
    run.holding()
    healthy_lab.break_("stop", NODE)
    run.say("go")
    run.until(lambda view: _at(view, "ready") is StepStatus.WAITING, "waits for the node")
    kill(run)
    to_haproxy(healthy_lab, f"enable server {SERVER}")
    healthy_lab.mend("stop", NODE)
    resumed = program("resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert run.view.status is RunStatus.DONE
    assert run.commands().count(f"disable server {SERVER}") == 1
    assert in_maintenance(healthy_lab) == set()


def test_a_rolling_run_survives_the_restart_of_a_node_and_the_death_of_its_runner_and_keeps_others_out(
    healthy_lab: Lab, program: Program
) -> None:
    healthy_lab.start_load(clients=4, rate=50)
    nodes = ("node1", "node2")
    shown = program("rolling", *nodes, "--plan", "--json")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    made = json.loads(shown.stdout)
    assert [turn["node"] for turn in made["turns"]] == list(nodes)
    held = program("rolling", *nodes, "--apply", made["id"], "--reason", "kernel")
    assert held.returncode == 0, held.stdout + held.stderr
    assert "waits: node1 is out of service" in held.stdout
    run = Started(launch.run_dir(launch.runs()[0].run_id))

    other = program("switchover", "node3", "--apply", plan_id(program, "node3", "elsewhere"), at="elsewhere")
    assert other.returncode == 11
    assert "another operator" in other.stderr

    healthy_lab.break_("stop", "node1")
    healthy_lab.mend("stop", "node1")
    assert program("go").returncode == 0
    run.until(lambda view: view.node == "node2" and view.status is RunStatus.HOLDING, "node2 held")
    assert in_maintenance(healthy_lab) == {"bk_db/bdr_next_node"}

    kill(run)
    assert "lab/node1, node2" in program("runs").stdout
    assert program("resume").returncode == 0
    assert program("go").returncode == 0
    done = program("attach", run.directory.name)
    assert done.returncode == 0, done.stdout
    assert "done: node1, node2: one after the other out of service and back" in done.stdout
    assert in_maintenance(healthy_lab) == set()
    result = healthy_lab.stop_load()
    assert (result.failed, result.aborted_clients) == (0, 0)
    assert [command for command in run.commands() if command.startswith(("disable", "enable"))] == [
        f"{word} server bk_db/{server}"
        for server in ("bdr_initial_node", "bdr_next_node")
        for word in ("disable", "enable")
    ]
