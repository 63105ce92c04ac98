"""Switchovers on real servers, run by the real runner process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bdr_console.config import load
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab
from bdr_console.runbooks.checks.preflight import refuses
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.journal.events import event_of
from bdr_console.runbooks.journal.journal_file import JOURNAL, RUNNER_LOCK
from bdr_console.runbooks.locks import holder_of
from bdr_console.runbooks.model.run import RunStatus, RunView, StepStatus
from tests.runbooks.counting import connections_counted
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

CLUSTER, NODE, SERVER = "lab", "node1", "bk_db/bdr_initial_node"


class Started:
    """A run of the real runner, and what a console sees of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._follower = launch.follow(directory)

    @property
    def view(self) -> RunView:
        view = self._follower.poll()
        assert view is not None
        return view

    def until(self, condition: Callable[[RunView], bool], what: str, timeout: float = 40) -> RunView:
        """Wait until a console would see it."""
        wait_until(lambda: condition(self.view), lambda: f"{what}; now {self.view}", seconds=timeout)
        return self.view

    def say(self, word: str) -> None:
        asyncio.run(launch.send(self.directory, word))

    def holding(self) -> RunView:
        return self.until(lambda view: view.status is RunStatus.HOLDING, "in the maintenance hold")

    def over(self) -> RunView:
        ended = self.until(lambda view: view.status.over, "over")
        lines = (self.directory / JOURNAL).read_bytes().splitlines()
        assert not [line for line in lines if event_of(line) is None], "a reader passes over what was written"
        return ended

    @property
    def pid(self) -> int | None:
        """The living runner's pid."""
        holder = holder_of(self.directory / RUNNER_LOCK)
        return int(holder["pid"]) if holder else None

    def sent(self) -> list[tuple[str, str]]:
        """The commands that went out, in order, and where to."""
        events = [json.loads(line) for line in (self.directory / JOURNAL).read_text().splitlines()]
        return [(event["host"], event["command"]) for event in events if event["event"] == "intent"]

    def commands(self) -> list[str]:
        """The commands alone."""
        return [command for _, command in self.sent()]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of this test alone; none of their runners outlives it."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    yield
    for view in launch.runs():
        if pid := Started(launch.run_dir(view.run_id)).pid:
            os.kill(pid, signal.SIGKILL)


def start(lab: Lab, node: str = NODE, mode: str = "gradual") -> Started:
    return Started(launch.start(lab.config, CLUSTER, node, "a test", mode=mode))


def in_maintenance(lab: Lab) -> set[str]:
    """What HAProxy itself says, asked without the console's own code."""
    socket = load(lab.config).clusters[CLUSTER].proxies["haproxy1"].socket
    line = "show servers state bk_db\n"
    told = subprocess.run(
        ["socat", "-", f"UNIX-CONNECT:{socket}"], input=line, capture_output=True, text=True, check=True
    )
    rows = [
        row.split() for row in told.stdout.splitlines() if row and row[0].isdigit() and len(row.split()) > 10
    ]
    return {f"{row[1]}/{row[3]}" for row in rows if int(row[6]) & 0x27}


@pytest.mark.parametrize("protocol", ["simple", "extended"])
def test_a_whole_switchover_under_load_fails_and_loses_nothing(healthy_lab: Lab, protocol: str) -> None:
    healthy_lab.start_load(clients=16, rate=200, protocol=protocol)
    with connections_counted(healthy_lab) as counted:
        run = start(healthy_lab)
        held = run.holding()
    assert max(counted.of("run").values()) <= 2
    assert set(counted.of("watch").values()) == {1}
    # HAProxy: a run's two and the console's. One is open for a moment, and may fall between two looks.
    assert set(counted.of("any").values()) <= {1, 2, 3}
    assert in_maintenance(healthy_lab) == {SERVER}
    assert all(step.status in (StepStatus.DONE, StepStatus.SKIPPED) for step in held.steps[:4])
    run.say("go")
    assert run.over().status is RunStatus.DONE
    result = healthy_lab.stop_load()
    assert in_maintenance(healthy_lab) == set()
    assert run.commands()[:2] == [f"disable server {SERVER}", "RECONNECT app"]
    assert run.commands()[-1] == f"enable server {SERVER}"
    assert (result.failed, result.aborted_clients) == (0, 0)
    assert result.transactions > 0
    assert [count.lost for count in result.counts] == [0, 0, 0]


def test_abort_while_a_transaction_holds_wait_close_up_puts_everything_back(healthy_lab: Lab) -> None:
    healthy_lab.break_("hold-transaction", "pgb-tx")
    run = start(healthy_lab)
    run.until(
        lambda view: (
            view.steps[2].status is StepStatus.WAITING and "app=billing" in view.steps[2].evidence[0]
        ),
        "WAIT_CLOSE names the application that holds it up",
    )
    run.until(
        lambda view: "idle in transaction" in view.steps[2].evidence[0],
        "and since when its transaction is open",
    )
    assert in_maintenance(healthy_lab) == {SERVER}
    run.say("abort")
    ended = run.over()
    assert (ended.status, ended.leftovers) == (RunStatus.UNDONE, ())
    assert in_maintenance(healthy_lab) == set()
    assert len(run.sent()) == len(set(run.sent())), "a command went to the same place twice"


def test_wait_close_goes_on_by_itself_when_the_transaction_ends(healthy_lab: Lab) -> None:
    healthy_lab.break_("hold-transaction", "pgb-tx")
    run = start(healthy_lab)
    run.until(lambda view: view.steps[2].status is StepStatus.WAITING, "WAIT_CLOSE waits")
    healthy_lab.mend("hold-transaction", "pgb-tx")
    run.holding()
    run.say("abort")
    assert run.over().status is RunStatus.UNDONE


def test_the_last_server_that_takes_traffic_is_not_disabled(healthy_lab: Lab) -> None:
    healthy_lab.break_("stop", "node2")
    healthy_lab.break_("stop", "node3")
    run = start(healthy_lab)
    view = run.over()
    assert view.status is RunStatus.REFUSED
    assert any("another server takes the traffic" in check.title for check in refuses(view.checks))
    assert run.commands() == []
    assert in_maintenance(healthy_lab) == set()


def test_a_second_start_is_refused_and_names_the_first(healthy_lab: Lab) -> None:
    run = start(healthy_lab)
    run.holding()
    with pytest.raises(ConsoleError) as refused:
        launch.start(healthy_lab.config, CLUSTER, "node2", "me too")
    assert refused.value.exit_code == 11
    assert f"switchover of {NODE} by {run.view.who}" in refused.value.problem
    assert "out of service" in refused.value.problem
    run.say("abort")
    assert run.over().status is RunStatus.UNDONE


def test_the_run_goes_on_when_its_console_is_killed(healthy_lab: Lab) -> None:
    code = "import sys, time; from pathlib import Path; from bdr_console.runbooks.execute import launch\n"
    code += f"print(launch.start(Path(sys.argv[1]), {CLUSTER!r}, {NODE!r}), flush=True); time.sleep(300)"
    console = subprocess.Popen(
        [sys.executable, "-c", code, str(healthy_lab.config)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert console.stdout is not None
        run = Started(Path(console.stdout.readline().strip()))
    finally:
        os.killpg(console.pid, signal.SIGKILL)
        console.communicate()
    pid = run.pid
    assert pid is not None
    os.kill(pid, signal.SIGHUP)
    run.holding()
    run.say("go")
    assert run.over().status is RunStatus.DONE
    assert run.view.who == launch.runs()[0].who
    assert in_maintenance(healthy_lab) == set()


def test_a_reload_in_the_hold_raises_the_alarm_and_the_node_can_be_taken_out_again(healthy_lab: Lab) -> None:
    run = start(healthy_lab)
    run.holding()
    healthy_lab.break_("reload-haproxy")
    run.until(lambda view: "no longer in maintenance" in view.message, "the alarm")
    run.say("again")
    run.until(lambda view: view.status is RunStatus.HOLDING and "no longer" not in view.message, "held again")
    assert in_maintenance(healthy_lab) == {SERVER}
    run.say("abort")
    assert run.over().status is RunStatus.UNDONE
    assert in_maintenance(healthy_lab) == set()


def test_a_node_that_was_stopped_in_the_hold_comes_back_only_when_it_has_caught_up(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=4, rate=50)
    run = start(healthy_lab)
    run.holding()
    healthy_lab.break_("stop", NODE)
    run.say("go")
    run.until(
        lambda view: any(step.key == "ready" and step.status is StepStatus.WAITING for step in view.steps),
        "waits for the node",
    )
    assert in_maintenance(healthy_lab) == {SERVER}
    healthy_lab.mend("stop", NODE)
    assert run.over().status is RunStatus.DONE
    result = healthy_lab.stop_load()
    assert (result.failed, result.lost) == (0, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_runner_leaves_everything_as_it_is_and_a_run_that_says_so(
    healthy_lab: Lab, number: int
) -> None:
    run = start(healthy_lab)
    run.holding()
    pid = run.pid
    assert pid is not None
    os.kill(pid, number)
    run.until(lambda view: view.status is RunStatus.LOST, "its runner is gone")
    assert in_maintenance(healthy_lab) == {SERVER}
    with pytest.raises(ConsoleError, match="cannot be reached"):
        run.say("go")
    # Its locks went with it: the next run begins, and leaves alone what it did not disable itself.
    second = start(healthy_lab)
    second.holding()
    assert second.commands() == []
    second.say("abort")
    assert second.over().status is RunStatus.UNDONE
    assert in_maintenance(healthy_lab) == {SERVER}


def test_the_preview_shows_every_command_and_changes_nothing(healthy_lab: Lab) -> None:
    settings = load(healthy_lab.config).clusters[CLUSTER]
    healthy_lab.start_load(clients=2, rate=20)
    seen = asyncio.run(launch.preview(settings, CLUSTER, NODE, "gradual"))
    assert refuses(seen.checks) == ()
    texts = [command.text for step in seen.plan.views() for command in step.commands]
    assert texts[0] == f"disable server {SERVER}"
    assert texts[-1] == f"enable server {SERVER}"
    assert in_maintenance(healthy_lab) == set()


def test_clients_of_a_session_pool_are_announced_before_and_named_while_they_hold_it_up(
    healthy_lab: Lab,
) -> None:
    healthy_lab.start_load(clients=3, rate=20, pooler="pgb-session")
    run = start(healthy_lab)
    view = run.until(
        lambda view: view.steps[2].status is StepStatus.WAITING, "WAIT_CLOSE waits for the sessions"
    )
    warned = [check for check in view.checks if "session-pooled" in check.seen]
    assert len(warned) == 1
    assert "3 clients" in warned[0].seen
    run.say("abort")
    assert run.over().status is RunStatus.UNDONE
    assert in_maintenance(healthy_lab) == set()
