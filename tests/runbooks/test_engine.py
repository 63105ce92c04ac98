"""The step engine over a simulated cluster: what is sent, what is put back, what the journal tells."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.execute import engine as engine_module
from bdr_console.runbooks.execute import walkback as walkback_module
from bdr_console.runbooks.execute.engine import StepEngine
from bdr_console.runbooks.journal.journal_file import JOURNAL
from bdr_console.runbooks.journal.run_from_journal import fold
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.run import Proof, RunStatus, RunView, StepStatus, StepView
from bdr_console.runbooks.model.step import OnTimeout, Plan, StepPlan
from bdr_console.runbooks.plan.switchover import plan, steps
from tests.runbooks.world import SETTINGS, FakeWatch, FakeWorld, FullDiskJournal
from tests.waiting import eventually

DISABLE, ENABLE = "disable server bk_db/bdr_initial_node", "enable server bk_db/bdr_initial_node"
PROXIES = ("haproxy1", "haproxy2")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_LOST_ANSWER_GRACE", 0.05)
    monkeypatch.setattr(walkback_module, "_DEADLINE", 0.3)
    monkeypatch.setattr(walkback_module, "_AGAIN_AFTER", 0.05)
    monkeypatch.setattr("bdr_console.runbooks.steps.move_clients._SETTLE", 0.2)


class Run:
    """One run of the engine over a simulated cluster, and what its journal says so far."""

    def __init__(self, world: FakeWorld, directory: Path, mode: str = "gradual", **deadlines: float) -> None:
        self.world = world
        self.watch = FakeWatch()
        self._mode = mode
        self._directory = directory
        self._deadlines = deadlines
        self.engine: StepEngine
        self.journal: FullDiskJournal

    async def __aenter__(self) -> "Run":
        silent, self.world.silent = self.world.silent, set()
        seen = await self.world.read(ALL_PARTS)
        made = plan(seen.snapshot, SETTINGS, "node1", self._mode, remembered=seen.settings)
        self.world.silent = silent
        self.plan = made = with_deadlines(made, self._deadlines)
        journal = self.journal = FullDiskJournal(self._directory, "r1")
        views: list[dict[str, Any]] = [
            {"key": v.key, "title": v.title, "commands": [], "undo": [], "deadline": v.deadline}
            for v in made.views()
        ]
        journal.write(
            "run", runbook="switchover", cluster="shop", environment="", node="node1", who="dba", steps=views
        )
        self.engine = StepEngine(
            steps(made, SETTINGS), self.world, journal, pace=0.002, hold_pace=0.005, watch=self.watch
        )
        self.task = asyncio.create_task(self.engine.run())
        return self

    async def __aexit__(self, *failure: object) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    def events(self) -> list[dict[str, Any]]:
        """The journal."""
        return [json.loads(line) for line in (self._directory / JOURNAL).read_text().splitlines()]

    def messages(self, text: str) -> int:
        """How often the operator was told a sentence with `text` in it."""
        return sum(text in event.get("message", "") for event in self.events())

    @property
    def view(self) -> RunView:
        view = fold(self.events())
        assert view is not None
        return view

    def step(self, key: str) -> StepView:
        """The step as the screen shows it."""
        return next(step for step in self.view.steps if step.key == key)

    def status(self, key: str) -> StepStatus:
        """Where the step stands."""
        return next(step.status for step in self.view.steps if step.key == key)

    async def until(self, condition: Callable[[RunView], bool]) -> None:
        """Wait until the journal shows it."""
        await eventually(lambda: condition(self.view), lambda: f"now {self.view}", seconds=10, pause=0.005)

    async def at(self, key: str, *statuses: StepStatus) -> None:
        """Wait until the step stands there."""
        await self.until(lambda _: self.status(key) in statuses)

    def say(self, word: str) -> None:
        """Say a word that must be accepted."""
        accepted, text = self.engine.take_word(word, "dba")
        assert accepted, text

    async def end(self) -> RunStatus:
        """How the run ended."""
        async with asyncio.timeout(10):
            return await self.task


def with_deadlines(made: Plan, deadlines: dict[str, float]) -> Plan:
    def changed(step: StepPlan) -> StepPlan:
        deadline = deadlines.get(step.key, step.deadline)
        pause = deadlines.get("whole_pause", step.pause) if step.pause is not None else None
        return replace(step, deadline=deadline, pause=pause)

    return replace(made, steps=tuple(changed(step) for step in made.steps))


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@contextlib.asynccontextmanager
async def holding(world: FakeWorld, directory: Path) -> AsyncIterator[Run]:
    """A run that has come to the maintenance hold."""
    async with Run(world, directory) as run:
        await run.at("hold", StepStatus.HOLDING)
        yield run


def acts(world: FakeWorld) -> list[str]:
    return [text for _, text in world.sent]


async def test_a_whole_switchover_sends_each_announced_command_once(world: FakeWorld, tmp_path: Path) -> None:
    async with holding(world, tmp_path) as run:
        assert world.sent == [("haproxy1", DISABLE), ("haproxy2", DISABLE), ("pgb-tx", "RECONNECT app")]
        assert {c.server for c in world.connections} == {"bdr_next_node"}
        run.say("go")
        assert await run.end() is RunStatus.DONE
    assert world.sent[3:] == [("haproxy1", ENABLE), ("haproxy2", ENABLE)]
    assert not any(world.maintenance.values())
    assert "back in service" in run.view.message


async def test_every_command_is_journaled_before_it_is_sent(tmp_path: Path) -> None:
    class Witness(FakeWorld):
        unannounced: list[str] = []  # noqa: RUF012

        async def send(self, kind: Any, target: str, text: str) -> str:
            last = json.loads((tmp_path / JOURNAL).read_text().splitlines()[-1])
            if (last["event"], last.get("command")) != ("intent", text) or target not in last["host"]:
                self.unannounced.append(text)
            return await super().send(kind, target, text)

    world = Witness()
    async with holding(world, tmp_path) as run:
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE
    assert len(world.sent) == 5
    assert world.unannounced == []


async def test_wait_close_says_who_holds_it_and_ends_when_they_let_go(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.connections[1].busy = True
    async with Run(world, tmp_path) as run:
        await run.at("wait_close", StepStatus.WAITING)
        evidence = " ".join(run.view.steps[2].evidence)
        assert "1 of 3 server connections left" in evidence
        assert "app=billing" in evidence
        assert "10.0.3.7:5000" in evidence
        assert "pid 40001" in evidence
        assert ("pgb-tx", "WAIT_CLOSE app") in world.sent
        world.connections[0].busy = world.connections[1].busy = world.connections[2].busy = False
        await run.at("hold", StepStatus.HOLDING)
        assert run.status("wait_close") is StepStatus.DONE
        assert world.waiting_closed == 1


async def test_abort_while_wait_close_waits_puts_everything_back(world: FakeWorld, tmp_path: Path) -> None:
    world.connections[1].busy = True
    async with Run(world, tmp_path) as run:
        await run.at("wait_close", StepStatus.WAITING)
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE
    assert not any(world.maintenance.values())
    assert sorted(world.sent[-2:]) == [("haproxy1", ENABLE), ("haproxy2", ENABLE)]
    assert world.waiting_closed == 1
    assert acts(world).count("RECONNECT app") == 1
    assert run.view.leftovers == ()
    assert run.status("disable") is StepStatus.UNDONE


async def test_wait_close_out_of_time_asks_and_undoes_nothing_by_itself(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.connections[1].busy = True
    async with Run(world, tmp_path, wait_close=0.5) as run:
        await run.until(lambda view: "are over" in view.message)
        assert {offer.word for offer in run.view.offers} >= {"wait", "abort"}
        assert all(world.maintenance.values())
        run.say("wait")
        await run.until(lambda _: run.messages("are over") >= 2)
        assert acts(world).count("WAIT_CLOSE app") == 1
        for connection in world.connections:
            connection.busy = False
        await run.at("hold", StepStatus.HOLDING)


async def test_what_somebody_else_disabled_is_neither_disabled_nor_enabled(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.maintenance["haproxy1"].add("bdr_initial_node")
    async with holding(world, tmp_path) as run:
        run.say("go")
        assert await run.end() is RunStatus.DONE
    assert [target for target, text in world.sent if text in (DISABLE, ENABLE)] == ["haproxy2", "haproxy2"]
    assert world.maintenance["haproxy1"] == {"bdr_initial_node"}


async def test_abort_leaves_in_maintenance_what_was_so_before(world: FakeWorld, tmp_path: Path) -> None:
    world.maintenance["haproxy1"].add("bdr_initial_node")
    async with holding(world, tmp_path) as run:
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE
    assert world.maintenance == {"haproxy1": {"bdr_initial_node"}, "haproxy2": set()}


@pytest.mark.parametrize("gone", ["down", "node silent"])
async def test_the_last_server_that_takes_traffic_is_never_disabled(
    world: FakeWorld, tmp_path: Path, gone: str
) -> None:
    # Behind a frozen node HAProxy still says UP: what counts is that the node answers us.
    if gone == "down":
        world.down = {"bdr_next_node", "bdr_node3"}
    else:
        world.silent = {"node2", "node3"}
    async with Run(world, tmp_path) as run:
        assert await run.end() is RunStatus.REFUSED
    assert world.sent == []
    assert "last server" in run.view.message


async def test_a_refused_command_on_the_second_proxy_undoes_the_first(
    world: FakeWorld, tmp_path: Path
) -> None:
    class Half(FakeWorld):
        async def send(self, kind: Any, target: str, text: str) -> str:
            self.refuse = {DISABLE: "Permission denied"} if target == "haproxy2" else {}
            return await super().send(kind, target, text)

    half = Half()
    async with Run(half, tmp_path) as run:
        assert await run.end() is RunStatus.UNDONE
    assert not any(half.maintenance.values())
    assert "Permission denied" in run.view.message
    assert "RECONNECT app" not in acts(half)


async def test_a_lost_answer_is_settled_by_looking_not_by_sending_again(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.lose_answer = {DISABLE, "RECONNECT app"}
    # The answer of the first is lost, so the second proxy is not sent its command: it goes back.
    async with Run(world, tmp_path) as run:
        assert await run.end() is RunStatus.UNDONE
    assert not any(world.maintenance.values())
    again = FakeWorld(lose_answer={"RECONNECT app"})
    second = tmp_path / "second"
    second.mkdir()
    async with holding(again, second):
        assert acts(again).count("RECONNECT app") == 1


async def test_a_disable_without_effect_is_undone_after_its_deadline(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.ineffective = {DISABLE}
    async with Run(world, tmp_path, disable=0.05) as run:
        assert await run.end() is RunStatus.UNDONE
    assert run.status("disable") is StepStatus.UNDONE
    assert acts(world).count(DISABLE) == 2


async def test_could_not_tell_is_never_shown_as_done_and_ends_with_the_leftovers(tmp_path: Path) -> None:
    class FallsSilent(FakeWorld):
        async def send(self, kind: Any, target: str, text: str) -> str:
            if text.startswith("RECONNECT"):
                self.silent = {"haproxy1", "pgb-tx"}
            return await super().send(kind, target, text)

    world = FallsSilent()
    async with Run(world, tmp_path, reconnect=0.05) as run:
        assert await run.end() is RunStatus.STOPPED
    assert run.status("reconnect") is StepStatus.FAILED
    assert len(run.view.leftovers) == 1
    assert "haproxy1" in run.view.leftovers[0]
    assert ENABLE in run.view.leftovers[0]
    assert world.maintenance == {"haproxy1": {"bdr_initial_node"}, "haproxy2": set()}


async def test_reconnect_waits_for_the_moment_without_a_login(world: FakeWorld, tmp_path: Path) -> None:
    logins_at_reconnect: list[int] = []

    class Login(FakeWorld):
        async def send(self, kind: Any, target: str, text: str) -> str:
            if text.startswith("RECONNECT"):
                logins_at_reconnect.append(self.logins)
            return await super().send(kind, target, text)

    async with holding(Login(logins=3), tmp_path):
        assert logins_at_reconnect == [0]


async def test_reconnect_is_not_sent_into_a_pool_that_logs_in_all_the_time(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.logins = 10**6
    async with Run(world, tmp_path) as run:
        assert await run.end() is RunStatus.UNDONE
    assert "RECONNECT app" not in acts(world)
    assert "logging in" in run.view.message


async def test_a_pool_that_does_not_lead_to_the_node_is_not_reconnected(
    world: FakeWorld, tmp_path: Path
) -> None:
    for connection in world.connections:
        connection.server = "bdr_next_node"
    async with holding(world, tmp_path) as run:
        assert [step.key for step in run.view.steps] == ["disable", "drained", "hold", "ready", "enable"]
        assert acts(world) == [DISABLE, DISABLE]


async def test_where_nothing_moved_when_the_plan_was_made_nobody_is_left_there(
    world: FakeWorld, tmp_path: Path
) -> None:
    for connection in world.connections:
        connection.server = "bdr_next_node"
    async with Run(world, tmp_path) as run:
        world.connections[0].server = "bdr_initial_node"
        assert await run.end() is RunStatus.REFUSED
    assert "has 1 session since the plan was made" in run.view.message
    assert acts(world) == []


async def test_sessions_that_bypass_pgbouncer_are_named_and_hold_the_proof_up(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.foreign = ["10.9.9.9:1234"]
    async with Run(world, tmp_path) as run:
        await run.at("drained", StepStatus.WAITING)
        assert any("10.9.9.9:1234" in line for line in run.step("drained").evidence)
        world.foreign = []
        await run.at("hold", StepStatus.HOLDING)


async def test_the_node_is_not_drained_before_its_peers_have_its_last_writes(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.confirmed = False
    async with Run(world, tmp_path) as run:
        await run.until(
            lambda view: any("waiting for 0/16B3748" in line for line in run.step("drained").evidence)
        )
        assert run.status("hold") is StepStatus.PENDING
        world.confirmed = True
        await run.at("hold", StepStatus.HOLDING)


async def test_a_peer_that_does_not_answer_is_not_taken_for_one_that_has_everything(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.confirmed = False
    world.nodes["node1"] = replace(
        world.nodes["node1"],
        slots=tuple(replace(slot, target=None) for slot in world.nodes["node1"].slots),
    )
    async with Run(world, tmp_path) as run:
        await run.at("wait_close", StepStatus.DONE, StepStatus.SKIPPED)
        world.silent = {"node2", "node3"}
        await run.until(lambda view: any("does not answer" in line for line in run.step("drained").evidence))
        step = next(step for step in run.view.steps if step.key == "drained")
        assert step.proof is Proof.UNKNOWN
        assert any("in its own slots" in line for line in step.evidence)
        run.say("go")  # the operator goes on without them, and the run says so at its end
        await run.at("hold", StepStatus.HOLDING)
        assert any("was not proved" in problem for problem in run.view.problems)


async def test_a_silent_peer_that_has_everything_by_the_nodes_own_slots_is_not_waited_for(
    world: FakeWorld, tmp_path: Path
) -> None:
    async with Run(world, tmp_path) as run:
        await run.at("wait_close", StepStatus.DONE, StepStatus.SKIPPED)
        world.silent = {"node3"}
        await run.at("hold", StepStatus.HOLDING)


async def test_maintenance_lost_in_the_hold_is_an_alarm_and_can_be_set_again(
    world: FakeWorld, tmp_path: Path
) -> None:
    async with holding(world, tmp_path) as run:
        assert {offer.word for offer in run.view.offers} == {"go", "abort"}
        world.maintenance["haproxy2"].clear()  # as a reload does
        await run.until(lambda view: "no longer in maintenance on haproxy2" in view.message)
        run.say("again")
        await run.until(lambda view: view.status is RunStatus.HOLDING and "no longer" not in view.message)
        assert world.maintenance["haproxy2"] == {"bdr_initial_node"}
        assert [target for target, text in world.sent if text == DISABLE] == [
            "haproxy1",
            "haproxy2",
            "haproxy2",
        ]


async def test_the_node_comes_back_only_when_it_is_ready(world: FakeWorld, tmp_path: Path) -> None:
    async with holding(world, tmp_path) as run:
        world.silent = {"node1"}
        run.say("go")
        await run.at("ready", StepStatus.WAITING)
        assert "node1" in " ".join(run.view.steps[5].evidence)
        assert ENABLE not in acts(world)
        world.silent = set()
        assert await run.end() is RunStatus.DONE


async def test_abort_does_not_send_clients_to_a_node_that_does_not_answer(
    world: FakeWorld, tmp_path: Path
) -> None:
    async with holding(world, tmp_path) as run:
        world.silent = {"node1"}
        run.say("abort")
        assert await run.end() is RunStatus.STOPPED
    assert ENABLE not in acts(world)
    assert all("node1 does not answer" in line for line in run.view.leftovers)
    assert len(run.view.leftovers) == 2


async def test_enable_that_fails_can_be_tried_again(world: FakeWorld, tmp_path: Path) -> None:
    async with holding(world, tmp_path) as run:
        world.refuse = {ENABLE: "Permission denied"}
        run.say("go")
        await run.until(lambda view: "Permission denied" in view.message)
        world.refuse = {}
        run.say("wait")
        assert await run.end() is RunStatus.DONE
    assert not any(world.maintenance.values())


async def test_words_that_are_not_offered_are_refused_with_those_that_are(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.connections[1].busy = True
    async with Run(world, tmp_path) as run:
        await run.at("wait_close", StepStatus.WAITING)
        accepted, text = run.engine.take_word("go", "dba")
        assert not accepted
        assert "wait, abort" in text
        run.say("abort")
        assert run.engine.take_word("abort", "dba")[0] is False
        assert await run.end() is RunStatus.UNDONE
    said = [(event["word"], event["accepted"]) for event in run.events() if event["event"] == "word"]
    assert said == [("go", False), ("abort", True), ("abort", False)]


@pytest.mark.parametrize("look", range(1, 16))
async def test_abort_at_any_instant_before_the_hold_leaves_nothing_changed(tmp_path: Path, look: int) -> None:
    class AbortsAt(FakeWorld):
        looks = 0
        run: Run | None = None

        async def read(self, parts: Area) -> Reading:
            self.looks += self.run is not None
            if self.run is not None and self.looks == look:
                self.run.say("abort")
            return await super().read(parts)

    world = AbortsAt(foreign=["10.9.9.9:1"])
    world.connections[1].busy = True
    async with Run(world, tmp_path) as run:
        world.run = run
        assert await run.end() is RunStatus.UNDONE
    assert not any(world.maintenance.values())


def test_steps_that_hurt_nobody_while_they_wait_ask_and_the_others_undo(world: FakeWorld) -> None:
    made = plan(asyncio.run(world.read(ALL_PARTS)).snapshot, SETTINGS, "node1", "gradual")
    asks = {step.key for step in made.steps if step.on_timeout is OnTimeout.ASK}
    assert asks == {"wait_close", "served", "drained", "ready", "enable"}


async def test_maintenance_lost_before_the_hold_is_told_and_can_be_set_again(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.foreign = ["10.9.9.9:1234"]
    async with Run(world, tmp_path) as run:
        await run.at("drained", StepStatus.WAITING)
        world.foreign = []
        world.maintenance["haproxy1"].clear()
        await run.until(lambda view: "no longer in maintenance on haproxy1" in view.message)
        assert run.status("hold") is StepStatus.PENDING
        run.say("again")
        await run.at("hold", StepStatus.HOLDING)
        assert world.maintenance["haproxy1"] == {"bdr_initial_node"}


async def test_abort_overtakes_a_word_that_was_not_taken_yet(world: FakeWorld, tmp_path: Path) -> None:
    async with holding(world, tmp_path) as run:
        run.say("go")
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE
    assert run.status("ready") is StepStatus.PENDING
    assert not any(world.maintenance.values())
