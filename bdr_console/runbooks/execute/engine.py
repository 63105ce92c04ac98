"""The step engine: observe, guard, journal the intent, act, observe until proven; on abort, walk back.

It knows nothing of HAProxy or PgBouncer. What is true is what the steps observe; what the engine remembers
is only which acts it began to send, because an abort takes back those and no others.
"""

import asyncio
import contextlib
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from typing import Any

from bdr_console import logs
from bdr_console.errors import described
from bdr_console.runbooks.execute.intervene import intervene
from bdr_console.runbooks.execute.operator_commands import (
    ABORT,
    AGAIN,
    GO,
    ISOLATE,
    RETRY,
    WAIT,
    PendingWord,
    TakesWords,
    offers_beside,
    waiting_message,
)
from bdr_console.runbooks.execute.walkback import WalkBack
from bdr_console.runbooks.guard.pause_guard import PauseGuard
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.journal.progress_writer import ProgressWriter
from bdr_console.runbooks.model.run import Offer, RunStatus, StepStatus
from bdr_console.runbooks.model.step import (
    Act,
    Intervention,
    Observation,
    OnTimeout,
    Proof,
    Step,
    Watch,
    World,
)

_LOST_ANSWER_GRACE = 3.0
"""Seconds that a change may take to show although its command was answered with an error, or not at all."""


class _Next(Enum):
    """Where the run goes after a step."""

    ON = auto()
    FROM_THE_START = auto()
    BACK = auto()


class StepEngine:
    """Runs the steps of one runbook. One instance runs once."""

    def __init__(
        self,
        steps: Sequence[Step],
        world: World,
        journal: Journal,
        *,
        pace: float = 0.1,
        hold_pace: float = 1.0,
        begin_at: int = 0,
        permit: Callable[[], Awaitable[tuple[str, ...]]] | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._steps = tuple(steps)
        self._world = world
        self._journal = journal
        self._progress = ProgressWriter(journal)
        self._pace = pace
        """Seconds between two looks while a proof is awaited."""
        self._hold_pace = hold_pace
        self._begin_at = begin_at
        """The step to begin with; a run that is resumed has the ones before behind it."""
        self._permit = permit
        """Reasons not to act at all, asked before each step acts; empty when it may."""
        self._guard = PauseGuard(watch, journal, self._steps)
        self._pending = PendingWord(journal)
        self._why_back = ""
        self._only_back = False
        self._refused = False
        self._waiting_acts: list[asyncio.Task[None]] = []

    @property
    def take_word(self) -> TakesWords:
        """What takes the words of the operator."""
        return self._pending.take_word

    @property
    def taken(self) -> tuple[Act, ...]:
        """Every act that was begun so far."""
        return tuple(act for step in self._steps for act in step.taken)

    async def run(self) -> RunStatus:
        """Run to the end and return how it ended; every event is in the journal."""
        try:
            if not await self._forward():
                return await self._walk_back()
        except Exception as error:
            logs.swallowed(error, "a step")
            traceback.print_exc()
            self._why_back = f"An unexpected error: {described(error)}"
            return await self._walk_back()
        finally:
            await self._hang_up()
        lines, split = await self._remainder()  # that the traffic has moved is what was wanted
        if split:
            self._journal.write("alarm", text=lines[0])
        return self._end(RunStatus.DONE, self._done_message())

    async def _forward(self) -> bool:
        """Step after step; False when the run goes back."""
        index = self._begin_at
        while index < len(self._steps):
            match await self._run_step(self._steps[index]):
                case _Next.ON:
                    index += 1
                case _Next.FROM_THE_START:
                    for step in self._steps[: index + 1]:
                        self._progress.mark(step, StepStatus.PENDING)
                    index = 0
                case _Next.BACK:
                    return False
        return True

    async def undo(self, why: str) -> RunStatus:
        """Only the way back: take back every act that the steps have taken. Where none is left to take back,
        look all the same for what an earlier try could not bring back: the traffic."""
        self._why_back, self._only_back = why, True
        return await self._walk_back()

    # One step

    async def _run_step(self, step: Step) -> _Next:
        step.begin()
        self._pending.interventions.clear()
        if self._pending.word != "abort":
            self._take()  # a word for the step before, said while it ended
        self._say(RunStatus.RUNNING, step.plan.title, (ABORT,))
        self._progress.mark(step, StepStatus.RUNNING, deadline=step.plan.deadline)
        seen = await self._observe(step)
        if step.plan.holds:
            return await self._hold(step, seen)
        if seen.proof is Proof.MET:
            self._progress.mark(step, StepStatus.SKIPPED if step.plan.acts else StepStatus.DONE, seen)
            return self._onward(step)
        self._progress.progress(step, seen)
        if self._aborted():
            return self._back(step, seen)
        if seen.failed:
            return self._back(step, seen, f"{step.plan.title}: {seen.failed}")
        problem = await self._act(step)
        if problem and not step.taken and step.plan.on_timeout is not OnTimeout.ASK:
            if self.taken and step.plan.on_timeout is OnTimeout.GO_ON:
                return self._warn(step, seen, problem)
            self._refused = True
            return self._back(step, seen, problem)
        return await self._prove(step, problem)

    def _warn(self, step: Step, seen: Observation, why: str) -> _Next:
        """Go on although the step is not proved, and keep that for the end of the run."""
        self._journal.write("alarm", text=f"{step.plan.title}: {why.rstrip('.')}. The run goes on.")
        self._progress.mark(step, StepStatus.FAILED, seen)
        return self._onward(step)

    async def _act(self, step: Step) -> str:
        """Send what is needed; returns why it was not, or what went wrong; empty when all is well."""
        if reasons := await self._forbidden(step):
            self._journal.write("refused", step=step.plan.key, reasons=reasons)
            return "; ".join(reasons)
        acts = tuple(step.needed())
        if problem := await self._guard.before(step, acts):
            return problem
        # While clients wait the act does not wait for the disk.
        durable = not self._guard.clients_wait
        if step.plan.together:
            for act in acts:
                self._intend(step, act, durable=durable)
            problems = await asyncio.gather(*(self._begin(step, act) for act in acts))
            return "; ".join(problem for problem in problems if problem)
        for act in acts:
            if self._pending.word == "abort":
                break
            self._intend(step, act, durable=durable)
            if problem := await self._begin(step, act):
                return problem
        return ""

    async def _forbidden(self, step: Step) -> tuple[str, ...]:
        """Reasons not to act; one that could not be told is a reason too."""
        if self._journal.problem and step.plan.on_timeout is OnTimeout.UNDO and not step.plan.no_return:
            return (f"the journal cannot be written: {self._journal.problem}",)
        try:
            forbidden = await self._permit() if self._permit else ()
            return forbidden or await step.guard(self._world)
        except Exception as error:
            logs.swallowed(error, "a step")
            traceback.print_exc()
            return (f"whether it may be done could not be told: {described(error)}",)

    async def _observe(self, step: Step) -> Observation:
        """One look; what goes wrong in it is unknown, and ends a step that nobody can be asked about."""
        try:
            return await step.observe(self._world)
        except Exception as error:
            logs.swallowed(error, "a step")
            traceback.print_exc()
            why = f"could not be told: {described(error)}"
            asks = step.plan.holds or step.plan.on_timeout is not OnTimeout.UNDO
            return Observation(Proof.UNKNOWN, (why,), alarm=why if asks else "", failed="" if asks else why)

    def _intend(self, step: Step, act: Act, *, durable: bool) -> None:
        self._journal.write("intent", durable, **_fields(step, act))
        if act not in step.taken:
            step.taken.append(act)

    async def _begin(self, step: Step, act: Act) -> str:
        """Send one act; one that waits goes on by itself. Returns what went wrong, if anything."""
        if act.waits:
            self._waiting_acts.append(asyncio.create_task(self._send_waiting(step, act)))
            return ""
        began, fields = time.monotonic(), _fields(step, act)
        try:
            answer = await self._world.send(act.kind, act.target, act.command.text)
        except Exception as error:
            logs.swallowed(error, "a step")
            why = described(error)
            self._journal.write("error", not self._guard.clients_wait, **fields, error=why)
            return why if step.answered(act, undo=False, error=why) else ""
        step.answered(act, undo=False)
        ms = round(1000 * (time.monotonic() - began), 1)
        # While clients wait the disk is not waited for: the next intent brings this to it.
        self._journal.write("answer", step.plan.pause is None, **fields, answer=answer, ms=ms)
        return ""

    async def _send_waiting(self, step: Step, act: Act) -> None:
        """The answer of a waiting command is only journaled: the proof decides."""
        fields = _fields(step, act)
        try:
            answer = await self._world.send_waiting(act.target, act.command.text)
        except Exception as error:
            logs.swallowed(error, "a step")
            step.answered(act, undo=False, error=described(error))
            self._journal.write("error", not self._guard.clients_wait, **fields, error=described(error))
        except asyncio.CancelledError:
            why = "its connection was closed before it answered"
            self._journal.write("closed", not self._guard.clients_wait, **fields, why=why)
            raise
        else:
            step.answered(act, undo=False)
            self._journal.write("answer", not self._guard.clients_wait, **fields, answer=answer)

    async def _hang_up(self) -> None:
        for task in self._waiting_acts:
            task.cancel()
        for task in self._waiting_acts:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._waiting_acts.clear()

    async def _prove(self, step: Step, problem: str) -> _Next:
        """Look until the proof holds. Time up: go back, or keep looking and ask, as the step's plan says."""
        asks = step.plan.on_timeout is OnTimeout.ASK
        patience = step.plan.deadline or 0.0
        until = time.monotonic() + (_LOST_ANSWER_GRACE if problem and not asks else patience)
        until = min(until, self._guard.until(step))
        pace = self._guard.pace(self._pace)
        offers = (
            ((RETRY if step.plan.acts and step.needed() and problem else WAIT), ABORT) if asks else (ABORT,)
        )
        overdue, notice, sent_at = False, "", time.monotonic()
        while True:
            seen = await self._observe(step)
            if seen.proof is Proof.MET:
                await self._hang_up()
                self._progress.mark(step, StepStatus.DONE, seen)
                return self._onward(step)
            if seen.failed or (not asks and (gone := self._guard.gone(step))):
                return self._back(step, seen, f"{step.plan.title}: {seen.failed or gone}")
            late = time.monotonic() >= until
            if late and not asks:
                return await self._time_is_up(step, seen, problem, patience)
            self._progress.progress(step, seen, StepStatus.WAITING)
            if not problem:
                sent_at = await self._repeat(step, sent_at)
            overdue = late or overdue
            options = step.interventions()
            self._pending.interventions |= {option.offer.word: option for option in options}
            besides = offers_beside(seen) if asks else ()
            now_offered = (*offers, *besides, *(o.offer for o in options))
            message = waiting_message(seen, problem, patience, overdue=overdue)
            self._say(RunStatus.RUNNING, f"{notice} {message}".strip(), now_offered)
            match self._take():
                case "abort":
                    return self._back(step, seen)
                case "again":
                    await self._hang_up()
                    return _Next.FROM_THE_START
                case "go":
                    await self._hang_up()
                    why = f"'{step.plan.title}' was not proved: {seen.evidence[0] if seen.evidence else ''}"
                    self._journal.write("alarm", text=why)
                    self._progress.mark(step, StepStatus.DONE, seen)
                    return self._onward(step)
                case "leave":
                    self._journal.write(
                        "alarm", text=f"Left there: {step.leave()}. Why: {self._pending.why_left}"
                    )
                case "wait":
                    until, overdue = time.monotonic() + patience, False
                    if problem:
                        problem = await self._act(step)
                        offers = (RETRY if problem else WAIT, ABORT)
                case str() if self._pending.chosen:
                    notice = await self._intervene(step, *self._pending.chosen)
            await self._pending.wait(pace)

    async def _time_is_up(self, step: Step, seen: Observation, problem: str, patience: float) -> _Next:
        """Nobody is asked: go back, or on with a warning."""
        word = "could not tell" if seen.proof is Proof.UNKNOWN else "not so"
        why = problem or f"{word} after {patience:.0f} s: {'; '.join(seen.evidence)}"
        if step.plan.on_timeout is OnTimeout.GO_ON:
            await self._hang_up()
            return self._warn(step, seen, why)
        return self._back(step, seen, f"{step.plan.title}: {why}")

    async def _repeat(self, step: Step, sent_at: float) -> float:
        """Send its commands once more where the step's plan says so; returns when they were sent last."""
        if not step.plan.repeat or time.monotonic() - sent_at < step.plan.repeat:
            return sent_at
        for act in step.needed():
            self._intend(step, act, durable=not self._guard.clients_wait)
            await self._begin(step, act)
        return time.monotonic()

    async def _intervene(self, step: Step, chosen: Intervention, who: str) -> str:
        for each in self._steps:
            each.clients_ended = True
        try:
            return await intervene(chosen, who, step, self._world, self._journal)
        except Exception as error:
            logs.swallowed(error, "a step")
            traceback.print_exc()
            return f"whether that was done could not be told: {described(error)}."

    async def _hold(self, step: Step, seen: Observation) -> _Next:
        self._progress.mark(step, StepStatus.HOLDING, seen, deadline=None)
        while True:
            self._progress.progress(step, seen)
            offers = (GO, ISOLATE, *((AGAIN,) if seen.alarm else ()))
            self._say(RunStatus.HOLDING, seen.alarm or step.plan.title, offers)
            match self._take():
                case "go":
                    self._progress.mark(step, StepStatus.DONE, seen)
                    return _Next.ON
                case "again":
                    return _Next.FROM_THE_START
                case "abort":
                    return self._back(step, seen)
            await self._pending.wait(self._hold_pace)
            seen = await self._observe(step)

    # The way back

    def _back(self, step: Step, seen: Observation, problem: str = "") -> _Next:
        self._why_back = problem or self._pending.why_aborted
        self._progress.mark(step, StepStatus.FAILED if problem else StepStatus.UNDONE, seen)
        return _Next.BACK

    async def _walk_back(self) -> RunStatus:
        await self._hang_up()
        why = (self._why_back or self._pending.why_aborted).rstrip(".;") + "."
        back = WalkBack(
            self._steps, self._world, self._journal, self._progress, pace=self._guard.pace(self._pace)
        )
        if not back.anything and self._refused:
            return self._end(RunStatus.REFUSED, f"{why} Nothing was changed.")
        if not back.anything and not self._only_back:
            return self._end(RunStatus.UNDONE, f"{why} Nothing had been changed.")
        self._say(RunStatus.UNDOING, f"{why} Putting back what was changed.", ())
        leftovers = await back.run()
        self._guard.end(leftovers=bool(leftovers))
        moved, split = await self._remainder()
        if leftovers:
            left = (*leftovers, *(moved if split else ()))
            return self._end(RunStatus.STOPPED, f"{why} Not everything could be put back.", left)
        if split:
            message = f"{why} What was changed has been put back, but clients write on two nodes."
            return self._end(RunStatus.STOPPED, message, moved)
        if moved:
            message = f"{why} What was changed has been put back, but not the traffic."
            return self._end(RunStatus.MOVED, message, moved)
        said = " ".join(step.closing for step in self._steps if step.taken and step.closing)
        return self._end(
            RunStatus.UNDONE, f"{why} Everything that was changed has been put back. {said}".strip()
        )

    async def _remainder(self) -> tuple[tuple[str, ...], bool]:
        """What is not as it was although everything was taken back; whether clients write on two nodes."""
        try:
            remains = [await step.remainder(self._world) for step in self._steps]
        except Exception as error:
            logs.swallowed(error, "a step")
            traceback.print_exc()
            return (f"Where the traffic goes could not be told: {described(error)}.",), False
        return tuple(line for one in remains for line in one.lines), any(one.split for one in remains)

    def _done_message(self) -> str:
        return next((step.closing for step in reversed(self._steps) if step.closing), "Done.")

    def _end(self, status: RunStatus, message: str, leftovers: tuple[str, ...] = ()) -> RunStatus:
        self._pending.offers = ()
        self._journal.write("end", status=status, message=message, leftovers=leftovers)
        return status

    # Words

    def _take(self) -> str | None:
        word = self._pending.pop()
        if word:
            self._progress.hurry()
        return word

    def _onward(self, step: Step) -> _Next:
        """On to the next step, unless an abort came meanwhile; after the last step it comes too late."""
        self._guard.after(step)
        return _Next.BACK if step is not self._steps[-1] and self._aborted() else _Next.ON

    def _aborted(self) -> bool:
        return self._pending.word == "abort" and self._take() == "abort"

    def _say(self, status: RunStatus, message: str, offers: tuple[Offer, ...]) -> None:
        self._pending.offers = offers
        self._progress.say(status, message, offers)


def _fields(step: Step, act: Act) -> dict[str, Any]:
    return {"step": step.plan.key, "host": act.command.host, "command": act.command.text}
