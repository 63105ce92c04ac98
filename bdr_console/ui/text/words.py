"""States as symbol and word, and figures as short text. Colour only ever comes on top of these."""

from datetime import datetime

from bdr_console.cluster.observed import FactsT, Observed
from bdr_console.cluster.proxies import ServerState
from bdr_console.cluster.replication import Link, LinkState
from bdr_console.cluster.text import format_seconds
from bdr_console.cluster.verdict.findings import Level
from bdr_console.runbooks.model.run import Outcome, Proof, RunStatus, StepStatus, StepView
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import QUESTION, Cell
from bdr_console.ui.theming.styles import Glyphs, Tone


def level_tone(level: Level) -> Tone:
    """The meaning of a level."""
    return {Level.OK: Tone.UP, Level.UNKNOWN: Tone.UNKNOWN, Level.WARN: Tone.LAG, Level.CRIT: Tone.BAD}[level]


def level_symbol(level: Level, glyphs: Glyphs) -> str:
    """The symbol of a level: it tells the four apart without colour."""
    return {
        Level.OK: glyphs.up,
        Level.UNKNOWN: glyphs.unknown,
        Level.WARN: glyphs.lag,
        Level.CRIT: glyphs.bad,
    }[level]


def level_cell(level: Level, glyphs: Glyphs) -> Cell:
    """The level of an event as symbol and word."""
    word = {Level.OK: "ok", Level.UNKNOWN: "unknown", Level.WARN: "warning", Level.CRIT: "critical"}[level]
    return Cell(f"{level_symbol(level, glyphs)} {word}", level_tone(level))


def unseen(target: Observed[FactsT], now: datetime, refresh: float, glyphs: Glyphs) -> Cell | None:
    """What stands in the place of a state when the reading is missing or old; None when it is fresh."""
    if target.is_fresh(now, refresh):
        return None
    return unseen_for(target.age(now), failed=target.error is not None, glyphs=glyphs)


def unseen_for(age: float | None, *, failed: bool, glyphs: Glyphs) -> Cell:
    """`x no answer 12 s`, `? stale 12 s`, `x no answer` or `? unknown`; `age` in seconds or None."""
    if failed:
        return Cell(f"{glyphs.down} no answer {coarse(age)}".rstrip(), Tone.BAD)
    if age is None:
        return Cell(f"{glyphs.unknown} unknown", Tone.UNKNOWN)
    return Cell(f"{glyphs.unknown} stale {coarse(age)}", Tone.UNKNOWN)


def server_cell(state: ServerState, glyphs: Glyphs) -> Cell:
    """An HAProxy server's state."""
    symbol, tone = {
        ServerState.UP: (glyphs.up, Tone.UP),
        ServerState.UNCHECKED: (glyphs.up, Tone.UP),
        ServerState.FAILING: (glyphs.lag, Tone.LAG),
        ServerState.RISING: (glyphs.lag, Tone.LAG),
        ServerState.DRAIN: (glyphs.lag, Tone.LAG),
        ServerState.STOPPING: (glyphs.lag, Tone.LAG),
        ServerState.MAINT: (glyphs.held, Tone.LAG),
        ServerState.DOWN: (glyphs.down, Tone.BAD),
        ServerState.UNKNOWN: (glyphs.unknown, Tone.UNKNOWN),
    }[state]
    return Cell(f"{symbol} {state.value}", tone)


def link_cell(state: LinkState, glyphs: Glyphs) -> Cell:
    """A replication link's state."""
    symbol, tone = {
        LinkState.STREAMING: (glyphs.up, Tone.UP),
        LinkState.CATCHUP: (glyphs.lag, Tone.LAG),
        LinkState.PAUSED: (glyphs.held, Tone.LAG),
        LinkState.DOWN: (glyphs.down, Tone.BAD),
        LinkState.UNKNOWN: (glyphs.unknown, Tone.UNKNOWN),
        LinkState.ABSENT: ("-", Tone.STALE),
    }[state]
    return Cell(f"{symbol} {state.value}", tone)


def outcome_cell(outcome: Outcome, glyphs: Glyphs) -> Cell:
    """How a check came out."""
    symbol, tone = {
        Outcome.PASS: (glyphs.done, Tone.UP),
        Outcome.WARN: (glyphs.lag, Tone.LAG),
        Outcome.FAIL: (glyphs.down, Tone.BAD),
        Outcome.UNKNOWN: (glyphs.unknown, Tone.UNKNOWN),
    }[outcome]
    return Cell(f"{symbol} {outcome.value}", tone)


def step_cell(status: StepStatus, glyphs: Glyphs) -> Cell:
    """Where a step stands."""
    symbol, tone = {
        StepStatus.PENDING: (glyphs.pending, Tone.STALE),
        StepStatus.RUNNING: (glyphs.running, Tone.PLAIN),
        StepStatus.WAITING: (glyphs.lag, Tone.LAG),
        StepStatus.HOLDING: (glyphs.held, Tone.LAG),
        StepStatus.DONE: (glyphs.done, Tone.UP),
        StepStatus.SKIPPED: ("=", Tone.UP),
        StepStatus.FAILED: (glyphs.down, Tone.BAD),
        StepStatus.UNDOING: (glyphs.undone, Tone.LAG),
        StepStatus.UNDONE: (glyphs.undone, Tone.UP),
    }[status]
    return Cell(f"{symbol} {status.value}", tone)


def proof_cell(step: StepView, glyphs: Glyphs) -> Cell:
    """Whether a step's condition holds now; blank for a hold and before the first look."""
    if step.proof is None:
        return Cell("")
    symbol, tone = {
        Proof.MET: (glyphs.done, Tone.UP),
        Proof.UNMET: (glyphs.pending, Tone.STALE),
        Proof.UNKNOWN: (glyphs.unknown, Tone.UNKNOWN),
    }[step.proof]
    return Cell(f"{symbol} {step.proof.value}", tone)


def run_cell(status: RunStatus, glyphs: Glyphs) -> Cell:
    """Where a run stands."""
    symbol, tone = {
        RunStatus.RUNNING: (glyphs.running, Tone.PLAIN),
        RunStatus.HOLDING: (glyphs.held, Tone.LAG),
        RunStatus.UNDOING: (glyphs.undone, Tone.LAG),
        RunStatus.DONE: (glyphs.done, Tone.UP),
        RunStatus.UNDONE: (glyphs.undone, Tone.UP),
        RunStatus.MOVED: (glyphs.undone, Tone.LAG),
        RunStatus.REFUSED: (glyphs.down, Tone.LAG),
        RunStatus.STOPPED: (glyphs.bad, Tone.BAD),
        RunStatus.LOST: (glyphs.bad, Tone.BAD),
    }[status]
    return Cell(f"{symbol} {status.value}", tone)


def coarse(seconds: float | None) -> str:
    """A duration in one unit, so that it seldom changes: `12 s`, `4m`, `3h`, `2d`; empty for None."""
    if seconds is None:
        return ""
    whole = int(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole} s"


def figure(count: int | None) -> Cell:
    """A count, or `?` when it could not be read."""
    return QUESTION if count is None else Cell(str(count), rank=count)


def duration(seconds: float | None) -> Cell:
    """A duration, or `?` when it could not be read."""
    return QUESTION if seconds is None else Cell(format_seconds(seconds), rank=seconds)


LAGGING = (LinkState.STREAMING, LinkState.CATCHUP)
"""Findings about a link in one of these states are about its lag; about any other, the connection itself."""


def state(link: Link, judged: JudgedSnapshot) -> Cell:
    """The link's state; how old the reading is where that is all that can be said."""
    if link.fresh or link.state is LinkState.PAUSED:
        return link_cell(link.state, judged.glyphs)
    origin = judged.snapshot.node(link.origin)
    failed = origin is not None and origin.error is not None
    age = None if link.seen_at is None else (judged.now - link.seen_at).total_seconds()
    return unseen_for(age, failed=failed, glyphs=judged.glyphs)
