"""The head of every screen: where one is, how the cluster stands, what is under way."""

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from bdr_console.cluster.text import format_clock
from bdr_console.ui.looks.colours import Styles
from bdr_console.ui.replay.text import replay_line
from bdr_console.ui.text.cells import Tone
from bdr_console.ui.text.status import Status, is_production, notices, quiet_run, run_line, verdict_lines
from bdr_console.ui.text.top_line import top_line
from bdr_console.ui.text.words import UNICODE, Glyphs
from bdr_console.ui.widgets.line import Line, shortened


class Heading(Vertical):
    """Two lines, and more where what to do next has no room behind the verdict, while a run is under way,
    another operator is at work, or something was left.

    The clock is a part of its own: it alone ticks.
    """

    DEFAULT_CSS = """
    Heading { height: auto; background: $surface; color: $foreground; }
    Heading Horizontal { height: 1; }
    Heading #replay { display: none; text-style: bold reverse; }
    Heading #replay.-shown { display: block; }
    Heading #clock { width: 9; }
    Heading #next { display: none; }
    Heading #run, Heading #notices { display: none; background: $panel; }
    Heading #notices { height: auto; max-height: 4; }
    Heading #next.-shown, Heading #run.-shown, Heading #notices.-shown { display: block; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._last: tuple[Status, Styles, bool] | None = None

    def compose(self) -> ComposeResult:
        """The lines."""
        with Horizontal():
            yield Line(id="top")
            yield Line(id="clock")
        yield Line(id="replay")
        yield Line(id="verdict")
        yield Line(id="next")
        yield Line(id="run")
        yield Line(id="notices")

    def show(self, status: Status, styles: Styles, *, hint: bool = False) -> None:
        """Say how things stand; `hint`: the key for what was left behind works here."""
        self._last = (status, styles, hint)
        top = self.query_one("#top", Line)
        top.say(top_line(status, styles, self._glyphs, top.size.width))
        clock = Text(f"{format_clock(status.now)} ", end="")
        if is_production(status.environment):
            clock.stylize(styles[Tone.PROD])
        self.query_one("#clock", Line).say(clock)
        self._say("#replay", replay_line(status.replay, self._glyphs) if status.replay else None)
        width, ellipsis = self.size.width, self._glyphs.ellipsis
        verdict, step = verdict_lines(status, styles, self._glyphs, width)
        self.query_one("#verdict", Line).say(shortened(verdict, width, ellipsis))
        self._say("#next", shortened(step, width, ellipsis) if step else None)
        run = quiet_run(status)
        told = run_line(run, styles, self._glyphs) if run else None
        self._say("#run", shortened(told, width, ellipsis) if told else None)
        self._say("#notices", notices(status, styles, self._glyphs, hint=hint))

    def on_resize(self, event: events.Resize) -> None:
        """Another width has room for other parts."""
        if self._last is not None:
            status, styles, hint = self._last
            self.show(status, styles, hint=hint)

    def _say(self, name: str, text: Text | None) -> None:
        line = self.query_one(name, Line)
        line.set_class(text is not None, "-shown")
        if text is not None:
            line.say(text)
