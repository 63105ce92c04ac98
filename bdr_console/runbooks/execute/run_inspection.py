"""Where the condition of each step stands now, read from the live cluster time and again. Nothing is sent."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bdr_console.cluster.nodes import WalPositions
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute.catalog import built
from bdr_console.runbooks.execute.cluster_reader import ClusterReader
from bdr_console.runbooks.execute.resume import Taken, adopted, found, unseen
from bdr_console.runbooks.execute.run_setup import undertake
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.run import Command, Proof, StepStatus, StepView
from bdr_console.runbooks.model.step import Plan, TargetKind, World

LOOK_EVERY = 3.0
"""Seconds between two looks."""
PARTS = (
    Area.NODES
    | Area.PROXIES
    | Area.SESSIONS
    | Area.POOLERS
    | Area.CONNECTIONS
    | Area.BACKENDS
    | Area.LOADS
    | Area.SETTINGS
)
"""What a look reads."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is left of a run whose runner is gone, or of one that nobody here has a journal of."""

    plan: Plan
    steps: tuple[StepView, ...]
    """With what is observed of each now; those behind the operator's go are marked done."""
    left: tuple[str, ...]
    """What is still in force, a line for each."""
    unseen: tuple[str, ...]
    """What does not answer, so that nobody can tell what was left there."""
    undoing: bool
    """It was on its way back: to go on is to go on back."""
    takes_back: tuple[Command, ...] = ()
    """What an undo sends for what counts as the run's own, in order."""
    paused: bool = False
    """Clients wait: to undo lets them go on, and needs no second thought."""


class ReadOnlyWorld:
    """One reading as a world: every question is answered from it, and nothing can be sent."""

    def __init__(self, reading: Reading, reader: ClusterReader) -> None:
        self._reading = reading
        self._reader = reader

    async def read(self, parts: Area) -> Reading:
        """That reading."""
        return self._reading

    async def positions(self, node: str) -> WalPositions:
        """How far that node's WAL has come now; raises ConsoleError."""
        return await self._reader.positions(node)

    async def send(self, kind: TargetKind, target: str, text: str) -> str:
        """Refuse."""
        raise ConsoleError(f"`{text}` is not sent to {target}: this only looks")

    async def send_waiting(self, target: str, text: str) -> str:
        """Refuse."""
        return await self.send("pgbouncer", target, text)

    async def signal(self, node: str, how: Literal["cancel", "terminate"], pid: int, started: str) -> bool:
        """Refuse."""
        raise ConsoleError(f"nothing is done to pid {pid} on {node}: this only looks")

    async def warm(self, poolers: frozenset[str], nodes: frozenset[str]) -> None:
        """Nothing will be sent, so nothing is opened."""


class PlanInspection:
    """The steps of one plan, looked at time and again: some judge by the mark that their first look took."""

    def __init__(self, made: Plan, settings: ClusterSettings) -> None:
        self.plan = made
        self._steps = built(made, settings, {})
        for step in self._steps:
            step.begin()

    async def look(self, world: World, taken: Taken) -> tuple[StepView, ...]:
        """Each step with its proof now; `taken` are the acts that count as the run's own.

        Many a condition holds by itself before anything was done: nobody is paused, nobody waits. So it
        counts as met only when its turn has come, that is when everything before it is met.
        """
        views = []
        its_turn = True
        for step, view in zip(self._steps, self.plan.views(), strict=True):
            if step.plan.holds:
                its_turn = False
                views.append(view)
                continue
            resumes = step.plan.key == "resume"
            if resumes:
                # It has nothing to show but that nobody is paused, and looks for that once it was sent.
                step.begin()
            step.taken[:] = step.plan.acts if resumes else taken.get(step.plan.key, ())
            await step.observe(world)
            seen = await step.observe(world)
            early = seen.proof is Proof.MET and not its_turn
            its_turn = its_turn and seen.proof is Proof.MET
            views.append(replace(view, proof=None if early else seen.proof, evidence=seen.evidence))
        return tuple(views)


async def conditions(
    made: Plan, settings: ClusterSettings, cluster: str
) -> AsyncGenerator[tuple[StepView, ...], None]:
    """The plan's steps as they stand, every few seconds until it is closed. Raises ConsoleError."""
    reader = ClusterReader(cluster, settings, application_name="bdr-console plan")
    inspection = PlanInspection(made, settings)
    try:
        while True:
            reading = await reader.read(PARTS)
            yield await inspection.look(ReadOnlyWorld(reading, reader), adopted(reading, made))
            await asyncio.sleep(LOOK_EVERY)
    finally:
        await reader.close()


async def unfinished(
    directory: Path | None, node: str, settings: ClusterSettings, cluster: str
) -> AsyncGenerator[Unfinished, None]:
    """What is left of the run in `directory`, or without one of a switchover of `node` by what is seen, every
    few seconds until it is closed. Raises ConsoleError when there is nothing to go on with."""
    reader = ClusterReader(cluster, settings, application_name="bdr-console plan")
    request = {"word": "resume" if directory else "adopt", "node": node}
    inspection: PlanInspection | None = None
    try:
        while True:
            reading = await reader.read(PARTS)
            world = ReadOnlyWorld(reading, reader)
            task = await undertake(directory or Path(), request, settings, world)
            if inspection is None or inspection.plan.steps != task.plan.steps:
                inspection = PlanInspection(task.plan, settings)
            steps = await inspection.look(world, task.taken)
            behind = tuple(replace(step, status=StepStatus.DONE) for step in steps[: task.begin_at])
            steps = (*behind, *steps[task.begin_at :])
            waits = any(d.paused for p in reading.snapshot.poolers if p.facts for d in p.facts.databases)
            back = tuple(
                act.undo
                for step in reversed(task.plan.steps)
                for act in reversed(task.taken.get(step.key, ()))
                if act.undo
            )
            yield Unfinished(task.plan, steps, found(reading, node), unseen(reading), task.undo, back, waits)
            await asyncio.sleep(LOOK_EVERY)
    finally:
        await reader.close()
