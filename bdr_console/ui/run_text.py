"""Plans and runs as text: what will be sent, what was seen, where it stands. Pure."""

import io
from datetime import datetime

from rich.console import Console
from rich.text import Text

from bdr_console.cluster.text import clean, format_seconds
from bdr_console.runbooks.run import Check, Command, Outcome, RunView, StepStatus, StepView
from bdr_console.ui.actions import word_action
from bdr_console.ui.cells import Tone
from bdr_console.ui.colours import Styles
from bdr_console.ui.desk import PlanView
from bdr_console.ui.words import Glyphs, coarse, outcome_cell, run_cell, step_cell

_CONSOLE = Console(file=io.StringIO(), width=80)
"""Wraps text; it prints nothing."""
_ORDER = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.WARN, Outcome.PASS)


def safe(text: str) -> str:
    """Text from a journal, fit for a terminal: a journal is a file, and files can be written by others."""
    return text if text.isprintable() else clean(text)


def hang(prefix: Text, body: Text, width: int) -> Text:
    """`prefix` and `body` wrapped to `width` cells, every further line indented to where the body began."""
    indent = prefix.cell_len
    lines = body.wrap(_CONSOLE, max(20, width - indent), overflow="fold")
    text = Text(end="")
    for number, line in enumerate(lines):
        line.rstrip()
        text.append_text(prefix if number == 0 else Text("\n" + " " * indent))
        text.append_text(line)
    return text if lines else prefix


def plan_text(plan: PlanView, styles: Styles, glyphs: Glyphs, width: int) -> Text:
    """What is not as it should be, then each step with its commands and what an abort would send, and last
    the checks that passed: on a small screen the commands must be seen without scrolling past good news."""
    passed = [check for check in plan.checks if check.outcome is Outcome.PASS]
    others = sorted(
        (check for check in plan.checks if check.outcome is not Outcome.PASS),
        key=lambda check: _ORDER.index(check.outcome),
    )
    lines = [Text.assemble(("Checks", "bold underline"), f"  {_tally(plan.checks)}")]
    lines += [line for check in others for line in _check_lines(check, styles, glyphs, width)]
    lines += [hang(Text("  "), Text(safe(note)), width) for note in plan.notes]
    lines += [Text(), Text("Steps, in this order", "bold underline")]
    for number, step in enumerate(plan.steps, start=1):
        limit = f"  (at most {format_seconds(step.deadline)})" if step.deadline is not None else ""
        body = Text.assemble(safe(step.title), (limit, styles[Tone.STALE]))
        lines.append(hang(Text(f"  {number}. "), body, width))
        lines += command_lines(step.commands, styles, width)
        lines += command_lines(step.undo, styles, width, undo=True)
    if passed:
        lines += [Text(), Text("Checks that passed, with what was seen", "bold underline")]
        lines += [line for check in passed for line in _check_lines(check, styles, glyphs, width)]
    return joined(lines)


def _tally(checks: tuple[Check, ...]) -> str:
    """`13 pass, 2 warn`, the worst first."""
    counts = [(sum(check.outcome is outcome for check in checks), outcome.value) for outcome in _ORDER]
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def _check_lines(check: Check, styles: Styles, glyphs: Glyphs, width: int) -> list[Text]:
    cell = outcome_cell(check.outcome, glyphs)
    prefix = Text(f"  {cell.text:<8} ", styles[cell.tone])
    lines = [hang(prefix, Text(f"{safe(check.title)}: {safe(check.seen)}"), width)]
    if check.outcome is not Outcome.PASS:
        for label, said in (("why: ", check.why), ("do: ", check.remedy)):
            if said:
                lines.append(hang(Text(" " * prefix.cell_len + label), Text(safe(said)), width))
    return lines


def command_lines(
    commands: tuple[Command, ...], styles: Styles, width: int, *, undo: bool = False, indent: int = 5
) -> list[Text]:
    """Each command with its host; what an abort would send is dimmed and says `undo`."""
    quiet = styles[Tone.STALE]
    return [
        hang(
            Text(" " * indent + ("undo " if undo else "")),
            Text.assemble((f"{safe(one.host)}: ", quiet), (safe(one.text), quiet if undo else "bold")),
            width,
        )
        for one in commands
    ]


def joined(lines: list[Text]) -> Text:
    """The lines below each other."""
    text = Text("\n", end="").join(lines)
    text.end = ""
    return text


def run_title(run: RunView, styles: Styles, glyphs: Glyphs, now: datetime) -> Text:
    """What runs, for whom, since when, and how it stands."""
    cell = run_cell(run.status, glyphs)
    text = Text(f" {safe(run.runbook)} of {safe(run.node)}  ", no_wrap=True, overflow="ellipsis", end="")
    text.append(cell.text, styles[cell.tone])
    seconds = ((run.ended_at or now) - run.started_at).total_seconds()
    text.append(
        f"{glyphs.separator}{'took' if run.ended_at else 'for'} {coarse(max(0.0, seconds))}", "not bold"
    )
    text.append(f"{glyphs.separator}by {safe(run.who)}", "not bold")
    if run.reason:
        text.append(f"{glyphs.separator}{safe(run.reason)}", "not bold")
    return text


def step_text(number: int, step: StepView, now: datetime, styles: Styles, glyphs: Glyphs, width: int) -> Text:
    """One step: a line, and under the one at work (or the one that failed) its commands and its evidence."""
    cell = step_cell(step.status, glyphs)
    ahead = step.status is StepStatus.PENDING
    title = Text(f"{safe(step.title)}{_timing(step, now)}", styles[Tone.STALE] if ahead else "")
    lines = [hang(Text.assemble((f" {cell.text:<13}", styles[cell.tone]), f"{number}. "), title, width)]
    at_work = step.status in (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.HOLDING, StepStatus.UNDOING)
    open_ = at_work or step.status is StepStatus.FAILED
    if open_:
        undoing = step.status is StepStatus.UNDOING
        lines += command_lines(step.undo if undoing else step.commands, styles, width, undo=undoing)
    if not ahead:
        evidence = step.evidence if open_ else step.evidence[-1:]
        lines += [hang(Text("     "), Text(safe(line)), width) for line in evidence]
    return joined(lines)


def _timing(step: StepView, now: datetime) -> str:
    if step.began_at is None:
        return ""
    seconds = max(0.0, ((step.ended_at or now) - step.began_at).total_seconds())
    if step.ended_at is not None:
        return f"  {format_seconds(seconds)}"
    return (
        f"  {coarse(seconds)} of {coarse(step.deadline)}"
        if step.deadline is not None
        else f"  {coarse(seconds)}"
    )


def message_text(run: RunView, styles: Styles) -> Text:
    """The sentence for the operator, and what an ended run has left behind."""
    text = Text(f" {safe(run.message)}" if run.message else "", end="")
    for left in run.leftovers:
        text.append("\n " if text.plain else " ")
        text.append(f"left as it is: {safe(left)}", styles[Tone.BAD])
    return text


def offers_text(run: RunView, styles: Styles, *, read_only: bool) -> Text:
    """The words that the run takes now, each with its key."""
    text = Text(" ", no_wrap=True, overflow="ellipsis", end="")
    if run.status.over:
        return text.append("this run is over", styles[Tone.STALE])
    if not run.offers:
        return text.append("nothing to decide now", styles[Tone.STALE])
    if read_only:
        labels = ", ".join(safe(offer.label) for offer in run.offers)
        return text.append(f"the operator may: {labels} (not in read-only mode)", styles[Tone.STALE])
    for offer in run.offers:
        action = word_action(offer.word)
        text.append(f"{action.shown_as if action else 'ctrl+p'} ", "bold")
        text.append(f"{safe(offer.label)}   ")
    return text
