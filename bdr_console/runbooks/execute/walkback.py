"""The way back: take back what this run changed, last change first, and prove each."""

import asyncio
import time
import traceback
from collections.abc import Sequence

from bdr_console import logs
from bdr_console.errors import described
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.journal.progress_writer import ProgressWriter
from bdr_console.runbooks.model.run import StepStatus
from bdr_console.runbooks.model.step import Act, Proof, Step, World

_DEADLINE = 20.0
"""Seconds for one step's undo, proof included."""
_HEAD_START = 2.5
"""Seconds that a step's undo gets before the next one begins beside it: the deadline of a host that hangs."""
_AGAIN_AFTER = 2.0
"""Seconds before an undo command whose effect does not show is sent again; undo commands are idempotent."""


class WalkBack:
    """Undoes the steps of one run that changed something, in reverse order."""

    def __init__(
        self,
        steps: Sequence[Step],
        world: World,
        journal: Journal,
        narration: ProgressWriter,
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
        """Undo everything that can be undone; returns what is left, one line each with the command for it.

        A step begins when the one before it is proven, or soon after: servers come back before clients go on,
        and a host that hangs does not keep the others as they are.
        """
        tasks: list[asyncio.Task[list[str]]] = []
        try:
            for step in self._changed:
                tasks.append(asyncio.create_task(self._undo(step)))
                await asyncio.wait(tasks[-1:], timeout=_HEAD_START)
            return tuple(line for left in await asyncio.gather(*tasks) for line in left)
        finally:
            # When the run ends in the middle, nothing is sent any more: its watchdog acts from then on.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _undo(self, step: Step) -> list[str]:
        said: dict[Act, str] = {}
        try:
            return await self._undo_and_prove(step, said)
        except Exception as error:
            logs.swallowed(error, "walking back")
            traceback.print_exc()
            why = f"it could not be told whether it was put back: {described(error)}"
            left = step.left_undone() or tuple(act for act in step.taken if act.undo)
            return self._give_up(step, why, said, left)

    async def _undo_and_prove(self, step: Step, said: dict[Act, str]) -> list[str]:
        self._narration.mark(step, StepStatus.UNDOING)
        patience = min(_DEADLINE, step.undo_patience())
        until = time.monotonic() + patience
        sent: dict[Act, float] = {}
        if step.plan.pause is not None:
            await self._send_due(step, sent, said)  # clients wait: what is sent does not wait for a look
        while True:
            seen = await step.undone(self._world)
            if seen.proof is Proof.MET:
                self._narration.mark(step, StepStatus.UNDONE, seen)
                return []
            self._narration.progress(step, seen)
            if against := await step.undo_guard(self._world):
                return self._give_up(step, against, said, step.left_undone())
            if time.monotonic() >= until:
                why = (
                    "it could not be told whether it was put back"
                    if seen.proof is Proof.UNKNOWN
                    else "no effect"
                )
                return self._give_up(step, f"{why} within {patience:g} s", said, step.left_undone())
            await self._send_due(step, sent, said)
            await asyncio.sleep(self._pace)

    async def _send_due(self, step: Step, sent: dict[Act, float], said: dict[Act, str]) -> None:
        now = time.monotonic()
        due = [act for act in step.left_undone() if now - sent.get(act, -_AGAIN_AFTER) >= _AGAIN_AFTER]
        # All at once: a host that hangs must not keep the others as they are.
        answers = await asyncio.gather(*(self._send(step, act) for act in due))
        for act, answer in zip(due, answers, strict=True):
            sent[act], said[act] = now, answer

    async def _send(self, step: Step, act: Act) -> str:
        """Send the undo of one act; returns the error it was answered with, if any."""
        if act.undo is None:
            return ""
        fields = {"step": step.plan.key, "host": act.undo.host, "command": act.undo.text}
        # Clients may wait: what lets them go on does not wait for the disk.
        durable = step.plan.pause is None
        self._journal.write("intent", durable, undo=True, **fields)
        try:
            answer = await self._world.send(act.kind, act.target, act.undo.text)
        except Exception as error:
            logs.swallowed(error, "walking back")
            why = described(error)
            self._journal.write("error", durable, undo=True, **fields, error=why)
            return why if step.answered(act, undo=True, error=why) else ""
        step.answered(act, undo=True)
        self._journal.write("answer", undo=True, **fields, answer=answer)
        return ""

    def _give_up(self, step: Step, why: str, said: dict[Act, str], acts: Sequence[Act]) -> list[str]:
        self._narration.mark(step, StepStatus.FAILED, lines=[f"not put back: {why}"])
        left = []
        for act in acts:
            told = f" ({said[act]})" if said.get(act) else ""
            left.append(
                f"'{act.command.text}' is still in force on {act.command.host}: {why}{told}. "
                f"To take it back: {act.undo.text if act.undo else 'nothing'}"
            )
        return left
