"""Everything known about one event of the log. Pure."""

from bdr_console.cluster.changes import Event
from bdr_console.ui.details.block import Block, Field, Goto, Part, Table, Words
from bdr_console.ui.details.names import named
from bdr_console.ui.details.shared import finding_parts, findings_block, gone_block, stamp, subject_of
from bdr_console.ui.moment import Moment
from bdr_console.ui.text.cells import Cell
from bdr_console.ui.text.words import level_cell

_AROUND = 60.0
"""Seconds before and after within which other events are told."""
_MOST = 20


def event_blocks(key: tuple[str, ...], moment: Moment, _width: int) -> tuple[Block, ...]:
    """Its whole text, what was found wrong then and what is now, what else happened around it."""
    known = {str(number): event for number, event in moment.events}
    event = known.get(key[0])
    if event is None:
        return (gone_block(f"event {key[0]} (the log keeps the newest)"),)
    then = moment.findings_then.get(int(key[0]))
    found: tuple[Part, ...] = (Words(Cell("not kept: nothing was judged at that time")),)
    if then is not None:
        found = finding_parts(then[1], moment)
    subject = subject_of(event.subject, moment)
    goes = (
        (Goto(subject, Cell(named(subject))),)
        if subject
        else (Words(Cell("nothing with details of its own")),)
    )
    return (
        Block("What happened", _what(event, moment)),
        Block("About", goes),
        Block(f"Findings then{f', at {then[0].astimezone():%H:%M:%S}' if then else ''}", found),
        findings_block(moment, event.subject),
        Block("A minute before and after", _around(event, moment)),
    )


def _what(event: Event, moment: Moment) -> tuple[Part, ...]:
    return (
        Field("when", stamp(event.at, moment.now)),
        Field("level", level_cell(event.level, moment.glyphs)),
        Field("about", Cell(event.subject)),
        Field("what", Cell(event.text)),
    )


def _around(event: Event, moment: Moment) -> tuple[Part, ...]:
    near = [
        other
        for _, other in moment.events
        if other is not event and abs((other.at - event.at).total_seconds()) <= _AROUND
    ]
    if not near:
        return (Words(Cell("nothing else")),)
    rows = tuple(
        (
            Cell(f"{other.at.astimezone():%H:%M:%S}"),
            level_cell(other.level, moment.glyphs),
            Cell(other.subject),
            Cell(other.text),
        )
        for other in near[:_MOST]
    )
    return (Table(("time", "level", "about", "what"), rows),)
