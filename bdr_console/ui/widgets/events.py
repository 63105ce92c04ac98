"""The pane of events: what changed, and when."""

from collections.abc import Sequence

from bdr_console.cluster.changes import Event
from bdr_console.cluster.text import format_clock
from bdr_console.cluster.verdict import Finding
from bdr_console.ui.cells import Cell, Column, Row
from bdr_console.ui.moment import Moment
from bdr_console.ui.subject import Kind, Subject
from bdr_console.ui.widgets.pane import Pane, empty_row
from bdr_console.ui.words import UNICODE, Glyphs, level_cell

_RECENT = 60.0
"""An event marks its pane for this many seconds."""

_TIME = Column("time", "Time", 8)
_LEVEL = Column("level", "Level", 10)
_TEXT = Column("text", "What changed", 20)


class Events(Pane):
    """The newest event first; the log is bounded."""

    NUMBER, TITLE, SHORT = 6, "Events", "Events"
    COLUMNS = (
        (_TIME, _LEVEL, Column("subject", "About", 28), Column("text", "What changed", 60)),
        (_TIME, _LEVEL, Column("subject", "About", 20), _TEXT),
    )

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)
        self._events: tuple[tuple[int, Event], ...] | None = None
        self._rows: list[Row] = []

    def rows(self, moment: Moment) -> Sequence[Row]:
        """One row for each event; the same rows as before while no event came."""
        if moment.events is not self._events:
            self._events, self._rows = moment.events, self._made(moment)
        return self._rows or [empty_row("text", "nothing has changed yet")]

    def _made(self, moment: Moment) -> list[Row]:
        return [
            Row(
                str(number),
                {
                    "time": Cell(format_clock(event.at), rank=event.at.timestamp()),
                    "level": level_cell(event.level, moment.glyphs),
                    "subject": Cell(event.subject),
                    "text": Cell(event.text),
                },
                f"{event.at.astimezone():%Y-%m-%d %H:%M:%S} {event.subject}: {event.text}",
                subject=Subject(Kind.EVENT, (str(number),)),
            )
            for number, event in moment.events
        ]

    def findings(self, moment: Moment) -> Sequence[Finding]:
        """The events of the last minute that are not good news."""
        return [
            Finding(event.level, event.subject, event.text)
            for _, event in moment.events
            if event.level > 0 and (moment.now - event.at).total_seconds() <= _RECENT
        ]
