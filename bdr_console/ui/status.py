"""What the head of every screen says, as pure functions from state to text."""

from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from bdr_console.cluster.verdict import Level, Verdict
from bdr_console.runbooks.run import RunStatus, RunView
from bdr_console.ui.cells import Tone
from bdr_console.ui.colours import Styles
from bdr_console.ui.words import Glyphs, level_symbol, level_tone, run_cell


@dataclass(frozen=True, slots=True)
class Status:
    """Everything around the panes."""

    cluster: str
    environment: str
    read_only: bool
    refresh: float
    now: datetime
    verdict: Verdict | None
    """None before the first snapshot."""
    run: RunView | None
    trouble: str = ""
    """Why no snapshots come, when none do."""


def is_production(environment: str) -> bool:
    """Whether the label names a production environment: prod, production, prod-eu, live."""
    return environment.lower().startswith(("prod", "live"))


def top_line(status: Status, styles: Styles, glyphs: Glyphs) -> Text:
    """Cluster, environment, mode and rate."""
    text = Text(" bdr-console  ", no_wrap=True, overflow="crop", end="")
    text.append(status.cluster, "bold")
    if status.environment:
        if is_production(status.environment):
            text.append("  ")
            text.append(f" {status.environment.upper()} ", styles[Tone.PROD])
        else:
            text.append(f"  {status.environment}")
    text.append("   ")
    if status.read_only:
        text.append(" READ-ONLY ", "bold reverse")
    else:
        text.append("operate")
    text.append(f"{glyphs.separator}every {status.refresh:g} s")
    return text


def verdict_line(status: Status, styles: Styles, glyphs: Glyphs) -> Text:
    """The overall verdict as symbol, word and reason."""
    if status.verdict is None:
        said = f"UNKNOWN: {status.trouble or 'reading the cluster for the first time'}"
        return _marked(Level.UNKNOWN, said, styles, glyphs)
    said = status.verdict.headline
    if status.trouble:
        return _marked(Level.CRIT, f"NOT READING: {status.trouble}; last known: {said}", styles, glyphs)
    return _marked(status.verdict.level, said, styles, glyphs)


def _marked(level: Level, said: str, styles: Styles, glyphs: Glyphs) -> Text:
    word, colon, rest = said.partition(":")
    text = Text(" ", no_wrap=True, overflow="ellipsis", end="")
    text.append(f"{level_symbol(level, glyphs)} {word}", styles[level_tone(level)])
    text.append(f"{colon}{rest}")
    return text


def deserves_a_line(run: RunView | None) -> bool:
    """A run that goes on, and one that ended badly: it left something changed."""
    return run is not None and (not run.status.over or run.status in (RunStatus.STOPPED, RunStatus.LOST))


def run_line(run: RunView, styles: Styles, glyphs: Glyphs) -> Text:
    """The run under way in one line: `RUN node1: step 3/7 waiting`."""
    cell = run_cell(run.status, glyphs)
    text = Text(" ", no_wrap=True, overflow="ellipsis", end="")
    text.append(f"{cell.text.split()[0]} RUN {run.node}: {run_place(run)}", styles[cell.tone])
    if run.message:
        text.append(f"{glyphs.separator}{run.message}")
    return text


def run_place(run: RunView) -> str:
    """`step 3/7 waiting`, or how it ended."""
    current = run.current
    if run.status.over or current is None:
        return run.status.value
    return f"step {run.steps.index(current) + 1}/{len(run.steps)} {current.status.value}"
