"""The event log of the cluster: everything on disk and what came since, searched by text, level and time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input

from bdr_console.cluster.text import clean, span
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.errors import ConsoleError
from bdr_console.event_store import Record
from bdr_console.ui.base_app import Cluster
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.text.cells import Cell, PaneColumn, Row
from bdr_console.ui.text.status import Status
from bdr_console.ui.text.words import level_cell
from bdr_console.ui.widgets.frame import KeyLine, ScreenHead
from bdr_console.ui.widgets.lines import Line
from bdr_console.ui.widgets.live_table import LiveTable
from bdr_console.ui.widgets.pane import empty_row
from bdr_console.ui.workers import in_background

WINDOWS: tuple[tuple[str, timedelta | None], ...] = (
    ("all", None),
    ("last 10 minutes", timedelta(minutes=10)),
    ("last hour", timedelta(hours=1)),
    ("last day", timedelta(days=1)),
)
LEVELS: tuple[tuple[str, Level], ...] = (
    ("every level", Level.OK),
    ("warnings and worse", Level.WARN),
    ("critical only", Level.CRIT),
)
SHOWN = 500
"""Rows at a time: more are of no use to a reader, and slow to lay out."""
_AROUND = timedelta(seconds=30)
_TIMES = ("%H:%M", "%H:%M:%S")


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for."""

    text: str = ""
    """Words, each anywhere in subject, text or code; capitals do not matter."""
    level: int = 0
    """Of LEVELS."""
    window: int = 0
    """Of WINDOWS."""

    def select(self, records: Sequence[Record], now: datetime) -> list[Record]:
        """Those that fit, newest first."""
        least, span = LEVELS[self.level][1], WINDOWS[self.window][1]
        words = self.text.lower().split()
        return [
            record
            for record in reversed(records)
            if record.event.level >= least
            and (span is None or now - record.event.at <= span)
            and (not words or _holds(record, words))
        ]

    @property
    def words(self) -> str:
        """`last 10 minutes, warnings and worse, with "node2"`."""
        said = [WINDOWS[self.window][0], LEVELS[self.level][0]]
        return ", ".join([*said, *([f'with "{self.text}"'] if self.text else [])])


def _holds(record: Record, words: Sequence[str]) -> bool:
    event = record.event
    there = f"{event.subject} {event.text} {event.code}".lower()
    return all(word in there for word in words)


def moment_of(text: str, now: datetime) -> datetime | None:
    """`2h` (ago), `14:30`, `14:30:05`, `03-04 14:30`, `2026-03-04 14:30`, local; None for anything else.

    Without a date or a year it is the last one that there was."""
    text = text.strip()
    if (ago := span(text)) is not None:
        return now - timedelta(seconds=ago)
    local = now.astimezone()
    tries = [(f"{local:%Y-%m-%d} {text}", timedelta(days=1)), (f"{local:%Y}-{text}", timedelta(days=365))]
    for told, back in [*tries, (text, timedelta(0))]:
        for time in _TIMES:
            try:
                found = datetime.strptime(told, f"%Y-%m-%d {time}").astimezone()
            except (ValueError, OverflowError):
                continue
            return (found - back if found > local else found).astimezone(UTC)
    return None


def around(records: Sequence[Record], record: Record) -> list[Record]:
    """What else happened within 30 s of it, oldest first."""
    at = record.event.at
    return [one for one in records if one is not record and abs(one.event.at - at) <= _AROUND]


_TIME, _LEVEL = PaneColumn("time", "Time", 15), PaneColumn("level", "Level", 10)
_SETS = (
    (_TIME, _LEVEL, PaneColumn("subject", "About", 28), PaneColumn("text", "What changed", 60)),
    (_TIME, _LEVEL, PaneColumn("subject", "About", 16), PaneColumn("text", "What changed", 20)),
)
_ASKED = {"search": "words to look for, then enter", "jump": "14:30, 03-04 14:30, or 2h for two hours ago"}


class LogScreen(LiveScreen):
    """Reads the log once when it is opened; what happens from then on is added at the top."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LOG)
    DEFAULT_CSS = """
    LogScreen #ask { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    LogScreen #ask.-open { display: block; }
    LogScreen #said { height: 3; background: $surface; }
    """

    def __init__(self, cluster: Cluster, text: str = "") -> None:
        """`text`: what is searched for at once."""
        super().__init__(cluster)
        self._filter = Filter(text)
        self._kept: list[Record] | None = None
        self._trouble = ""
        self._last = 0
        """The number of the newest event of this console that is among the records."""
        self._shown: dict[str, Record] = {}
        self._asking = ""
        self._drawn: object = None
        self._events: object = None
        """The events of a recording that are listed."""

    @property
    def table(self) -> LiveTable:
        """The list."""
        return self.query_one(LiveTable)

    def compose(self) -> ComposeResult:
        """Head, filters, the list, the selected one in full, a line to type in, keys."""
        yield ScreenHead(self._glyphs)
        yield Line(Text(" Event log: reading...", end=""), id="title", classes="title")
        yield LiveTable(_SETS, ellipsis=self._glyphs.ellipsis)
        yield Line(id="said")
        yield Input(id="ask", select_on_focus=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the log on a thread."""
        super().on_mount()
        self.table.focus()
        self.begin_work(self._read(), "reading the event log")

    async def _read(self) -> None:
        watch = self.cluster.alarms
        await watch.keep()  # what was not written yet
        records: list[Record] = []
        try:
            if watch.event_store is not None:
                records = await in_background(watch.event_store.log.read)
        except (OSError, ConsoleError) as error:
            self._trouble = clean(error.problem if isinstance(error, ConsoleError) else error.strerror, 200)
        self._kept = records
        self.catch_up()

    def show(self, judged: JudgedSnapshot | None, status: Status) -> None:
        """Add what is new."""
        self.query_one(ScreenHead).show(status, self.console.tones)
        if judged is None or self._kept is None:
            return
        if self.cluster.timeline.recorded:
            self._follow(judged)
            return
        if judged.events and judged.events[0][0] > self._last:
            there = {_second(record.event) for record in self._kept[-1000:]}
            self._kept += [
                Record(event)
                for number, event in reversed(judged.events)
                if number > self._last and _second(event) not in there
            ]
            self._kept.sort(key=lambda record: record.event.at)
            self._last = judged.events[0][0]
        self._list()

    def _follow(self, judged: JudgedSnapshot) -> None:
        """The log of a recording as it stood at that moment: it gets shorter when one goes back in it."""
        if judged.events is not self._events:
            self._events = judged.events
            self._kept = [Record(event) for _, event in reversed(judged.events)]
            self._drawn = None
        self._list()

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        self.table.restyle(self.console.tones)

    def _list(self) -> None:
        if self._kept is None:
            return
        found = self._filter.select(self._kept, self.console.now())
        drawn = (self._filter, len(self._kept), len(found))
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self._shown = {_key(record): record for record in found[:SHOWN]}
        rows = [self._row(key, record) for key, record in self._shown.items()]
        self.table.apply(rows or [empty_row("text", self._trouble or f"no event: {self._filter.words}")])
        count = f"{len(found)} of {len(self._kept)}"
        cut = f", the newest {SHOWN} shown" if len(found) > SHOWN else ""
        trouble = f" (not read from disk: {self._trouble})" if self._trouble else ""
        said = f" Event log: {self._filter.words}: {count}{cut}{trouble}"
        self.query_one("#title", Line).say(Text(said, no_wrap=True, overflow="ellipsis", end=""))
        self._say()

    # Keys --------------------------------------------------------------------------------------------

    def action_window(self) -> None:
        """The next window of time, the last 10 minutes first."""
        self._narrow(replace(self._filter, window=(self._filter.window + 1) % len(WINDOWS)))

    def action_level(self) -> None:
        """The next level."""
        self._narrow(replace(self._filter, level=(self._filter.level + 1) % len(LEVELS)))

    def action_search(self) -> None:
        """Ask for the words."""
        self._ask("search", self._filter.text)

    def action_jump(self) -> None:
        """Ask for the time."""
        self._ask("jump", "")

    def action_back(self) -> None:
        """Close what is open, then clear the filters, then leave."""
        if self._asking:
            self._close()
        elif self._filter != Filter():
            self._narrow(Filter())
        else:
            self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed, letters are letters."""
        return action == "back" if self._asking else True

    def _ask(self, what: str, value: str) -> None:
        self._asking = what
        box = self.query_one("#ask", Input)
        box.placeholder, box.value = _ASKED[what], value
        box.add_class("-open")
        box.focus()
        self.refresh_bindings()

    def _close(self) -> None:
        self._asking = ""
        self.query_one("#ask", Input).remove_class("-open")
        self.table.focus()
        self.refresh_bindings()

    def _narrow(self, wanted: Filter) -> None:
        self._filter = wanted
        self._list()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        if self._asking == "search":
            self._narrow(replace(self._filter, text=clean(event.value.strip(), 100)))
            self._close()
        elif self._jump(event.value):
            self._close()
        else:
            event.input.value = ""
            event.input.placeholder = f"not a time: {_ASKED['jump']}"

    def _jump(self, text: str) -> bool:
        """Go to the last event up to that time; whether it was a time."""
        wanted = moment_of(text, self.console.now())
        if wanted is None:
            return False
        places = [place for place, record in enumerate(self._shown.values()) if record.event.at <= wanted]
        self.table.move_cursor(row=places[0] if places else len(self._shown) - 1, animate=False)
        return True

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._say()

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        if (record := self._selected()) is not None and self._kept is not None:
            self.app.push_screen(EventDetails(record, around(self._kept, record)))

    def _selected(self) -> Record | None:
        row = self.table.selected
        return self._shown.get(row.key) if row else None

    def _say(self) -> None:
        record = self._selected()
        said = f" {record.event.subject}: {record.event.text}" if record else ""
        self.query_one("#said", Line).say(Text(said, end="", overflow="ellipsis"))

    def _row(self, key: str, record: Record) -> Row:
        event = record.event
        return Row(
            key,
            {
                "time": Cell(f"{event.at.astimezone():%b %d %H:%M:%S}"),
                "level": level_cell(event.level, self._glyphs),
                "subject": Cell(event.subject),
                "text": Cell(event.text),
            },
        )


def _second(event: Event) -> tuple[datetime, str]:
    return event.at.replace(microsecond=0), event.text


def _key(record: Record) -> str:
    event = record.event
    return f"{event.at.isoformat()}|{event.subject}|{event.code}|{event.text}|{record.by}"


class EventDetails(ModalScreen[None]):
    """One event in full."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,enter,q", "dismiss", "Close")]
    DEFAULT_CSS = """
    EventDetails { align: center middle; }
    EventDetails VerticalScroll { width: 76; max-width: 100%; height: auto; max-height: 100%;
        background: $surface; padding: 0 1; }
    EventDetails Line { height: auto; }
    """

    def __init__(self, record: Record, others: list[Record]) -> None:
        """`others`: what happened around it, oldest first."""
        super().__init__()
        self._record = record
        self._others = others

    def compose(self) -> ComposeResult:
        """The text."""
        with VerticalScroll():
            yield Line(self._text())

    def _text(self) -> Text:
        event = self._record.event
        text = Text("Event", "bold", end="")
        text.append("   esc closes\n", "not bold")
        for name, value in (
            ("when", event.at.astimezone().isoformat(sep=" ", timespec="seconds")),
            ("level", event.level.name.lower()),
            ("about", event.subject),
            ("what", event.text),
            ("kind", event.code or "-"),
            ("seen by", self._record.by or "this console"),
        ):
            text.append(f"\n{name:>8}  {value}", "not bold")
        text.append("\n\nWithin 30 s of it\n", "bold")
        for other in self._others[:100]:
            seconds = (other.event.at - event.at).total_seconds()
            line = f"\n{seconds:+7.0f} s  {other.event.subject}: {other.event.text}"
            text.append(line, "not bold")
        if not self._others:
            text.append("\n          nothing else", "not bold")
        return text
