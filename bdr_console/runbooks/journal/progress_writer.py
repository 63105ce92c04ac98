"""What a run tells through its journal: each state once, and progress no faster than a reader can follow."""

import time
from dataclasses import asdict
from typing import Any

from bdr_console.cluster.text import counted
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.model.run import Holder, Offer, RunStatus, StepStatus
from bdr_console.runbooks.model.step import CutSessions, Observation, Plan, Proof, Step

_PROGRESS_EVERY = 0.5
"""Seconds between two lines of progress that differ only in their figures."""


class ProgressWriter:
    """Writes status, step and evidence events; the same one is not written twice in a row."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._said: tuple[RunStatus, str, tuple[Offer, ...]] | None = None
        self._said_at = 0.0
        self._marked: dict[str, StepStatus] = {}
        self._shown: dict[str, tuple[Proof, str, tuple[str, ...], tuple[Holder, ...]]] = {}
        self._shown_at = 0.0

    def say(self, status: RunStatus, message: str, offers: tuple[Offer, ...]) -> None:
        """Where the run stands, the sentence for the operator, and what may be said to it now."""
        now, last = time.monotonic(), self._said
        if last == (status, message, offers):
            return
        if last is None or last[::2] != (status, offers) or now - self._said_at >= _PROGRESS_EVERY:
            self._said_at = now
            self._said = (status, message, offers)
            told = [asdict(offer) for offer in offers]
            self._journal.write("status", False, status=status, message=message, offers=told)

    def hurry(self) -> None:
        """Tell the next sentence at once: the operator has just said something."""
        self._said_at = 0.0

    def mark(self, step: Step, status: StepStatus, seen: Observation | None = None, **fields: Any) -> None:
        """Where one step stands, on disk before anything else happens."""
        key = step.plan.key
        if seen is not None:
            self._shown[key] = (seen.proof, seen.alarm, seen.evidence, seen.holders)
            fields |= _told(seen)
        self._marked[key] = status
        # While clients wait the disk is not waited for: the next intent brings this line to it.
        self._journal.write("step", step.plan.pause is None, step=key, status=status, **fields)
        for cut in step.take_cuts():
            self._journal.write("cut", False, step=key, **asdict(cut))
            # Under a pause a paused PgBouncer closes its connections itself, and no transaction is open.
            paused = step.plan.pause is not None and cut.command.startswith("disable ")
            if cut.all_cut and not paused:
                self._journal.write("alarm", False, text=_of_cut(cut))

    def progress(self, step: Step, seen: Observation, status: StepStatus | None = None) -> None:
        """What the latest look showed; with `status`, marks the step so when it is not marked so yet."""
        key = step.plan.key
        if status is not None and self._marked.get(key) is not status:
            self.mark(step, status, seen)
            return
        last, now = self._shown.get(key), time.monotonic()
        if last == (seen.proof, seen.alarm, seen.evidence, seen.holders):
            return
        alike = last is not None and (last[:2], bool(last[3])) == (
            (seen.proof, seen.alarm),
            bool(seen.holders),
        )
        if alike and now - self._shown_at < _PROGRESS_EVERY:
            return
        self._shown[key], self._shown_at = (seen.proof, seen.alarm, seen.evidence, seen.holders), now
        self._journal.write("evidence", False, step=key, **_told(seen))


def steps_event(made: Plan) -> list[dict[str, Any]]:
    """The steps of a plan as the picture of a run needs them."""
    return [
        {
            "key": view.key,
            "title": view.title,
            "commands": [asdict(command) for command in view.commands],
            "undo": [asdict(command) for command in view.undo],
            "deadline": view.deadline,
            "condition": view.condition,
            "no_return": view.no_return,
        }
        for view in made.views()
    ]


def _of_cut(cut: CutSessions) -> str:
    option = "on-marked-down" if cut.command.startswith("disable") else "on-marked-up"
    return (
        f"{cut.proxy} cut {counted(cut.ended or 0, 'session')} on {cut.servers} at `{cut.command}`: any "
        f"transaction that was open there has failed. Look for {option} in haproxy.cfg."
    )


def _told(seen: Observation) -> dict[str, Any]:
    told: dict[str, Any] = {"proof": seen.proof, "lines": seen.evidence}
    if seen.alarm:
        told["alarm"] = seen.alarm
    if seen.holders:
        told["holders"] = [asdict(holder) for holder in seen.holders]
    return told
