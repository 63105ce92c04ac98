"""What a run says of the traffic: proved before clients go on, and compared with what was before it ends."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdr_console.runbooks.execute.engine import StepEngine
from bdr_console.runbooks.journal.journal_file import Journal, read_events
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.reading_queries import switch_back_target
from bdr_console.runbooks.model.run import RunStatus, StepStatus, exit_code
from bdr_console.runbooks.plan.switchover import steps
from tests.runbooks.test_engine import Run, holding
from tests.runbooks.test_quiesce import run_of
from tests.runbooks.world import SETTINGS, FakeWorld, direct


class ReloadedBefore(FakeWorld):
    """haproxy2 is reloaded between the barrier and RESUME: just before the last look at the HAProxies."""

    run: Any = None
    how = "reload"

    async def read(self, parts: Area) -> Reading:
        if self.run and self.run.status("resume") is StepStatus.RUNNING and not self.reloads:
            match self.how:
                case "reload":
                    self.reload("haproxy2")
                case "reload with a server-state-file":
                    self.reload("haproxy2")
                    self.maintenance["haproxy2"].add("bdr_initial_node")
                case "somebody enables":
                    self.maintenance["haproxy2"].clear()
                case "silent":
                    self.silent.add("haproxy2")
        return await super().read(parts)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("reload", "haproxy2 was reloaded meanwhile"),
        ("reload with a server-state-file", "haproxy2 was reloaded meanwhile"),
        ("somebody enables", "bk_db/bdr_initial_node is no longer in maintenance on haproxy2"),
        ("silent", "haproxy2 does not answer"),
    ],
)
async def test_maintenance_that_is_lost_under_the_pause_sends_the_run_back_while_everybody_waits(
    tmp_path: Path, how: str, why: str
) -> None:
    world = ReloadedBefore(sticky=True)
    world.how = how
    async with run_of(world, tmp_path) as run:
        world.run = run
        status = await run.end()
    assert status in (RunStatus.UNDONE, RunStatus.STOPPED)
    assert why in run.view.message
    assert not world.resumed_split
    assert not world.paused
    assert world.maintenance["haproxy1"] == set()
    if how != "silent":
        assert {c.server for c in world.connections} == {"bdr_initial_node"}


async def test_an_abort_that_leaves_the_haproxies_in_disagreement_says_so(tmp_path: Path) -> None:
    world = FakeWorld(sticky=True)
    async with run_of(world, tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)
        world.reload("haproxy2")
        run.engine.take_word("abort", "dba")
        assert await run.end() is RunStatus.STOPPED
    assert "clients write on two nodes" in run.view.message
    assert "Writes are split: haproxy1 to node2, haproxy2 to node1" in run.view.leftovers[0]
    assert exit_code(run.view) == 21
    # An undo finds nothing more to take back. That is not yet everything.
    again = StepEngine(steps(run.plan, SETTINGS), world, Journal(tmp_path, "r2"), pace=0.01)
    assert await again.undo("Taken back.") is RunStatus.STOPPED


async def test_an_abort_that_leaves_clients_to_the_old_process_of_a_haproxy_says_so(tmp_path: Path) -> None:
    world = FakeWorld(sticky=True)
    async with run_of(world, tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)
        for proxy in world.maintenance:
            world.reload(proxy)
        world.old_process = {connection.port for connection in world.connections}
        run.engine.take_word("abort", "dba")
        assert await run.end() is RunStatus.STOPPED
    assert "clients write on two nodes" in run.view.message
    assert run.view.leftovers[0] == (
        "Writes are split: new connections go to node1, but there are 3 server connections of pgb-tx on "
        "node2, which no HAProxy carries. A HAProxy was reloaded and its old process still carries them: "
        "RECONNECT on pgb-tx moves them between two transactions."
    )


async def test_a_run_that_is_done_beside_a_split_has_a_problem(tmp_path: Path) -> None:
    world = FakeWorld(sticky=True)
    async with run_of(world, tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)
        world.reload("haproxy2")
        run.engine.take_word("go", "dba")
        assert await run.end() is RunStatus.DONE
    assert any("Writes are split: haproxy1 to node2, haproxy2 to node1" in line for line in run.view.problems)
    assert exit_code(run.view) == 22


async def test_an_abort_after_the_clients_have_moved_does_not_say_that_everything_is_as_it_was(
    tmp_path: Path,
) -> None:
    world = FakeWorld(sticky=True)
    async with run_of(world, tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)
        assert any("without the checks" in offer.label for offer in run.view.offers)
        run.engine.take_word("abort", "dba")
        assert await run.end() is RunStatus.MOVED
    assert not any(world.maintenance.values())
    assert "Everything" not in run.view.message
    assert run.view.leftovers[0] == (
        "New connections to bk_db on haproxy1 go to node2; before the run they went to node1. "
        "To move them back: bdr-console switchover node2"
    )
    assert exit_code(run.view) == 21


async def test_where_the_traffic_is_back_where_it_was_everything_is_put_back(tmp_path: Path) -> None:
    async with run_of(FakeWorld(), tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)
        run.engine.take_word("abort", "dba")
        assert await run.end() is RunStatus.UNDONE


async def test_a_switch_back_is_offered_only_to_a_node_that_had_the_traffic() -> None:
    stuck = dict.fromkeys(("haproxy1", "haproxy2"), "bdr_next_node")
    elsewhere = (await FakeWorld(sticky=True, stuck=stuck).read(Area.PROXIES | Area.NODES)).snapshot
    assert switch_back_target(elsewhere, "node1", had_traffic=True) == "node2"
    assert switch_back_target(elsewhere, "node3", had_traffic=False) is None
    assert switch_back_target(elsewhere, "node1", had_traffic=None) is None, "nobody knows"


async def test_the_plan_in_the_journal_says_where_the_traffic_was(tmp_path: Path) -> None:
    async with holding(FakeWorld(), tmp_path) as run:
        assert run.engine is not None
    assert [way.nodes for way in (await made()).before] == [("node1",), ("node1",)]


async def made() -> Any:
    from tests.runbooks.test_resume import made_plan

    return await made_plan()


# Who is still on the node


async def test_a_client_past_haproxy_holds_the_proof_of_draining_up_and_is_named(tmp_path: Path) -> None:
    world = FakeWorld(direct=[direct(age=3.0)])
    async with Run(world, tmp_path) as run:
        await run.at("drained", StepStatus.WAITING)
        (line, *_) = run.step("drained").evidence
        assert line.startswith(
            "1 session left on node1: app=nightly-etl, as app, from 10.9.9.9:1234, "
            "since 2026-11-22 01:00:00 UTC, idle in transaction for 3.0 s"
        )
        (holder,) = run.step("drained").holders
        assert (holder.application, holder.pooler, holder.pid) == ("nightly-etl", "", 4711)
        await run.until(lambda view: any(offer.word.startswith("terminate ") for offer in view.offers))
        world.direct.clear()
        await run.at("hold", StepStatus.HOLDING)


async def test_a_session_is_left_on_a_node_only_with_a_reason_and_the_report_says_so(tmp_path: Path) -> None:
    world = FakeWorld(direct=[direct()])
    async with Run(world, tmp_path) as run:
        await run.until(lambda view: any(offer.word == "leave" for offer in view.offers))
        assert run.engine.take_word("leave", "dba") == (False, "it needs a reason: leave REASON")
        assert run.engine.take_word("leave  ", "dba")[0] is False
        assert run.engine.take_word("leave read-only report, ends by itself", "dba")[0]
        await run.at("hold", StepStatus.HOLDING)
    (problem,) = run.view.problems
    assert "nightly-etl" in problem
    assert "Why: read-only report, ends by itself (dba)" in problem
    assert any("left there: app=nightly-etl" in line for line in run.step("drained").evidence)


async def test_one_that_comes_after_others_were_left_is_waited_for(tmp_path: Path) -> None:
    world = FakeWorld(direct=[direct()], confirmed=False)
    async with Run(world, tmp_path) as run:
        await run.until(lambda view: any(offer.word == "leave" for offer in view.offers))
        run.engine.take_word("leave it is known", "dba")
        await run.until(lambda view: any("waiting for" in line for line in run.step("drained").evidence))
        world.direct.append(direct(pid=4712, application="another"))
        await run.until(lambda view: any("app=another" in line for line in run.step("drained").evidence))
        world.direct.clear()
        world.confirmed = True
        await run.at("hold", StepStatus.HOLDING)


async def test_a_node_whose_sessions_are_hidden_is_not_drained(tmp_path: Path) -> None:
    world = FakeWorld(direct=[replace(direct(), hidden=True, started=None)])
    async with Run(world, tmp_path) as run:
        await run.at("drained", StepStatus.WAITING)
        await run.until(lambda view: any("may not see it" in line for line in run.step("drained").evidence))
        assert run.status("hold") is StepStatus.PENDING


async def test_leaving_is_refused_while_it_is_not_offered(tmp_path: Path) -> None:
    async with holding(FakeWorld(), tmp_path) as run:
        accepted, text = run.engine.take_word("leave because", "dba")
    assert not accepted
    assert "not offered" in text
    assert any(event["event"] == "word" and event["word"] == "leave" for event in read_events(tmp_path))


# Settings that somebody else changed


@pytest.mark.parametrize("key", ["barrier", "hold"])
async def test_a_setting_that_somebody_changed_meanwhile_is_not_overwritten(tmp_path: Path, key: str) -> None:
    world = FakeWorld(behind=10**6)
    async with run_of(world, tmp_path) as run:
        await run.at("barrier", StepStatus.WAITING)
        world.settings["default_pool_size"] = "50"
        if key == "barrier":
            run.engine.take_word("abort", "dba")
            assert await run.end() is RunStatus.UNDONE
        else:
            world.behind = 0
            await run.at("hold", StepStatus.HOLDING)
            restore = next(step for step in run.view.steps if step.key == "restore")
            assert "pgb-tx: default_pool_size is 50, changed by somebody else: left so" in restore.evidence
    assert world.settings["default_pool_size"] == "50"
    assert world.settings["server_login_retry"] == "15"
    assert not any("default_pool_size = '20'" in text for _, text in world.sent)
