"""The emergency isolation of a node that is dead already."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bdr_console.lab import Lab
from bdr_console.runbooks import isolate, launch
from bdr_console.runbooks.checks import ALL_PARTS, refuses
from bdr_console.runbooks.engine import Engine
from bdr_console.runbooks.journal import Journal
from bdr_console.runbooks.run import Outcome, RunStatus, StepStatus
from tests.runbooks.test_engine import DISABLE
from tests.runbooks.test_lab_quiesce import AT_WORK, poolers_at_work
from tests.runbooks.test_lab_switchover import CLUSTER, NODE, SERVER, Started, in_maintenance
from tests.runbooks.world import SETTINGS, FakeWorld

SHUTDOWN = "shutdown sessions server bk_db/bdr_initial_node"


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of this test alone; none of their runners outlives it."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    yield
    for view in launch.runs():
        if pid := Started(launch.run_dir(view.run_id)).pid:
            os.kill(pid, signal.SIGKILL)


async def made_for(world: FakeWorld) -> tuple[Any, Any]:
    reading = await world.read(ALL_PARTS)
    return isolate.plan(reading.snapshot, SETTINGS, "node1", remembered=reading.settings), reading


async def test_a_dead_node_may_be_isolated_although_nothing_is_known_of_it() -> None:
    made, reading = await made_for(FakeWorld(silent={"node1"}))
    assert refuses(isolate.checks(reading, made)) == ()
    assert [step.key for step in made.steps][:2] == ["disable", "cut"]


async def test_a_node_that_answers_is_isolated_only_with_a_warning() -> None:
    made, reading = await made_for(FakeWorld())
    assert isolate.checks(reading, made)[0].outcome is Outcome.WARN


async def test_the_last_server_is_not_isolated_even_in_an_emergency(tmp_path: Path) -> None:
    world = FakeWorld(down={"bdr_next_node", "bdr_node3"}, silent={"node1"})
    made, reading = await made_for(world)
    assert refuses(isolate.checks(reading, made))
    engine = Engine(isolate.steps(made, SETTINGS), world, Journal(tmp_path, "r1"), pace=0.002)
    assert await engine.run() is RunStatus.REFUSED
    assert world.sent == []


async def test_servers_are_disabled_before_their_sessions_are_cut() -> None:
    made, _ = await made_for(FakeWorld(silent={"node1"}))
    sent = [act.command.text for step in made.steps for act in step.acts]
    assert sent.index(DISABLE) < sent.index(SHUTDOWN)


@pytest.mark.lab
@pytest.mark.faults  # HAProxy and PgBouncer take their time: with the matrix, not with every test run
@pytest.mark.timeout(120)
def test_clients_of_a_frozen_node_are_served_again_once_it_is_isolated(healthy_lab: Lab) -> None:
    assert served_by(healthy_lab) == NODE  # and PgBouncer keeps that server connection
    healthy_lab.break_("freeze", NODE)
    run = Started(launch.start(healthy_lab.config, CLUSTER, NODE, "a test", runbook="isolate"))
    run.until(
        lambda view: any(s.key == "hold" and s.status is StepStatus.HOLDING for s in view.steps), "isolated"
    )
    assert in_maintenance(healthy_lab) == {SERVER}
    assert poolers_at_work(healthy_lab) == AT_WORK
    assert served_by(healthy_lab) == "node2"
    healthy_lab.mend("freeze", NODE)
    run.say("go")
    assert run.over().status is RunStatus.DONE
    assert in_maintenance(healthy_lab) == set()


def served_by(lab: Lab) -> str:
    """Which node answers a client of the transaction pool."""
    dsn = lab.layout.dsn(lab.layout.pooler("pgb-tx").port, "app")
    with psycopg.connect(dsn, connect_timeout=10, prepare_threshold=None, autocommit=True) as client:
        row = client.execute("SELECT current_setting('cluster_name')").fetchone()
    return str(row[0]) if row else ""
