"""A run for a change ticket: timeline, durations, every command and its answer. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bdr_console.cluster.text import format_seconds
from bdr_console.runbooks.journal import impact
from bdr_console.runbooks.journal.run_from_journal import advance, fold, own_steps
from bdr_console.runbooks.model.run import MEANINGS, RunView, StepView, exit_code

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """One command that went out, and what came back."""

    at: datetime
    step: str
    undo: bool
    """Whether it took something back."""
    host: str
    command: str
    answer: str
    """Exactly as received; for an error its text; empty when none came."""
    outcome: str
    """answered, refused, connection closed, or no answer in the journal."""
    seconds: float | None


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything that the journal tells, ready to be printed."""

    run: RunView
    exit_code: int
    runners: tuple[tuple[datetime, str], ...]
    """When a runner began, and who started it; more than one when the run was resumed."""
    timeline: tuple[tuple[datetime, str], ...]
    sent: tuple[Sent, ...]
    out_of_service: float | None
    """Seconds from the first command to the last answer; None when nothing was sent."""
    impact: tuple[impact.Measure, ...]
    """What clients felt of it, as far as that was measured; empty when nothing was sent."""
    turns: tuple[tuple[str, tuple[StepView, ...]], ...]
    """Each node's own steps; more than one node in a rolling run."""


def report(events: Iterable[Event], status: RunView | None = None) -> RunReport | None:
    """The report of one journal; `status` is the run as the follower shows it (it knows whether the runner
    lives). None when the journal tells of no run."""
    told = tuple(events)
    view = status or fold(told)
    if view is None:
        return None
    sent = _sent(told)
    ends = [item.at.timestamp() + (item.seconds or 0.0) for item in sent]
    out = max(ends) - sent[0].at.timestamp() if sent else None
    runners = tuple((_at(e), e["who"]) for e in told if e.get("event") in ("run", "resume"))
    turns = _turns(told, view)
    felt = impact.measures(told, turns[0][0]) if sent else ()
    return RunReport(view, exit_code(view), runners, _timeline(told), sent, out, felt, turns)


def _turns(events: tuple[Event, ...], view: RunView) -> tuple[tuple[str, tuple[StepView, ...]], ...]:
    """Each node's steps as they stood when its turn was over."""
    found = []
    now: RunView | None = None
    for event in events:
        if event.get("event") == "turn" and now is not None:
            found.append((now.node, own_steps(now)))
        now = advance(now, event)
    return (*found, (view.node, own_steps(view)))


def _sent(events: tuple[Event, ...]) -> tuple[Sent, ...]:
    found: list[Sent] = []
    open_at: dict[tuple[str, str, str, bool], int] = {}
    outcomes = {"answer": "answered", "error": "refused", "closed": "connection closed"}
    for event in events:
        kind = event.get("event")
        if kind not in ("intent", *outcomes):
            continue
        key = (event["step"], event["host"], event["command"], bool(event.get("undo")))
        if kind == "intent":
            open_at[key] = len(found)
            found.append(
                Sent(_at(event), key[0], key[3], key[1], key[2], "", "no answer in the journal", None)
            )
        elif (index := open_at.pop(key, None)) is not None:
            was = found[index]
            answer = event.get("answer", event.get("error", event.get("why", "")))
            seconds = (_at(event) - was.at).total_seconds()
            found[index] = Sent(was.at, *key[:1], key[3], key[1], key[2], answer, outcomes[kind], seconds)
    return tuple(found)


def _timeline(events: tuple[Event, ...]) -> tuple[tuple[datetime, str], ...]:
    titles: dict[str, str] = {}
    lines = []
    for event in events:
        titles |= {step["key"]: step["title"] for step in event.get("steps", ())}
        text = _of_run(event) or _of_step(event, titles.get(step := str(event.get("step")), step))
        if text:
            lines.append((_at(event), text))
    return tuple(lines)


def _of_run(event: Event) -> str:
    """The line of an event that is about the run as a whole."""
    match event.get("event"):
        case "run":
            return f"begun by {event['who']}"
        case "resume":
            return str(event["message"])
        case "turn":
            return f"the turn of {event['node']}"
        case "turn-end" | "end" as kind:
            turn = "the turn is over: " if kind == "turn-end" else ""
            return f"{turn}{event['status']}: {event['message']}"
        case "word":
            said = "" if event["accepted"] else f" (refused: {event['text']})"
            return f"{event['who']} said '{event['word']}'{said}"
        case "alarm" | "lock" | "unattended":
            return str(event["text"])
        case "signal":
            return f"runner got {event['signal']}: {event['text']}"
    return ""


def _of_step(event: Event, title: str) -> str:
    """The line of an event that is about one step."""
    match event.get("event"):
        case "step":
            evidence = f": {event['lines'][0]}" if event.get("lines") else ""
            return f"{title}: {event['status']}{evidence}"
        case "refused":
            return f"{title}: held back: {'; '.join(event['reasons'])}"
        case "command":
            return f"hold command begun: {event['command']}"
        case "command-end":
            return f"hold command ended with exit code {event['exit_code']}"
    return ""


def _at(event: Event) -> datetime:
    return datetime.fromisoformat(event["t"])


def as_data(made: RunReport) -> dict[str, Any]:
    """The report for JSON; times ISO 8601 with their zone, durations in seconds."""
    data = asdict(made)
    for key in ("runners", "timeline"):
        data[key] = [{"at": at.isoformat(), "text": text} for at, text in getattr(made, key)]
    return data


def markdown(made: RunReport) -> str:
    """The report for people; times are local."""
    run = made.run
    lines = [
        f"# {run.runbook.capitalize()} of {run.subject}, cluster {run.cluster}: {run.status.value}",
        "",
        f"- run: `{run.run_id}`" + (f", environment {run.environment}" if run.environment else ""),
        *(f"- {at.astimezone():%Y-%m-%d %H:%M:%S %Z}: started by {who}" for at, who in made.runners),
        *([f"- why: {run.reason}"] if run.reason else []),
        *([f"- ended: {run.ended_at.astimezone():%Y-%m-%d %H:%M:%S %Z}"] if run.ended_at else []),
        *([f"- first command to last answer: {format_seconds(made.out_of_service)}"] if made.sent else []),
        f"- exit code {made.exit_code}: {MEANINGS[made.exit_code]}",
        *([f"- {run.message}"] if run.message else []),
    ]
    lines += _section("Left over", [f"- {line}" for line in run.leftovers])
    lines += _section("Problems", [f"- {line}" for line in run.problems])
    several = len(made.turns) > 1
    lines += _section("What clients felt", impact.lines(made.impact, name_nodes=several))
    for node, steps in made.turns:
        lines += _section(f"Steps of {node}" if several else "Steps", _steps(steps))
    lines += _section("Commands sent", _commands(made.sent))
    lines += _section("Timeline", [f"- {at.astimezone():%H:%M:%S.%f} {text}" for at, text in made.timeline])
    checks = [f"- [{check.outcome.value}] {check.headline}" for check in run.checks]
    lines += _section("Checks", checks)
    return "\n".join(lines) + "\n"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _steps(steps: tuple[StepView, ...]) -> list[str]:
    lines = ["| step | state | took |", "|---|---|---|"]
    for step in steps:
        ended = step.ended_at
        took = format_seconds((ended - step.began_at).total_seconds()) if ended and step.began_at else "-"
        lines.append(f"| {_cell(step.title)} | {step.status.value} | {took} |")
    return lines


def _commands(sent: tuple[Sent, ...]) -> list[str]:
    if not sent:
        return []
    lines = ["| at | to | command | answer | took |", "|---|---|---|---|---|"]
    for item in sent:
        took = format_seconds(item.seconds) if item.seconds is not None else "-"
        told = f"{item.outcome}: `{_cell(repr(item.answer)[1:-1])}`" if item.answer else item.outcome
        command = f"`{_cell(item.command)}`" + (" (takes back)" if item.undo else "")
        lines.append(
            f"| {item.at.astimezone():%H:%M:%S.%f} | {_cell(item.host)} | {command} | {told} | {took} |"
        )
    return lines


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")
