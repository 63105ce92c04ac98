"""Panes: a title with the state, one live table, a filter; and the line of tabs of a small screen."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from bdr_console.cluster.verdict.findings import Finding, Level
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import Cell, Columns, Row, RowOrder, counted, next_order, ordered, wanted
from bdr_console.ui.text.words import coarse, level_symbol, level_tone
from bdr_console.ui.theming.styles import UNICODE, Glyphs, Styles, Tone
from bdr_console.ui.widgets.lines import Line
from bdr_console.ui.widgets.live_table import LiveTable


class FilterLine(Input):
    """One line under the pane, hidden until it is opened."""

    DEFAULT_CSS = """
    FilterLine, FilterLine:focus { display: none; height: 1; border: none; padding: 0 1; }
    FilterLine { background: $surface; }
    FilterLine.-open, FilterLine.-open:focus { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(
            placeholder="words to look for, !word leaves out; enter keeps, esc shows all",
            select_on_focus=False,
        )
        self.cursor_blink = False

    @property
    def is_open(self) -> bool:
        """Whether it takes the keys."""
        return self.has_class("-open")

    def open(self) -> None:
        """Show it with what it held, ready to type."""
        self.add_class("-open")
        self.focus()

    def close(self) -> None:
        """Hide it; what it holds stays."""
        self.remove_class("-open")

    def on_blur(self) -> None:
        """Whoever goes elsewhere is done with it."""
        self.close()


class PaneTitle(Line):
    """One line: the pane's number and name, its mark, and how many findings it holds."""

    DEFAULT_CSS = """
    PaneTitle { background: $panel; color: $foreground; }
    """


class Pane(Vertical):
    """One pane of the overview. A subclass says its columns and turns a moment into rows.

    The pane itself sorts, filters and holds them still; what was chosen stays while other panes are shown.
    """

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
        self._snapshot_shown: JudgedSnapshot | None = None
        self._frozen: JudgedSnapshot | None = None
        self._order: RowOrder | None = None
        self._wanted = ""
        self._counts = (0, 0)
        self._styles: Styles | None = None

    def compose(self) -> ComposeResult:
        """The title line, the table, and where a filter is typed."""
        yield PaneTitle(Text(f" {self.NUMBER} {self.TITLE}"))
        yield LiveTable(self.COLUMNS, ellipsis=self.glyphs.ellipsis)
        yield FilterLine()

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

    def rows(self, judged: JudgedSnapshot) -> Sequence[Row]:
        """The rows of this pane at that moment."""
        raise NotImplementedError

    def findings(self, judged: JudgedSnapshot) -> Sequence[Finding]:
        """The findings that belong to this pane."""
        raise NotImplementedError

    def show(self, judged: JudgedSnapshot) -> None:
        """Show `moment`, now or, while the pane is hidden, when it comes to light."""
        self._snapshot_shown = judged
        self._repaint()

    def restyle(self, styles: Styles) -> None:
        """Take the styles of another theme."""
        self._styles = styles
        self.table.restyle(styles)
        self._repaint()

    @property
    def is_on_display(self) -> bool:
        """Whether the pane has a place on the screen."""
        return all(node.display for node in self.ancestors_with_self if isinstance(node, Widget))

    def on_show(self, event: events.Show) -> None:
        """Catch up with what happened while the pane was hidden."""
        if self._snapshot_shown is not None:
            self._paint(self._snapshot_shown)

    @property
    def widest(self) -> Columns:
        """The columns of the pane where there is room for all."""
        return self.COLUMNS[0]

    @property
    def listed(self) -> tuple[Row, ...]:
        """The rows as they are shown: sorted, filtered, held still."""
        judged = self._frozen or self._snapshot_shown
        if judged is None:
            return ()
        rows = self.rows(judged)
        if self._wanted:
            kept = wanted(rows, self._wanted)
            self._counts = counted(kept), counted(rows)
            first = self.COLUMNS[-1][0].key
            rows = kept or (empty_row(first, f"nothing here matches /{self._wanted} (esc shows all)"),)
        return ordered(rows, self._order)

    @property
    def shown(self) -> tuple[Row, ...]:
        """The rows of the table."""
        return self.listed

    # Keys --------------------------------------------------------------------------------------------

    def sort(self, direction: int) -> None:
        """Sort by the next column that is shown (1), or by the one before (-1)."""
        self._order = next_order(self._order, self.table.columns_shown, direction)
        self._repaint()

    def reverse(self) -> None:
        """Turn the order round."""
        if self._order is not None:
            self._order = RowOrder(self._order.column, not self._order.down)
            self._repaint()

    def freeze(self) -> None:
        """Hold what is shown still, or catch up with what is known now."""
        self._frozen = self._snapshot_shown if self._frozen is None else None
        self._repaint()

    def open_filter(self) -> None:
        """Let words be typed that rows must hold."""
        self.query_one(FilterLine).open()

    def clear_filter(self) -> bool:
        """Show all rows again; False when they are all shown, and nothing is being typed."""
        line = self.query_one(FilterLine)
        if not self._wanted and not line.is_open:
            return False
        line.value, self._wanted = "", ""
        self.taker.focus()
        self._repaint()
        return True

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._wanted = event.value.strip()
        self._repaint()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.taker.focus()

    # Painting ----------------------------------------------------------------------------------------

    def _repaint(self) -> None:
        if self._snapshot_shown is not None and self.is_on_display:
            self._paint(self._snapshot_shown)

    def _paint(self, judged: JudgedSnapshot) -> None:
        self.table.apply(self.shown)
        told = self._told(judged)
        self.set_class(bool(told), "-told")  # then the title is shown where there is one pane only, too
        self.query_one(PaneTitle).say(self._title(judged, told))

    def _told(self, judged: JudgedSnapshot) -> str:
        """How the rows differ from what they would be: sorted, filtered, held still."""
        told = ""
        if self._order is not None:
            titles = {column.key: column.title for columns in self.COLUMNS[::-1] for column in columns}
            told += f"  sort: {titles[self._order.column]} {self._order.arrow}"
        if self._wanted:
            told += f"  /{self._wanted} {self._counts[0]} of {self._counts[1]}"
        if self._frozen is not None:
            told += f"  FROZEN {coarse(max(0.0, (judged.now - self._frozen.now).total_seconds()))}"
        return told

    def _title(self, judged: JudgedSnapshot, told: str) -> Text:
        level, count = standing(self.findings(judged))
        mark = f"{level_symbol(level, self.glyphs)}" + (f" {count}" if count else "")
        style = self._styles[level_tone(level)] if self._styles and level is not Level.OK else ""
        return Text.assemble(
            f" {self.NUMBER} {self.TITLE}  ",
            (mark, style),
            (told, "bold"),
            no_wrap=True,
            overflow="crop",
            end="",
        )


def standing(findings: Sequence[Finding]) -> tuple[Level, int]:
    """The worst level of `findings`, and how many there are."""
    return max((finding.level for finding in findings), default=Level.OK), len(findings)


def empty_row(column: str, text: str) -> Row:
    """The one row of a pane that has nothing to show, saying why."""
    return Row("nothing", {column: Cell(text, Tone.STALE)}, detail=text)


class PaneBar(Line):
    """`1 ● Nodes  2 ! Links 3 ...`: number, mark, name, and how many findings."""

    DEFAULT_CSS = """
    PaneBar { display: none; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.auto_links = False  # the marks keep their own colours

    def show(
        self, panes: Sequence[Pane], current: Pane, judged: JudgedSnapshot | None, styles: Styles
    ) -> None:
        """Say how each pane stands, and which one is shown (in reverse)."""
        listed = sorted(panes, key=lambda pane: pane.NUMBER)
        stand = {pane: standing(pane.findings(judged)) if judged else (None, 0) for pane in listed}
        texts = [_line(listed, current, stand, styles, names=names) for names in (True, False)]
        fits = not self.size.width or texts[0].cell_len <= self.size.width
        self.say(texts[0] if fits else texts[1])


def _line(
    panes: Sequence[Pane],
    current: Pane,
    stand: Mapping[Pane, tuple[Level | None, int]],
    styles: Styles,
    *,
    names: bool,
) -> Text:
    """With all names, or where these have no room with that of the current pane only."""
    text = Text(no_wrap=True, overflow="crop", end="")
    for pane in panes:
        level, count = stand[pane]
        mark = "?" if level is None else level_symbol(level, pane.glyphs)
        style = styles[level_tone(level)] if level else Style()
        link = Style(meta={"@click": f"screen.pane({pane.NUMBER})"})
        base = link + Style(bold=True, reverse=True) if pane is current else link
        name = f" {pane.SHORT}" if names or pane is current else ""
        text.append(f" {pane.NUMBER} ", base)
        text.append(mark, base if pane is current else style + link)
        text.append(name + (f" {count}" if count else "") + " ", base)
    return text
