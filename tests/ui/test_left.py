"""What a run left in maintenance is seen, said, and ended from the screen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bdr_console.cluster.proxies import ServerState
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute.run_inspection import Unfinished
from bdr_console.runbooks.model.run import Command, Proof, RunStatus, RunView, StepStatus
from bdr_console.runbooks.model.step import Plan, StepPlan
from bdr_console.ui.screens.abandoned_run import AbandonedRunScreen
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.run import RunScreen
from bdr_console.ui.services import OtherOperator
from bdr_console.ui.text.abandoned_runs import find_abandoned_runs
from tests.ui.driving import FakeActs, FakeLock, FakeRuns, console, line_with, text, until, until_shown
from tests.ui.scenes import NOW, SERVERS, pooler, proxy, run, server, snapshot, steps

RUN = "20260304T095940-node1-ab12"
HOLDER = OtherOperator(
    "run 9f9f", "alice@bastion2", "hold", "10.0.0.77", "2026-03-04T09:58:00Z", ("node1", "node2"), 4242
)


def in_maintenance(node: str = "node1", *, since: int = 720) -> Snapshot:
    """The cluster with one node's server in maintenance."""
    shown = snapshot()
    servers = tuple(
        replace(server(SERVERS[n], n, ServerState.MAINT if n == node else ServerState.UP), since=since)
        for n in SERVERS
    )
    return replace(shown, proxies=(replace(shown.proxies[0], facts=proxy(*servers)),))


def lost(**fields: object) -> RunView:
    """A run whose runner died in the hold."""
    return run(RunStatus.LOST, 4, StepStatus.HOLDING, changed=True, **fields)


def what_is_left() -> Unfinished:
    """The same by what is seen: out, and not yet back."""
    proofs = (Proof.MET, Proof.MET, Proof.MET, Proof.MET, None, Proof.UNKNOWN, Proof.UNMET)
    seen = tuple(
        replace(step, proof=proof, evidence=("node3: no answer",) if proof is Proof.UNKNOWN else ())
        for step, proof in zip(steps(-1), proofs, strict=True)
    )
    plan = Plan("switchover", "lab", "lab", "node1", (StepPlan("hold", "Maintenance", holds=True),))
    return Unfinished(
        plan, seen, ("haproxy1: bk_db/bdr_initial_node is MAINT",), ("haproxy2: silent",), False
    )


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_run_that_died_is_offered_and_resumed_once_the_nodes_name_was_typed(
    size: tuple[int, int],
) -> None:
    acts, runs = FakeActs(left=what_is_left()), FakeRuns(lost())
    async with console(in_maintenance(), runs=runs, acts=acts, size=size) as (app, pilot):
        shown = await until_shown(pilot, "LEFT", "resume or undo", "o Left over")
        assert f"node1 is in maintenance for 12m, left by dba@bastion, run {RUN}, at step hold" in " ".join(
            shown.replace("\n", " ").split()
        )
        await pilot.press("o")
        shown = await until_shown(
            pilot, "haproxy1: bk_db/bdr_initial_node is MAINT", "haproxy2: silent", "r resume: go on"
        )
        assert "✓ met     1. Disable the server" in shown
        assert "? could not tell 6. " in shown
        assert "node3: no answer; asked again" in shown
        assert "· unmet   7. Enable the server" in shown
        await pilot.press("r")
        await until_shown(
            pilot, "to resume on lab in LAB (go on from what is seen), type the node's name: node1"
        )
        await pilot.press(*"node2", "enter")
        await until_shown(pilot, "that is not 'node1': nothing was sent")
        assert acts.finished == []
        await pilot.press("escape", "r", *"node1", "enter")
        await until(pilot, lambda: acts.finished == [("node1", RUN, "resume")])
        await until(pilot, lambda: isinstance(app.screen, RunScreen))


async def test_escape_closes_the_question_then_the_screen_and_sends_nothing() -> None:
    acts = FakeActs(left=what_is_left())
    async with console(in_maintenance(), runs=FakeRuns(lost()), acts=acts) as (app, pilot):
        await until_shown(pilot, "LEFT")
        await pilot.press("o")
        await until_shown(pilot, "u undo: put back")
        await pilot.press("u")
        await until_shown(pilot, "to undo on lab in LAB (put back what was changed)")
        await pilot.press("escape")
        await until_shown(pilot, "u undo: put back")
        assert isinstance(app.screen, AbandonedRunScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        assert acts.finished == []


async def test_a_node_in_maintenance_without_a_journal_is_offered_by_what_is_seen() -> None:
    acts = FakeActs(left=what_is_left())
    async with console(in_maintenance(), runs=FakeRuns(), acts=acts) as (_, pilot):
        await until_shown(pilot, "node1 is in maintenance for 12m, no journal on this host tells by whom")
        await pilot.press("o")
        await until_shown(pilot, "takes it over as your own", "u undo: put back")
        await pilot.press("u", *"node1", "enter")
        await until(pilot, lambda: acts.finished == [("node1", None, "undo")])


async def test_a_lost_run_is_resumed_from_its_own_screen_too() -> None:
    acts = FakeActs(left=what_is_left())
    async with console(in_maintenance(), runs=FakeRuns(lost()), acts=acts) as (_, pilot):
        await until_shown(pilot, "LEFT")
        await pilot.press("w")
        await until_shown(pilot, "this run is over", "r resume it from what is seen", "u Undo")
        await pilot.press("u")
        await until_shown(
            pilot, "to undo on lab in LAB (put back what was changed), type the node's name: node1"
        )
        await pilot.press(*"node1", "enter")
        await until(pilot, lambda: acts.finished == [("node1", RUN, "undo")])


async def test_nothing_to_go_on_with_says_why_and_cannot_be_ended() -> None:
    acts = FakeActs(left=ConsoleError("nothing of a switchover of node1 is in force", "Begin one."))
    async with console(in_maintenance(), runs=FakeRuns(lost()), acts=acts) as (_, pilot):
        await until_shown(pilot, "LEFT")
        await pilot.press("o")
        await until_shown(
            pilot, "there is nothing to go on with: nothing of a switchover of node1 is in force"
        )
        await pilot.press("r", *"node1", "enter")
        await pilot.pause()
        assert acts.finished == []


async def test_a_watching_console_is_told_what_was_left_but_not_how_to_end_it() -> None:
    async with console(in_maintenance(), runs=FakeRuns(lost())) as (app, pilot):
        await until_shown(pilot, "LEFT", "left by dba@bastion")
        assert "o resume or undo" not in text(app)
        await pilot.press("o")
        await pilot.pause()
        assert isinstance(app.screen, Overview)


async def test_another_operators_lock_is_named_and_nothing_can_be_started_beside_it() -> None:
    acts, lock = FakeActs(), FakeLock(HOLDER)
    async with console(in_maintenance("node2"), runs=FakeRuns(), acts=acts, lock=lock) as (app, pilot):
        await until_shown(pilot, "LOCK alice@bastion2: run 9f9f at step hold, from 10.0.0.77, since")
        assert "LEFT" not in text(app)
        await pilot.press("s")
        await until_shown(pilot, "refused: another operator is at work", "SELECT pg_terminate_backend(4242)")
        await pilot.press(*"node1", "enter")
        assert acts.started == []
        lock.held = None
        await until_shown(pilot, "type the node's name: node1")
        assert "LOCK" not in text(app)


async def test_the_lock_of_the_run_on_the_screen_is_nobody_elses() -> None:
    own = replace(HOLDER, doing="run ab12")
    async with console(snapshot(), runs=FakeRuns(run()), acts=FakeActs(), lock=FakeLock(own)) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await until(pilot, lambda: app.current.lock._holder is not None and bool(app.runs.recent))
        app.paint()
        await pilot.pause()
        assert "RUN node1" in line_with(app, "RUN")
        assert "LOCK" not in text(app)


def test_only_what_nobody_carries_on_counts_as_left_behind() -> None:
    shown = in_maintenance()
    assert [left.run for left in find_abandoned_runs([lost()], shown, None)] == [lost()]
    assert find_abandoned_runs([lost()], shown, HOLDER) == ()
    assert (
        find_abandoned_runs([run(RunStatus.HOLDING, 4, StepStatus.HOLDING, changed=True)], shown, None) == ()
    )
    assert find_abandoned_runs([lost()], snapshot(), None) == ()
    assert find_abandoned_runs([], in_maintenance(since=3), None) == ()
    assert find_abandoned_runs([], None, None) == ()
    aborted = run(RunStatus.UNDONE, 2, StepStatus.UNDONE, changed=True, ended_at=NOW - timedelta(hours=1))
    assert [left.run for left in find_abandoned_runs([aborted], shown, None)] == [None]


def paused(waiting: int = 3) -> Snapshot:
    """Clients wait behind a PAUSE."""
    shown = snapshot()
    tx = replace(shown.poolers[0], facts=pooler("transaction", waiting=waiting, paused=True))
    return replace(shown, poolers=(tx, *shown.poolers[1:]))


async def test_clients_that_a_dead_run_left_waiting_are_said_first_and_go_on_with_one_key() -> None:
    left = replace(what_is_left(), left=("pgb-tx: database app is paused",), paused=True)
    acts = FakeActs(left=left)
    dead = lost(in_force=(Command("pgb-tx (dba@10.0.0.9:6432)", "PAUSE app"),))
    async with console(paused(), size=(80, 24), runs=FakeRuns(dead), acts=acts) as (_, pilot):
        shown = await until_shown(pilot, "PAUSED", "app is paused on pgb-tx", "o let them go")
        assert "3 clients wait" in " ".join(shown.split())
        await pilot.press("o")
        await until_shown(pilot, "clients go on at once")
        await pilot.press("u")
        await until(pilot, lambda: acts.finished == [("node1", RUN, "undo")])


async def test_a_pause_that_no_journal_here_tells_of_is_offered_by_what_is_seen() -> None:
    left = replace(what_is_left(), paused=True)
    acts = FakeActs(left=left)
    async with console(paused(), runs=FakeRuns(), acts=acts) as (_, pilot):
        await until_shown(pilot, "PAUSED", "app is paused on pgb-tx, no journal on this host tells by whom")
        await pilot.press("o")
        await until_shown(pilot, "clients go on at once")
        await pilot.press("u")
        await until(pilot, lambda: acts.finished == [("node1", None, "undo")])


def test_a_pause_of_an_operator_at_work_is_not_taken_for_one_left_behind() -> None:
    assert find_abandoned_runs((), paused(), None)
    assert find_abandoned_runs((), paused(), HOLDER) == ()
    assert find_abandoned_runs((run(),), paused(), None) == ()
