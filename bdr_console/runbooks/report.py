"""A run for a change ticket: timeline, durations, every command and its answer. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bdr_console.cluster.text import format_seconds
from bdr_console.runbooks.exit_codes import MEANINGS, exit_code
from bdr_console.runbooks.fold import fold
from bdr_console.runbooks.run import RunView

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
class Report:
    """Everything that the journal tells, ready to be printed."""

    run: RunView
    exit_code: int
    runners: tuple[tuple[datetime, str], ...]
    """When a runner began, and who started it; more than one when the run was resumed."""
    timeline: tuple[tuple[datetime, str], ...]
    sent: tuple[Sent, ...]
    out_of_service: float | None
    """Seconds from the first command to the last answer; None when nothing was sent."""


def report(events: Iterable[Event], status: RunView | None = None) -> Report | None:
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
    return Report(view, exit_code(view), runners, _timeline(told, view), sent, out)


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


def _timeline(events: tuple[Event, ...], view: RunView) -> tuple[tuple[datetime, str], ...]:
    titles = {step.key: step.title for step in view.steps}
    lines = []
    for event in events:
        match event.get("event"):
            case "run":
                text = f"begun by {event['who']}"
            case "resume":
                text = event["message"]
            case "step":
                evidence = f": {event['lines'][0]}" if event.get("lines") else ""
                text = f"{titles.get(event['step'], event['step'])}: {event['status']}{evidence}"
            case "refused":
                text = f"{titles.get(event['step'], event['step'])}: held back: {'; '.join(event['reasons'])}"
            case "word":
                said = "" if event["accepted"] else f" (refused: {event['text']})"
                text = f"{event['who']} said '{event['word']}'{said}"
            case "alarm" | "lock" | "unattended":
                text = event["text"]
            case "signal":
                text = f"runner got {event['signal']}: {event['text']}"
            case "command":
                text = f"hold command begun: {event['command']}"
            case "command-end":
                text = f"hold command ended with exit code {event['exit_code']}"
            case "end":
                text = f"{event['status']}: {event['message']}"
            case _:
                continue
        lines.append((_at(event), text))
    return tuple(lines)


def _at(event: Event) -> datetime:
    return datetime.fromisoformat(event["t"])


def as_data(made: Report) -> dict[str, Any]:
    """The report for JSON; times ISO 8601 with their zone, durations in seconds."""
    data = asdict(made)
    for key in ("runners", "timeline"):
        data[key] = [{"at": at.isoformat(), "text": text} for at, text in getattr(made, key)]
    return data


def markdown(made: Report) -> str:
    """The report for people; times are local."""
    run = made.run
    lines = [
        f"# {run.runbook.capitalize()} of {run.node}, cluster {run.cluster}: {run.status.value}",
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
    lines += _section("Steps", _steps(run))
    lines += _section("Commands sent", _commands(made.sent))
    lines += _section("Timeline", [f"- {at.astimezone():%H:%M:%S.%f} {text}" for at, text in made.timeline])
    checks = [f"- [{check.outcome.value}] {check.title}: {check.seen}" for check in run.checks]
    lines += _section("Checks", checks)
    return "\n".join(lines) + "\n"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _steps(run: RunView) -> list[str]:
    lines = ["| step | state | took |", "|---|---|---|"]
    for step in run.steps:
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
