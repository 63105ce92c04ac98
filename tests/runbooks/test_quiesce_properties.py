"""Random faults and words at random instants of a quiesced switchover over a simulated cluster."""

import asyncio
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.execute import engine as engine_module
from bdr_console.runbooks.execute import walkback as walkback_module
from bdr_console.runbooks.execute.engine import StepEngine
from bdr_console.runbooks.execute.resume import as_event
from bdr_console.runbooks.execute.run_setup import undertake
from bdr_console.runbooks.journal.journal_file import JOURNAL, Journal
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.step import Act
from bdr_console.runbooks.plan.switchover import plan, steps
from bdr_console.runbooks.steps import pool_settings, quiesce
from tests.runbooks import virtual_time
from tests.runbooks.test_engine import DISABLE, ENABLE, with_deadlines
from tests.runbooks.world import NOTHING, SERVERS, SETTINGS, FakeWatch, FakeWorld, FullDiskJournal, direct

pytestmark = pytest.mark.timeout(600)  # it computes all the time, and time in it is not the machine's
RESUME = "RESUME app"
FAULTS = (
    "abort",
    "kill",
    "busy",
    "idle",
    "behind",
    "caught up",
    "apply blocked",
    "weight 0",
    "marked read-only",
    "no login",
    "fit again",
    "others down",
    "others up",
    "silent haproxy2",
    "silent node2",
    "all answer",
    "somebody enables",
    "somebody resumes",
    "lose RESUME",
    "refuse DISABLE",
    "nothing refused",
    "unlisted",
    "go",
    "reload haproxy1",
    "reload haproxy2",
    "direct client",
    "direct client leaves",
    "leave",
    "kill both",
    "disk full",
    "disk with room",
    "unexpected error",
    "no error any more",
)


class Ended(BaseException):  # the runner's end, not an error that it could handle
    """The runner was killed."""


class FaultyWorld(FakeWorld):
    """Strikes one fault after each so many looks, and watches what is sent."""

    def __init__(self, script: list[tuple[int, str]], journal: FullDiskJournal, path: Path) -> None:
        super().__init__()
        self.script = list(script)
        self.disk = journal
        self.disk_was_full = False
        self.watchdog_killed = False
        self.journal = path
        self.looks = 0
        self.engine: StepEngine | None = None
        self.broken: list[str] = []
        self.disabled_by_us: set[str] = set()
        self.killed = False
        self.pause_sent = False

    async def read(self, parts: Area) -> Reading:
        self.looks += 1
        while self.engine and self.script and self.looks >= self.script[0][0]:
            self._strike(self.script.pop(0)[1])
        if self.killed:
            raise Ended
        return await super().read(parts)

    def _strike(self, fault: str) -> None:  # noqa: PLR0912 - one line for each fault
        assert self.engine is not None
        match fault:
            case "abort" | "go":
                self.engine.take_word(fault, "dba")
            case "kill" | "kill both":
                self.killed, self.watchdog_killed = True, fault == "kill both"
            case "disk full" | "disk with room":
                self.disk.full = fault == "disk full"
                self.disk_was_full = self.disk_was_full or self.disk.full
            case "unexpected error":
                self.crash = Area.LOADS
            case "no error any more":
                self.crash = NOTHING
            case "busy" | "idle":
                self.connections[0].busy = fault == "busy" and not self.paused
            case "behind" | "caught up":
                self.behind = 10**6 if fault == "behind" else 0
            case "apply blocked":
                self.apply_blocked = True
            case "weight 0":
                self.weightless = {"bdr_next_node", "bdr_node3"}
            case "marked read-only":
                self.marked_read_only = {"node2", "node3"}
            case "no login":
                self.no_login = {"node2", "node3"}
            case "fit again":
                self.weightless, self.marked_read_only, self.no_login = set(), set(), set()
                self.apply_blocked = False
            case "others down" | "others up":
                self.down = {"bdr_next_node", "bdr_node3"} if fault == "others down" else set()
            case "silent haproxy2" | "silent node2":
                self.silent = {fault.split()[1]}
            case "all answer":
                self.silent = set()
            case "somebody enables":
                self.maintenance["haproxy1"].discard("bdr_initial_node")
            case "somebody resumes":
                self.paused = False
            case "lose RESUME":
                self.lose_answer = {RESUME}
            case "refuse DISABLE":
                self.refuse = {DISABLE: "Permission denied"}
            case "nothing refused":
                self.refuse, self.lose_answer = {}, set()
            case "unlisted":
                self.listed = False
            case "reload haproxy1" | "reload haproxy2":
                self.reload(fault.split()[1])
            case "direct client" | "direct client leaves":
                self.direct = [direct(age=1.0)] if fault == "direct client" else []
            case "leave":
                self.engine.take_word("leave it is a test", "dba")

    async def send(self, kind: Any, target: str, text: str) -> str:
        if self.killed:
            raise Ended  # a dead process sends nothing, whichever of its tasks found out first
        self._announced(target, text)
        if text == DISABLE and target not in self.silent:
            usable = set(SERVERS) - self.down - self.maintenance[target] - {"bdr_initial_node"}
            usable -= self.weightless
            if not usable:
                self.broken.append(f"disabled the last server on {target}")
            self.disabled_by_us.add(target)
        if text == ENABLE and target not in self.disabled_by_us:
            self.broken.append(f"enabled on {target} what we did not disable")
        return await super().send(kind, target, text)

    async def send_waiting(self, target: str, text: str) -> str:
        if self.killed:
            raise Ended
        self._announced(target, text)
        self.pause_sent = self.pause_sent or text.startswith("PAUSE")
        return await super().send_waiting(target, text)

    def _announced(self, target: str, text: str) -> None:
        if self.disk.problem:
            return  # it is kept in memory: the act does not wait for the disk
        events = [json.loads(line) for line in self.journal.read_text().splitlines()]
        sent = sum(one == (target, text) for one in self.sent)
        announced = sum(
            e["event"] == "intent" and e["command"] == text and e["host"].startswith(target) for e in events
        )
        if announced <= sent:
            self.broken.append(f"{text} went to {target} without an intent in the journal")


class ActingWatch(FakeWatch):
    """A watchdog that starts no process: when the run ends without it standing down, it acts as one would."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: tuple[Act, ...] = ()

    def tell(self, acts: tuple[Act, ...], until: float) -> None:
        super().tell(acts, until)
        self.acts = acts

    async def take_back(self, world: FakeWorld) -> None:
        for act in () if self.stood_down else self.acts:
            with contextlib.suppress(ConsoleError):
                await FakeWorld.send(world, act.kind, act.target, act.undo.text if act.undo else "")


@pytest.fixture(autouse=True, scope="module")
def _impatient() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "_LOST_ANSWER_GRACE", 0.01)
        patch.setattr(walkback_module, "_DEADLINE", 0.03)
        patch.setattr(walkback_module, "_AGAIN_AFTER", 0.01)
        patch.setattr(pool_settings, "_SETTLED_FOR", 0.001)
        patch.setattr(pool_settings, "_FULL_FOR", 0.001)
        patch.setattr(quiesce, "_LOGIN_ENDS", 0.01)
        yield


scripts = st.lists(st.tuples(st.integers(1, 60), st.sampled_from(FAULTS)), max_size=6).map(sorted)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(scripts)
@example([(10, "somebody enables"), (12, "kill")])
def test_whatever_happens_no_rule_is_broken_and_nobody_is_left_waiting(script: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        virtual_time.run(_one(script, Path(directory)))


@pytest.mark.parametrize("word", ["kill", "abort", "kill both", "unexpected error"])
def test_killed_or_aborted_at_any_look_of_the_pause_nobody_is_left_waiting(tmp_path: Path, word: str) -> None:
    paused = 0
    for look in range(2, 24):
        directory = tmp_path / str(look)
        directory.mkdir()
        paused += virtual_time.run(_one([(1, "behind"), (look, word)], directory))
    assert paused > 5, "the pause was never reached"


def test_a_run_that_ends_in_the_middle_of_its_way_back_sends_nothing_any_more(tmp_path: Path) -> None:
    """Its watchdog acts from then on; a command of the dead run beside it would be in no journal."""
    for moment in range(5, 60):
        directory = tmp_path / str(moment)
        directory.mkdir()
        script = [(1, "behind"), (14, "silent haproxy2"), (16, "abort")]
        virtual_time.run(_one(script, directory, within=moment / 1000))


async def _one(script: list[tuple[int, str]], directory: Path, within: float = 0.25) -> bool:
    journal = FullDiskJournal(directory, "r1")
    world, watch = FaultyWorld(script, journal, directory / JOURNAL), ActingWatch()
    seen = await world.read(ALL_PARTS)
    made = plan(seen.snapshot, SETTINGS, "node1", "quiesce", remembered=seen.settings)
    made = with_deadlines(made, {step.key: 0.02 for step in made.steps if step.deadline})
    journal.write("plan", plan=as_event(made))
    engine = StepEngine(steps(made, SETTINGS), world, journal, pace=0.001, hold_pace=0.001, watch=watch)
    world.engine, world.looks = engine, 0
    run = asyncio.create_task(engine.run())
    try:
        async with asyncio.timeout(within):
            await run
    except (Ended, TimeoutError):
        pass  # killed, or it waits for a word: either way the process ends here
    finally:
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError, Ended):
            await run
    sent = len(world.sent)
    await asyncio.sleep(0.1)
    assert len(world.sent) == sent, f"a run that has ended still sends: {world.sent[sent:]}"
    if world.watchdog_killed:
        await _a_console_looks(world, directory)
    else:
        await watch.take_back(world)
    assert world.broken == []
    assert not world.paused, "clients are left waiting"
    assert not world.resumed_split, "clients went on while the HAProxies disagreed"
    if not (world.watchdog_killed and world.disk_was_full):  # then no journal says what they were
        assert world.settings == FakeWorld().settings
    if world.pause_sent:
        assert ("pgb-tx", RESUME) in world.sent
    return world.pause_sent


async def _a_console_looks(world: FaultyWorld, directory: Path) -> None:
    """Runner and watchdog are dead: somebody undoes the run by its journal, and if that does not do, by what
    is seen. Everything answers by then."""
    world.killed, world.script, world.disk.full = False, [], False
    world.silent, world.crash, world.refuse, world.lose_answer = set(), NOTHING, {}, set()
    for word in ("undo", "adopt-undo"):
        with contextlib.suppress(ConsoleError):  # nothing is in force
            task = await undertake(directory, {"word": word, "node": "node1"}, SETTINGS, world)
            made = steps(task.plan, SETTINGS)
            for step in made:
                step.taken += task.taken.get(step.plan.key, ())
            await StepEngine(made, world, Journal(directory, "r1"), pace=0.001).undo("Taken back.")
