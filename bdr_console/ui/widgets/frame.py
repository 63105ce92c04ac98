"""The first and the last lines of every screen: its head, and the keys that work now."""

from collections.abc import Iterator
from typing import cast

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input

from bdr_console.cluster.text import format_clock
from bdr_console.ui.available_actions import barred
from bdr_console.ui.base_app import BaseApp
from bdr_console.ui.keys import ACTIONS
from bdr_console.ui.text.status import (
    LinePart,
    Status,
    fitting,
    is_production,
    notices,
    quiet_run,
    replay_line,
    run_line,
    top_line,
    verdict_lines,
)
from bdr_console.ui.theming.styles import UNICODE, Glyphs, Styles, Tone
from bdr_console.ui.widgets.lines import Line, shortened


class ScreenHead(Vertical):
    """Two lines, and more where what to do next has no room behind the verdict, while a run is under way,
    another operator is at work, or something was left.

    The clock is a part of its own: it alone ticks.
    """

    DEFAULT_CSS = """
    ScreenHead { height: auto; background: $surface; color: $foreground; }
    ScreenHead Horizontal { height: 1; }
    ScreenHead #replay { display: none; text-style: bold reverse; }
    ScreenHead #replay.-shown { display: block; }
    ScreenHead #clock { width: 9; }
    ScreenHead #next { display: none; }
    ScreenHead #run, ScreenHead #notices { display: none; background: $panel; }
    ScreenHead #notices { height: auto; max-height: 4; }
    ScreenHead #next.-shown, ScreenHead #run.-shown, ScreenHead #notices.-shown { display: block; }
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


_RANKS = {action.id: action.rank for action in ACTIONS}
_GREYED = 10


class KeyLine(Line):
    """One line of text, not a row of widgets: those would be made anew at every change of focus.

    What is greyed out stands in brackets, so that it is told without colour too.
    """

    DEFAULT_CSS = """
    KeyLine { dock: bottom; background: $surface; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.auto_links = False

    def on_mount(self) -> None:
        """Follow the bindings of the screen."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def _changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen:
            self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Another width has room for other keys."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        if not self.is_attached or self.app.screen is not self.screen:
            return  # under another screen: "screen.x" would be asked of that one
        # What works everywhere stands last, in the same place on every screen.
        parts = fitting(sorted(self._keys(), key=lambda part: not part.rank), self.size.width)
        text = Text(no_wrap=True, overflow="crop", end="")
        for part in parts:
            text.append(" " * (part.gap if text else 1))
            text.append_text(part.text)
        self.say(text)

    def _keys(self) -> Iterator[LinePart]:
        """Every key of the screen as it stands; what is greyed out leaves a narrow line first."""
        seen: set[str] = set()
        read_only = cast(BaseApp, self.app).read_only
        for pressed, (node, found, possible, _) in self.screen.active_bindings.items():
            hidden = not found.show and node is self.screen.focused
            binding = (self._beneath(pressed) if hidden else None) or found
            if not binding.show or binding.action in seen:
                continue
            key = self.app.get_key_display(binding)
            seen.add(binding.action)
            rank = _RANKS.get(binding.id or "", 0)
            if possible and not barred(binding.action, read_only=read_only):
                click = Style(meta={"@click": f"app.simulate_key('{binding.key}')"})
                text = Text.assemble((key, click + Style(bold=True)), (f" {binding.description}", click))
                yield LinePart(text, rank)
            else:
                yield LinePart(Text(f"({key} {binding.description})", "dim"), rank + _GREYED)

    def _beneath(self, key: str) -> Binding | None:
        """The screen's own binding of a key that a list takes first, to tell the screen of it (enter)."""
        if isinstance(self.screen.focused, Input):
            return None
        own = self.screen._bindings.key_to_bindings.get(key, ())  # private to Textual; it is pinned
        mapped = cast(BaseApp, self.app).keys
        return next((binding for binding in own if binding.show and binding.id not in mapped), None)
