"""What Textual itself costs: the reading and the tables of the console in plain DataTables, told every cell.

python -m script.benches.bare CONFIG
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.screen import ModalScreen
from textual.widgets import DataTable, Static

from bdr_console.config import load
from bdr_console.monitor import Monitor
from bdr_console.ui.judged_snapshot import JudgedSnapshot, Timeline
from bdr_console.ui.live_services import MonitorSource
from bdr_console.ui.screens.overview import PANES
from bdr_console.ui.widgets.pane import Pane


class _Help(ModalScreen[None]):
    """Some lines of text over the tables."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static("\n".join(["esc closes", *(f"key {n}   what it does" for n in range(40))]))


class Bare(App[None]):
    """One DataTable for each pane."""

    CSS = "Grid { grid-size: 2; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("question_mark", "help", "Help"),
    ]

    def __init__(self, config: Path) -> None:
        super().__init__()
        self._settings = load(config)
        name, chosen = self._settings.cluster(None)
        self._thresholds = chosen.thresholds.thresholds()
        self._source = MonitorSource(lambda: Monitor(name, chosen, self._settings.refresh))
        self._timeline = Timeline(self._thresholds)
        self._panes: tuple[Pane, ...] = tuple(pane() for pane in PANES)

    def compose(self) -> ComposeResult:
        """The tables."""
        with Grid():
            for pane in self._panes:
                yield DataTable(id=f"table-{pane.id}")

    def on_mount(self) -> None:
        """Read from the first paint on."""
        self.call_after_refresh(self.run_worker, self._pump)
        self.set_interval(1.0, self._paint)

    async def _pump(self) -> None:
        async for snapshot in self._source.updates():
            first = self._timeline.snapshot is None
            self._timeline.take(snapshot)
            if first:
                self._paint()

    def _paint(self) -> None:
        judged = self._timeline.at(datetime.now(UTC))
        if judged is not None:
            for pane in self._panes:
                self._fill(pane, judged)

    def _fill(self, pane: Pane, judged: JudgedSnapshot) -> None:
        table: DataTable[str] = self.query_one(f"#table-{pane.id}", DataTable)
        columns, rows = pane.COLUMNS[0], pane.rows(judged)
        if [row.key for row in rows] != [key.value for key in table.rows]:
            table.clear(columns=True)
            for column in columns:
                table.add_column(column.title, key=column.key)
            for row in rows:
                table.add_row(
                    *(row.cells[c.key].text if c.key in row.cells else "" for c in columns), key=row.key
                )
            return
        for row in rows:
            for column in columns:
                text = row.cells[column.key].text if column.key in row.cells else ""
                if table.get_cell(row.key, column.key) != text:
                    table.update_cell(row.key, column.key, text)

    def action_help(self) -> None:
        """Show it."""
        self.push_screen(_Help())

    async def on_unmount(self) -> None:
        """Stop reading."""
        await self._source.close()


if __name__ == "__main__":
    Bare(Path(sys.argv[1])).run()
