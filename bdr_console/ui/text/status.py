"""The head of every screen, as pure functions from state to text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from bdr_console.cluster.text import clean, format_clock
from bdr_console.cluster.verdict.alarm import Alarm
from bdr_console.cluster.verdict.findings import Level, Verdict
from bdr_console.cluster.verdict.headline import headline, next_step
from bdr_console.cluster.verdict.unreachable import Unreachable
from bdr_console.runbooks.journal.run_text import run_place
from bdr_console.runbooks.model.run import RunStatus, RunView
from bdr_console.ui.services import OtherOperator
from bdr_console.ui.text.abandoned_runs import AbandonedRun
from bdr_console.ui.text.cluster_summary import ClusterSummary, worse_clusters
from bdr_console.ui.text.words import level_symbol, level_tone, run_cell
from bdr_console.ui.theming.styles import Glyphs, Styles, Tone

_BAR = 12


@dataclass(frozen=True, slots=True)
class ReplayPlace:
    """Where a replay stands."""

    at: datetime
    began: datetime
    ended: datetime
    speed: float
    paused: bool
    trouble: str = ""
    """What of the recording could not be read; empty for nothing."""


def replay_line(place: ReplayPlace, glyphs: Glyphs) -> Text:
    """`REPLAY 2026-03-04 12:03:10 of 11:40:02-12:10:00, paused, x1`; words, so that no colour is needed."""
    day = place.at.astimezone().strftime("%Y-%m-%d")
    text = Text(" ", no_wrap=True, overflow="ellipsis", end="")
    text.append(f"REPLAY {day} {format_clock(place.at)}")
    text.append(f" of {_span(place)}{glyphs.separator}")
    state = "paused" if place.paused else "playing"
    if place.paused and place.at >= place.ended:
        state = "at its end"
    text.append(f"{state}{glyphs.separator}x{place.speed:g}  {_bar(place, glyphs)}")
    if place.trouble:
        text.append(f"{glyphs.separator}{clean(place.trouble)}")
    return text


def _span(place: ReplayPlace) -> str:
    first, last = place.began.astimezone(), place.ended.astimezone()
    until = format_clock(last) if first.date() == last.date() else last.strftime("%Y-%m-%d %H:%M:%S")
    since = format_clock(first) if first.date() == last.date() else first.strftime("%Y-%m-%d %H:%M:%S")
    return f"{since}-{until}"


def _bar(place: ReplayPlace, glyphs: Glyphs) -> str:
    whole = (place.ended - place.began).total_seconds()
    share = (place.at - place.began).total_seconds() / whole if whole > 0 else 1.0
    done = round(max(0.0, min(1.0, share)) * _BAR)
    full, empty = ("#", "-") if glyphs.ascii_only else ("━", "─")
    return f"{full * done}{empty * (_BAR - done)}"


@dataclass(frozen=True, slots=True)
class LinePart:
    """One word or phrase of the line."""

    text: Text
    rank: int
    """The higher, the earlier it leaves; 0 stays whatever happens."""
    gap: int = 2
    """Blanks before it."""


def fitting(listed: Sequence[LinePart], width: int) -> list[LinePart]:
    """The parts that have room: the highest ranks leave first, of equals the last."""
    shown = list(listed)
    while width and sum(part.gap + cell_len(part.text.plain) for part in shown) > width:
        leaving = max(range(len(shown)), key=lambda i: (shown[i].rank, i))
        if not shown[leaving].rank:
            break
        del shown[leaving]
    return shown


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
    lock: OtherOperator | None = None
    """Another operator at work on this cluster."""
    left: tuple[AbandonedRun, ...] = ()
    """What nobody carries on."""
    others: tuple[ClusterSummary, ...] = ()
    """The other clusters of this console."""
    traffic: str = ""
    """Which nodes take new connections; empty where nothing leads anywhere."""
    alarms: tuple[Alarm, ...] = ()
    """Those raised."""
    proof: str = ""
    """What is known to be well."""
    dead: tuple[Unreachable, ...] = ()
    """Nodes that do not answer although clients are sent to them."""
    replay: ReplayPlace | None = None
    """Where a replay stands; None in a live console."""


def is_production(environment: str) -> bool:
    """Whether the label names a production environment: prod, production, prod-eu, live."""
    return environment.lower().startswith(("prod", "live"))


def label(environment: str, styles: Styles) -> Text:
    """An environment as head and questions name it; production in its own colour and in capitals."""
    if is_production(environment):
        return Text(f" {environment.upper()} ", styles[Tone.PROD])
    return Text(environment)


def asked(question: str, cluster: str, environment: str, styles: Styles) -> Text:
    """The first line of a question: where it is asked is said before it is answered."""
    text = Text.assemble((question, "bold"), "   ", cluster)
    if environment:
        text = Text.assemble(text, " ", label(environment, styles))
    return text


def said_where(before: str, cluster: str, environment: str, after: str, styles: Styles) -> Text:
    """A sentence with `where` between `before` and `after`, production in its own colour."""
    style = styles[Tone.PROD] if is_production(environment) else "bold"
    return Text.assemble(before, (where(cluster, environment), style), after, end="")


def where(cluster: str, environment: str) -> str:
    """` on shop in PROD`, for a sentence; without the label where there is none."""
    return f" on {cluster}" + (f" in {environment.upper()}" if environment else "")


def verdict_line(status: Status, styles: Styles, glyphs: Glyphs) -> Text:
    """The overall verdict as symbol, word and reason."""
    if status.verdict is None:
        said = f"UNKNOWN: {status.trouble or 'reading the cluster for the first time'}"
        return _marked(Level.UNKNOWN, said, styles, glyphs)
    said = headline(status.verdict, status.alarms, status.now, status.proof)
    if status.trouble:
        return _marked(Level.CRIT, f"NOT READING: {status.trouble}; last known: {said}", styles, glyphs)
    return _marked(status.verdict.level, said, styles, glyphs)


def verdict_lines(status: Status, styles: Styles, glyphs: Glyphs, width: int) -> tuple[Text, Text | None]:
    """The verdict, and what to do next: behind it where there is room in `width` cells, else on a line of its
    own; None where there is nothing to do, or where a notice below says it."""
    verdict, step = verdict_line(status, styles, glyphs), _next(status)
    if not step:
        return verdict, None
    if cell_len(verdict.plain) + cell_len(glyphs.separator) + cell_len(step) <= width:
        return verdict.append(f"{glyphs.separator}{step}"), None
    line = Text("   ", no_wrap=True, overflow="ellipsis", end="")
    return verdict, line.append("next: ", styles[Tone.STALE]).append(step)


def _next(status: Status) -> str:
    if status.verdict is None or status.trouble:
        return ""
    step = clean(next_step(status.verdict, status.alarms))
    by_notice = (step.startswith("i: ") and status.dead) or (step.startswith("o") and status.left)
    return "" if by_notice else step


def _marked(level: Level, said: str, styles: Styles, glyphs: Glyphs) -> Text:
    word, colon, rest = said.partition(":")
    text = Text(" ", no_wrap=True, overflow="ellipsis", end="")
    text.append(f"{level_symbol(level, glyphs)} {word}", styles[level_tone(level)])
    text.append(f"{colon}{rest}")
    return text


def deserves_a_line(run: RunView | None) -> bool:
    """A run that goes on, and one that ended badly: it left something changed."""
    return run is not None and (not run.status.over or run.status in (RunStatus.STOPPED, RunStatus.LOST))


def quiet_run(status: Status) -> RunView | None:
    """The run that has its line in the head: not one that a notice speaks of."""
    run = status.run
    if run is None or not deserves_a_line(run) or run.alarm:
        return None
    return (
        None if any(left.run is not None and left.run.run_id == run.run_id for left in status.left) else run
    )


def notices(status: Status, styles: Styles, glyphs: Glyphs, *, hint: bool) -> Text | None:
    """An alarm of the run, who else is at work, what was left behind; None when there is nothing."""
    lines = []
    if status.run is not None and status.run.alarm:
        said = f" {glyphs.bad} RUN {status.run.node}: ALARM {clean(status.run.alarm)} "
        lines.append(Text(said, styles.loud))
    for dead in status.dead[:1]:
        text = Text(" ")
        text.append(f"{glyphs.bad} DEAD", styles[Tone.BAD]).append(f"{glyphs.separator}{clean(dead.text)}")
        if hint and not status.read_only:
            text.append(": ").append("i", "bold").append(" isolate it")
        lines.append(text)
    if status.lock is not None:
        lines.append(Text(f" {glyphs.bad} LOCK {lock_text(status.lock)}", styles[Tone.LAG]))
    if status.left:
        first, more = status.left[0], len(status.left) - 1
        text = Text(" ")
        text.append(f"{glyphs.bad} {'PAUSED' if first.paused else 'LEFT'}", styles[Tone.BAD])
        text.append(f"{glyphs.separator}{clean(first.text)}" + (f" (and {more} more)" if more else ""))
        if hint and not status.read_only:
            word = " let them go on" if first.paused else " resume or undo"
            text.append(": ").append("o", "bold").append(word)
        lines.append(text)
    if (worse := worse_clusters(status.others, _level(status), styles, glyphs)) is not None:
        lines.append(worse)
    if not lines:
        return None
    joined = Text("\n", end="").join(lines)
    joined.end = ""
    return joined


def _level(status: Status) -> Level:
    return status.verdict.level if status.verdict is not None else Level.UNKNOWN


def lock_text(lock: OtherOperator) -> str:
    """Who is at work, from where, since when, at which step."""
    who = lock.who or "somebody"
    at = f" at step {lock.step}" if lock.step else ""
    return clean(f"{who}: {lock.doing}{at}, from {lock.client}, since {_clock(lock.since)}")


def refused_by(lock: OtherOperator) -> str:
    """Why nothing can be started now, and what may be done about it."""
    return clean(
        f"another operator is at work on this cluster: {lock_text(lock)} (lock on {', '.join(lock.nodes)}). "
        "Let that run end, or abort it there. If that host is gone for good: "
        f"SELECT pg_terminate_backend({lock.pid}) on {lock.nodes[0]}."
    )


def _clock(since: str) -> str:
    try:
        return format_clock(datetime.fromisoformat(since))
    except ValueError:
        return since or "?"


def run_line(run: RunView, styles: Styles, glyphs: Glyphs) -> Text:
    """The run under way in one line: `RUN node1: step 3/7 waiting`."""
    cell = run_cell(run.status, glyphs)
    text = Text(" ", no_wrap=True, overflow="ellipsis", end="")
    text.append(f"{cell.text.split()[0]} RUN {run.node}: {run_place(run)}", styles[cell.tone])
    if run.message:
        text.append(f"{glyphs.separator}{run.message}")
    return text


def leaving(runs: Sequence[RunView]) -> Text:
    """What goes on when the console is left."""
    lines = [f"The {run.runbook} of {run.node} ({run.cluster}) is at {run_place(run)}." for run in runs]
    return Text(
        "\n".join([*lines, "It goes on" if len(runs) == 1 else "They go on"]) + " without this console."
    )


def parts(status: Status, glyphs: Glyphs, styles: Styles) -> list[LinePart]:
    """What the line has to say, in its order."""
    found = [LinePart(Text("bdr-console"), 3, 1), LinePart(Text(status.cluster, "bold"), 0)]
    if status.environment:
        text = label(status.environment, styles)
        found.insert(0, LinePart(text, 0, 0)) if is_production(status.environment) else found.append(
            LinePart(text, 1)
        )
    if status.replay is not None:
        found.append(LinePart(Text(" REPLAY ", "bold reverse"), 0, 3))
    elif status.read_only:
        found.append(LinePart(Text(" READ-ONLY ", "bold reverse"), 0, 3))
    else:
        found.append(LinePart(Text("operate"), 4, 3))
    if status.traffic:
        found.append(LinePart(Text(status.traffic), 2))
    if status.replay is None:
        found.append(LinePart(Text(f"every {status.refresh:g} s"), 5))
    return found


def top_line(status: Status, styles: Styles, glyphs: Glyphs, width: int = 0) -> Text:
    """The parts that fit in `width` cells (0: all). In production the line is in reverse from end to end."""
    shown = fitting(parts(status, glyphs, styles), width)
    text = Text(no_wrap=True, overflow="crop", end="")
    for part in shown:
        text.append(" " * part.gap)
        text.append_text(part.text)
    if is_production(status.environment):
        text.pad_right(max(0, width - cell_len(text.plain)))
        bar = styles[Tone.PROD]
        whole = Text(text.plain, no_wrap=True, overflow="crop", end="")
        whole.stylize(bar)  # as a span: a line tells by its spans whether it changed with the theme
        # Within the bar the words that are in reverse elsewhere are upright, so that they stand out here too.
        for part in shown:
            if "reverse" in str(part.text.style) and (at := text.plain.find(part.text.plain)) >= 0:
                whole.stylize(Style(reverse=False, bold=True), at, at + len(part.text.plain))
        return whole
    return text
