"""The head of every screen: where one is, how the cluster stands, what is under way."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from bdr_console.cluster.text import format_clock
from bdr_console.ui.colours import Styles
from bdr_console.ui.status import Status, notices, quiet_run, run_line, top_line, verdict_line
from bdr_console.ui.widgets.line import Line
from bdr_console.ui.words import UNICODE, Glyphs


class Heading(Vertical):
    """Two lines, and more while a run is under way, another operator is at work, or something was left.

    The clock is a part of its own: it alone ticks.
    """

    DEFAULT_CSS = """
    Heading { height: auto; background: $surface; color: $foreground; }
    Heading Horizontal { height: 1; }
    Heading #clock { width: 9; }
    Heading #run, Heading #notices { display: none; background: $panel; }
    Heading #notices { height: auto; max-height: 4; }
    Heading #run.-shown, Heading #notices.-shown { display: block; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """The lines."""
        with Horizontal():
            yield Line(id="top")
            yield Line(id="clock")
        yield Line(id="verdict")
        yield Line(id="run")
        yield Line(id="notices")

    def show(self, status: Status, styles: Styles, *, hint: bool = False) -> None:
        """Say how things stand; `hint`: the key for what was left behind works here."""
        self.query_one("#top", Line).say(top_line(status, styles, self._glyphs))
        self.query_one("#clock", Line).say(Text(format_clock(status.now), end=""))
        self.query_one("#verdict", Line).say(verdict_line(status, styles, self._glyphs))
        run = quiet_run(status)
        self._say("#run", run_line(run, styles, self._glyphs) if run else None)
        self._say("#notices", notices(status, styles, self._glyphs, hint=hint))

    def _say(self, name: str, text: Text | None) -> None:
        line = self.query_one(name, Line)
        line.set_class(text is not None, "-shown")
        if text is not None:
            line.say(text)
