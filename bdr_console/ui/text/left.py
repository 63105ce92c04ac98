"""What was left behind as text: whose it is, what is still in force, where each step stands. Pure."""

from typing import TYPE_CHECKING

from rich.text import Text

from bdr_console.runbooks.run import RunView, StepStatus
from bdr_console.ui.looks.colours import Styles
from bdr_console.ui.text.cells import Tone
from bdr_console.ui.text.run import command_lines, condition_lines, hang, joined, safe
from bdr_console.ui.text.words import Glyphs

if TYPE_CHECKING:
    from bdr_console.runbooks.standing import Unfinished


def left_text(seen: "Unfinished", run: RunView | None, styles: Styles, glyphs: Glyphs, width: int) -> Text:
    """Everything that a decision between resume and undo needs; `run` is by its journal, if any."""

    def line(label: str, said: str, style: Tone = Tone.PLAIN) -> Text:
        return hang(Text(f"  {label:<10}"), Text(safe(said), styles[style]), width)

    lines = [Text("What is seen", "bold underline")]
    if run is not None:
        why = f", {run.reason}" if run.reason else ""
        lines.append(
            line("left by", f"{run.who}{why}, begun {run.started_at.astimezone():%Y-%m-%d %H:%M:%S}")
        )
        at = next((step for step in reversed(run.steps) if step.began_at is not None), None)
        lines.append(line("stands", f"{run.status.value}" + (f" at '{at.title}'" if at else "")))
    else:
        said = "no journal on this host tells whose it is: to resume or undo takes it over as your own"
        lines.append(line("left by", said))
    lines += [line("in force" if not number else "", said) for number, said in enumerate(seen.left)]
    if not seen.left:
        lines.append(line("in force", "no server is in maintenance and no pool is paused"))
    lines += [
        line("unseen", f"{said}: what was left there cannot be told", Tone.UNKNOWN) for said in seen.unseen
    ]
    if seen.undoing:
        lines.append(line("way back", "it was being put back: to resume is to go on with that", Tone.LAG))
    if seen.takes_back:
        lines.append(line("undo sends", ""))
        lines += command_lines(seen.takes_back, styles, width)
    lines += [Text(), Text("Steps: what each brings about, and whether it is so now", "bold underline")]
    for number, step in enumerate(seen.steps, start=1):
        lines += condition_lines(number, step, seen.plan.node, styles, glyphs, width)
        if step.status is not StepStatus.DONE and step.proof is not None and step.proof.value != "met":
            lines += command_lines(step.commands, styles, width)
    return joined(lines)
