"""Drive the application without a terminal, and read what it shows."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.alarm import AlarmRules
from bdr_console.errors import ConsoleError
from bdr_console.event_store import EventStore
from bdr_console.runbooks.execute.intervene import ActRecord
from bdr_console.runbooks.execute.run_inspection import Unfinished
from bdr_console.runbooks.model.run import RunView, StepView
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.services import OtherOperator, PlanView, Purpose, Terms
from tests.ui.scenes import CHECKS, NOW, FixedSource, steps
from tests.waiting import eventually

DEADLINE = 30.0


class FakeRuns:
    """Stands for the journals: the run that a test puts there."""

    def __init__(self, run: RunView | None = None) -> None:
        self.run = run

    def latest(self) -> RunView | None:
        """That run."""
        return self.run

    def recent(self) -> tuple[RunView, ...]:
        """That run."""
        return (self.run,) if self.run is not None else ()

    def view(self, run_id: str) -> RunView | None:
        """That run, if it is the one."""
        return self.run if self.run is not None and self.run.run_id == run_id else None


class FakeLock:
    """Stands for the lock on the nodes: the holder that a test puts there."""

    def __init__(self, held: OtherOperator | None = None) -> None:
        self.held = held

    async def holder(self) -> OtherOperator | None:
        """That holder."""
        return self.held

    async def close(self) -> None:
        """Nothing is open."""


class FakeActs:
    """Stands for the runbooks: remembers what was asked of it, changes nothing."""

    def __init__(
        self,
        *,
        plan: PlanView | ConsoleError | None = None,
        refuse: ConsoleError | None = None,
        left: Unfinished | ConsoleError | None = None,
        plan_after: PlanView | None = None,
    ) -> None:
        """`plan_after` is the plan once a session has been ended."""
        self._plan_after = plan_after
        self.ended: list[str] = []
        self.observed: asyncio.Queue[tuple[StepView, ...]] = asyncio.Queue()
        """What the live cluster shows of the plan's steps, one look after the other."""
        self.purpose = Purpose()
        self.finished: list[tuple[str, str | None, str]] = []
        self._left = left
        self.started: list[str] = []
        self.said: list[tuple[str, str]] = []
        self.plans = 0
        self.let_go_of = 0
        self.terms = Terms()
        self._plan = plan or PlanView("node1", steps(-1), CHECKS)
        self._refuse = refuse
        self.start_thread: str | None = None

    async def plan(self, node: str, terms: Terms) -> PlanView:
        """The plan that the test chose."""
        self.plans += 1
        self.terms = terms
        if isinstance(self._plan, ConsoleError):
            raise self._plan
        return self._plan

    async def conditions(self, plan: PlanView) -> AsyncGenerator[tuple[StepView, ...], None]:
        """The looks that the test puts there."""
        while True:
            yield await self.observed.get()

    async def unfinished(self, node: str, run_id: str | None) -> AsyncGenerator[Unfinished, None]:
        """What the test left behind."""
        if isinstance(self._left, ConsoleError):
            raise self._left
        if self._left is not None:
            yield self._left
        await asyncio.Event().wait()

    def let_go(self) -> None:
        """Nothing was prepared."""
        self.let_go_of += 1

    def finish(self, node: str, run_id: str | None, *, undo: bool) -> str:
        """Remember."""
        if self._refuse is not None:
            raise self._refuse
        self.finished.append((node, run_id, "undo" if undo else "resume"))
        return "20260304T095940-node1-ab12"

    async def end(self, plan: PlanView, word: str, record: ActRecord) -> str:
        """Remember, and write down what a real desk would."""
        if self._refuse is not None:
            raise self._refuse
        (command,) = next(offer.commands for offer in plan.offers if offer.word == word)
        fields = {"who": "dba@bastion", "word": word, "host": command.host, "command": command.text}
        record.write("intent", **fields)
        self.ended.append(word)
        self._plan = self._plan_after or self._plan
        record.write("answer", **fields, answer="terminate was sent to pid 2211 on node1")
        return "terminate was sent to pid 2211 on node1."

    def start(self, node: str, terms: Terms, purpose: Purpose) -> str:
        """Remember."""
        self.terms = terms
        self.purpose = purpose
        self.start_thread = threading.current_thread().name
        if self._refuse is not None:
            raise self._refuse
        self.started.append(node)
        return "20260304T095940-node1-ab12"

    async def send(self, run_id: str, word: str) -> str:
        """Remember."""
        if self._refuse is not None:
            raise self._refuse
        self.said.append((run_id, word))
        return "accepted"


@asynccontextmanager
async def console(
    *shown: Snapshot,
    size: tuple[int, int] = (140, 40),
    runs: FakeRuns | None = None,
    acts: FakeActs | None = None,
    lock: FakeLock | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
    source: FixedSource | None = None,
    others: tuple[ClusterParts, ...] = (),
    event_store: EventStore | None = None,
    rules: AlarmRules | None = None,
    **options: object,
) -> AsyncIterator[tuple[ConsoleApp, Pilot[int]]]:
    """The console on hand-made snapshots, painted for the first time."""
    environment = shown[-1].environment if shown else "lab"
    parts = ClusterParts(
        source or FixedSource(*shown),
        "lab",
        environment,
        runs=runs,
        acts=acts,
        lock=lock,
        rules=rules or AlarmRules(),
        event_store=event_store,
    )
    app = ConsoleApp(parts, *others, clock=clock, **options)  # type: ignore[arg-type]
    async with app.run_test(size=size, notifications=True) as pilot:
        # The events and lines of the last snapshot come with a tick of the painter.
        await until(
            pilot,
            lambda: " lab " in text(app) and (not shown or (app.newest is shown[-1] and not app.has_news)),
        )
        yield app, pilot


def strips(app: App[Any]) -> list[Strip]:
    """The lines of the screen in front with their colours; nothing public of Textual has them."""
    return app.screen._compositor.render_strips()


def text(app: ConsoleApp) -> str:
    """What a person would read on the screen now."""
    return "\n".join(strip.text for strip in strips(app))


def line_with(app: ConsoleApp, word: str) -> str:
    """The first line on the screen that holds `word`."""
    for line in text(app).splitlines():
        if word in line:
            return line
    raise AssertionError(f"no line with {word!r} on the screen:\n{text(app)}")


async def until(pilot: Pilot[int], holds: Callable[[], bool]) -> None:
    """Wait until `holds`; fails with the screen when it does not in time."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await eventually(holds, lambda: f"the screen is:\n{text(app)}", seconds=DEADLINE, pause=0.01)
    await pilot.pause()


async def until_shown(pilot: Pilot[int], *words: str) -> str:
    """Wait until every word stands on the screen; returns the screen."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)

    def stand_there() -> bool:
        shown = text(app)
        return all(word in shown for word in words)

    await until(pilot, stand_there)
    return text(app)
