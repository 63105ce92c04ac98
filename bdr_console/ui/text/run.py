"""Plans and runs as text: what will be sent, what was seen, where it stands. Pure."""

import io
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from bdr_console.cluster.text import clean, format_clock, format_seconds
from bdr_console.runbooks.model.run import (
    Check,
    Command,
    Holder,
    Offer,
    Outcome,
    Proof,
    RunStatus,
    RunView,
    StepStatus,
    StepView,
    point_of_no_return,
)
from bdr_console.ui.keys import word_action
from bdr_console.ui.services import PlanView
from bdr_console.ui.text.words import coarse, outcome_cell, proof_cell, run_cell, step_cell
from bdr_console.ui.theming.styles import Glyphs, Styles, Tone

_CONSOLE = Console(file=io.StringIO(), width=80)
"""Wraps text; it prints nothing."""
_EFFECTS = {
    "cancel": "Its statement fails; its transaction is rolled back by the client or by the next error.",
    "terminate": "Its transaction is rolled back, and its client gets an error.",
    "kill-db": "Every client of this pool gets an error, also in the middle of a COMMIT.",
}
"""What a word means for those it hits."""
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
        key=lambda check: (_ORDER.index(check.outcome), not check.holders),
    )
    lines = [Text.assemble(("Checks", "bold underline"), f"  {_tally(plan.checks)}")]
    may_end = frozenset(offer.subject for offer in plan.offers)
    for check in others:
        lines += _check_lines(check, styles, glyphs, width)
        lines += _end_lines(check, may_end, width)
    lines += [hang(Text("  "), Text(safe(note)), width) for note in plan.notes]
    lines += [
        Text(),
        Text("Steps, in this order: what each brings about, and whether it is so now", "bold underline"),
    ]
    for number, step in enumerate(plan.steps, start=1):
        limit = f"  (at most {format_seconds(step.deadline)})" if step.deadline is not None else ""
        lines += condition_lines(number, step, plan.node, styles, glyphs, width, limit=limit)
        lines += command_lines(step.commands, styles, width)
        lines += command_lines(step.undo, styles, width, undo=True)
    if passed:
        lines += [Text(), Text("Checks that passed, with what was seen", "bold underline")]
        lines += [line for check in passed for line in _check_lines(check, styles, glyphs, width)]
    return joined(lines)


def condition_lines(
    number: int, step: StepView, node: str, styles: Styles, glyphs: Glyphs, width: int, *, limit: str = ""
) -> list[Text]:
    """One step before it is taken: met, unmet or could not tell, and the condition that it brings about."""
    lines = [no_return_line(node, styles, width)] if step.no_return else []
    behind = step.status is StepStatus.DONE
    cell = step_cell(step.status, glyphs) if behind else proof_cell(step, glyphs)
    body = Text.assemble(safe(step.condition or step.title), (limit, styles[Tone.STALE]))
    lines.append(hang(Text.assemble((f" {cell.text:<9} ", styles[cell.tone]), f"{number}. "), body, width))
    if step.proof is Proof.UNKNOWN and not behind:
        said = "; ".join(step.evidence[:2]) or "nothing was answered"
        lines.append(hang(Text("     "), Text(safe(f"{said}; asked again every few seconds")), width))
    return lines


def no_return_line(node: str, styles: Styles, width: int) -> Text:
    """The point of no return, drawn between two steps."""
    return hang(Text(" -- "), Text(f"{point_of_no_return(safe(node))} --", styles[Tone.LAG]), width)


def _tally(checks: tuple[Check, ...]) -> str:
    """`13 pass, 2 warn`, the worst first."""
    counts = [(sum(check.outcome is outcome for check in checks), outcome.value) for outcome in _ORDER]
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def _check_lines(check: Check, styles: Styles, glyphs: Glyphs, width: int) -> list[Text]:
    cell = outcome_cell(check.outcome, glyphs)
    prefix = Text(f"  {cell.text:<8} ", styles[cell.tone])
    lines = [hang(prefix, Text(safe(check.headline)), width)]
    if check.outcome is not Outcome.PASS:
        for label, said in (("why: ", check.why), ("do: ", check.remedy)):
            if said:
                lines.append(hang(Text(" " * prefix.cell_len + label), Text(safe(said)), width))
    return lines


def _end_lines(check: Check, may_end: Collection[str], width: int) -> list[Text]:
    """The key that ends what a check names, where that can be done."""
    count = len({holder.id for holder in check.holders} & set(may_end))
    if not count:
        return []
    what = "that session" if count == 1 else f"one of {count} sessions"
    return [hang(Text(" " * 11), Text.assemble(("x", "bold"), f": end {what} (asks first)"), width)]


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
    if run.until is not None and not run.status.over:
        text.append(
            f"{glyphs.separator}{_until(run.until, now)}", "not bold" if now < run.until else styles.loud
        )
    text.append(f"{glyphs.separator}by {safe(run.who)}", "not bold")
    if run.reason:
        text.append(f"{glyphs.separator}{safe(run.reason)}", "not bold")
    return text


def _until(until: datetime, now: datetime) -> str:
    """`until 14:30, 25m left`, or how long that is over."""
    left = (until - now).total_seconds()
    said = f"until {until.astimezone():%H:%M}"
    return f"{said}, {coarse(left)} left" if left > 0 else f"{said}, {coarse(-left)} over"


def step_text(
    number: int, step: StepView, run: RunView, now: datetime, styles: Styles, glyphs: Glyphs, width: int
) -> Text:
    """One step: a line, and under the one at work (or the one that failed) its commands and its evidence."""
    cell = step_cell(step.status, glyphs)
    ahead = step.status is StepStatus.PENDING
    at_work = step.status in (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.HOLDING, StepStatus.UNDOING)
    unknown = step.proof is Proof.UNKNOWN and step.status in (StepStatus.RUNNING, StepStatus.WAITING)
    if unknown:
        cell = proof_cell(step, glyphs)
    said = safe(step.condition or step.title)
    title = Text(f"{said}{_timing(step, now)}", styles[Tone.STALE] if ahead else "")
    lines = [no_return_line(run.node, styles, width)] if step.no_return else []
    lines.append(hang(Text.assemble((f" {cell.text:<12} ", styles[cell.tone]), f"{number}. "), title, width))
    open_ = at_work or step.status is StepStatus.FAILED
    if open_:
        undoing = step.status is StepStatus.UNDOING
        lines += command_lines(step.undo if undoing else step.commands, styles, width, undo=undoing)
    if not ahead:
        evidence = step.evidence if open_ else step.evidence[-1:]
        lines += [hang(Text("     "), Text(safe(line)), width) for line in evidence]
    if unknown and step.began_at is not None and step.deadline is not None:
        by = format_clock(step.began_at + timedelta(seconds=step.deadline))
        lines.append(Text(f"     it is asked on, and decided by {by} at the latest", styles[Tone.UNKNOWN]))
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
    text = Text(end="")
    if run.alarm:
        text.append(f" ALARM: {safe(run.alarm)} ", styles.loud)
    elif run.message:
        text.append(f" {safe(run.message)}")
    for left in run.leftovers:
        text.append("\n " if text.plain else " ")
        text.append(f"left as it is: {safe(left)}", styles[Tone.BAD])
    return text


def offers_text(run: RunView, styles: Styles, *, read_only: bool, back: str | None = None) -> Text:
    """The words that the run takes now, each with its key; of one that is over, what can be done after it.

    `back` is the node that has the traffic now and could be taken out to give it back.
    """
    text = Text(" ", no_wrap=True, overflow="ellipsis", end="")
    if run.status.over:
        text.append("this run is over   ", styles[Tone.STALE])
        if read_only:
            return text
        if run.status in (RunStatus.LOST, RunStatus.STOPPED):
            text.append("r ", "bold").append("resume it from what is seen   ")
            return text.append("u ", "bold").append("undo what is left of it")
        if back is not None:
            text.append("s ", "bold")
            text.append(f"switch back: take {safe(back)} out, so that {safe(run.node)} has the traffic again")
        return text
    if not run.offers:
        return text.append("nothing to decide now", styles[Tone.STALE])
    about = [offer for offer in run.offers if offer.subject]
    plain = [offer for offer in run.offers if not offer.subject]
    if read_only:
        labels = ", ".join([*(safe(offer.label) for offer in plain), *(["end a holder"] if about else [])])
        return text.append(f"the operator may: {labels} (not in read-only mode)", styles[Tone.STALE])
    for offer in plain:
        action = word_action(offer.word)
        text.append(f"{action.shown_as if action else 'ctrl+p'} ", "bold")
        text.append(f"{safe(offer.label)}   ")
    if about:
        text.append("x ", "bold")
        text.append(f"end a holder ({len(about)} {'choices' if len(about) > 1 else 'choice'})")
    return text


def intervention_text(holders: Sequence[Holder], offer: Offer, styles: Styles, width: int) -> Text:
    """Whom a word with an argument would hit, what that means for them, and the exact commands."""
    holder = next((holder for holder in holders if holder.id == offer.subject), None)
    lines = []
    if holder is not None:
        client = f" of client {holder.client}" if holder.client else ""
        user = f" as {holder.user}" if holder.user else ""
        who = f"{holder.application or '(unnamed)'}{user}{client} {holder.way}"
        lines.append(hang(Text(), Text(safe(who)), width))
        age = f" for {format_seconds(holder.transaction_age)}" if holder.transaction_age is not None else ""
        lines.append(
            hang(Text(), Text(safe(f"{holder.state}{age}, connected since {holder.backend_start}")), width)
        )
        if holder.query:
            lines.append(hang(Text("query: "), Text(safe(holder.query)), width))
    effect = _EFFECTS.get(offer.word.partition(" ")[0], "")
    if effect:
        lines.append(hang(Text(), Text(effect), width))
    return joined([*lines, *command_lines(offer.commands, styles, width, indent=2)])
