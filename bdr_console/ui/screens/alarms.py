"""Every alarm of the cluster: since when, and who knows of it; acknowledged with a reason."""

from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Input

from bdr_console.cluster.verdict.alarm import PERIODS, Alarm
from bdr_console.cluster.verdict.client_impact import with_client_words
from bdr_console.cluster.verdict.findings import Finding
from bdr_console.ui.alarm_watch import AlarmWatch
from bdr_console.ui.base_app import Cluster
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.screens.log import LogScreen
from bdr_console.ui.text.cells import Cell, PaneColumn, Row, Subject, SubjectKind
from bdr_console.ui.text.status import Status
from bdr_console.ui.text.words import coarse, level_cell
from bdr_console.ui.widgets.frame import KeyLine, ScreenHead
from bdr_console.ui.widgets.lines import Line
from bdr_console.ui.widgets.live_table import LiveTable
from bdr_console.ui.widgets.pane import empty_row

_LASTS, _LEVEL = PaneColumn("lasts", "For", 5, "right"), PaneColumn("level", "Level", 10)
_SETS = (
    (
        PaneColumn("since", "Since", 15),
        _LASTS,
        _LEVEL,
        PaneColumn("subject", "About", 26),
        PaneColumn("text", "What", 60),
    ),
    (_LASTS, _LEVEL, PaneColumn("subject", "About", 20), PaneColumn("text", "What", 20)),
)


class AlarmsScreen(LiveScreen):
    """A list, and one line to type a reason in. Nothing of it changes the cluster, so watchers may use it."""

    WHY_NOT: ClassVar[str] = "this is a recording: nobody can acknowledge anything in it any more"
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.ALARMS)
    DEFAULT_CSS = """
    AlarmsScreen #why { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    AlarmsScreen #why.-open { display: block; }
    AlarmsScreen #said { height: 4; background: $surface; }
    """

    def __init__(self, cluster: Cluster, selected: Row | None = None) -> None:
        """`selected`: the row that the operator comes from."""
        super().__init__(cluster)
        self._from = selected
        self._alarms: dict[str, Alarm] = {}
        self._snapshot_shown: JudgedSnapshot | None = None
        self._chosen: tuple[Alarm, ...] = ()
        self._period = 0

    @property
    def keeper(self) -> AlarmWatch:
        """What keeps the acknowledgements."""
        return self.cluster.alarms

    @property
    def table(self) -> LiveTable:
        """The list."""
        return self.query_one(LiveTable)

    def compose(self) -> ComposeResult:
        """Head, the list, the selected one in full, the line for the reason, keys."""
        yield ScreenHead(self._glyphs)
        yield Line(Text(" Alarms", end=""), id="title", classes="title")
        yield LiveTable(_SETS, ellipsis=self._glyphs.ellipsis)
        yield Line(id="said")
        yield Input(id="why", select_on_focus=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin at the alarm of the row that the operator comes from."""
        super().on_mount()
        self.table.focus()
        self.call_after_refresh(self._go_to_it)

    def show(self, judged: JudgedSnapshot | None, status: Status) -> None:
        """Show the alarms of that moment."""
        self.query_one(ScreenHead).show(status, self.console.tones)
        if judged is None:
            return
        self._snapshot_shown = judged
        self._alarms = {"|".join(alarm.key): alarm for alarm in judged.alarms}
        rows = []
        for alarm in judged.alarms:
            rows.append(self._row("|".join(alarm.key), alarm, judged))
            for finding in judged.verdict.caused_by(alarm.finding):
                row = self._folded_row(finding, alarm)
                self._alarms[row.key] = alarm  # what is done to it is done to the root
                rows.append(row)
        self.table.apply(rows or [empty_row("text", "no alarm")])
        known = sum(1 for alarm in judged.alarms if alarm.ack)
        title = f" Alarms: {len(judged.alarms)}" + (f", {known} acknowledged" if known else "")
        self.query_one("#title", Line).say(Text(title, no_wrap=True, end=""))
        self._say()

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        self.table.restyle(self.console.tones)

    def action_acknowledge(self, every: bool = False) -> None:
        """Ask for the reason."""
        if self.cluster.timeline.recorded:
            self.app.notify(self.WHY_NOT, severity="warning", markup=False)
            return
        alarm = self._selected()
        shown = {alarm.key: alarm for alarm in self._alarms.values()}
        new = tuple(alarm for alarm in shown.values() if alarm.ack is None)
        self._chosen = new if every else (alarm,) if alarm else ()
        if not self._chosen:
            return
        box = self.query_one("#why", Input)
        box.value = ""
        box.placeholder = "why may it wait? then enter (esc: leave it)"
        box.add_class("-open")
        box.focus()
        self.refresh_bindings()
        self._say()

    def action_period(self) -> None:
        """The next of the times that an acknowledgement may last."""
        self._period = (self._period + 1) % len(PERIODS)
        self._say()

    def action_withdraw(self) -> None:
        """Take an acknowledgement back."""
        alarm = self._selected()
        if alarm is not None and self.keeper.withdraw(alarm):
            self.console.paint()

    def action_log(self) -> None:
        """The event log about the selected alarm."""
        alarm = self._selected()
        self.app.push_screen(LogScreen(self.cluster, alarm.key[1] if alarm else ""))

    def action_back(self) -> None:
        """Close the question first, then the screen."""
        if self._is_asking:
            self._close()
        else:
            self.dismiss()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a reason is typed, letters are letters, and tab is how long."""
        if self._is_asking:
            return action in ("period", "back")
        if action in ("acknowledge", "withdraw") and self.cluster.timeline.recorded:
            return None
        return action != "period"

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        self.action_acknowledge()

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._say()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        reason = event.value.strip()
        if not reason:
            event.input.placeholder = "type a reason: whoever comes next must know why it may wait"
            return
        self.keeper.acknowledge(self._chosen, reason, PERIODS[self._period])
        self._close()
        self.console.paint()

    @property
    def _is_asking(self) -> bool:
        return self.is_mounted and any(box.has_class("-open") for box in self.query("#why"))

    def _close(self) -> None:
        self.query_one("#why", Input).remove_class("-open")
        self._chosen = ()
        self.table.focus()
        self.refresh_bindings()
        self._say()

    def _selected(self) -> Alarm | None:
        row = self.table.selected
        return self._alarms.get(row.key) if row else None

    def _go_to_it(self) -> None:
        row = self._from
        if row is None:
            return
        event = row.subject is not None and row.subject.kind is SubjectKind.EVENT
        names = {row.cells["subject"].text} if event else {row.node, *_names(row.subject)}
        for place, alarm in enumerate(self._alarms.values()):
            if alarm.key[1] in names:
                self.table.move_cursor(row=place, animate=False)
                return

    def _say(self) -> None:
        if not self.is_mounted or self._snapshot_shown is None:
            return
        said = ""
        if self._is_asking:
            what = self._chosen[0].key[1] if len(self._chosen) == 1 else f"{len(self._chosen)} alarms"
            said = (
                f"Acknowledge {what} {PERIODS[self._period].words} (tab: another time). "
                "It rings again if it gets worse."
            )
        elif alarm := self._selected():
            said = _sentence(alarm, self._snapshot_shown) + _step(alarm)
        self.query_one("#said", Line).say(Text(f" {said}", end="", overflow="ellipsis"))

    def _row(self, key: str, alarm: Alarm, judged: JudgedSnapshot) -> Row:
        since = alarm.since.astimezone()
        day = f"{since:%b %d} " if alarm.lasting(judged.now) >= 86400 else ""
        row = Row(
            key,
            {
                "since": Cell(f"{day}{since:%H:%M:%S}"),
                "lasts": Cell(coarse(alarm.lasting(judged.now))),
                "level": level_cell(alarm.finding.level, self._glyphs),
                "subject": Cell(alarm.finding.subject),
                "text": Cell(f"{alarm.ack.words}; {_text(alarm)}" if alarm.ack else _text(alarm)),
            },
        )
        return row.aged() if alarm.ack else row

    def _folded_row(self, finding: Finding, root: Alarm) -> Row:
        """What follows from an alarm, indented under it."""
        branch = "`- " if self._glyphs.ascii_only else "└ "
        return Row(
            "|".join((*root.key, *finding.key)),
            {
                "since": Cell(""),
                "lasts": Cell(""),
                "level": level_cell(finding.level, self._glyphs),
                "subject": Cell(f"{branch}{finding.subject}"),
                "text": Cell(finding.text),
            },
        ).aged()


def _step(alarm: Alarm) -> str:
    return f"\n Next: {alarm.finding.remedy}" if alarm.finding.remedy else ""


def _sentence(alarm: Alarm, judged: JudgedSnapshot) -> str:
    unseen = "" if alarm.present else f"; not seen for {coarse((judged.now - alarm.seen).total_seconds())}"
    ack = f"; {alarm.ack.words}" if alarm.ack else ""
    fact = replace(alarm.finding, text=_text(alarm)).sentence
    return f"{fact}, {alarm.since_words(judged.now)}{unseen}{ack}"


def _text(alarm: Alarm) -> str:
    flapping = alarm.text.removesuffix(alarm.finding.text)
    return f"{flapping}{with_client_words(alarm.finding)}"


def _names(subject: Subject | None) -> tuple[str, ...]:
    """How a finding may name what a row is about."""
    if subject is None:
        return ()
    if subject.kind is SubjectKind.LINK:
        return (" -> ".join(subject.key),)
    return ("/".join(subject.key), "/".join(subject.key[:2]), subject.key[0])
