"""The quiesced switchover over a simulated cluster: in which order things go, and what ends a pause."""

import asyncio
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.checks.poolers import left_settings
from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.execute import engine as engine_module
from bdr_console.runbooks.execute import walkback as walkback_module
from bdr_console.runbooks.model import pool_holders
from bdr_console.runbooks.model.reading import Area, Load
from bdr_console.runbooks.model.run import Outcome, RunStatus, StepStatus
from bdr_console.runbooks.steps import pool_settings, quiesce
from tests.runbooks.test_engine import DISABLE, ENABLE, Run, acts
from tests.runbooks.world import FakeConnection, FakeWorld
from tests.waiting import eventually

ZERO, BACK = "SET server_login_retry = '0'", "SET server_login_retry = '15'"
ONE, GROW = "SET default_pool_size = '1'", "SET default_pool_size = '20'"
EMIT = "SELECT pg_logical_emit_message(true, 'bdr_console', 'barrier')"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_LOST_ANSWER_GRACE", 0.05)
    monkeypatch.setattr(walkback_module, "_DEADLINE", 0.3)
    monkeypatch.setattr(walkback_module, "_AGAIN_AFTER", 0.05)
    monkeypatch.setattr(pool_settings, "_SETTLED_FOR", 0.01)
    monkeypatch.setattr(pool_settings, "_FULL_FOR", 0.005)
    monkeypatch.setattr(quiesce, "_LOGIN_ENDS", 0.05)
    monkeypatch.setattr(pool_holders, "_FIRST_AFTER", 0.01)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def run_of(world: FakeWorld, directory: Path, **deadlines: float) -> Run:
    return Run(world, directory, "quiesce", **deadlines)


async def test_clients_wait_once_and_go_on_only_when_everything_is_applied(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.behind = 8
    async with run_of(world, tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)
        order = [EMIT, ZERO, ONE, "PAUSE app", DISABLE, DISABLE, EMIT, "RESUME app", GROW, BACK]
        # Where the machine is busy the message of the barrier goes out more than once.
        assert [act for act, _ in groupby(acts(world))] == [act for act, _ in groupby(order)]
        assert acts(world)[:1] == [EMIT], "nobody is paused before the others have shown that they apply"
        assert world.unapplied_moves == 0
        assert not world.paused
        assert world.settings == FakeWorld().settings
        assert {c.server for c in world.connections} == {"bdr_next_node"}
        run.say("go")
        assert await run.end() is RunStatus.DONE
    assert acts(world)[-2:] == [ENABLE, ENABLE]
    assert run.watch.armed == run.watch.stood_down == 1


async def test_the_watchdog_knows_before_each_command_what_it_would_take_back(
    world: FakeWorld, tmp_path: Path
) -> None:
    known: list[tuple[str, tuple[str, ...]]] = []

    class Witness(FakeWorld):
        async def send(self, kind: Any, target: str, text: str) -> str:
            known.append((text, run.watch.told[-1] if run.watch.told else ()))
            return await super().send(kind, target, text)

        async def send_waiting(self, target: str, text: str) -> str:
            known.append((text, run.watch.told[-1] if run.watch.told else ()))
            return await super().send_waiting(target, text)

    witness = Witness()
    witness.behind = 3
    async with run_of(witness, tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)
    told = dict(known)
    assert told["PAUSE app"] == ("RESUME app", GROW, BACK)
    assert told[DISABLE] == (ENABLE, ENABLE, "RESUME app", GROW, BACK)
    assert told[EMIT] == (ENABLE, ENABLE, "RESUME app", GROW, BACK)
    # Past the point of no return clients may be elsewhere: only what keeps them waiting is taken back.
    assert told["RESUME app"] == ("RESUME app", GROW, BACK)


async def test_a_pause_answered_with_another_commands_tag_is_not_taken_for_drained(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.waited_on = True  # a WAIT_CLOSE was used on this pooler before: PAUSE answers at once
    world.connections[1].busy = True
    async with run_of(world, tmp_path) as run:
        await run.at("quiet", StepStatus.WAITING)
        assert acts(world).count(EMIT) == 1, "only the one before the pause"
        quiet = next(step for step in run.view.steps if step.key == "quiet")
        assert any("in use" in line for line in quiet.evidence)
        world.connections[1].busy = False
        await run.at("hold", StepStatus.HOLDING)


async def test_a_transaction_that_does_not_end_ends_the_pause_and_everything_is_as_before(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.connections[1].busy = True
    async with run_of(world, tmp_path, quiet=0.05) as run:
        assert await run.end() is RunStatus.UNDONE
    assert not world.paused
    assert not any(world.maintenance.values())
    assert world.settings == FakeWorld().settings
    assert {c.server for c in world.connections} == {"bdr_initial_node"}
    assert DISABLE not in acts(world), "HAProxy would cut it: on-marked-down shutdown-sessions"
    assert acts(world)[-3:] == ["RESUME app", BACK, GROW]
    assert "Wait until no transaction is left" in run.view.message


async def test_a_peer_that_does_not_catch_up_ends_the_pause_at_the_old_node(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.behind = 10**6
    async with run_of(world, tmp_path, barrier=0.05) as run:
        assert await run.end() is RunStatus.UNDONE
    assert not world.paused
    assert not any(world.maintenance.values())
    assert world.unapplied_moves == 0
    assert "node2" in run.view.message
    # Servers first: resumed before that, clients would go on at another node without a barrier.
    assert acts(world)[-5:] == [ENABLE, ENABLE, "RESUME app", BACK, GROW]


async def test_where_haproxy_cuts_sessions_with_their_server_none_is_in_a_transaction_then(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.cuts_when_down = True
    world.connections[1].busy = True
    async with run_of(world, tmp_path) as run:
        await run.at("quiet", StepStatus.WAITING)
        assert DISABLE not in acts(world)
        world.connections[1].busy = False
        await run.at("hold", StepStatus.HOLDING)
    assert world.broken_transactions == 0


async def test_peers_that_have_gone_silent_are_asked_again_for_how_far_they_are(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.behind = 10**6
    async with run_of(world, tmp_path) as run:
        await eventually(lambda: acts(world).count(EMIT) >= 3, "the peers are asked again")
        world.behind = 0
        await run.at("hold", StepStatus.HOLDING)
    assert acts(world).count("PAUSE app") == acts(world).count("RESUME app") == 1


async def test_a_refused_pause_is_told_at_once_and_nothing_is_disabled(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.refuse = {"PAUSE app": "admin access needed"}
    async with run_of(world, tmp_path) as run:
        assert await run.end() is RunStatus.UNDONE
    assert "admin access needed" in run.view.message
    assert DISABLE not in acts(world)


async def test_no_pause_is_sent_while_a_server_connection_logs_in(world: FakeWorld, tmp_path: Path) -> None:
    world.logins = 10**6
    async with run_of(world, tmp_path, prepare=0.1) as run:
        assert await run.end() is RunStatus.UNDONE
    assert "PAUSE app" not in acts(world)
    assert world.settings == FakeWorld().settings


async def test_no_pause_is_sent_while_a_client_waits_in_a_pool_without_a_connection(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.unserved = 1
    async with run_of(world, tmp_path, prepare=0.1) as run:
        assert await run.end() is RunStatus.UNDONE
    assert "PAUSE app" not in acts(world)
    assert world.settings == FakeWorld().settings


async def test_pools_that_no_setting_holds_must_have_stopped_growing(
    world: FakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Growing(FakeWorld):
        async def read(self, parts: Any) -> Any:
            if Area.SETTINGS in parts and Area.LOADS in parts:
                self.connections.append(FakeConnection(41000 + len(self.connections), "bdr_initial_node"))
            return await super().read(parts)

    monkeypatch.setattr(pool_settings, "_SETTLED_FOR", 0.05)
    async with run_of(Growing(own_pool_size=50), tmp_path, prepare=0.3) as run:
        assert await run.end() is RunStatus.UNDONE
        assert "has a pool_size of its own" in run.view.message
    world.own_pool_size = 50
    (tmp_path / "still").mkdir()
    async with run_of(world, tmp_path / "still") as run:
        await run.at("hold", StepStatus.HOLDING)
        assert ONE not in acts(world)


async def test_a_login_that_ends_in_time_only_delays_the_pause(world: FakeWorld, tmp_path: Path) -> None:
    class LogsIn(FakeWorld):
        async def read(self, parts: Any) -> Any:
            found = await super().read(parts)
            if Area.NODES in parts and Area.LOADS in parts:  # the last look before PAUSE
                self.logins = 0
            elif Area.LOADS in parts and run.status("prepare") is StepStatus.DONE and not looks:
                looks.append(1)
                self.logins = 1
            return found

    looks: list[int] = []
    async with run_of(LogsIn(), tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)


async def test_who_holds_the_pause_up_is_named_and_can_be_ended_within_it(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.connections[1].busy = True
    async with run_of(world, tmp_path) as run:
        await run.until(lambda view: any(offer.word.startswith("terminate") for offer in view.offers))
        await run.until(lambda view: any(step.holders for step in view.steps))
        (holder,) = next(step for step in run.view.steps if step.key == "quiet").holders
        assert (holder.application, holder.pid, holder.node) == ("billing", 40001, "node1")
        # A KILL would be followed by its RESUME, and clients would go on before the barrier holds.
        assert not any(offer.word.startswith("kill-db") for offer in run.view.offers)
        run.say(f"terminate {holder.id}")
        await run.at("hold", StepStatus.HOLDING)
    assert world.signals == [("node1", "terminate", 40001)]
    assert world.unapplied_moves == 0


async def test_a_pause_that_was_too_long_says_whose_transaction_it_was(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.connections[1].busy = True
    async with run_of(world, tmp_path, quiet=0.2) as run:
        assert await run.end() is RunStatus.UNDONE
        assert "app=billing" in run.view.message


async def test_names_that_come_late_do_not_hold_the_proof_up(world: FakeWorld, tmp_path: Path) -> None:
    class Hangs(FakeWorld):
        async def read(self, parts: Any) -> Any:
            if Area.BACKENDS in parts and Area.NODES not in parts:
                asked.set()
                await asyncio.Event().wait()
            return await super().read(parts)

    asked = asyncio.Event()
    hangs = Hangs()
    hangs.connections[1].busy = True
    async with run_of(hangs, tmp_path) as run:
        await asked.wait()
        hangs.connections[1].busy = False
        await run.at("hold", StepStatus.HOLDING)


async def test_settings_that_a_killed_quiesce_left_are_told_before_the_next_run(world: FakeWorld) -> None:
    seen = await world.read(ALL_PARTS)
    assert list(left_settings(seen)) == []
    world.settings |= {"server_login_retry": "0", "default_pool_size": "1"}
    (check,) = left_settings(await world.read(ALL_PARTS))
    assert check.outcome is Outcome.FAIL
    assert "RELOAD" in check.remedy


async def test_a_database_that_vanished_from_the_list_is_resumed_all_the_same(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.listed = False
    async with run_of(world, tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)
        assert acts(world).count("RESUME app") == 1
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE
    assert not world.paused


@pytest.mark.parametrize("listed", [True, False])
async def test_a_lost_answer_to_resume_leaves_nobody_paused(
    world: FakeWorld, tmp_path: Path, listed: bool
) -> None:
    world.listed, world.lose_answer = listed, {"RESUME app"}
    async with run_of(world, tmp_path) as run:
        await run.at("resume", StepStatus.DONE, StepStatus.WAITING)
        if not listed:  # nothing tells that it took effect: the operator has it sent again
            await run.until(lambda view: any(offer.word == "wait" for offer in view.offers))
            run.say("wait")
        await run.at("hold", StepStatus.HOLDING)
    assert not world.paused


async def test_somebody_elses_resume_before_the_barrier_holds_stops_the_run(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.behind = 10**6
    async with run_of(world, tmp_path) as run:
        await run.at("barrier", StepStatus.WAITING)
        world.paused = False
        assert await run.end() is RunStatus.UNDONE
    assert "somebody resumed app on pgb-tx" in run.view.message
    assert not any(world.maintenance.values())


async def test_a_watchdog_that_acted_meanwhile_stops_the_run(world: FakeWorld, tmp_path: Path) -> None:
    world.connections[1].busy = True
    async with run_of(world, tmp_path) as run:
        await run.at("quiet", StepStatus.WAITING)
        run.watch.gone = True
        assert await run.end() is RunStatus.UNDONE
    assert "watchdog" in run.view.message
    assert not world.paused


async def test_without_a_watchdog_nobody_is_paused(world: FakeWorld, tmp_path: Path) -> None:
    async with run_of(world, tmp_path) as run:

        async def fails() -> None:
            raise ConsoleError("no more processes")

        run.watch.arm = fails  # type: ignore[method-assign]
        assert await run.end() is RunStatus.REFUSED
    assert acts(world) == [EMIT]


@pytest.mark.parametrize("key", ["pause", "disable", "quiet", "barrier", "resume", "restore", "drained"])
async def test_abort_at_any_step_leaves_nobody_waiting_and_nothing_changed(tmp_path: Path, key: str) -> None:
    class AbortsIn(FakeWorld):
        async def read(self, parts: Any) -> Any:
            started = [event for event in run.events() if event["event"] == "step"] if said else []
            if said and any(e["step"] == key and e["status"] == "running" for e in started):
                said.clear()
                run.engine.take_word("abort", "dba")
            return await super().read(parts)

    said: list[int] = []
    world = AbortsIn(foreign=["10.9.9.9:1"])
    world.behind = 4
    async with run_of(world, tmp_path) as run:
        said.append(1)
        assert await run.end() is RunStatus.UNDONE
    assert not world.paused
    assert not any(world.maintenance.values())
    assert world.settings == FakeWorld().settings


async def test_what_a_peer_does_not_apply_now_pauses_nobody(world: FakeWorld, tmp_path: Path) -> None:
    world.apply_blocked = True
    async with run_of(world, tmp_path, rehearse=0.05) as run:
        assert await run.end() is RunStatus.UNDONE
    assert set(acts(world)) == {EMIT}
    assert "node2: has applied 0/100, waiting for 0/200" in run.view.message
    assert "Nothing had been changed" in run.view.message


async def test_the_rehearsal_says_how_long_clients_will_wait(world: FakeWorld, tmp_path: Path) -> None:
    async with run_of(world, tmp_path) as run:
        await run.at("hold", StepStatus.HOLDING)
        assert any("so long clients will wait" in line for line in run.view.steps[0].evidence)


async def test_one_client_whose_login_keeps_failing_is_named_and_not_waited_for(
    world: FakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_settings, "_FAILS_FOR", 0.02)
    monkeypatch.setattr(quiesce, "_LOGIN_ENDS", 1.0)
    world.failing_user = "stranger"
    async with run_of(world, tmp_path) as run:
        await run.at("pause", StepStatus.DONE, StepStatus.RUNNING, StepStatus.WAITING)
        assert "pgb-tx: the logins of stranger to app keep failing: not waited for" in (
            run.step("prepare").evidence
        )


async def test_a_database_that_came_into_use_since_the_plan_is_not_left_out_in_silence(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.idle_databases = ("reports",)
    async with run_of(world, tmp_path) as run:
        world.others = {"reports": Load(1, 0, 1, 0, False)}
        assert await run.end() is RunStatus.UNDONE
    assert "reports on pgb-tx has come into use since the plan was made" in run.view.message
    assert "PAUSE app" not in acts(world)


async def test_one_deadline_bounds_the_whole_pause_whatever_its_steps_may_take(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.behind = 10**6
    async with run_of(world, tmp_path, whole_pause=0.2) as run:
        assert await run.end() is RunStatus.UNDONE
    assert not world.paused
    assert not any(world.maintenance.values())
    assert run.status("barrier") is StepStatus.FAILED


async def test_a_run_that_nobody_watched_says_that_time_was_up_and_not_that_somebody_aborted(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.connections[1].busy = True
    async with run_of(world, tmp_path) as run:
        await run.at("quiet", StepStatus.WAITING)
        run.engine.take_word("abort", "unattended", "'Quiet' did not come about in time.")
        assert await run.end() is RunStatus.UNDONE
    assert run.view.message.startswith("'Quiet' did not come about in time. Everything")
    assert not world.paused
