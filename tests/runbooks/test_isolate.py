"""The emergency isolation of a node that is dead already."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bdr_console.lab import Lab
from bdr_console.runbooks.checks.preflight import ALL_PARTS, isolation_checks, refuses
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.execute.engine import StepEngine
from bdr_console.runbooks.journal.journal_file import Journal, JournalFollower, read_events
from bdr_console.runbooks.journal.progress_writer import steps_event
from bdr_console.runbooks.journal.run_from_journal import fold
from bdr_console.runbooks.model.run import Outcome, RunStatus, StepStatus
from bdr_console.runbooks.plan import isolate
from tests.runbooks.test_engine import DISABLE
from tests.runbooks.test_lab_quiesce import AT_WORK, poolers_at_work
from tests.runbooks.test_lab_switchover import CLUSTER, NODE, SERVER, Started, in_maintenance
from tests.runbooks.world import SETTINGS, FakeWorld, FullDiskJournal
from tests.waiting import eventually, wait_until

SERVER_NAME = "bdr_initial_node"
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
    assert refuses(isolation_checks(reading, made)) == ()
    assert [step.key for step in made.steps][:2] == ["disable", "cut"]


async def test_a_node_that_answers_is_isolated_only_with_a_warning() -> None:
    made, reading = await made_for(FakeWorld())
    assert isolation_checks(reading, made)[0].outcome is Outcome.WARN


async def test_the_last_server_is_not_isolated_even_in_an_emergency(tmp_path: Path) -> None:
    world = FakeWorld(down={"bdr_next_node", "bdr_node3"}, silent={"node1"})
    made, reading = await made_for(world)
    assert refuses(isolation_checks(reading, made))
    engine = StepEngine(isolate.steps(made, SETTINGS), world, Journal(tmp_path, "r1"), pace=0.002)
    assert await engine.run() is RunStatus.REFUSED
    assert world.sent == []


async def test_servers_are_disabled_before_their_sessions_are_cut() -> None:
    made, _ = await made_for(FakeWorld(silent={"node1"}))
    sent = [act.command.text for step in made.steps for act in step.acts]
    assert sent.index(DISABLE) < sent.index(SHUTDOWN)


async def isolated(world: FakeWorld, directory: Path) -> tuple[RunStatus | None, Any]:
    """How far an isolation comes: to the hold, or to its end."""
    made, _ = await made_for(world)
    journal = Journal(directory, "r1")
    journal.write(
        "run", runbook="isolate", cluster="shop", environment="", node="node1", who="dba",
        steps=steps_event(made),
    )  # fmt: skip
    engine = StepEngine(isolate.steps(made, SETTINGS), world, journal, pace=0.002, hold_pace=0.01)
    run = asyncio.create_task(engine.run())

    def stands() -> Any:
        return JournalFollower(directory).poll()

    def there() -> bool:
        return run.done() or any(
            s.key == "hold" and s.status is StepStatus.HOLDING for s in fold_of(directory)
        )

    await eventually(there, lambda: f"{stands()}", seconds=20)
    if run.done():
        return run.result(), stands()
    run.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await run
    return None, stands()


def fold_of(directory: Path) -> Any:
    view = fold(read_events(directory))
    return view.steps if view else ()


async def test_sessions_whose_clients_have_gone_do_not_hold_the_isolation_up(tmp_path: Path) -> None:
    world = FakeWorld(silent={"node1"}, half_closed=3)
    ended, view = await isolated(world, tmp_path)
    assert ended is None, "it is in the hold"
    assert view.problems == ()
    assert any("given up by its clients" in line for line in view.steps[1].evidence)


async def test_a_proxy_that_does_not_answer_keeps_nothing_from_the_other(tmp_path: Path) -> None:
    world = FakeWorld(silent={"node1", "haproxy2"})
    made, reading = await made_for(world)
    assert refuses(isolation_checks(reading, made)) == ()
    assert any("haproxy2" in c.title and c.outcome is Outcome.WARN for c in isolation_checks(reading, made))
    ended, _ = await isolated(world, tmp_path)
    assert ended is None
    assert ("haproxy1", DISABLE) in world.sent


async def test_a_proxy_that_hangs_after_the_plan_leaves_a_warning_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = FakeWorld(silent={"node1"}, lose_answer={SHUTDOWN}, ineffective={SHUTDOWN})
    monkeypatch.setattr("bdr_console.runbooks.execute.engine._LOST_ANSWER_GRACE", 0.05)
    ended, view = await isolated(world, tmp_path)
    assert ended is None, "nothing is undone by itself"
    assert world.maintenance == {"haproxy1": {SERVER_NAME}, "haproxy2": {SERVER_NAME}}
    assert any("The run goes on" in problem for problem in view.problems)


async def test_a_pooler_that_does_not_answer_is_a_warning(tmp_path: Path) -> None:
    world = FakeWorld(silent={"node1", "pgb-tx"})
    made, reading = await made_for(world)
    assert refuses(isolation_checks(reading, made)) == ()
    ended, _ = await isolated(world, tmp_path)
    assert ended is None
    assert DISABLE in [text for _, text in world.sent]


async def test_a_full_disk_does_not_keep_a_dead_node_in_service(tmp_path: Path) -> None:
    world = FakeWorld(silent={"node1"})
    made, _ = await made_for(world)
    journal = FullDiskJournal(tmp_path, "r1")
    journal.full = True
    engine = StepEngine(isolate.steps(made, SETTINGS), world, journal, pace=0.002, hold_pace=0.01)
    run = asyncio.create_task(engine.run())
    await eventually(lambda: DISABLE in [text for _, text in world.sent], "disable", seconds=10)
    run.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await run


@pytest.mark.lab
@pytest.mark.faults  # HAProxy and PgBouncer take their time: with the matrix, not with every test run
@pytest.mark.timeout(120)
def test_clients_of_a_frozen_node_are_served_again_once_it_is_isolated(healthy_lab: Lab) -> None:
    assert served_by(healthy_lab) == NODE  # and PgBouncer keeps that server connection
    healthy_lab.start_load(clients=16, rate=200)
    healthy_lab.break_("freeze", NODE)
    waiting = launch.Runner()  # as the screen has one while the plan is shown
    end = time.monotonic() + 20
    wait_until(lambda: time.monotonic() > end, "PgBouncer gives logins up: HAProxy keeps them", seconds=25)
    confirmed = time.monotonic()
    run = Started(
        launch.start(healthy_lab.config, CLUSTER, NODE, "a test", runbook="isolate", runner=waiting)
    )
    wait_until(
        lambda: SERVER in in_maintenance(healthy_lab), "HAProxy has the node out", seconds=20, pause=0.01
    )
    print(f"from the confirmation to the disable: {time.monotonic() - confirmed:.2f} s")
    run.until(
        lambda view: any(s.key == "hold" and s.status is StepStatus.HOLDING for s in view.steps), "isolated"
    )
    assert in_maintenance(healthy_lab) == {SERVER}
    assert poolers_at_work(healthy_lab) == AT_WORK
    assert served_by(healthy_lab) == "node2"
    assert run.view.problems == ()
    print(healthy_lab.stop_load())
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
