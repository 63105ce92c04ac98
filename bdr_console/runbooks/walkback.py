"""The way back: take back what this run changed, last change first, and prove each."""

import asyncio
import time
from collections.abc import Sequence

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.journal import Journal
from bdr_console.runbooks.narration import Narration
from bdr_console.runbooks.run import StepStatus
from bdr_console.runbooks.step import Act, Proof, Step, World

_DEADLINE = 20.0
"""Seconds for one step's undo, proof included."""
_AGAIN_AFTER = 2.0
"""Seconds before an undo command whose effect does not show is sent again; undo commands are idempotent."""


class WalkBack:
    """Undoes the steps of one run that changed something, in reverse order."""

    def __init__(
        self,
        steps: Sequence[Step],
        world: World,
        journal: Journal,
        narration: Narration,
        *,
        pace: float,
    ) -> None:
        self._changed = tuple(step for step in reversed(steps) if any(act.undo for act in step.taken))
        self._world = world
        self._journal = journal
        self._narration = narration
        self._pace = pace

    @property
    def anything(self) -> bool:
        """Whether this run began anything that can be taken back."""
        return bool(self._changed)

    async def run(self) -> tuple[str, ...]:
        """Undo everything that can be undone; returns what is left, one line each with the command for it."""
        leftovers: list[str] = []
        for step in self._changed:
            leftovers += await self._undo(step)
        return tuple(leftovers)

    async def _undo(self, step: Step) -> list[str]:
        self._narration.mark(step, StepStatus.UNDOING)
        patience = min(_DEADLINE, step.undo_patience())
        until = time.monotonic() + patience
        sent: dict[Act, float] = {}
        said: dict[Act, str] = {}
        while True:
            seen = await step.undone(self._world)
            if seen.proof is Proof.MET:
                self._narration.mark(step, StepStatus.UNDONE, seen)
                return []
            self._narration.progress(step, seen)
            if against := await step.undo_guard(self._world):
                return self._give_up(step, against, said)
            if time.monotonic() >= until:
                why = (
                    "it could not be told whether it was put back"
                    if seen.proof is Proof.UNKNOWN
                    else "no effect"
                )
                return self._give_up(step, f"{why} within {patience:g} s", said)
            now = time.monotonic()
            due = [act for act in step.left_undone() if now - sent.get(act, -_AGAIN_AFTER) >= _AGAIN_AFTER]
            # All at once: a host that hangs must not keep the others as they are.
            for act, answer in zip(
                due, await asyncio.gather(*(self._send(step, act) for act in due)), strict=True
            ):
                sent[act], said[act] = now, answer
            await asyncio.sleep(self._pace)

    async def _send(self, step: Step, act: Act) -> str:
        """Send the undo of one act; returns the error it was answered with, if any."""
        if act.undo is None:
            return ""
        fields = {"step": step.plan.key, "host": act.undo.host, "command": act.undo.text}
        self._journal.write("intent", undo=True, **fields)
        try:
            answer = await self._world.send(act.kind, act.target, act.undo.text)
        except ConsoleError as error:
            self._journal.write("error", undo=True, **fields, error=error.problem)
            return error.problem if step.heard(act, undo=True, error=error.problem) else ""
        step.heard(act, undo=True)
        self._journal.write("answer", undo=True, **fields, answer=answer)
        return ""

    def _give_up(self, step: Step, why: str, said: dict[Act, str]) -> list[str]:
        self._narration.mark(step, StepStatus.FAILED, lines=[f"not put back: {why}"])
        left = []
        for act in step.left_undone():
            told = f" ({said[act]})" if said.get(act) else ""
            left.append(
                f"'{act.command.text}' is still in force on {act.command.host}: {why}{told}. "
                f"To take it back: {act.undo.text if act.undo else 'nothing'}"
            )
        return left
