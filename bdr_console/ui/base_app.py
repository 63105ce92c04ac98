"""The application without its clusters: how it ends, keys and themes of the user, moving the cursor."""

import asyncio
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.app import App
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.widget import Widget
from textual.widgets import DataTable, OptionList
from textual.worker import WorkerFailed

from bdr_console import crash
from bdr_console.cluster.text import clean
from bdr_console.errors import CRASHED
from bdr_console.ui.available_actions import not_possible
from bdr_console.ui.commands import Commander
from bdr_console.ui.keymap import applied
from bdr_console.ui.keys import shown
from bdr_console.ui.screens.command_line import CommandLine
from bdr_console.ui.screens.dialogs import ThemeChooser
from bdr_console.ui.terminal.driver import PatientDriver
from bdr_console.ui.terminal.signals import HANGUP_EXIT, leave_stuck
from bdr_console.ui.theming.rendering import AsciiOnly, AsciiScrollBar, Colourless, RememberingStylesheet
from bdr_console.ui.theming.styles import ASCII, UNICODE
from bdr_console.ui.theming.themes import Themes, choose, gather

if TYPE_CHECKING:
    from textual.actions import ActionParseResult

    from bdr_console.ui.app import ConsoleApp


class EndingApp(App[int]):
    """An application whose result is the exit code of the process.

    `_handle_exception`, `_fatal_error` and `panic` are Textual's ways to end by an error, two of them private
    to it: it would print the first error with local variables, which may hold secrets, and exit with 0 or 1.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(driver_class=PatientDriver, ansi_color=ansi_color)
        self.errors: list[BaseException] = []
        """What the application ends by."""

    def run_to_end(self, *, mouse: bool) -> int:
        """Run, and say on stderr by which errors it ended, if by any. Returns the exit code."""
        threading.excepthook = lambda args: _report(args.exc_value)
        code = self.run(mouse=mouse)
        if self.errors:
            code = CRASHED
        elif code is None:
            code = self.return_code or 0
        if code == HANGUP_EXIT or (isinstance(self._driver, PatientDriver) and self._driver.stuck):
            leave_stuck(code)
        if self.errors:
            print(crash.ending(self.errors[0], len(self.errors)), file=sys.stderr)
        return code

    def on_load(self) -> None:
        """Before the first screen: have tasks begin when the loop comes to them, on every Python.

        From 3.12 on Textual has each task run at once where it is created. A mode's first screen would then
        mount its widgets before it is on the mode's stack, and none of them finds its screen.
        """
        loop = asyncio.get_running_loop()
        loop.set_task_factory(None)
        loop.set_exception_handler(_unheeded)

    def _handle_exception(self, error: Exception) -> None:
        cause = error.error if isinstance(error, WorkerFailed) else error
        self.errors.append(cause)
        crash.write_report(cause)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def panic(self, *renderables: object) -> None:
        """End; `run_to_end` says why."""
        if not self.errors:
            self.errors.append(RuntimeError(" ".join(map(str, renderables))))
        self._close_messages_no_wait()


def _unheeded(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An error of a task that nobody waits for: no reason to end."""
    _report(context.get("exception"))


def _report(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit):
        crash.write_report(error)


class KeyedApp(EndingApp):
    """An application with the user's own keys and themes, and a command line."""

    def __init__(
        self,
        theme: str,
        *,
        ascii_only: bool = False,
        keys: Mapping[str, str] | None = None,
        themes: Themes | None = None,
        config: Path | None = None,
    ) -> None:
        """`keys` are the user's own, by action; `themes` the shipped ones when left out; `config` is the file
        that is named where a choice can be kept. Raises ConsoleError for an unknown theme.
        """
        found = themes or gather(None)
        chosen = choose(found, theme)
        # Said here already: Textual drops colours for NO_COLOR only when ANSI colours are on from the start.
        super().__init__(ansi_color=True if chosen.ansi else None)
        self.stylesheet = RememberingStylesheet(variables=self.get_css_variables())
        self.animation_level = "none"
        self.known_themes = found.known
        self.keys = applied(keys or {})
        self.glyphs = ASCII if ascii_only else UNICODE
        self.commander = Commander(cast("ConsoleApp", self))
        self._broken = found.broken
        self._config = config
        self._colourless, self._ascii = Colourless(), AsciiOnly()
        ScrollBar.renderer = AsciiScrollBar if ascii_only else ScrollBarRender
        for file in self.known_themes.values():
            self.register_theme(file.theme())
        self.theme = theme
        self.set_keymap(self.keys)  # before the first footer is painted

    def size_classes(self) -> list[str]:
        """How Textual marks a screen of the terminal's size, by our breakpoints."""
        width, height = self.size
        wide = [name for least, name in self.HORIZONTAL_BREAKPOINTS or () if least <= width]
        high = [name for least, name in self.VERTICAL_BREAKPOINTS or () if least <= height]
        return [*wide[-1:], *high[-1:]]

    @property
    def read_only(self) -> bool:
        """Whether this console can only watch."""
        raise NotImplementedError

    def begin_looks(self) -> None:
        """When the application has begun: mark an ASCII screen for the styles, tell of themes left out."""
        self.set_class(self.glyphs.ascii_only, "-ascii")
        for sentence in self._broken:
            said = f"a theme is left out: {clean(sentence, 500)}"
            self.notify(said, severity="warning", timeout=15, markup=False)

    def watch_theme(self, theme: str) -> None:
        """A theme of the sixteen colours keeps them; any other must not, whatever the console began with."""
        self.ansi_color = True if self.current_theme.ansi else None

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key, a click, the palette or the command line asks for; what cannot be done says why."""
        if isinstance(action, str):
            why = not_possible(cast("ConsoleApp", self), action, default_namespace or self)
            if why:
                self.notify(why, severity="warning", markup=False)
                return True
        return await super().run_action(action, default_namespace, namespaces)

    def get_key_display(self, binding: Binding) -> str:
        """A key as the help writes it, also one of the user's own."""
        return binding.key_display or shown(binding.key)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line goes through before it is sent."""
        theme = self.known_themes.get(self.theme)
        found = [*super().get_line_filters()]
        if theme is not None and theme.colourless:
            found.append(self._colourless)
        if self.glyphs.ascii_only:
            found.append(self._ascii)
        return found

    def action_move(self, way: str) -> None:
        """Move in whatever has the keys."""
        move(self.screen, way)

    def action_command_line(self) -> None:
        """Take a command by its name."""
        screen = self.screen

        def typed(text: str | None) -> None:
            if text is not None:
                self.commander.remember(text)
                self.run_worker(self._do(text, screen), exit_on_error=False, name="command")

        self.push_screen(CommandLine(self.commander.commands(screen), self.commander.history), typed)

    async def _do(self, text: str, screen: Screen[object]) -> None:
        try:
            await self.commander.do(text, screen)
        except Exception as error:
            self.commander.report(text, error)

    def action_next_theme(self) -> None:
        """The next of the themes."""
        names = list(self.known_themes)
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]
        self.notify(f"theme: {self.theme}", timeout=2, markup=False)

    def action_choose_theme(self) -> None:
        """Choose a theme; the list shows each one while one moves in it."""

        def chosen(name: str | None) -> None:
            if name is not None:
                file = clean(str(self._config)) if self._config else "the configuration"
                self.notify(f"To keep this theme, write in {file}:\ntheme: {name}", timeout=8, markup=False)

        self.push_screen(ThemeChooser(self.known_themes, self.theme), chosen)


def move(screen: Screen[object], way: str) -> None:
    """Move by `way`: up, down, left, right, top, bottom, half_up or half_down."""
    if way == "left":
        screen.focus_previous()
    elif way == "right":
        screen.focus_next()
    elif isinstance(target := screen.focused, DataTable):
        _in_table(target, way)
    elif isinstance(target, OptionList):
        _in_list(target, way)
    else:
        scrolls = target if isinstance(target, VerticalScroll) else None
        text = scrolls or next(iter(screen.query(VerticalScroll)), None)
        if text is not None:
            _in_text(text, way)


def _half(widget: Widget) -> int:
    return max(1, widget.scrollable_content_region.height // 2)


def _in_table(table: DataTable[object], way: str) -> None:
    rows = {
        "up": table.cursor_row - 1,
        "down": table.cursor_row + 1,
        "top": 0,
        "bottom": table.row_count - 1,
        "half_up": table.cursor_row - _half(table),
        "half_down": table.cursor_row + _half(table),
    }
    if table.row_count:
        table.move_cursor(row=min(max(rows[way], 0), table.row_count - 1), animate=False)


def _in_list(options: OptionList, way: str) -> None:
    last, now = options.option_count - 1, options.highlighted or 0
    step = _half(options)
    rows = {
        "up": now - 1,
        "down": now + 1,
        "top": 0,
        "bottom": last,
        "half_up": now - step,
        "half_down": now + step,
    }
    if last >= 0:
        options.highlighted = min(max(rows[way], 0), last)


def _in_text(text: VerticalScroll, way: str) -> None:
    if way in ("top", "bottom"):
        text.scroll_to(y=0 if way == "top" else text.max_scroll_y, animate=False)
        return
    lines = {"up": -1, "down": 1, "half_up": -_half(text), "half_down": _half(text)}[way]
    text.scroll_relative(y=lines, animate=False)
