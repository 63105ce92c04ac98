"""The clusters of the configuration: how each stands, whichever is shown."""

from datetime import datetime
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable

from bdr_console.ui.base_app import Cluster
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.text.cells import BLANK, QUESTION, Cell, PaneColumn, Row
from bdr_console.ui.text.cluster_summary import ClusterSummary
from bdr_console.ui.text.status import Status, is_production
from bdr_console.ui.text.words import coarse, level_symbol, level_tone
from bdr_console.ui.theming.styles import Glyphs, Tone
from bdr_console.ui.widgets.frame import KeyLine, ScreenHead
from bdr_console.ui.widgets.lines import Line
from bdr_console.ui.widgets.live_table import LiveTable

_NAME = PaneColumn("name", "Cluster", 10, fits_names=True)
_ENVIRONMENT = PaneColumn("environment", "Env", 10, fits_names=True)
_NODES = PaneColumn("nodes", "Up", 5, "right")
_ALARMS = PaneColumn("alarms", "Alarms", 6, "right")
_AGE = PaneColumn("age", "Read", 5, "right")
_STATE = PaneColumn("state", "State", 11)
_COLUMNS = (
    (
        _NAME,
        _ENVIRONMENT,
        _STATE,
        _NODES,
        _ALARMS,
        _AGE,
        PaneColumn("run", "Run", 28),
        PaneColumn("why", "Why", 30),
    ),
    (_NAME, _ENVIRONMENT, _STATE, _NODES, _ALARMS, _AGE, PaneColumn("why", "Why", 10)),
)


class Clusters(LiveScreen):
    """One line for each cluster, the worst finding of the selected one in full; enter shows it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.CLUSTERS)
    DEFAULT_CSS = """
    Clusters LiveTable { height: 1fr; }
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._placed = False

    def compose(self) -> ComposeResult:
        """Head, list, the selected cluster in full, keys."""
        yield ScreenHead(self._glyphs)
        yield Line(Text(" Clusters", end=""), classes="title")
        yield LiveTable(_COLUMNS, ellipsis=self._glyphs.ellipsis)
        yield Line(id="detail")
        yield KeyLine()

    def on_mount(self) -> None:
        """The list takes the keys."""
        super().on_mount()
        self.query_one(LiveTable).focus()

    def show(self, judged: JudgedSnapshot | None, status: Status) -> None:
        """Show every cluster as it stands now; the cursor begins on the one that is shown."""
        self.query_one(ScreenHead).show(status, self.console.tones)
        table = self.query_one(LiveTable)
        rows = [row(one, status.now, self._glyphs) for one in self.console.summaries(status.now)]
        table.apply(rows)
        if not self._placed and table.row_count == len(rows):
            self._placed = True
            table.move_cursor(row=self.console.clusters.index(self.cluster), animate=False)
        self._show_detail()

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        self.query_one(LiveTable).restyle(self.console.tones)

    @on(DataTable.RowHighlighted)
    def _show_detail(self) -> None:
        selected = self.query_one(LiveTable).selected
        said = f" {selected.detail}" if selected else ""
        self.query_one("#detail", Line).say(Text(said, end="", overflow="ellipsis"))

    @on(DataTable.RowSelected)
    def _open(self) -> None:
        selected = self.query_one(LiveTable).selected
        if selected is not None:
            self.console.open_cluster(selected.key)

    def action_back(self) -> None:
        """Back to the cluster that is shown."""
        self.dismiss()


def row(one: ClusterSummary, now: datetime, glyphs: Glyphs) -> Row:
    """One cluster as a row; what was never read is unknown, not 0."""
    tone = level_tone(one.level)
    why = one.headline.partition(":")[2].strip()
    named = one.environment.upper() if is_production(one.environment) else one.environment
    return Row(
        one.name,
        {
            "name": Cell(one.name),
            "environment": Cell(named, Tone.PROD if is_production(one.environment) else Tone.PLAIN),
            "state": Cell(f"{level_symbol(one.level, glyphs)} {one.word}", tone),
            "nodes": Cell(f"{one.nodes_up}/{one.nodes}") if one.nodes else QUESTION,
            "alarms": _alarms(one) if one.nodes else QUESTION,
            "age": Cell(coarse(one.age)) if one.age is not None else QUESTION,
            "run": Cell(one.run) if one.run else BLANK,
            "why": Cell(why or one.run),
        },
        detail=glyphs.separator.join(
            filter(
                None, [f"{one.name}: {one.headline}", one.alarm_words, f"run {one.run}" if one.run else ""]
            )
        ),
    )


def _alarms(one: ClusterSummary) -> Cell:
    """`2`, and how many more are acknowledged in brackets: `2 (1)`."""
    known = f" ({one.acknowledged})" if one.acknowledged else ""
    return Cell(f"{one.alarms}{known}", level_tone(one.level) if one.alarms else Tone.PLAIN, rank=one.alarms)
