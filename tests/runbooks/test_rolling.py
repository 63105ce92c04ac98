"""Several nodes in one run, over a simulated cluster: one after the other, and no further than a problem."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.execute import rolling as rolling_module
from bdr_console.runbooks.execute import walkback as walkback_module
from bdr_console.runbooks.execute.catalog import built
from bdr_console.runbooks.execute.engine import StepEngine
from bdr_console.runbooks.execute.operator_commands import OperatorCommands
from bdr_console.runbooks.execute.resume import as_event, past
from bdr_console.runbooks.execute.rolling import Rolling, TurnJournal, beginning
from bdr_console.runbooks.execute.rolling_plan import named, seen, turns
from bdr_console.runbooks.execute.run_setup import RunSetup, fresh
from bdr_console.runbooks.journal.journal_file import Journal, read_events
from bdr_console.runbooks.journal.progress_writer import steps_event
from bdr_console.runbooks.journal.run_from_journal import fold
from bdr_console.runbooks.journal.run_text import news
from bdr_console.runbooks.model.run import RunStatus, RunView, StepStatus, exit_code
from tests.runbooks.world import SERVERS, SETTINGS, FakeWorld
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(30)

SERVER = {node: server for server, node in SERVERS.items()}
ALL = ("node1", "node2", "node3")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling_module, "_LOOK_EVERY", 0.005)
    monkeypatch.setattr(walkback_module, "_DEADLINE", 0.3)
    monkeypatch.setattr(walkback_module, "_AGAIN_AFTER", 0.05)


class Run:
    """A rolling run over a simulated cluster; `operator` is told each picture and may say a word."""

    def __init__(self, world: FakeWorld, directory: Path, nodes: tuple[str, ...] = ALL) -> None:
        self.world = world
        self._directory = directory
        self.request: dict[str, Any] = {"node": nodes[0], "nodes": nodes, "mode": "gradual", "who": "dba"}
        self.journal = Journal(directory, "r1")
        self.commands = OperatorCommands(self.journal)
        self.after: Callable[[], object] = lambda: None
        """What happens at the end of each turn."""

    async def begin(self) -> RunSetup:
        task = fresh(await self.world.read(ALL_PARTS), self.request, SETTINGS)
        steps = steps_event(task.plan)
        known = {"cluster": "shop", "environment": "", "node": task.plan.node, "who": "dba", "steps": steps}
        self.journal.write("run", **{**known, **beginning(self.request, task.plan.node)})
        self.journal.write("plan", plan=as_event(task.plan))
        return task

    async def carry(self, task: RunSetup, journal: Journal) -> None:
        """As the runner does it, at a test's pace."""
        made = built(task.plan, SETTINGS, self.request)
        for step in made:
            step.taken += task.taken.get(step.plan.key, ())
        engine = StepEngine(made, self.world, journal, pace=0.002, hold_pace=0.005, begin_at=task.begin_at)
        self.commands.engine = engine.take_word
        await engine.run()
        self.after()

    async def go(self, operator: Callable[["Run", RunView], None], task: RunSetup | None = None) -> RunView:
        """To the end; returns the picture."""
        begun = task or await self.begin()
        rolling = Rolling(self.request, SETTINGS, self.world, self.journal, self.commands)
        turn = asyncio.create_task(
            rolling.go(begun, lambda: TurnJournal(self._directory, "r1", self.journal.run), self.carry)
        )

        def over() -> bool:
            if not turn.done():
                operator(self, self.view)
            return turn.done()

        try:
            await eventually(over, lambda: f"the run ends: {self.view}", seconds=20, pause=0.005)
            await turn
        finally:
            turn.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await turn
        return self.view

    @property
    def view(self) -> RunView:
        view = fold(read_events(self._directory))
        assert view is not None
        return view

    def say(self, word: str) -> None:
        with contextlib.suppress(AssertionError):
            assert self.commands.take_word(word, "dba")[0]

    def to_haproxy(self) -> list[str]:
        """What the first HAProxy was sent."""
        return [command for target, command in self.world.sent if target == "haproxy1"]


def goes_on(run: Run, view: RunView) -> None:
    """An operator who says go in every hold."""
    if view.status is RunStatus.HOLDING:
        run.say("go")


def both(node: str) -> list[str]:
    return [f"disable server bk_db/{SERVER[node]}", f"enable server bk_db/{SERVER[node]}"]


async def test_each_node_goes_out_and_is_back_before_the_next_one_goes(tmp_path: Path) -> None:
    run = Run(FakeWorld(), tmp_path)
    view = await run.go(goes_on)
    assert run.to_haproxy() == [*both("node1"), *both("node2"), *both("node3")]
    assert (view.status, exit_code(view)) == (RunStatus.DONE, 0)
    assert view.message.startswith("node1, node2, node3: one after the other out of service and back.")
    assert run.world.maintenance == {"haproxy1": set(), "haproxy2": set()}


async def test_the_picture_shows_who_is_done_who_has_the_turn_and_who_comes_later(tmp_path: Path) -> None:
    pictures: dict[str, RunView] = {}

    def operator(run: Run, view: RunView) -> None:
        if view.status is RunStatus.HOLDING:
            pictures.setdefault(view.node, view)
        goes_on(run, view)

    last = await Run(FakeWorld(), tmp_path).go(operator)
    second = pictures["node2"]
    assert (second.subject, second.runbook) == ("node1, node2, node3", "rolling switchover")
    assert (second.steps[0].title, second.steps[0].status) == (
        "node1: out of service and back",
        StepStatus.DONE,
    )
    assert second.steps[0].began_at is not None
    assert second.steps[-1].title.startswith("node3: its turn comes")
    assert second.current is not None
    assert second.current.title.startswith("node2 is out of service")
    assert [step.key for step in last.steps[:2]] == ["turn node1", "turn node2"]
    told = news(pictures["node1"], second)
    assert "[1/" in told[0]
    assert told[0].endswith("node1: out of service and back: done")
    assert any("node2 is out of service: do the maintenance, then go on: holding" in line for line in told)


async def test_a_node_that_its_checks_refuse_ends_the_run_and_the_rest_is_untouched(tmp_path: Path) -> None:
    run = Run(FakeWorld(), tmp_path)
    run.after = lambda: run.world.down.update({"bdr_initial_node", "bdr_node3"})
    view = await run.go(goes_on)
    assert run.to_haproxy() == both("node1")
    assert (view.status, exit_code(view)) == (RunStatus.UNDONE, 20)
    assert view.message.startswith("node2: Refused by the checks.")
    assert "Done before: node1. Not begun: node3." in view.message


async def test_a_refusal_of_the_first_node_changes_nothing(tmp_path: Path) -> None:
    world = FakeWorld(down={"bdr_next_node", "bdr_node3"})
    run = Run(world, tmp_path)
    view = await run.go(goes_on)
    assert (exit_code(view), world.sent) == (10, [])
    assert "Not begun: node2, node3." in view.message


async def test_an_abort_puts_back_the_node_that_has_the_turn_and_no_other_one_begins(tmp_path: Path) -> None:
    def operator(run: Run, view: RunView) -> None:
        if view.status is RunStatus.HOLDING:
            run.say("abort" if view.node == "node2" else "go")

    run = Run(FakeWorld(), tmp_path)
    view = await run.go(operator)
    assert run.to_haproxy() == [*both("node1"), *both("node2")]
    assert (view.status, exit_code(view)) == (RunStatus.UNDONE, 20)
    assert "Done before: node1. Not begun: node3." in view.message


async def test_what_cannot_be_put_back_is_listed_and_ends_the_run_with_21(tmp_path: Path) -> None:
    def operator(run: Run, view: RunView) -> None:
        if view.status is RunStatus.HOLDING:
            run.world.ineffective |= {"enable server bk_db/bdr_next_node"}
            run.say("abort" if view.node == "node2" else "go")

    view = await Run(FakeWorld(), tmp_path).go(operator)
    assert (view.status, exit_code(view)) == (RunStatus.STOPPED, 21)
    assert any("enable server bk_db/bdr_next_node" in line for line in view.leftovers)


async def test_the_next_node_waits_until_the_one_before_has_caught_up_and_an_abort_is_heard_then(
    tmp_path: Path,
) -> None:
    refused: list[bool] = []

    def operator(run: Run, view: RunView) -> None:
        if "node1 is back; node2 comes next" in view.message:
            refused.append(not run.commands.take_word("go", "dba")[0])
            run.say("abort")
        goes_on(run, view)

    run = Run(FakeWorld(), tmp_path, ("node1", "node2"))
    run.after = lambda: run.world.silent.add("node3")  # whether it has caught up cannot be told
    view = await run.go(operator)
    assert refused[0]
    assert run.to_haproxy() == both("node1")
    assert exit_code(view) == 20
    assert "Stopped by dba after node1. Done before: node1. Not begun: node2." in view.message


async def test_a_node_that_does_not_catch_up_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling_module, "_SETTLED_WITHIN", 0.05)
    run = Run(FakeWorld(), tmp_path, ("node1", "node3"))
    run.after = lambda: run.world.silent.add("node2")
    view = await run.go(goes_on)
    assert exit_code(view) == 20
    assert "node1 is back in service but has not caught up: node2 does not answer" in view.message


async def test_an_alarm_in_one_turn_ends_the_run_after_it(tmp_path: Path) -> None:
    class Alarmed(Run):
        async def carry(self, task: RunSetup, journal: Journal) -> None:
            journal.write("alarm", text="the hold command ended with exit code 4")
            await super().carry(task, journal)

    view = await Alarmed(FakeWorld(), tmp_path).go(goes_on)
    assert (exit_code(view), view.problems) == (20, ("the hold command ended with exit code 4",))
    assert "Done before: node1. Not begun: node2, node3." in view.message


async def test_a_run_that_died_in_its_second_turn_goes_on_with_that_node_and_then_the_rest(
    tmp_path: Path,
) -> None:
    run = Run(FakeWorld(), tmp_path)

    class DiedError(Exception):
        pass

    def operator(run: Run, view: RunView) -> None:
        if view.status is RunStatus.HOLDING and view.node == "node2":
            raise DiedError
        goes_on(run, view)

    with pytest.raises(DiedError):
        await run.go(operator)
    told = past(read_events(tmp_path))
    assert told is not None
    assert told.plan.node == "node2"
    assert [act.subject for act in told.taken["disable"]] == ["bk_db/bdr_next_node"] * 2
    before = run.to_haproxy()
    task = RunSetup(told.plan, (), taken=told.taken, begin_at=told.begin_at)
    run.journal.write("resume", who="dba", undo=False, message="Going on.")
    view = await run.go(goes_on, task)
    assert run.to_haproxy()[len(before) :] == [both("node2")[1], *both("node3")]
    assert exit_code(view) == 0


async def test_the_plan_rests_on_every_turn(tmp_path: Path) -> None:
    world = FakeWorld()
    request = {"node": "node1", "nodes": ALL, "mode": "gradual"}
    made = turns(await world.read(ALL_PARTS), SETTINGS, request)
    assert [plan.node for plan, _ in made] == list(ALL)
    found = seen(await world.read(ALL_PARTS), made)
    assert "bdr_next_node" in found["node2: step disable"]
    assert "bdr_node3" in found["node3: step disable"]


@pytest.mark.parametrize(
    ("nodes", "told"), [(("node1", "node9"), "no node named 'node9'"), (("node1", "node1"), "named twice")]
)
def test_nodes_that_cannot_be_meant_are_refused(nodes: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConsoleError, match=told):
        named(SETTINGS, "shop", nodes)
