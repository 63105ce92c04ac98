"""What all panes have in common: a title that says how things stand, and one live table."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from bdr_console.cluster.verdict import Finding, Level
from bdr_console.ui.cells import Cell, Columns, Row, Tone
from bdr_console.ui.colours import Styles
from bdr_console.ui.moment import Moment
from bdr_console.ui.widgets.line import Line
from bdr_console.ui.widgets.live_table import LiveTable
from bdr_console.ui.words import UNICODE, Glyphs, level_symbol, level_tone


class PaneTitle(Line):
    """One line: the pane's number and name, its mark, and how many findings it holds."""

    DEFAULT_CSS = """
    PaneTitle { background: $panel; color: $foreground; }
    """


class Pane(Vertical):
    """One pane of the overview. A subclass says its columns and turns a moment into rows."""

    NUMBER: ClassVar[int]
    TITLE: ClassVar[str]
    SHORT: ClassVar[str]
    """The title in the tab line, where six of them share 80 cells."""
    COLUMNS: ClassVar[tuple[Columns, ...]]
    """Sets of columns, the widest first; the pane takes the first that fits."""

    DEFAULT_CSS = """
    Pane { height: 1fr; width: 1fr; }
    Pane:focus-within > PaneTitle {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
    }
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(id=type(self).__name__.lower())
        self.glyphs = glyphs
        self._moment: Moment | None = None
        self._styles: Styles | None = None

    def compose(self) -> ComposeResult:
        """The title line and the table."""
        yield PaneTitle(Text(f" {self.NUMBER} {self.TITLE}"))
        yield LiveTable(self.COLUMNS, ellipsis=self.glyphs.ellipsis)

    @property
    def table(self) -> LiveTable:
        """The pane's table."""
        return self.query_one(LiveTable)

    @property
    def taker(self) -> Widget:
        """The part of the pane that takes the keys."""
        return self.table

    @property
    def selected(self) -> Row | None:
        """What the cursor stands on."""
        return self.table.selected

    def rows(self, moment: Moment) -> Sequence[Row]:
        """The rows of this pane at that moment."""
        raise NotImplementedError

    def findings(self, moment: Moment) -> Sequence[Finding]:
        """The findings that belong to this pane."""
        raise NotImplementedError

    def show(self, moment: Moment) -> None:
        """Show `moment`, now or, while the pane is hidden, when it comes to light."""
        self._moment = moment
        if self.is_on_display:
            self._paint(moment)

    def restyle(self, styles: Styles) -> None:
        """Take the styles of another theme."""
        self._styles = styles
        self.table.restyle(styles)
        if self._moment is not None and self.is_on_display:
            self._paint(self._moment)

    @property
    def is_on_display(self) -> bool:
        """Whether the pane has a place on the screen."""
        return all(node.display for node in self.ancestors_with_self if isinstance(node, Widget))

    def on_show(self, event: events.Show) -> None:
        """Catch up with what happened while the pane was hidden."""
        if self._moment is not None:
            self._paint(self._moment)

    def _paint(self, moment: Moment) -> None:
        self.table.apply(self.rows(moment))
        self.query_one(PaneTitle).say(self._title(moment))

    def _title(self, moment: Moment) -> Text:
        level, count = standing(self.findings(moment))
        mark = f"{level_symbol(level, self.glyphs)}" + (f" {count}" if count else "")
        style = self._styles[level_tone(level)] if self._styles and level is not Level.OK else ""
        return Text.assemble(
            f" {self.NUMBER} {self.TITLE}  ", (mark, style), no_wrap=True, overflow="crop", end=""
        )


def standing(findings: Sequence[Finding]) -> tuple[Level, int]:
    """The worst level of `findings`, and how many there are."""
    return max((finding.level for finding in findings), default=Level.OK), len(findings)


def empty_row(column: str, text: str) -> Row:
    """The one row of a pane that has nothing to show, saying why."""
    return Row("nothing", {column: Cell(text, Tone.STALE)}, detail=text)
