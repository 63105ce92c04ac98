"""What the keys of a screen with panes do to the pane that has them."""

from typing import TYPE_CHECKING

from bdr_console.ui.text.cells import Row
from bdr_console.ui.text.plain import row_text, table_text
from bdr_console.ui.widgets.pane import Pane
from bdr_console.ui.written import copy, write_down

if TYPE_CHECKING:
    from bdr_console.ui.app import ConsoleApp
    from bdr_console.ui.watched import WatchedCluster


class PaneKeys:
    """The actions of ui/actions/panes.py, for a screen that has a current pane."""

    if TYPE_CHECKING:

        @property
        def console(self) -> ConsoleApp:
            """The application."""
            ...

        @property
        def watched(self) -> WatchedCluster:
            """The cluster that the screen shows."""
            ...

        @property
        def current(self) -> Pane:
            """The pane that has the keys."""
            ...

        @property
        def selected(self) -> Row | None:
            """The row under its cursor."""
            ...

    def action_details(self) -> None:
        """Everything known about the selected row."""
        row = self.selected
        if row is None or row.subject is None:
            self.console.notify("there is nothing more to this row", timeout=3, markup=False)
        else:
            self.console.open_details(row.subject)

    def action_filter(self) -> None:
        """Type words that rows must hold."""
        self.current.open_filter()

    def action_freeze(self) -> None:
        """Hold the pane still, or catch up."""
        self.current.freeze()

    def action_sort(self, direction: int) -> None:
        """Sort by the next column or by the one before."""
        self.current.sort(direction)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.current.reverse()

    def action_copy(self) -> None:
        """Copy the selected row to the terminal's clipboard."""
        if (row := self.selected) is not None:
            copy(self.console, row_text(row, self.current.widest))

    def action_write(self) -> None:
        """Write the rows of the pane to a file."""
        pane = self.current
        write_down(
            self.console,
            self.watched.name,
            pane.SHORT.lower(),
            table_text(pane.listed, pane.widest, title=pane.TITLE),
        )
