"""Going on after a runner died: what counts as ours, where it begins, and who left what."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute.engine import StepEngine
from bdr_console.runbooks.execute.resume import adopted, as_before, as_event, found, past, unseen
from bdr_console.runbooks.execute.run_setup import undertake
from bdr_console.runbooks.journal.abandoned_runs import left_behind, orphans
from bdr_console.runbooks.journal.journal_file import Journal, read_events
from bdr_console.runbooks.model.reading import Area
from bdr_console.runbooks.model.run import RunStatus, RunView
from bdr_console.runbooks.model.step import Plan
from bdr_console.runbooks.plan.switchover import plan, steps
from tests.cluster.builders import NOW
from tests.runbooks.world import SETTINGS, FakeWorld

ALL = Area.NODES | Area.PROXIES | Area.SESSIONS | Area.POOLERS | Area.CONNECTIONS
DISABLE = "disable server bk_db/bdr_initial_node"
OUT = {"haproxy1": {"bdr_initial_node"}, "haproxy2": {"bdr_initial_node"}}


async def made_plan() -> Plan:
    return plan((await FakeWorld().read(ALL)).snapshot, SETTINGS, "node1", "gradual")


def intent(made: Plan, step: str, number: int = 0, **fields: Any) -> dict[str, Any]:
    command = made.step(step).acts[number].command
    return {"event": "intent", "step": step, "host": command.host, "command": command.text, **fields}


def mark(step: str, status: str) -> dict[str, Any]:
    return {"event": "step", "step": step, "status": status}


async def test_a_plan_comes_back_from_the_journal_as_it_was() -> None:
    made = await made_plan()
    told = past([{"event": "plan", "plan": as_event(made)}])
    assert told is not None
    assert told.plan == made
    assert (told.taken, told.begin_at, told.undoing) == ({}, 0, False)


async def test_a_journal_without_a_plan_says_nothing() -> None:
    made = await made_plan()
    assert past([]) is None
    assert past([{"event": "plan", "plan": {"node": 1}}, intent(made, "disable")]) is None


async def test_only_acts_whose_intent_was_journaled_are_ours() -> None:
    made = await made_plan()
    told = past([{"event": "plan", "plan": as_event(made)}, intent(made, "disable", 1)])
    assert told is not None
    assert told.taken == {"disable": (made.step("disable").acts[1],)}


async def test_after_go_the_node_is_not_taken_out_again_and_before_it_all_is_looked_at() -> None:
    made = await made_plan()
    begun = [{"event": "plan", "plan": as_event(made)}, intent(made, "disable"), mark("hold", "holding")]
    held = past(begun)
    gone_on = past([*begun, mark("hold", "done"), mark("ready", "running")])
    out_again = past([*begun, mark("hold", "done"), mark("hold", "pending")])
    assert held is not None
    assert gone_on is not None
    assert out_again is not None
    assert (held.begin_at, out_again.begin_at) == (0, 0)
    assert made.steps[gone_on.begin_at].key == "ready"


async def test_what_was_put_back_already_is_not_ours_any_more() -> None:
    made = await made_plan()
    begun = [{"event": "plan", "plan": as_event(made)}, intent(made, "disable")]
    # An abort marks the step at work as undone before anything is taken back.
    aborted = [*begun, mark("disable", "undone"), {"event": "status", "status": "undoing"}]
    told, back = past(aborted), past([*aborted, mark("disable", "undoing"), mark("disable", "undone")])
    assert told is not None
    assert back is not None
    assert (told.undoing, len(told.taken)) == (True, 1)
    assert back.taken == {}


async def test_without_a_journal_what_is_in_force_is_found_and_the_way_back_is_whole() -> None:
    reading = await FakeWorld(maintenance={"haproxy1": {"bdr_initial_node"}, "haproxy2": set()}).read(ALL)
    assert [line.split(" with ")[0] for line in found(reading, "node1")] == [
        "haproxy1: bk_db/bdr_initial_node is MAINT"
    ]
    assert found(reading, "node2") == ()
    made = plan(as_before(reading.snapshot, "node1"), SETTINGS, "node1")
    assert len(made.step("enable").acts) == 2
    assert [act.target for act in adopted(reading, made)["disable"]] == ["haproxy1"]


async def test_a_silent_proxy_is_named_when_there_is_no_journal() -> None:
    reading = await FakeWorld(silent={"haproxy2"}).read(ALL)
    assert [line.split(" ")[0] for line in unseen(reading)] == ["haproxy2"]


async def test_taking_over_where_nothing_is_in_force_is_refused(tmp_path: Path) -> None:
    request = {"word": "adopt-undo", "node": "node1"}
    with pytest.raises(ConsoleError, match="nothing of a switchover of node1 is in force") as refused:
        await undertake(tmp_path, request, SETTINGS, FakeWorld())
    assert refused.value.exit_code == 10


def journal_end(directory: Path) -> dict[str, Any]:
    """The last event of the run in that directory."""
    last: dict[str, Any] = read_events(directory)[-1]
    return last


async def test_the_engine_takes_back_what_an_earlier_run_did_and_only_that(tmp_path: Path) -> None:
    world = FakeWorld(maintenance={"haproxy1": {"bdr_initial_node"}, "haproxy2": {"bdr_initial_node"}})
    made = await made_plan()
    done = steps(made, SETTINGS)
    done[0].taken += [made.step("disable").acts[0]]
    journal = Journal(tmp_path, "r1")
    assert await StepEngine(done, world, journal, pace=0).undo("Taken back.") is RunStatus.STOPPED
    assert "Writes are split: haproxy1 to node1, haproxy2 to node2" in journal_end(tmp_path)["leftovers"][0]
    assert world.sent == [("haproxy1", "enable server bk_db/bdr_initial_node")]
    # Once more: nothing is left to do, and nothing is sent.
    again = StepEngine(done, world, journal, pace=0)
    assert await again.undo("Taken back.") is RunStatus.STOPPED
    assert len(world.sent) == 1


async def test_a_lock_that_is_lost_before_the_first_act_stops_the_run(tmp_path: Path) -> None:
    world = FakeWorld()

    async def permit() -> tuple[str, ...]:
        return ("the operators' lock on node2 is lost",)

    journal = Journal(tmp_path, "r1")
    engine = StepEngine(steps(await made_plan(), SETTINGS), world, journal, pace=0, permit=permit)
    assert await engine.run() is RunStatus.REFUSED
    assert world.sent == []
    assert "lock on node2 is lost" in read_events(tmp_path)[-1]["message"]
    assert "Nothing was changed" in read_events(tmp_path)[-1]["message"]


def run_of(status: RunStatus, *, changed: bool = True, hour: int = 3) -> RunView:
    began = NOW.replace(hour=hour)
    return RunView(
        f"r{hour}", "switchover", "shop", "prod", "node1", "alice@b", "", began, status, (), changed=changed
    )


@pytest.mark.parametrize(
    ("runs", "named"),
    [
        ([], None),
        ([run_of(RunStatus.LOST)], "r3"),
        ([run_of(RunStatus.STOPPED)], "r3"),
        ([run_of(RunStatus.DONE)], None),
        ([run_of(RunStatus.LOST, changed=False)], None),
        ([run_of(RunStatus.LOST, hour=2), run_of(RunStatus.DONE, hour=4)], None),
        ([run_of(RunStatus.LOST, hour=2), run_of(RunStatus.REFUSED, hour=4, changed=False)], "r2"),
        ([replace(run_of(RunStatus.LOST), cluster="other")], None),
    ],
)
async def test_who_left_a_server_in_maintenance_is_named_when_a_journal_says_so(
    runs: list[RunView], named: str | None
) -> None:
    snapshot = (await FakeWorld(maintenance=OUT).read(ALL)).snapshot
    lines = left_behind(orphans(runs, snapshot))
    assert bool(lines) is (named is not None)
    if named:
        assert f"left by run {named} of alice@b" in lines[0].seen
        assert f"bdr-console undo {named}" in lines[0].remedy
    assert orphans(runs, (await FakeWorld().read(ALL)).snapshot) == ()


async def test_what_the_watchdog_took_back_is_not_ours_so_a_later_pause_is_somebody_elses() -> None:
    reading = await FakeWorld().read(ALL | Area.SETTINGS)
    made = plan(reading.snapshot, SETTINGS, "node1", "quiesce", remembered=reading.settings)
    begun = [{"event": "plan", "plan": as_event(made)}, intent(made, "prepare"), intent(made, "pause")]
    (pause,) = made.step("pause").acts
    assert pause.undo is not None
    resumed = {"step": "watchdog", "host": pause.undo.host, "command": pause.undo.text, "undo": True}
    ours, theirs = past(begun), past([*begun, {"event": "answer", **resumed}])
    gone = past([*begun, {"event": "error", **resumed, "error": "database app is not paused"}])
    lost = past([*begun, {"event": "error", **resumed, "error": "timed out after 2.0 s"}])
    assert [sorted(told.taken) for told in (ours, theirs, gone, lost) if told] == [
        ["pause", "prepare"],
        ["prepare"],
        ["prepare"],
        ["pause", "prepare"],
    ]


async def test_a_pause_that_the_run_has_ended_itself_is_not_ours_any_more() -> None:
    reading = await FakeWorld().read(ALL | Area.SETTINGS)
    made = plan(reading.snapshot, SETTINGS, "node1", "quiesce", remembered=reading.settings)
    begun = [{"event": "plan", "plan": as_event(made)}, intent(made, "pause"), intent(made, "disable")]
    told = past([*begun, intent(made, "resume"), {**intent(made, "resume"), "event": "answer"}])
    assert told is not None
    assert sorted(told.taken) == ["disable", "resume"]
