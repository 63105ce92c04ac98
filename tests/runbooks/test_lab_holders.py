"""Who holds a real switchover up, and ending them from the runner; the preflight on real servers."""

import json

import psycopg
import pytest
from click.testing import CliRunner

from bdr_console.cli import cli
from bdr_console.config import load
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.execute.live_world import LiveWorld
from bdr_console.runbooks.journal.journal_file import JOURNAL
from bdr_console.runbooks.model.run import Check, Holder, Outcome, RunStatus, StepView
from tests.runbooks.test_lab_switchover import CLUSTER, NODE, Started, _own_state, in_maintenance, start

__all__ = ["_own_state"]

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]


def sessions(lab: Lab, application: str) -> dict[int, str]:
    """pid -> backend_start of that application's sessions on node1, asked without the console's own code."""
    start = "to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS.US') || '+00'"
    sql = f"SELECT pid, {start} FROM pg_stat_activity WHERE application_name = %s"  # noqa: S608
    with psycopg.connect(lab.layout.dsn(lab.layout.node(NODE).port), options="-c TimeZone=UTC") as connection:
        return dict(connection.execute(sql.encode(), (application,)).fetchall())


def waiting(run: Started) -> StepView:
    return run.view.steps[2]


def the_holder(run: Started) -> Holder:
    """The only one, as soon as the whole chain is known."""
    run.until(lambda view: any(h.backend_start for h in view.steps[2].holders), "WAIT_CLOSE names its holder")
    (holder,) = waiting(run).holders
    return holder


def test_the_client_that_holds_wait_close_up_is_named_and_ended_and_the_run_goes_on(healthy_lab: Lab) -> None:
    healthy_lab.break_("hold-transaction", "pgb-tx")
    run = start(healthy_lab)
    holder = the_holder(run)
    assert sessions(healthy_lab, "billing") == {holder.pid: holder.backend_start}
    assert (holder.application, holder.node, holder.pooler) == ("billing", NODE, "pgb-tx")
    assert (holder.state, holder.database) == ("idle in transaction", "app")
    assert holder.query.startswith("UPDATE counter SET n = n + 1")
    assert holder.client is not None
    assert holder.client.startswith("127.0.0.1:")
    word = f"terminate {holder.id}"
    view = run.until(lambda view: word in [offer.word for offer in view.offers], "its end is offered")
    label = next(offer.label for offer in view.offers if offer.word == word)
    assert label == f"terminate app=billing pid {holder.pid} on {NODE}"
    named = CliRunner().invoke(cli, ["runs", "holders", run.directory.name])
    assert f"pid {holder.pid} on {NODE}, connected since {holder.backend_start}" in named.stdout
    assert f"bdr-console runs terminate {run.directory.name} {holder.id}" in named.stdout
    ended = CliRunner().invoke(cli, ["runs", "terminate", run.directory.name, str(holder.pid)])
    assert (ended.exit_code, ended.stdout) == (0, f"terminate was sent to pid {holder.pid} on {NODE}\n")
    assert f"backend_start = '{holder.backend_start}'" in ended.stderr
    run.holding()
    assert sessions(healthy_lab, "billing") == {}
    events = [json.loads(line) for line in (run.directory / JOURNAL).read_text().splitlines()]
    ours = [
        (event["event"], event["who"]) for event in events if event.get("word") == word and "step" in event
    ]
    assert ours == [("intent", run.view.who), ("answer", run.view.who)]
    run.say("abort")
    assert run.over().status is RunStatus.UNDONE


async def test_a_backend_is_signalled_only_by_its_pid_and_its_start(healthy_lab: Lab) -> None:
    healthy_lab.break_("hold-transaction", "pgb-tx")
    ((pid, started),) = sessions(healthy_lab, "billing").items()
    other = started.replace(started[-9:-3], f"{(int(started[-9:-3]) + 1) % 10**6:06d}")
    assert other != started
    world = LiveWorld(CLUSTER, load(healthy_lab.config).clusters[CLUSTER], application_name="test")
    try:
        assert await world.signal(NODE, "terminate", pid, other) is False
        assert sessions(healthy_lab, "billing") == {pid: started}
        assert await world.signal("node2", "terminate", pid, started) is False
        assert await world.signal(NODE, "terminate", pid, started) is True
    finally:
        await world.close()


async def test_a_role_without_the_right_to_signal_is_told_which_grant_it_lacks(healthy_lab: Lab) -> None:
    healthy_lab.break_("hold-transaction", "pgb-tx")
    ((pid, started),) = sessions(healthy_lab, "billing").items()
    admin = psycopg.connect(healthy_lab.layout.dsn(healthy_lab.layout.node(NODE).port), autocommit=True)
    world = LiveWorld(CLUSTER, load(healthy_lab.config).clusters[CLUSTER], application_name="test")
    with admin:
        admin.execute("REVOKE pg_signal_backend FROM bdr_console")
        try:
            with pytest.raises(ConsoleError) as refused:
                await world.signal(NODE, "terminate", pid, started)
        finally:
            admin.execute("GRANT pg_signal_backend TO bdr_console")
            await world.close()
    assert "Grant pg_signal_backend" in refused.value.remedy
    assert sessions(healthy_lab, "billing") == {pid: started}


def test_clients_of_a_session_pool_can_be_cut_all_at_once_and_the_pool_serves_again(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=2, rate=20, pooler="pgb-session")
    run = start(healthy_lab)
    run.until(lambda view: len(view.steps[2].holders) == 2, "WAIT_CLOSE names both clients")
    assert {holder.application for holder in waiting(run).holders} == {"load"}
    run.until(lambda view: "kill-db pgb-session/app" in [o.word for o in view.offers], "KILL is offered")
    run.say("kill-db pgb-session/app")
    run.holding()
    commands = [command for command in run.commands() if "app" in command]
    assert commands[-2:] == ["KILL app", "RESUME app"]
    dsn = healthy_lab.layout.dsn(healthy_lab.layout.pooler("pgb-session").port, "app")
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        assert connection.execute("SELECT current_setting('cluster_name')").fetchone() == ("node2",)
    run.say("abort")
    assert run.over().status is RunStatus.MOVED  # its clients are on node2 now
    assert in_maintenance(healthy_lab) == set()


async def preview(lab: Lab) -> dict[str, Check]:
    """The preflight of the lab's first node, by title."""
    seen = await launch.preview(load(lab.config).clusters[CLUSTER], CLUSTER, NODE)
    return {check.title: check for check in seen.checks}


async def test_on_the_healthy_lab_every_line_passes_but_what_cannot_be_seen(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=4, rate=50)
    checks = await preview(healthy_lab)
    odd = {check.title for check in checks.values() if check.outcome is not Outcome.PASS}
    known = {"haproxy1 keeps the maintenance over a reload"}
    assert odd == known, [checks[title].seen for title in odd]
    assert "no update is lost" in checks["how the clients move is chosen"].seen
    led = checks["the servers on haproxy1 lead to the nodes they are named for"]
    for node in healthy_lab.layout.nodes:
        assert f"bk_db/{node.server} is {node.name} at 127.0.0.1:{node.port}" in led.seen
    assert "4 clients in 2 PgBouncers" in checks["what moves"].seen
    assert checks["no global lock is held or asked for"].seen == "none"
    assert "same process" in checks["PgBouncer pgb-tx is one process"].seen


async def test_a_prepared_transaction_a_held_one_and_a_direct_client_are_named(healthy_lab: Lab) -> None:
    healthy_lab.break_("hold-transaction", "pgb-session")
    layout = healthy_lab.layout
    node = psycopg.connect(layout.dsn(layout.node(NODE).port), autocommit=True)
    with node, psycopg.connect(layout.dsn(layout.frontend_port, "app")) as direct:
        node.execute("BEGIN; UPDATE counter SET n = n WHERE client = 200; PREPARE TRANSACTION 'order-7'")
        try:
            direct.execute("SELECT 1")
            checks = await preview(healthy_lab)
        finally:
            node.execute("ROLLBACK PREPARED 'order-7'")
    prepared = checks[f"no prepared transaction is left on {NODE}"]
    assert (prepared.outcome, "1, the oldest 'order-7' of postgres" in prepared.seen) == (Outcome.WARN, True)
    foreign = checks[f"every client of {NODE} comes through a known PgBouncer"]
    assert (foreign.outcome, "127.0.0.1:" in foreign.seen) == (Outcome.WARN, True)
    moving = checks["the clients of pgb-session can move between transactions"]
    assert moving.outcome is Outcome.WARN
    assert "billing from 127.0.0.1:" in moving.seen
    assert " open, the oldest" in checks["what moves"].seen


async def test_a_paused_link_a_wrong_name_and_a_lock_view_that_is_closed_are_seen(healthy_lab: Lab) -> None:
    healthy_lab.break_("pause-apply", "node2->node3")
    settings = load(healthy_lab.config).clusters[CLUSTER]
    first, second = settings.nodes["node1"], settings.nodes["node2"]
    swapped = settings.model_copy(
        update={
            "nodes": {
                **settings.nodes,
                "node1": first.model_copy(update={"server": second.server}),
                "node2": second.model_copy(update={"server": first.server}),
            }
        }
    )
    node = psycopg.connect(healthy_lab.layout.dsn(healthy_lab.layout.node("node2").port), autocommit=True)
    with node:
        node.execute("REVOKE SELECT ON bdr.global_locks FROM bdr_read_all_stats")
        try:
            found = (await launch.preview(swapped, CLUSTER, NODE)).checks
        finally:
            node.execute("GRANT SELECT ON bdr.global_locks TO bdr_read_all_stats")
    checks = {check.title: check for check in found}
    led = checks["the servers on haproxy1 lead to the nodes they are named for"]
    assert led.outcome is Outcome.FAIL
    assert "bk_db/bdr_next_node is taken for node1" in led.seen
    assert "is node2" in led.seen
    locks = checks["no global lock is held or asked for"]
    assert (locks.outcome, "permission denied" in locks.seen) == (Outcome.WARN, True)
    slots = checks["every replication slot is active"]
    assert (slots.outcome, "on node2 (for node3" in slots.seen) == (Outcome.WARN, True)
