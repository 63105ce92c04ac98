"""The mesh of links as a matrix, and as a drawing."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from bdr_console.cluster.replication import Link
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import PaneColumn, Row, Subject, SubjectKind, lay
from bdr_console.ui.text.mesh import MeshCell, MeshPlan, legend, link_cell, node_cell, plan, sentence
from bdr_console.ui.text.topology import MOST_NODES, draw
from bdr_console.ui.theming.styles import UNICODE, Glyphs, Styles, Tone

_Place = tuple[int, int]
_TEXT = PaneColumn("", "", 1)


class MeshMatrix(Widget, can_focus=True):
    """Rows send, columns receive; the diagonal is the node itself. What does not fit scrolls by cells."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor_up", "Up", show=False, id="mesh-up"),
        Binding("down", "cursor_down", "Down", show=False, id="mesh-down"),
        Binding("left", "cursor_left", "Left", show=False, id="mesh-left"),
        Binding("right", "cursor_right", "Right", show=False, id="mesh-right"),
        Binding("pageup", "page_up", "Page up", show=False, id="mesh-page-up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="mesh-page-down"),
        Binding("home", "scroll_top", "First", show=False, id="mesh-first"),
        Binding("end", "scroll_bottom", "Last", show=False, id="mesh-last"),
        Binding("enter", "select_cursor", "Open", show=False, id="mesh-open"),
    ]
    DEFAULT_CSS = """
    MeshMatrix { height: 1fr; width: 1fr; background: $background; }
    MeshMatrix > .mesh--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
    MeshMatrix:ansi > .mesh--cursor { background: ansi_default; color: ansi_default; text-style: reverse; }
    MeshMatrix > .mesh--head { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"mesh--cursor", "mesh--head"}

    class Highlighted(Message):
        """The cursor stands on another cell."""

    class Opened(Message):
        """The cell under the cursor is to be looked at closely."""

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._snapshot_shown: JudgedSnapshot | None = None
        self._names: tuple[str, ...] = ()
        self._links: dict[tuple[str, str], Link] = {}
        self._plan: MeshPlan | None = None
        self._cells: dict[_Place, MeshCell] = {}
        """Those in sight, as they are painted."""
        self._cursor: _Place = (0, 0)
        self._first: _Place = (0, 0)
        self._styles: Styles | None = None
        self._heats: tuple[Style, ...] = (Style(),) * 4

    @property
    def selected(self) -> Row | None:
        """The cell under the cursor, as a row of any other pane."""
        if self._snapshot_shown is None or not self._names:
            return None
        origin, target = (self._names[place] for place in self._cursor)
        if origin == target:
            detail = f"{origin}: {self._snapshot_shown.reasons(origin) or 'answers'}"
            return Row(origin, {}, detail, node=origin, subject=Subject(SubjectKind.NODE, (origin,)))
        link = self._links.get((origin, target))
        detail = (
            sentence(link, self._snapshot_shown) if link else f"{origin} -> {target}: no link is expected"
        )
        return Row(f"{origin} {target}", {}, detail, target, Subject(SubjectKind.LINK, (origin, target)))

    def restyle(self, styles: Styles, heats: tuple[Style, ...]) -> None:
        """Take the styles of another theme."""
        self._styles, self._heats = styles, heats
        self.refresh()

    def show(self, judged: JudgedSnapshot) -> int:
        """Show `moment`; returns how many cells are painted anew."""
        self._snapshot_shown = judged
        names = tuple(
            node.name
            for node in judged.snapshot.nodes
            if not (node.facts and (node.facts.is_control or node.facts.shards))
        )
        self._links = judged.by_key
        if names != self._names:
            self._names, self._cursor, self._first = names, (0, min(1, len(names) - 1)), (0, 0)
            self._cells = {}
        return self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        """Lay the matrix out anew."""
        self._lay_out()

    def on_focus(self) -> None:
        """The cursor shows where the keys go."""
        self.refresh()

    def on_blur(self) -> None:
        """See on_focus."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there."""
        made = self._plan
        if made is None or event.y < 1 or event.x < made.head:
            return
        row = self._first[0] + (event.y - 1) // made.height
        column = self._first[1] + (event.x - made.head) // made.width
        if row < len(self._names) and column < len(self._names):
            self._move(row, column)

    def action_cursor_up(self) -> None:
        """One row up."""
        self._move(self._cursor[0] - 1, self._cursor[1])

    def action_cursor_down(self) -> None:
        """One row down."""
        self._move(self._cursor[0] + 1, self._cursor[1])

    def action_cursor_left(self) -> None:
        """One column to the left."""
        self._move(self._cursor[0], self._cursor[1] - 1)

    def action_cursor_right(self) -> None:
        """One column to the right."""
        self._move(self._cursor[0], self._cursor[1] + 1)

    def action_page_up(self) -> None:
        """As many rows up as are in sight."""
        self._move(self._cursor[0] - (self._plan.rows if self._plan else 1), self._cursor[1])

    def action_page_down(self) -> None:
        """As many rows down as are in sight."""
        self._move(self._cursor[0] + (self._plan.rows if self._plan else 1), self._cursor[1])

    def action_scroll_top(self) -> None:
        """The first row."""
        self._move(0, self._cursor[1])

    def action_scroll_bottom(self) -> None:
        """The last row."""
        self._move(len(self._names) - 1, self._cursor[1])

    def action_select_cursor(self) -> None:
        """Look at that cell closely."""
        self.post_message(self.Opened())

    def render_line(self, y: int) -> Strip:
        """One line of the matrix."""
        made, width = self._plan, self.size.width
        if made is None or self._snapshot_shown is None:
            return Strip.blank(width, self.rich_style)
        if y == 0:
            return self._heads(made).extend_cell_length(width, self.rich_style).crop(0, width)
        row, line = divmod(y - 1, made.height)
        if row >= made.rows:
            at_end = y == self.size.height - 1 and y > made.rows * made.height + 1
            text = legend(self._snapshot_shown) if at_end else ""
            segment = Segment(text, self.rich_style + self._style(Tone.STALE))
            return Strip([segment]).extend_cell_length(width, self.rich_style).crop(0, width)
        return self._row(made, self._first[0] + row, line).extend_cell_length(width, self.rich_style)

    def _heads(self, made: MeshPlan) -> Strip:
        style = self.get_component_rich_style("mesh--head")
        corner = "from \\ to" if made.head >= 11 else ""
        segments = [Segment(lay(f" {corner}", _TEXT, made.head), style)]
        for column in range(self._first[1], self._first[1] + made.columns):
            text = lay(made.column_head(self._names, column), _TEXT, made.width - 1, ellipsis=self._cut)
            segments.append(Segment(text + " ", style))
        more = self._first[1] + made.columns < len(self._names)
        if more or self._first[1]:
            segments.append(Segment((">" if more else "<"), style))
        return Strip(segments)

    def _row(self, made: MeshPlan, row: int, line: int) -> Strip:
        base = self.rich_style
        head = lay(f" {made.row_head(self._names, row)}", _TEXT, made.head - 1, ellipsis=self._cut)
        segments = [Segment((head if line == 0 else " " * (made.head - 1)) + " ", base)]
        for column in range(self._first[1], self._first[1] + made.columns):
            cell = self._cells.get((row, column))
            if cell is None or line >= made.lines:
                segments.append(Segment(" " * made.width, base))
                continue
            text = lay(cell.line(line, made.width - 1), _TEXT, made.width - 1, ellipsis=self._cut)
            segments.append(Segment(text, base + self._cell_style(row, column, cell, line)))
            segments.append(Segment(" ", base))
        return Strip(segments)

    @property
    def _cut(self) -> str:
        return self._glyphs.ellipsis

    def _style(self, tone: Tone) -> Style:
        return self._styles[tone] if self._styles else Style()

    def _cell_style(self, row: int, column: int, cell: MeshCell, line: int) -> Style:
        if (row, column) == self._cursor and self.has_focus:
            return self.get_component_rich_style("mesh--cursor")
        if row == column:
            return self._style(Tone.STALE) if cell.tone is Tone.UP else self._style(cell.tone)
        # The symbol and the word bear the meaning's colour; figures below them are plain on the same ground.
        tone = cell.tone if line != 1 or cell.heat > 1 else Tone.PLAIN
        if cell.old and line:
            tone = Tone.STALE
        return self._style(tone) + self._heats[cell.heat]

    def _move(self, row: int, column: int) -> None:
        last = len(self._names) - 1
        row, column = max(0, min(last, row)), max(0, min(last, column))
        if last < 0 or (row, column) == self._cursor:
            return
        before, self._cursor = self._cursor, (row, column)
        first = self._first
        self._follow()
        if first != self._first:
            self._lay_out()
        else:
            self._refresh_cells([before, self._cursor])
        self.post_message(self.Highlighted())

    def _follow(self) -> None:
        """Scroll as little as brings the cursor into sight."""
        made = self._plan
        if made is None:
            return
        row = max(min(self._first[0], self._cursor[0]), self._cursor[0] - made.rows + 1)
        column = max(min(self._first[1], self._cursor[1]), self._cursor[1] - made.columns + 1)
        last = len(self._names)
        self._first = (min(row, last - made.rows), min(column, last - made.columns))

    def _lay_out(self) -> int:
        """Compute the cells in sight; only those that changed are painted, or all when the matrix moved."""
        width, height = self.size
        if self._snapshot_shown is None or not self._names or width <= 0 or height <= 1:
            return 0
        made = plan(self._names, width, height)
        anew = made != self._plan
        self._plan = made
        self._follow()
        (top, left), judged = self._first, self._snapshot_shown
        cells = {
            (row, column): self._cell(row, column, judged)
            for row in range(top, top + made.rows)
            for column in range(left, left + made.columns)
        }
        before, self._cells = self._cells, cells
        changed = [place for place, cell in cells.items() if before.get(place) != cell]
        if anew or len(changed) * 2 > len(cells) or before.keys() != cells.keys():
            self.refresh()
            return len(cells)
        self._refresh_cells(changed)
        return len(changed)

    def _cell(self, row: int, column: int, judged: JudgedSnapshot) -> MeshCell:
        origin, target = self._names[row], self._names[column]
        if row == column:
            return node_cell(origin, judged)
        link = self._links.get((origin, target))
        return link_cell(link, judged) if link else MeshCell(("-",), Tone.STALE)

    def _refresh_cells(self, places: list[_Place]) -> None:
        made = self._plan
        if made is None:
            return
        top, left = self._first
        regions = [
            Region(made.head + (c - left) * made.width, 1 + (r - top) * made.height, made.width, made.lines)
            for r, c in places
            if top <= r < top + made.rows and left <= c < left + made.columns
        ]
        if regions:
            self.refresh(*regions)

    def render(self) -> Text:
        """Lines are made one by one, in render_line."""
        return Text()


class Topology(Widget):
    """Poolers, proxies and nodes with the lines between them; a sentence where there is no room for it."""

    DEFAULT_CSS = """
    Topology { height: 1fr; width: 1fr; background: $background; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._snapshot_shown: JudgedSnapshot | None = None
        self._styles: Styles | None = None
        self._lines: list[Text] = []

    def restyle(self, styles: Styles) -> None:
        """Take the styles of another theme."""
        self._styles = styles
        self._paint()

    def show(self, judged: JudgedSnapshot) -> None:
        """Draw `moment`; while it is hidden, when it comes to light."""
        self._snapshot_shown = judged
        if self.size.height:
            self._paint()

    def on_show(self, event: events.Show) -> None:
        """Catch up."""
        self._paint()

    def on_resize(self, event: events.Resize) -> None:
        """Draw it anew for the new room."""
        self._paint()

    def _paint(self) -> None:
        width, height = self.size
        if self._snapshot_shown is None or width <= 0:
            return
        canvas = draw(self._snapshot_shown, width, height)
        before, self._lines = self._lines, canvas.texts(self._styles) if canvas else [Text(self._why_not())]
        if len(before) != len(self._lines):
            self.refresh()
            return
        changed = [
            y
            for y, (old, new) in enumerate(zip(before, self._lines, strict=True))
            if old != new or old.spans != new.spans
        ]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def _why_not(self) -> str:
        if self._snapshot_shown is not None and len(self._snapshot_shown.snapshot.nodes) > MOST_NODES:
            return f" The topology is drawn for up to {MOST_NODES} nodes; m shows the mesh."
        return " Too little room to draw the topology: z gives it the whole screen, m shows the mesh."

    def render_line(self, y: int) -> Strip:
        """One line of the drawing."""
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        segments = self._lines[y].render(self.app.console)
        return Strip(Strip(segments).apply_style(self.rich_style)).adjust_cell_length(width, self.rich_style)

    def render(self) -> RenderResult:
        """Lines are made one by one, in render_line."""
        return Text()
