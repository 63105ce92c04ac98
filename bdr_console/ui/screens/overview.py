"""The overview: all panes, or one of them where there is no room for more, and what its keys do."""

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import DataTable

from bdr_console.cluster.verdict.unreachable import Unreachable
from bdr_console.ui.base_app import Cluster
from bdr_console.ui.exports import copy, export_text
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.text.abandoned_runs import AbandonedRun
from bdr_console.ui.text.cells import Row, row_text, table_text
from bdr_console.ui.text.status import Status
from bdr_console.ui.widgets.connections import Connections, View
from bdr_console.ui.widgets.events import Events
from bdr_console.ui.widgets.frame import KeyLine, ScreenHead
from bdr_console.ui.widgets.haproxy import HAProxy
from bdr_console.ui.widgets.lag import Lag
from bdr_console.ui.widgets.lines import Line
from bdr_console.ui.widgets.mesh import MeshMatrix, Topology
from bdr_console.ui.widgets.nodes import Nodes
from bdr_console.ui.widgets.pane import Pane, PaneBar
from bdr_console.ui.widgets.pgbouncer import PgBouncer


class PaneKeys(LiveScreen):
    """A screen with panes, one of which has the keys."""

    @property
    def current(self) -> Pane:
        """The pane that has the keys."""
        raise NotImplementedError

    @property
    def selected(self) -> Row | None:
        """The row under the cursor of the current pane."""
        return self.current.selected

    def action_details(self) -> None:
        """Everything known about the selected row."""
        row = self.selected
        if row is None or row.subject is None:
            self.console.notify("there is nothing more to this row", timeout=3, markup=False)
        else:
            self.cluster.open_details(row.subject)

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
        export_text(
            self.console,
            self.cluster.name,
            pane.SHORT.lower(),
            table_text(pane.listed, pane.widest, title=pane.TITLE),
        )


PANES: tuple[type[Pane], ...] = (Nodes, HAProxy, Connections, PgBouncer, Lag, Events)
"""In the order of the grid: left to right, top to bottom."""


class Overview(PaneKeys):
    """Six panes; on a small screen, or zoomed, the current one with a line that says how the others stand."""

    BINDINGS = bindings(Scope.OVERVIEW)

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._panes = tuple(pane(self._glyphs) for pane in PANES)
        self._current = self._panes[0]
        self._left: tuple[AbandonedRun, ...] = ()
        self._dead: tuple[Unreachable, ...] = ()
        self._zoomed_for_view = False

    def compose(self) -> ComposeResult:
        """Head, tab line, panes, the selected row in full, keys."""
        yield ScreenHead(self._glyphs)
        yield PaneBar()
        with Container(id="panes"):
            for pane in self._panes:
                yield pane
                if isinstance(pane, HAProxy):
                    yield Topology(id="drawn")
        yield Line(id="detail")
        yield KeyLine()

    def on_mount(self) -> None:
        """Begin with the cursor in the pane of nodes."""
        self._go(self._current)
        super().on_mount()

    @property
    def current(self) -> Pane:
        """The pane that has the keys."""
        return self._current

    def show(self, judged: JudgedSnapshot | None, status: Status) -> None:
        """Show that moment in every pane that is in sight."""
        styles = self.console.tones
        self._dead = status.dead
        before, self._left = self._left, status.left
        if bool(before) != bool(self._left):
            self.refresh_bindings()
        self.query_one(ScreenHead).show(status, styles, hint=True)
        self.query_one(PaneBar).show(self._panes, self._current, judged, styles)
        if judged is not None:
            for pane in self._panes:
                pane.show(judged)
            self.query_one("#drawn", Topology).show(judged)
            self._show_detail()

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        for pane in self._panes:
            pane.restyle(self.console.tones)
        self.query_one("#drawn", Topology).restyle(self.console.tones)

    @on(DataTable.RowHighlighted)
    @on(MeshMatrix.Highlighted)
    def _row_highlighted(self) -> None:
        self._show_detail()

    @on(DataTable.RowSelected)
    @on(MeshMatrix.Opened)
    def _row_selected(self) -> None:
        self.action_details()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The pane that is given the keys becomes the current one."""
        for node in event.widget.ancestors:
            if isinstance(node, Pane):
                self._make_current(node)

    def action_pane(self, number: int) -> None:
        """Go to the pane of that number."""
        self._go(next(pane for pane in self._panes if number == pane.NUMBER))

    def action_zoom(self) -> None:
        """Show the current pane alone, or all of them again."""
        self.toggle_class("-zoomed")
        self._go(self._current)

    def action_view(self) -> None:
        """The next view of the connections; one that needs the whole screen gets it."""
        pane = next(pane for pane in self._panes if isinstance(pane, Connections))
        if pane.is_on_display:
            views = list(View)
            pane.turn_to(views[(views.index(pane.view) + 1) % len(views)])
            alone = pane.view is View.TOPOLOGY and not self.has_class("-zoomed")
            if alone or self._zoomed_for_view:
                self.set_class(alone, "-zoomed")
            self._zoomed_for_view = alone
        self._go(pane)
        self._show_detail()

    def action_back(self) -> None:
        """Show all rows of the pane again; when it does, show all panes again."""
        if self._current.clear_filter():
            return
        self.remove_class("-zoomed")
        self._go(self._current)

    def action_switchover(self) -> None:
        """Plan a switchover of the selected node, or of one to be picked."""
        row = self.selected
        self.cluster.operator.plan_switchover(
            row.node if row and isinstance(self._current, Nodes | HAProxy) else None
        )

    def action_isolate(self) -> None:
        """Plan to isolate the node that is dead: the selected one, or the one that clients are stuck on."""
        row = self.selected
        node = row.node if row and isinstance(self._current, Nodes | HAProxy) else None
        names = [dead.node for dead in self._dead]
        self.cluster.operator.plan_isolation(node if node in names or not names else names[0])

    def action_attach(self) -> None:
        """Look at the run under way."""
        self.cluster.operator.open_run()

    def action_alarms(self) -> None:
        """Every alarm, beginning with that of the selected row."""
        from bdr_console.ui.screens.alarms import AlarmsScreen  # not before the first paint

        self.app.push_screen(AlarmsScreen(self.cluster, self.selected))

    def action_log(self) -> None:
        """The event log."""
        from bdr_console.ui.screens.log import LogScreen  # not before the first paint

        self.app.push_screen(LogScreen(self.cluster))

    def action_left(self) -> None:
        """Finish what a run that nobody carries on has left in maintenance."""
        self.cluster.operator.open_abandoned(self._left)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What was left behind has its key while there is something."""
        return bool(self._left) if action == "left" else True

    def _go(self, pane: Pane) -> None:
        self._make_current(pane)
        pane.taker.focus()

    def _make_current(self, pane: Pane) -> None:
        if pane is not self._current or not pane.has_class("-current"):
            for other in self._panes:
                other.set_class(other is pane, "-current")
            self._current = pane
            self.catch_up()

    def _show_detail(self) -> None:
        row = self.selected
        self.query_one("#detail", Line).say(
            Text(f" {row.detail}" if row else "", end="", overflow="ellipsis")
        )
