"""Details of a conflict and of an event. Pure."""

from bdr_console.cluster.conflicts import Conflict
from bdr_console.cluster.verdict.changes import Event
from bdr_console.ui.details.block import Block, Field, Goto, Part, Table, Words
from bdr_console.ui.details.shared import (
    finding_parts,
    findings_block,
    gone_block,
    named,
    seconds_since,
    stamp,
    subject_of,
)
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import QUESTION, Cell, Subject, SubjectKind
from bdr_console.ui.text.words import level_cell
from bdr_console.ui.theming.styles import Tone


def conflict_blocks(key: tuple[str, ...], judged: JudgedSnapshot, _width: int) -> tuple[Block, ...]:
    """Both rows, who won, on which nodes it was met."""
    name, mark = key
    met = [
        (node, conflict)
        for node in judged.snapshot.nodes
        if node.facts
        for conflict in node.facts.conflicts
        if conflict.key == mark
    ]
    own = next(((node, conflict) for node, conflict in met if node.name == name), None)
    if own is None:
        return (gone_block("that conflict (nodes tell of the last hour, at most 50)"),)
    node, one = own
    age = seconds_since(node.facts.seldom_at if node.facts else None, judged.now)
    rows = tuple(
        (Cell(there.name), stamp(other.at, judged.now), Cell(other.resolution)) for there, other in met
    )
    elsewhere: tuple[Part, ...] = (Table(("on", "met at", "resolution"), rows),)
    if len(met) == 1:
        elsewhere += (
            Words(Cell("no other node shows it: a collision can be met on several nodes", Tone.STALE)),
        )
    goes = [Goto(Subject(SubjectKind.NODE, (name,)), Cell(f"node {name}"))]
    if one.origin and judged.snapshot.node(one.origin):
        goes.append(Goto(Subject(SubjectKind.LINK, (one.origin, name)), Cell(f"link {one.origin} -> {name}")))
    return (
        Block("What happened", _conflict_what(one, judged), "conflicts.sql", age),
        Block(
            f"The row that {name} had", _side(one.local_tuple, one, judged, local=True), "conflicts.sql", age
        ),
        Block(
            f"The row that came{f' from {one.origin}' if one.origin else ''}",
            _side(one.remote_tuple, one, judged, local=False),
            "conflicts.sql",
            age,
        ),
        Block("Where it was met", elsewhere, "conflicts.sql of each node", age),
        findings_block(judged, "conflicts", name),
        Block("Around it", tuple(goes)),
    )


def winner(resolution: str) -> str:
    """Which row stayed, as far as the engine's word tells."""
    word = resolution.casefold()
    if "local" in word or word == "skip":
        return "the row that was there stayed"
    if "remote" in word or word in ("update", "insert"):
        return "the row that came was taken"
    return "the engine's word does not tell"


def _conflict_what(one: Conflict, judged: JudgedSnapshot) -> tuple[Part, ...]:
    told: list[Part] = [
        Field("when", stamp(one.at, judged.now)),
        Field("table", Cell(one.table or "?")),
        Field("kind", Cell(one.kind, Tone.LAG)),
        Field("resolution", Cell(one.resolution)),
        Field("who won", Cell(winner(one.resolution))),
        Field("change from", Cell(one.origin) if one.origin else QUESTION),
    ]
    if one.error:
        told.append(Field("error", Cell(one.error, Tone.BAD)))
    return tuple(told)


def _side(row: str | None, one: Conflict, judged: JudgedSnapshot, *, local: bool) -> tuple[Part, ...]:
    at = one.local_commit_at if local else one.remote_commit_at
    shown = Cell("the engine does not show it", Tone.STALE) if row is None else Cell(row)
    return (Field("committed", stamp(at, judged.now)), Field("row", shown))


_AROUND = 60.0
"""Seconds before and after within which other events are told."""
_MOST = 20


def event_blocks(key: tuple[str, ...], judged: JudgedSnapshot, _width: int) -> tuple[Block, ...]:
    """Its whole text, what was found wrong then and what is now, what else happened around it."""
    known = {str(number): event for number, event in judged.events}
    event = known.get(key[0])
    if event is None:
        return (gone_block(f"event {key[0]} (the log keeps the newest)"),)
    then = judged.findings_then.get(int(key[0]))
    found: tuple[Part, ...] = (Words(Cell("not kept: nothing was judged at that time")),)
    if then is not None:
        found = finding_parts(then[1], judged)
    subject = subject_of(event.subject, judged)
    goes = (
        (Goto(subject, Cell(named(subject))),)
        if subject
        else (Words(Cell("nothing with details of its own")),)
    )
    return (
        Block("What happened", _event_what(event, judged)),
        Block("About", goes),
        Block(f"Findings then{f', at {then[0].astimezone():%H:%M:%S}' if then else ''}", found),
        findings_block(judged, event.subject),
        Block("A minute before and after", _around(event, judged)),
    )


def _event_what(event: Event, judged: JudgedSnapshot) -> tuple[Part, ...]:
    return (
        Field("when", stamp(event.at, judged.now)),
        Field("level", level_cell(event.level, judged.glyphs)),
        Field("about", Cell(event.subject)),
        Field("what", Cell(event.text)),
    )


def _around(event: Event, judged: JudgedSnapshot) -> tuple[Part, ...]:
    near = [
        other
        for _, other in judged.events
        if other is not event and abs((other.at - event.at).total_seconds()) <= _AROUND
    ]
    if not near:
        return (Words(Cell("nothing else")),)
    rows = tuple(
        (
            Cell(f"{other.at.astimezone():%H:%M:%S}"),
            level_cell(other.level, judged.glyphs),
            Cell(other.subject),
            Cell(other.text),
        )
        for other in near[:_MOST]
    )
    return (Table(("time", "level", "about", "what"), rows),)
