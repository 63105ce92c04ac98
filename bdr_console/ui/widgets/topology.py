"""The drawn mesh as a widget: only the lines that changed are painted anew."""

from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from bdr_console.ui.looks.colours import Styles
from bdr_console.ui.moment import Moment
from bdr_console.ui.text.topology import MOST_NODES, draw


class Topology(Widget):
    """Poolers, proxies and nodes with the lines between them; a sentence where there is no room for it."""

    DEFAULT_CSS = """
    Topology { height: 1fr; width: 1fr; background: $background; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name for it
        super().__init__(id=id)
        self._moment: Moment | None = None
        self._styles: Styles | None = None
        self._lines: list[Text] = []

    def restyle(self, styles: Styles) -> None:
        """Take the styles of another theme."""
        self._styles = styles
        self._paint()

    def show(self, moment: Moment) -> None:
        """Draw `moment`; while it is hidden, when it comes to light."""
        self._moment = moment
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
        if self._moment is None or width <= 0:
            return
        canvas = draw(self._moment, width, height)
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
        if self._moment is not None and len(self._moment.snapshot.nodes) > MOST_NODES:
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
