"""The quiesced switchover over a simulated cluster: in which order things go, and what ends a pause."""

from pathlib import Path
from typing import Any

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks import engine as engine_module
from bdr_console.runbooks import quiesce
from bdr_console.runbooks import walkback as walkback_module
from bdr_console.runbooks.run import RunStatus, StepStatus
from tests.runbooks.test_engine import DISABLE, ENABLE, Run, acts
from tests.runbooks.world import FakeWorld

ZERO, BACK = "SET server_login_retry = '0'", "SET server_login_retry = '15'"
EMIT = "SELECT pg_logical_emit_message(true, 'bdr_console', 'barrier')"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_LOST_ANSWER_GRACE", 0.05)
    monkeypatch.setattr(walkback_module, "_DEADLINE", 0.3)
    monkeypatch.setattr(walkback_module, "_AGAIN_AFTER", 0.05)
    monkeypatch.setattr(quiesce, "_SETTLED_FOR", 0.01)


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
        order = [ZERO, "PAUSE app", DISABLE, DISABLE, EMIT, "RESUME app", BACK]
        assert acts(world) == order
        assert world.unapplied_moves == 0
        assert not world.paused
        assert world.settings["server_login_retry"] == "15"
        assert {c.server for c in world.connections} == {"bdr_next_node"}
        run.say("go")
        assert await run.end() is RunStatus.DONE
    assert acts(world)[len(order) :] == [ENABLE, ENABLE]
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
    assert told["PAUSE app"] == ("RESUME app", BACK)
    assert told[DISABLE] == (ENABLE, ENABLE, "RESUME app", BACK)
    assert told[EMIT] == (ENABLE, ENABLE, "RESUME app", BACK)
    # Past the point of no return clients may be elsewhere: only what keeps them waiting is taken back.
    assert told["RESUME app"] == ("RESUME app", BACK)


async def test_a_pause_answered_with_another_commands_tag_is_not_taken_for_drained(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.waited_on = True  # a WAIT_CLOSE was used on this pooler before: PAUSE answers at once
    world.connections[1].busy = True
    async with run_of(world, tmp_path) as run:
        await run.at("quiet", StepStatus.WAITING)
        assert EMIT not in acts(world)
        assert any("in use" in line for line in run.view.steps[3].evidence)
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
    assert world.settings["server_login_retry"] == "15"
    assert {c.server for c in world.connections} == {"bdr_initial_node"}
    # Servers first: resumed before that, clients would go on at another node without a barrier.
    assert acts(world)[-4:] == [ENABLE, ENABLE, "RESUME app", BACK]
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
    assert world.settings["server_login_retry"] == "15"


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
    assert world.sent == []


@pytest.mark.parametrize("key", ["pause", "disable", "quiet", "barrier", "resume", "restore", "drained"])
async def test_abort_at_any_step_leaves_nobody_waiting_and_nothing_changed(tmp_path: Path, key: str) -> None:
    class AbortsIn(FakeWorld):
        async def read(self, parts: Any) -> Any:
            started = [event for event in run.events() if event["event"] == "step"] if said else []
            if said and any(e["step"] == key and e["status"] == "running" for e in started):
                said.clear()
                run.engine.hear("abort", "dba")
            return await super().read(parts)

    said: list[int] = []
    world = AbortsIn(foreign=["10.9.9.9:1"])
    world.behind = 4
    async with run_of(world, tmp_path) as run:
        said.append(1)
        assert await run.end() is RunStatus.UNDONE
    assert not world.paused
    assert not any(world.maintenance.values())
    assert world.settings["server_login_retry"] == "15"


async def test_one_deadline_bounds_the_whole_pause_whatever_its_steps_may_take(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.behind = 10**6
    async with run_of(world, tmp_path, whole_pause=0.2) as run:
        assert await run.end() is RunStatus.UNDONE
    assert not world.paused
    assert not any(world.maintenance.values())
    assert run.status("barrier") is StepStatus.FAILED
