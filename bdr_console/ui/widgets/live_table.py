"""The one table of the application: told its rows, it repaints only the cells that changed."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.widgets import DataTable
from textual.widgets.data_table import RowKey

from bdr_console.ui.text.cells import BLANK, Cell, Columns, PaneColumn, Row, fit, lay
from bdr_console.ui.theming.styles import Styles


class LiveTable(DataTable[Text]):
    """A table of keyed rows.

    `apply` compares the rows with what is shown and refreshes single cells: a full repaint costs fifty times
    the bytes over a slow link. The cursor stays on its row's key, not on its line number.
    `_data` and `_update_count` are private to DataTable: they are touched in this class only, and Textual is
    pinned for it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "First row", show=False, id="table-first"),
        Binding("end", "scroll_bottom", "Last row", show=False, id="table-last"),
    ]
    DEFAULT_CSS = """
    LiveTable {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        background: $background;
        &:focus { background-tint: $background 0%; }
    }
    LiveTable > .datatable--header { background: $background; color: $text-muted; text-style: none; }
    LiveTable:ansi > .datatable--header {
        background: ansi_default; color: ansi_default; text-style: underline;
    }
    LiveTable > .datatable--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground; text-style: none;
    }
    LiveTable > .datatable--hover { background: $background; }
    """

    def __init__(self, sets: Sequence[Columns], *, id: str | None = None, ellipsis: str = "…") -> None:  # noqa: A002
        super().__init__(id=id, cursor_type="row", cell_padding=0, zebra_stripes=False, show_cursor=False)
        self._sets = tuple(sets)
        self._ellipsis = ellipsis
        self._rows_shown: dict[str, Row] = {}
        self._latest: tuple[Row, ...] = ()
        self._shape: tuple[tuple[PaneColumn, int], ...] = ()
        self._names: tuple[str, ...] = ()
        self._styles: Styles | None = None

    @property
    def selected(self) -> Row | None:
        """The row under the cursor."""
        key = self._cursor_key()
        return self._rows_shown.get(key) if key is not None else None

    @property
    def columns_shown(self) -> Columns:
        """The columns there is room for; none before the first layout."""
        return tuple(column for column, _ in self._shape)

    def restyle(self, styles: Styles) -> None:
        """Take the styles of another theme and paint everything anew."""
        self._styles = styles
        self._shape = ()
        self.apply(self._latest)

    def apply(self, rows: Sequence[Row]) -> int:
        """Show `rows`; returns how many cells were written (0 when nothing changed)."""
        self._latest = tuple(rows)
        width = self.scrollable_content_region.width
        if width <= 0 or self._styles is None:
            return 0  # not laid out yet: on_resize comes back here
        keys = tuple(row.key for row in self._latest)
        shape = self._shape
        if not shape or keys != tuple(self._rows_shown) or sum(w + 1 for _, w in shape) - 1 != width:
            shape = fit(self._sets, self._latest, width)
        if shape != self._shape:
            return self._rebuild(shape, columns=True)
        if keys != tuple(self._rows_shown):
            return self._rebuild(shape, columns=False)
        return self._update()

    def on_focus(self) -> None:
        """Only the pane that takes the keys shows a cursor."""
        self.show_cursor = True

    def on_blur(self) -> None:
        """See on_focus."""
        self.show_cursor = False

    def on_resize(self, event: events.Resize) -> None:
        """Choose the columns again when the width changed."""
        if self._latest:
            self.apply(self._latest)

    def _update(self) -> int:
        changed = []
        for line, row in enumerate(self._latest):
            shown = self._rows_shown[row.key]
            if shown is row:
                continue
            for place, (column, width) in enumerate(self._shape):
                cell = row.cells.get(column.key, BLANK)
                if cell != shown.cells.get(column.key, BLANK):
                    self._data[RowKey(row.key)][self.ordered_columns[place].key] = self._text(
                        cell, column, width
                    )
                    changed.append(Coordinate(line, place))
            self._rows_shown[row.key] = row
        if changed:
            self._update_count += 1
            # Of thousands of rows a few dozen are in sight, and a region costs the sum of all rows above it.
            top = int(self.scroll_y)
            in_sight = [place for place in changed if top <= place.row <= top + self.size.height]
            if len(in_sight) * 2 > min(len(self._latest), self.size.height) * len(self._shape):
                self.refresh()
            else:
                for coordinate in in_sight:
                    self.refresh_coordinate(coordinate)
        return len(changed)

    def _rebuild(self, shape: tuple[tuple[PaneColumn, int], ...], *, columns: bool) -> int:
        cursor, scroll = self._cursor_key(), self.scroll_y
        self.clear(columns=columns)
        if columns:
            for column, width in shape:
                label = Text(lay(column.title, column, width, ellipsis=self._ellipsis), no_wrap=True)
                self.add_column(label, width=width + 1, key=column.key)
        self._shape = shape
        self._rows_shown = {row.key: row for row in self._latest}
        for row in self._latest:
            cells = (self._text(row.cells.get(column.key, BLANK), column, width) for column, width in shape)
            self.add_row(*cells, key=row.key)
        if cursor in self._rows_shown:
            self.move_cursor(row=self.get_row_index(cursor), animate=False, scroll=False)
            self.scroll_to(y=scroll, animate=False, immediate=True)
        return len(self._latest) * len(shape)

    def _text(self, cell: Cell, column: PaneColumn, width: int) -> Text:
        text = lay(cell.text, column, width, ellipsis=self._ellipsis)
        return Text(text, self._styles[cell.tone] if self._styles else "", no_wrap=True, end="")

    def _cursor_key(self) -> str | None:
        if not self.is_valid_row_index(self.cursor_row):
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value
