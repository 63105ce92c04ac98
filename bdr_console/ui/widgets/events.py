"""The pane of events: what changed, and when."""

from collections.abc import Mapping, Sequence

from bdr_console.cluster.text import format_clock
from bdr_console.cluster.verdict.alarm import Alarm
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Finding, Key
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import Cell, PaneColumn, Row, Subject, SubjectKind
from bdr_console.ui.text.words import level_cell
from bdr_console.ui.theming.styles import UNICODE, Glyphs
from bdr_console.ui.widgets.pane import Pane, empty_row

_RECENT = 60.0
"""An event marks its pane for this many seconds."""

_TIME = PaneColumn("time", "Time", 8)
_LEVEL = PaneColumn("level", "Level", 10)
_TEXT = PaneColumn("text", "What changed", 20)


class Events(Pane):
    """The newest event first; the log is bounded."""

    NUMBER, TITLE, SHORT = 6, "Events", "Events"
    COLUMNS = (
        (_TIME, _LEVEL, PaneColumn("subject", "About", 28), PaneColumn("text", "What changed", 60)),
        (_TIME, _LEVEL, PaneColumn("subject", "About", 20), _TEXT),
    )

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)
        self._made_of: tuple[object, object] | None = None
        self._rows: list[Row] = []

    def rows(self, judged: JudgedSnapshot) -> Sequence[Row]:
        """One row for each event; the same rows as before while nothing came or was acknowledged."""
        acks = {alarm.key: alarm for alarm in judged.alarms if alarm.ack}
        made_of = (judged.events, {key: alarm.ack for key, alarm in acks.items()})
        if self._made_of is None or judged.events is not self._made_of[0] or made_of != self._made_of:
            self._made_of, self._rows = (
                made_of,
                [self._row(n, event, judged, acks) for n, event in judged.events],
            )
        return self._rows or [empty_row("text", "nothing has changed yet")]

    def _row(self, number: int, event: Event, judged: JudgedSnapshot, acks: Mapping[Key, Alarm]) -> Row:
        """One event; dimmed, with who and why, while the alarm that it tells of is acknowledged."""
        alarm = acks.get(event.key)
        known = alarm is not None and event.level > 0 and event.at >= alarm.since
        ack = f"; {alarm.ack.words}" if known and alarm is not None and alarm.ack else ""
        row = Row(
            str(number),
            {
                "time": Cell(format_clock(event.at), rank=event.at.timestamp()),
                "level": level_cell(event.level, judged.glyphs),
                "subject": Cell(event.subject),
                "text": Cell(f"{event.text}{ack}"),
            },
            f"{event.at.astimezone():%Y-%m-%d %H:%M:%S} {event.subject}: {event.text}{ack}",
            subject=Subject(SubjectKind.EVENT, (str(number),)),
        )
        return row.aged() if known else row

    def findings(self, judged: JudgedSnapshot) -> Sequence[Finding]:
        """The events of the last minute that are not good news."""
        return [
            Finding(event.level, event.subject, event.text)
            for _, event in judged.events
            if event.level > 0 and (judged.now - event.at).total_seconds() <= _RECENT
        ]
