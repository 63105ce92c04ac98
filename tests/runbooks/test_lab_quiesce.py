"""The quiesced switchover on real servers, by the real runner and its real watchdog."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from bdr_console.lab import Lab
from bdr_console.lab.pgbouncers import admin
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.journal.journal_file import read_events
from bdr_console.runbooks.model.run import RunStatus, RunView, StepStatus
from tests.runbooks.counting import connections_counted
from tests.runbooks.test_lab_switchover import CLUSTER, NODE, SERVER, Started, in_maintenance
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of this test alone; none of their runners outlives it."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    yield
    for view in launch.runs():
        if pid := Started(launch.run_dir(view.run_id)).pid:
            os.kill(pid, signal.SIGKILL)


def start(lab: Lab, mode: str = "quiesce", config: Path | None = None, *, node: str = NODE) -> Started:
    return Started(launch.start(config or lab.config, CLUSTER, node, "a test", mode=mode))


def poolers_at_work(lab: Lab) -> dict[str, tuple[str, str, str]]:
    """By PgBouncer, asked without the console's own code: whether `app` is paused, the login retry, and how
    far pools may grow."""
    found = {}
    for pooler in lab.layout.poolers:
        databases = admin(lab.layout, pooler, "SHOW DATABASES")
        settings = admin(lab.layout, pooler, "SHOW CONFIG")
        paused = next((str(row["paused"]) for row in databases if row["name"] == "app"), "0")
        now = {str(row["key"]): str(row["value"]) for row in settings}
        found[pooler.name] = (paused, now["server_login_retry"], now["default_pool_size"])
    return found


AT_WORK = {"pgb-tx": ("0", "15", "20"), "pgb-session": ("0", "15", "20")}


def through(run: Started) -> None:
    """To the end, with `go` said in the hold."""
    run.holding()
    run.say("go")
    assert run.over().status is RunStatus.DONE


def lagging(lab: Lab, ms: int = 1000) -> None:
    """Every peer of the leaving node applies that much late."""
    for node in lab.layout.nodes:
        if node.name != NODE:
            lab.break_("delay-apply", f"{NODE}:{node.name}={ms}")


def pausing_at_most(seconds: float, lab: Lab, directory: Path) -> Path:
    """The lab's configuration with that long for the whole pause. A run is refused for a transaction that is
    older than this when the checks look at it."""
    content = yaml.safe_load(lab.config.read_text())
    content["clusters"][CLUSTER]["quiesce"] = {"pause_deadline": seconds}
    config = directory / "config.yaml"
    config.write_text(yaml.safe_dump(content))
    return config


def _stands(view: RunView, key: str, status: StepStatus) -> bool:
    return any(step.key == key and step.status is status for step in view.steps)


def _as_before(lab: Lab) -> bool:
    return poolers_at_work(lab) == AT_WORK and in_maintenance(lab) == set()


def test_a_whole_quiesced_switchover_under_load_fails_and_loses_nothing(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=16, rate=400)
    with connections_counted(healthy_lab) as counted:
        run = start(healthy_lab, "auto")
        held = run.holding()
    assert in_maintenance(healthy_lab) == {SERVER}
    assert poolers_at_work(healthy_lab) == AT_WORK
    assert [step.key for step in held.steps[:5]] == ["rehearse", "prepare", "pause", "quiet", "disable"]
    with connections_counted(healthy_lab) as back:
        run.say("go")
        assert run.over().status is RunStatus.DONE
    result = healthy_lab.stop_load()
    assert (result.failed, result.aborted_clients, result.lost) == (0, 0, 0)
    assert in_maintenance(healthy_lab) == set()
    for counts in (counted, back):
        assert set(counts.of("watch").values()) == {1}, "a console has one connection to a target"
        assert max(counts.of("run").values()) <= 2
        # HAProxy: a run's two and the console's. One is open for a moment, and may fall between two looks.
        assert set(counts.of("any").values()) <= {1, 2, 3}
    # While clients wait a PgBouncer has a third one, the watchdog's, which lets them go on if the run dies.
    assert set(counted.of("watchdog").values()) <= {1}
    assert {counted.of("run")[node] for node in ("node1", "node2", "node3")} == {2}


def test_with_a_second_of_lag_a_quiesce_loses_nothing_where_the_published_sequence_does(
    healthy_lab: Lab,
) -> None:
    lost = {}
    for mode in ("quiesce", "gradual"):
        lagging(healthy_lab)
        healthy_lab.start_load(clients=16, rate=200)
        through(start(healthy_lab, mode))
        result = healthy_lab.stop_load()
        assert (result.failed, result.aborted_clients) == (0, 0)
        assert result.lost is not None
        lost[mode] = result.lost
        healthy_lab.mend_all()
    assert lost["quiesce"] == 0
    assert lost["gradual"] > 0


def test_clients_go_on_when_the_runner_is_killed_in_the_middle_of_the_pause(
    healthy_lab: Lab, tmp_path: Path
) -> None:
    healthy_lab.start_load(clients=4, rate=50)
    healthy_lab.break_("hold-transaction", "pgb-tx")
    run = start(healthy_lab, config=pausing_at_most(40, healthy_lab, tmp_path))
    run.until(lambda view: _stands(view, "quiet", StepStatus.WAITING), "waits for the open transaction")
    healthy_lab.break_("pause-apply", "node1:node2")  # so that the pause lasts
    healthy_lab.mend("hold-transaction", "pgb-tx")
    run.until(lambda view: _stands(view, "barrier", StepStatus.WAITING), "waits for node2 to apply")
    assert in_maintenance(healthy_lab) == {SERVER}
    pid = run.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: poolers_at_work(healthy_lab) == AT_WORK and in_maintenance(healthy_lab) == set(),
        "all is put back",
    )
    run.until(lambda view: view.status is RunStatus.LOST, "its runner is gone")
    healthy_lab.mend("pause-apply", "node1:node2")
    result = healthy_lab.stop_load()
    assert (result.failed, result.aborted_clients, result.lost) == (0, 0, 0)


def test_killed_with_its_watchdog_a_run_is_undone_from_its_journal(healthy_lab: Lab, tmp_path: Path) -> None:
    healthy_lab.break_("hold-transaction", "pgb-tx")
    run = start(healthy_lab, config=pausing_at_most(40, healthy_lab, tmp_path))
    run.until(lambda view: _stands(view, "quiet", StepStatus.WAITING), "waits for the open transaction")
    watchdog = next(event["pid"] for event in read_events(run.directory) if event["event"] == "watchdog")
    for pid in (watchdog, run.pid):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    run.until(lambda view: view.status is RunStatus.LOST, "its runner is gone")
    assert poolers_at_work(healthy_lab)["pgb-tx"] == ("1", "0", "1")
    launch.again(run.view.run_id, undo=True)
    run.until(lambda view: view.status is RunStatus.UNDONE, "undone")
    assert poolers_at_work(healthy_lab) == AT_WORK
    assert in_maintenance(healthy_lab) == set()


def test_a_statement_that_holds_the_pause_up_is_named_and_cancelled_and_nobody_else_notices(
    healthy_lab: Lab, tmp_path: Path
) -> None:
    healthy_lab.start_load(clients=4, rate=50)
    dsn = healthy_lab.layout.dsn(healthy_lab.layout.pooler("pgb-tx").port, "app")
    refused: list[str] = []

    def long_statement() -> None:
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as client:
            try:
                client.execute("SELECT pg_sleep(60)")
            except psycopg.Error as error:
                refused.append(str(error.sqlstate))

    slow = threading.Thread(target=long_statement)
    slow.start()
    wait_until(lambda: _sleeps(healthy_lab), "the statement runs")
    run = start(healthy_lab, config=pausing_at_most(40, healthy_lab, tmp_path))
    view = run.until(lambda view: bool(_words(view, "cancel")), "its cancel is offered")
    (word,) = _words(view, "cancel")
    assert not _words(view, "kill-db")
    run.say(word)
    view = run.holding()
    slow.join(20)
    assert refused == ["57014"], "the statement was cancelled, its client stayed connected"
    assert [step.status for step in view.steps if step.key == "quiet"] == [StepStatus.DONE]
    told = [event for event in read_events(run.directory) if event.get("step") == "quiet"]
    (holder,) = next(event["holders"] for event in told if event.get("holders"))
    assert (holder["node"], holder["query"]) == (NODE, "SELECT pg_sleep(60)")
    run.say("go")
    assert run.over().status is RunStatus.DONE
    result = healthy_lab.stop_load()
    assert (result.failed, result.aborted_clients, result.lost) == (0, 0, 0)


def _words(view: RunView, verb: str) -> list[str]:
    return [offer.word for offer in view.offers if offer.word.startswith(verb)]


def _sleeps(lab: Lab) -> bool:
    """Whether the long statement has reached the node."""
    sql = b"SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    with psycopg.connect(lab.layout.dsn(lab.layout.node(NODE).port)) as connection:
        return connection.execute(sql).fetchone() is not None


def test_a_pause_that_cannot_end_in_time_changes_nothing_and_says_why(
    healthy_lab: Lab, tmp_path: Path
) -> None:
    config = pausing_at_most(1, healthy_lab, tmp_path)
    healthy_lab.break_("hold-transaction", "pgb-tx")
    run = start(healthy_lab, config=config)
    ended = run.over()
    # Refused by the checks where the transaction is older by then than a pause may last.
    assert ended.status in (RunStatus.REFUSED, RunStatus.UNDONE), ended.message
    assert ended.leftovers == ()
    assert "app=billing" in ended.message
    assert poolers_at_work(healthy_lab) == AT_WORK
    assert in_maintenance(healthy_lab) == set()


def test_clients_go_on_while_the_runner_is_stopped_and_the_run_finds_out(
    healthy_lab: Lab, tmp_path: Path
) -> None:
    healthy_lab.break_("hold-transaction", "pgb-tx")
    run = start(healthy_lab, config=pausing_at_most(10, healthy_lab, tmp_path))
    run.until(lambda view: _stands(view, "quiet", StepStatus.WAITING), "waits for the open transaction")
    pid = run.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(
            lambda: poolers_at_work(healthy_lab) == AT_WORK and in_maintenance(healthy_lab) == set(),
            "all is put back",
        )
    finally:
        os.kill(pid, signal.SIGCONT)
    assert run.over().status is RunStatus.UNDONE
    assert poolers_at_work(healthy_lab) == AT_WORK
    assert in_maintenance(healthy_lab) == set()
