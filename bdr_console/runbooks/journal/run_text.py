"""A run in plain lines, for scripts, logs and terminals that are no place for a screen. Pure."""

from datetime import datetime

from bdr_console.cluster.text import format_clock
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.runbooks.model.run import RunStatus, RunView, StepStatus

_QUIET = (StepStatus.PENDING, StepStatus.RUNNING)


def beginning(view: RunView) -> tuple[str, ...]:
    """The first lines: what this is, and its checks that are no plain pass."""
    checks = tuple(
        f"  [{check.outcome.value}] {check.headline}"
        for check in view.checks
        if check.outcome.value != "pass"
    )
    return (
        f"Run {view.run_id}: {view.runbook} of {view.subject}, cluster {view.cluster}, by {view.who}",
        *checks,
    )


def news(before: RunView | None, now: RunView) -> tuple[str, ...]:
    """What has changed between two looks, a line each."""
    lines = [] if before else list(beginning(now))
    was = {step.key: step.status for step in before.steps} if before else {}
    if before and before.node != now.node:  # the next turn of a rolling run: its steps bear the same keys
        was = {key: status for key, status in was.items() if " " in key}
    for number, step in enumerate(now.steps, start=1):
        if step.status is was.get(step.key, StepStatus.PENDING) or step.status in _QUIET:
            continue
        moment = step.ended_at or step.began_at or now.started_at
        said = f": {step.evidence[0]}" if step.evidence else ""
        lines.append(
            f"{format_clock(moment)}  [{number}/{len(now.steps)}] {step.title}: {step.status.value}{said}"
        )
    known = before.problems if before else ()
    lines += [f"          problem: {text}" for text in now.problems[len(known) :]]
    held = before is not None and before.status is RunStatus.HOLDING and before.node == now.node
    if now.status is RunStatus.HOLDING and not held:
        lines.append(f"          {now.message}")
        lines += [f"          bdr-console {o.word} {now.run_id}: {o.label}" for o in now.offers]
    elif before and before.status is now.status and not now.status.over and now.message != before.message:
        at = now.current
        told = at.evidence[0] if at and at.evidence and at.status is not was.get(at.key) else ""
        lines += [f"          {now.message}"] if at and now.message not in (at.title, told) else []
    return tuple(lines)


def ending(view: RunView) -> tuple[str, ...]:
    """The result: how it ended, and what is left to do."""
    return (
        f"{view.status.value}: {view.message}".rstrip(": "),
        *(f"  left over: {line}" for line in view.leftovers),
        *(f"  problem: {line}" for line in view.problems),
    )


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
