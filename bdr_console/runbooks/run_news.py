"""Where a run stands in a few words, and when it has come so far that the event log should say so. Pure."""

from datetime import datetime

from bdr_console.cluster.changes import Event
from bdr_console.cluster.verdict import Level
from bdr_console.runbooks.run import RunStatus, RunView

_LEVELS = {
    RunStatus.RUNNING: Level.OK,
    RunStatus.DONE: Level.OK,
    RunStatus.STOPPED: Level.CRIT,
    RunStatus.LOST: Level.CRIT,
}


def run_place(run: RunView) -> str:
    """`step 3/7 waiting`, or how it ended."""
    current = run.current
    if run.status.over or current is None:
        return run.status.value
    return f"step {run.steps.index(current) + 1}/{len(run.steps)} {current.status.value}"


def run_event(before: RunView | None, run: RunView, now: datetime) -> Event | None:
    """The line for the event log, when the run came to another step or state."""
    same = before is not None and before.run_id == run.run_id
    if not same and run.status.over:
        return None  # an old run, found when the console started
    if run.alarm and not (same and before is not None and before.alarm == run.alarm):
        return Event(now, Level.CRIT, f"run {run.node}", run.alarm)
    if same and before is not None and before.status is run.status and run_place(before) == run_place(run):
        return None
    message = run.message
    if same and before is not None and before.message == message and run.current is not None:
        message = run.current.title  # what was said last is about an earlier step
    said = f": {message}" if message else ""
    return Event(now, _LEVELS.get(run.status, Level.WARN), f"run {run.node}", f"{run_place(run)}{said}")
