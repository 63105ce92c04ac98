"""HAProxy that cuts sessions when a server is disabled or enabled, as Patroni's template has it, for real."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from bdr_console.config import load
from bdr_console.lab import Lab, haproxies
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.execute.preview import preview
from bdr_console.runbooks.journal.journal_file import read_events
from bdr_console.runbooks.journal.report import markdown, report
from bdr_console.runbooks.model.run import PROBLEMS, RunStatus, exit_code
from tests.runbooks.test_lab_quiesce import start
from tests.runbooks.test_lab_switchover import CLUSTER, SERVER, Started, in_maintenance
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

CLIENTS = 5


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of this test alone; none of their runners outlives it."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    yield
    for view in launch.runs():
        if pid := Started(launch.run_dir(view.run_id)).pid:
            os.kill(pid, signal.SIGKILL)


class Transactions:
    """Clients of the transaction pool, each of which has a transaction open most of the time."""

    def __init__(self, lab: Lab, seconds: float = 0.7) -> None:
        self._dsn = lab.layout.dsn(lab.layout.pooler("pgb-tx").port, "app")
        self._seconds = seconds
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CLIENTS)]
        self.done = 0
        self.failed: list[str] = []

    def __enter__(self) -> "Transactions":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                with psycopg.connect(self._dsn, prepare_threshold=None, autocommit=True) as connection:
                    while not self._over.is_set():
                        self._one(connection)
            except psycopg.OperationalError as error:
                self.failed.append(str(error))

    def _one(self, connection: psycopg.Connection) -> None:
        with connection.transaction():
            connection.execute("SELECT 1")
            time.sleep(self._seconds)
            connection.execute("SELECT 1")
        self.done += 1


def without_file(lab: Lab, directory: Path) -> Path:
    """The lab's configuration, of which no HAProxy has a file that is read."""
    content = yaml.safe_load(lab.config.read_text())
    for proxy in content["clusters"][CLUSTER]["proxies"].values():
        del proxy["config_file"]
    config = directory / "config.yaml"
    config.write_text(yaml.safe_dump(content))
    return config


def report_of(run: Started) -> str:
    made = report(read_events(run.directory))
    assert made is not None
    return markdown(made)


def test_a_quiesce_has_no_transaction_cut_on_the_way_out(healthy_lab: Lab, tmp_path: Path) -> None:
    healthy_lab.break_("shutdown-sessions")
    with Transactions(healthy_lab) as clients:
        run = start(healthy_lab, config=without_file(healthy_lab, tmp_path))
        run.holding()
        assert clients.failed == []
        assert in_maintenance(healthy_lab) == {"bk_db/bdr_initial_node"}
        run.say("abort")
        view = run.over()
        assert view.status is RunStatus.MOVED
    assert clients.done
    # The paused PgBouncer may close some of its own at that moment: they are counted, and no problem.
    assert f"- disable server {SERVER} on haproxy1: sessions cut " in report_of(run)
    assert not any("on-marked-down" in problem for problem in view.problems)
    assert any("on-marked-up" in problem for problem in view.problems), "the way back has cut them"


def test_a_gradual_run_says_how_many_sessions_were_cut_out_and_back(healthy_lab: Lab, tmp_path: Path) -> None:
    healthy_lab.break_("shutdown-sessions")
    with Transactions(healthy_lab) as clients:
        wait_until(lambda: clients.done >= CLIENTS, "every client is at work")
        run = start(healthy_lab, "gradual", without_file(healthy_lab, tmp_path))
        run.holding()
        wait_until(lambda: len(clients.failed) >= CLIENTS, "the cut clients have noticed")
        done = clients.done
        wait_until(lambda: clients.done >= done + CLIENTS, "they are at work again")
        run.say("go")
        view = run.over()
    assert view.status is RunStatus.DONE
    assert exit_code(view) == PROBLEMS
    text = report_of(run)
    for command in (f"disable server {SERVER}", f"enable server {SERVER}"):
        assert f"- {command} on haproxy1: sessions cut {CLIENTS} (" in text
    assert f"haproxy1 cut {CLIENTS} sessions on {SERVER} at `disable server" in " ".join(view.problems)


@pytest.mark.parametrize("mode", ["gradual", "quiesce"])
def test_with_the_file_the_plan_is_refused_and_names_the_lines(healthy_lab: Lab, mode: str) -> None:
    healthy_lab.break_("shutdown-sessions")
    file = haproxies.configuration_file(healthy_lab.layout, "haproxy1")
    lines = file.read_text().splitlines()
    down = next(n for n, line in enumerate(lines, 1) if "on-marked-down" in line)
    up = next(n for n, line in enumerate(lines, 1) if "on-marked-up" in line)
    with Transactions(healthy_lab) as clients:
        wait_until(lambda: clients.done >= CLIENTS, "every client is at work")
        view = start(healthy_lab, mode).over()
    assert view.status is RunStatus.REFUSED
    assert f"on-marked-up shutdown-backup-sessions, line {up} of haproxy.cfg" in view.message
    named = f"on-marked-down shutdown-sessions, line {down} of haproxy.cfg" in view.message
    assert named is (mode == "gradual")
    assert clients.failed == []


def test_clients_that_stick_by_the_table_of_another_section_are_moved_both_ways(healthy_lab: Lab) -> None:
    healthy_lab.break_("stick-elsewhere")
    healthy_lab.start_load(clients=16, rate=200)
    first = start(healthy_lab)
    first.holding()
    first.say("go")
    ended = first.over()
    assert (ended.status, ended.problems) == (RunStatus.DONE, ())
    assert "go to bdr_next_node" in ended.message, "they stick there"
    back = start(healthy_lab, node="node2")
    back.holding()
    back.say("go")
    assert back.over().status is RunStatus.DONE
    result = healthy_lab.stop_load()
    assert (result.failed, result.lost) == (0, 0)


def test_where_the_traffic_sticks_elsewhere_is_known_and_another_node_moves_nobody(
    healthy_lab: Lab,
) -> None:
    healthy_lab.break_("stick-elsewhere")
    healthy_lab.start_load(clients=16, rate=200)
    run = start(healthy_lab)
    run.holding()
    run.say("go")
    assert run.over().status is RunStatus.DONE
    for node, moves in (("node1", False), ("node2", True)):
        seen = asyncio.run(preview(load(healthy_lab.config).clusters[CLUSTER], CLUSTER, node, "auto"))
        assert ("pause" in {step.key for step in seen.plan.steps}) is moves
        assert any("bdr_next_node" in check.seen and "stick table" in check.title for check in seen.checks)
    result = healthy_lab.stop_load()
    assert (result.failed, result.lost) == (0, 0)
