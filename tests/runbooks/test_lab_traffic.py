"""Where the traffic really is, on real servers: reloads under the pause, clients past every proxy."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from bdr_console.lab import Lab
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.model.run import RunStatus, StepStatus, exit_code
from tests.runbooks.test_lab_switchover import CLUSTER, NODE, Started
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of this test alone; none of their runners outlives it."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    yield
    for view in launch.runs():
        if pid := Started(launch.run_dir(view.run_id)).pid:
            os.kill(pid, signal.SIGKILL)


def start(lab: Lab, mode: str = "quiesce") -> Started:
    return Started(launch.start(lab.config, CLUSTER, NODE, "a test", mode=mode))


def clients_on(lab: Lab, node: str) -> int:
    """Sessions of the load there, asked without the console's own code."""
    dsn = lab.layout.dsn(lab.layout.node(node).port, database="postgres")
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state IS NOT NULL"
        ).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def transactions_of(lab: Lab, seconds: float) -> Iterator[None]:
    """A client with a transaction of so many seconds open through the first PgBouncer, again and again."""
    over = threading.Event()
    dsn = lab.layout.dsn(lab.layout.poolers[0].port, "app")

    def work() -> None:
        with psycopg.connect(dsn, prepare_threshold=None) as client:
            while not over.is_set():
                with client.transaction():
                    client.execute("SELECT txid_current(), pg_sleep(%s)", (seconds,))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)
    assert not thread.is_alive()


def test_a_haproxy_reloaded_under_the_pause_sends_the_run_back_and_no_update_is_lost(
    two_proxies: Lab,
) -> None:
    two_proxies.start_load(clients=8, rate=200)
    with transactions_of(two_proxies, 5.0):
        run = start(two_proxies)
        run.until(
            lambda view: any(s.key == "quiet" and s.status is StepStatus.WAITING for s in view.steps),
            "everybody waits for the open transaction, and both HAProxies keep the node out",
        )
        two_proxies.break_("reload-haproxy", "haproxy2")
        ended = run.over()
    assert "haproxy2 was reloaded meanwhile" in ended.message
    assert ended.status is RunStatus.UNDONE, ended.leftovers
    assert next(s for s in ended.steps if s.key == "resume").status is StepStatus.FAILED
    wait_until(lambda: clients_on(two_proxies, NODE) > 0, "the clients go on where they were")
    assert clients_on(two_proxies, "node2") == 0
    result = two_proxies.stop_load()
    assert (result.failed, result.aborted_clients) == (0, 0)
    assert [count.lost for count in result.counts] == [0, 0, 0]


def test_a_haproxy_reloaded_in_the_hold_is_an_alarm_and_an_abort_says_where_clients_go(
    two_proxies: Lab,
) -> None:
    two_proxies.start_load(clients=4, rate=50)
    run = start(two_proxies)
    run.holding()
    two_proxies.break_("reload-haproxy", "haproxy2")
    alarm = "no longer in maintenance on haproxy2 (HAProxy was reloaded)"
    run.until(lambda view: alarm in view.message, "the reload is an alarm")
    run.say("abort")
    ended = run.over()
    assert ended.status is RunStatus.STOPPED
    assert ended.leftovers[0].startswith("Writes are split: haproxy1 to node2, haproxy2 to node1")
    assert exit_code(ended) == 21


def test_an_etl_job_past_every_proxy_is_named_and_holds_the_proof_of_draining_up(two_proxies: Lab) -> None:
    node = two_proxies.layout.node(NODE)
    dsn = f"{two_proxies.layout.dsn(node.port, 'app')} application_name=nightly-etl"
    with psycopg.connect(dsn) as job:
        job.execute("SELECT txid_current()")
        run = start(two_proxies, "gradual")
        waiting = run.until(
            lambda view: next(s for s in view.steps if s.key == "drained").status is StepStatus.WAITING,
            "the node is not drained",
        )
        (warned,) = [c for c in waiting.checks if "comes through a known PgBouncer" in c.title]
        assert "app=nightly-etl, as app, from 127.0.0.1:" in warned.seen
        assert "idle in transaction" in warned.seen
        run.until(
            lambda view: any(
                "app=nightly-etl, as app" in line for s in view.steps for line in s.evidence[:1]
            ),
            "the job is named",
        )
        run.until(lambda view: any(o.word.startswith("terminate ") for o in view.offers), "it can be ended")
        word = next(o.word for o in run.view.offers if o.word.startswith("terminate "))
        run.say(word)
        run.holding()
        with pytest.raises(psycopg.OperationalError):
            job.execute("SELECT 1")
    run.say("go")
    assert run.over().status is RunStatus.DONE


@contextmanager
def client_of(lab: Lab, database: str) -> Iterator[None]:
    """A client that writes a moment, and stays connected, through the first PgBouncer."""
    dsn = lab.layout.dsn(lab.layout.poolers[0].port, "app", database)
    with psycopg.connect(dsn, prepare_threshold=None, autocommit=True) as client:
        client.execute("SELECT txid_current()")
        yield


def test_databases_that_lead_to_haproxy_by_another_name_move_with_the_others(healthy_lab: Lab) -> None:
    pooler = healthy_lab.layout.poolers[0].name
    healthy_lab.break_("other-names", pooler)
    with (
        client_of(healthy_lab, "app"),
        client_of(healthy_lab, "app_list"),
        client_of(healthy_lab, "app_name"),
    ):
        run = start(healthy_lab)
        run.holding()
        assert {"PAUSE app", "PAUSE app_list", "PAUSE app_name"} <= set(run.commands())
        assert clients_on(healthy_lab, NODE) == 0
        run.say("go")
        assert run.over().status is RunStatus.DONE


def test_a_database_that_leads_past_haproxy_refuses_the_switchover(healthy_lab: Lab) -> None:
    pooler = healthy_lab.layout.poolers[0].name
    healthy_lab.break_("past-haproxy", pooler)
    with client_of(healthy_lab, "app_direct"):
        ended = start(healthy_lab).over()
    assert ended.status is RunStatus.REFUSED
    assert f"app_direct on {pooler}: 1 server connection there" in ended.message
    (failed,) = [check for check in ended.checks if "moves every pooled connection" in check.title]
    assert "leads to node1 itself" in failed.remedy
