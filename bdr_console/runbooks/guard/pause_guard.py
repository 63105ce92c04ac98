"""The part of a run in which clients wait: one deadline over all its steps, and a watchdog beside the run.

The watchdog is told, before each command, what would have to be taken back if the run ended there. Before the
point of no return that is everything, last change first; after it only what keeps clients waiting.
"""

import math
import time
from collections.abc import Sequence

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.model.step import Act, Step, Watch

_GRACE = 1.0
"""Seconds that the watchdog leaves the run to take everything back itself once the deadline has passed."""
_QUICK = 0.003
"""Seconds between two looks while clients wait."""


class PauseGuard:
    """Keeps the watchdog of one run informed. Without one (steps that pause nobody) it does nothing."""

    def __init__(self, watch: Watch | None, journal: Journal, steps: Sequence[Step]) -> None:
        self._watch = watch
        self._journal = journal
        self._steps = tuple(steps)
        self._until = math.inf
        self._armed = False

    @property
    def clients_wait(self) -> bool:
        """Whether clients may be waiting by this run's doing, from the first PAUSE on."""
        return not math.isinf(self._until) and any(
            step.plan.pause is not None and step.taken for step in self._steps
        )

    def until(self, step: Step) -> float:
        """When the pause must be over (time.monotonic()); infinity for a step that pauses nobody."""
        return math.inf if step.plan.pause is None else self._until

    def gone(self, step: Step) -> str:
        """Why a step of the pause must not go on: the watchdog has let the clients go on already, or died."""
        if step.plan.pause is None or not self._armed or self._watch is None or not self._watch.gone:
            return ""
        return "the watchdog of the pause has ended: it let the clients go on, or somebody ended it"

    async def before(self, step: Step, acts: tuple[Act, ...]) -> str:
        """Called before the acts of any step; returns why they must not be sent now."""
        if step.plan.watched and acts and not self._armed and (problem := await self._arm()):
            return problem
        if step.plan.pause is not None and acts:
            if math.isinf(self._until):
                self._until = time.monotonic() + step.plan.pause
            # After the point of no return clients must go on in any case: nothing holds that back.
            if not step.plan.no_return and (problem := self._too_late(step)):
                return problem
        if self._armed and self._watch is not None and acts:
            self._watch.tell(self._would_take_back(step, acts), self._until + _GRACE)
        return ""

    def pace(self, otherwise: float) -> float:
        """Seconds between two looks: few while clients wait."""
        return otherwise if math.isinf(self._until) else min(otherwise, _QUICK)

    def after(self, step: Step) -> None:
        """Called when a step is behind: proven by this run, or found so."""
        if step.plan.pause_ends:
            self._until = math.inf
        if step.plan.watch_ends:
            self.end()

    def end(self, *, leftovers: bool = False) -> None:
        """The run watches no longer. With leftovers the watchdog tries on with what keeps clients waiting."""
        if self._armed and self._watch is not None:
            if leftovers:
                poolers = (act for step in reversed(self._steps) for act in step.taken)
                still = tuple(act for act in poolers if act.undo and act.kind == "pgbouncer")
                self._watch.tell(still, time.monotonic())
                self._journal.write("watchdog", text="tries on: not everything could be put back")
            else:
                self._watch.stand_down()
                self._journal.write("watchdog", False, text="stands down: nothing is left to take back")
        self._armed, self._until = False, math.inf

    async def _arm(self) -> str:
        if self._watch is None:
            return ""
        try:
            await self._watch.arm()
        except ConsoleError as error:
            self._journal.write("watchdog", text=f"could not be started: {error.problem}")
            return f"the watchdog of the pause could not be started: {error.problem}"
        self._armed = True
        self._journal.write("watchdog", text="started: it lets the clients go on should this run end")
        return ""

    def _too_late(self, step: Step) -> str:
        if gone := self.gone(step):
            return gone
        if time.monotonic() >= self._until:
            return f"the pause has lasted {step.plan.pause:g} s, which is as long as it may"
        return ""

    def _would_take_back(self, step: Step, acts: tuple[Act, ...]) -> tuple[Act, ...]:
        taken = [*reversed(acts)]
        for earlier in reversed(self._steps):
            taken += [act for act in reversed(earlier.taken) if act not in taken]
        past = step.plan.no_return or any(other.plan.no_return and other.taken for other in self._steps)
        return tuple(act for act in taken if act.undo and not (past and act.kind == "haproxy"))
