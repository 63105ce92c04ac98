"""The application without its clusters: how it ends, keys and themes of the user, moving the cursor."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from textual.app import App
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.filter import LineFilter
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.widget import Widget
from textual.widgets import DataTable, OptionList
from textual.worker import Worker, WorkerFailed

from bdr_console import crash
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.findings import Level
from bdr_console.errors import CRASHED
from bdr_console.runbooks.model.run import Offer, RunView
from bdr_console.ui.alarm_watch import AlarmWatch
from bdr_console.ui.judged_snapshot import JudgedSnapshot, Timeline
from bdr_console.ui.keymap import applied
from bdr_console.ui.keys import Scope, shown
from bdr_console.ui.services import PlanView
from bdr_console.ui.terminal.driver import PatientDriver
from bdr_console.ui.terminal.signals import HANGUP_EXIT, leave_stuck
from bdr_console.ui.text.abandoned_runs import AbandonedRun
from bdr_console.ui.text.cells import Subject
from bdr_console.ui.text.cluster_summary import ClusterSummary
from bdr_console.ui.text.status import Status
from bdr_console.ui.theming.rendering import AsciiOnly, AsciiScrollBar, Colourless, RememberingStylesheet
from bdr_console.ui.theming.styles import ASCII, UNICODE, Styles
from bdr_console.ui.theming.themes import Themes, choose, gather
from bdr_console.ui.workers import finish

Severity = Literal["information", "warning", "error"]


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


class Runs(Protocol):
    """The runs of one cluster."""

    run: RunView | None
    """The run under way, or the last one."""
    recent: tuple[RunView, ...]

    @property
    def under_way(self) -> RunView | None:
        """The run that has not ended yet."""


class Orders(Protocol):
    """What an operator may order on one cluster; a console that only watches refuses each with a reason."""

    def plan_switchover(self, node: str | None) -> None:
        """Open the plan for `node`, or let the operator pick one."""

    def plan_isolation(self, node: str | None) -> None:
        """Open the plan to isolate `node`, or let the operator pick one."""

    def open_run(self) -> None:
        """Show the run under way, or the last one."""

    def run_started(self, run_id: str) -> None:
        """Go from the screen it was started on to the run itself."""

    def open_abandoned(self, left: tuple[AbandonedRun, ...]) -> None:
        """Show one of these abandoned runs."""

    def finish(self, node: str, run_id: str | None, word: str = "") -> None:
        """Show what is left of that run, and ask at once for `resume` or `undo`."""

    def say(self, run_id: str, word: str) -> None:
        """Send one word to a run."""

    def end_session(self, plan: PlanView, offer: Offer, then: Callable[[], None]) -> None:
        """End a session that a plan names, and call `then` afterwards."""

    def write_paper(self, name: str, made: Callable[[], str]) -> None:
        """Write what `made` returns to a file."""


class Cluster(Protocol):
    """One cluster of the console, as its screens and the commands know it."""

    name: str
    environment: str
    mode: str
    timeline: Timeline
    alarms: AlarmWatch

    @property
    def console(self) -> "BaseApp":
        """The application that shows it."""

    @property
    def runs(self) -> Runs:
        """Its runs."""

    @property
    def operator(self) -> Orders:
        """What may be ordered on it."""

    @property
    def read_only(self) -> bool:
        """Whether it can only be watched."""

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot taken."""

    @property
    def in_sight(self) -> bool:
        """Whether it is the cluster shown."""

    def holds(self, screen: Screen[None]) -> bool:
        """Whether `screen` is in its stack."""

    def report(self) -> tuple[JudgedSnapshot | None, Status]:
        """What a screen of it shows now."""

    def open_details(self, subject: Subject) -> None:
        """Open a screen with everything known about `subject`."""

    def note(self, level: Level, subject: str, text: str) -> None:
        """Add a line to its event log."""

    def tell_operator(self, text: str, severity: Severity = "information") -> None:
        """Show the operator one line, with its name where another cluster is shown."""

    def refresh_now(self) -> None:
        """Read every target now."""

    def set_pace(self, seconds: float) -> None:
        """Read every target every so many seconds."""


class BaseApp(EndingApp):
    """An application with the user's own keys and themes. It knows no screen: they know it."""

    places: ClassVar[tuple[Scope, ...]] = (Scope.EVERYWHERE,)
    """Whose keys work on every screen."""
    tones: Styles
    """The styles of the theme in force."""

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
        self._broken = found.broken
        self.config_file = config
        self._colourless, self._ascii = Colourless(), AsciiOnly()
        ScrollBar.renderer = AsciiScrollBar if ascii_only else ScrollBarRender
        for file in self.known_themes.values():
            self.register_theme(file.theme())
        self.theme = theme
        self.set_keymap(self.keys)  # before the first footer is painted

    def begin_work(self, work: Awaitable[object], name: str) -> Worker[None]:
        """Run `work` in a worker; when it fails, the error is logged and the operator told in one line."""
        return self.run_worker(finish(work, name, self.show_failure), exit_on_error=False, name=name)

    def show_failure(self, text: str) -> None:
        """Tell the operator of work that has failed."""
        self.notify(text, severity="error", timeout=10, markup=False)

    def size_classes(self) -> list[str]:
        """How Textual marks a screen of the terminal's size, by our breakpoints."""
        width, height = self.size
        wide = [name for least, name in self.HORIZONTAL_BREAKPOINTS or () if least <= width]
        high = [name for least, name in self.VERTICAL_BREAKPOINTS or () if least <= height]
        return [*wide[-1:], *high[-1:]]

    @property
    def clusters(self) -> Sequence[Cluster]:
        """The clusters of the configuration, in its order."""
        raise NotImplementedError

    @property
    def current(self) -> Cluster:
        """The cluster that is shown."""
        raise NotImplementedError

    @property
    def read_only(self) -> bool:
        """Whether the cluster shown can only be watched."""
        return self.current.read_only

    def now(self) -> datetime:
        """Return the present moment (UTC); in a replay, the moment that is shown."""
        raise NotImplementedError

    def open_cluster(self, name: str) -> None:
        """Show that cluster, on the screen where it was left."""
        raise NotImplementedError

    def summaries(self, now: datetime, *, but: Cluster | None = None) -> tuple[ClusterSummary, ...]:
        """Return each cluster in short, in the order of the configuration."""
        raise NotImplementedError

    def paint(self) -> None:
        """Show in every screen in sight what is known now."""
        raise NotImplementedError

    def paint_soon(self, cluster: Cluster, *, at_once: bool = False) -> None:
        """Paint what is new of `cluster`, now or at the next tick."""
        raise NotImplementedError

    def marked(self, status: Status) -> Status:
        """Return `status` with what a replay adds to the head."""
        return status

    def begin_looks(self) -> None:
        """When the application has begun: mark an ASCII screen for the styles, tell of themes left out."""
        self.set_class(self.glyphs.ascii_only, "-ascii")
        for sentence in self._broken:
            said = f"a theme is left out: {clean(sentence, 500)}"
            self.notify(said, severity="warning", timeout=15, markup=False)

    def watch_theme(self, theme: str) -> None:
        """A theme of the sixteen colours keeps them; any other must not, whatever the console began with."""
        self.ansi_color = True if self.current_theme.ansi else None

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

    def action_next_theme(self) -> None:
        """The next of the themes."""
        names = list(self.known_themes)
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]
        self.notify(f"theme: {self.theme}", timeout=2, markup=False)


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
