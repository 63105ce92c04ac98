"""The application: takes snapshots and runs in, tells the screens, sends the operator's words out."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import App, SystemCommand
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender

from bdr_console.cluster.changes import Event
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict import Level, Thresholds
from bdr_console.config import Settings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.run import RunView
from bdr_console.ui import crash
from bdr_console.ui.actions import Place, bindings
from bdr_console.ui.colours import DEFAULTS, Styles
from bdr_console.ui.desk import ActDesk, LockDesk, RunDesk
from bdr_console.ui.left import left_behind
from bdr_console.ui.lock_watch import LockSight
from bdr_console.ui.moment import Moment, Timeline
from bdr_console.ui.monitored import AdvisoryDesk, JournalDesk, MonitoredCluster, RunbookDesk
from bdr_console.ui.operator import Operator
from bdr_console.ui.palette import commands
from bdr_console.ui.run_watch import RunWatch
from bdr_console.ui.screens.help import Help
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.question import Question
from bdr_console.ui.source import SnapshotSource
from bdr_console.ui.status import Status, asked, run_place
from bdr_console.ui.terminal import ascii_only as locale_is_ascii
from bdr_console.ui.terminal import on_signals, refuse_unfit, watch_hangup
from bdr_console.ui.themes import NO_COLOUR, choose, load_themes
from bdr_console.ui.widgets.scroll_bar import AsciiScrollBar
from bdr_console.ui.words import ASCII, UNICODE

if TYPE_CHECKING:
    from bdr_console.monitor import Monitor

_PAINT_EVERY = 0.5
"""Seconds between two looks at whether there is something new to show."""
_PACES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_RETRY_SOURCE = 2.0


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class ConsoleApp(App[int]):
    """The console on one cluster. Its result is the exit code."""

    TITLE = "bdr-console"
    CSS_PATH = "console.tcss"
    BINDINGS = bindings(Place.EVERYWHERE)
    COMMAND_PALETTE_BINDING = "ctrl+p"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares these as instance attributes
        (0, "-narrow"),
        (110, "-normal"),
        (180, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    def __init__(
        self,
        source: SnapshotSource,
        *,
        cluster: str,
        environment: str = "",
        thresholds: Thresholds | None = None,
        refresh: float = 1.0,
        theme: str = "dark",
        runs: RunDesk | None = None,
        acts: ActDesk | None = None,
        lock: LockDesk | None = None,
        ascii_only: bool = False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`acts` is None in a console that only watches: what is not there cannot be called.

        Raises ConsoleError for an unknown theme.
        """
        self.known_themes = load_themes()
        chosen = choose(self.known_themes, theme)
        # Said here already, because NO_COLOR is only honoured fully when ANSI colours are on from the start.
        super().__init__(ansi_color=True if chosen.ansi else None)
        self.animation_level = "none"
        for file in self.known_themes.values():
            self.register_theme(file.theme())
        self.theme = theme
        self.glyphs = ASCII if ascii_only else UNICODE
        ScrollBar.renderer = AsciiScrollBar if ascii_only else ScrollBarRender
        self.cluster = cluster
        self.environment = environment
        self.tones = Styles(self.theme_variables or DEFAULTS, ansi=chosen.ansi)
        self._source = source
        self.runs = RunWatch(self, runs, clock)
        self.lock = LockSight(self, lock)
        self.operator = Operator(self, acts)
        self._pace = refresh
        self._clock = clock
        self._timeline = Timeline(thresholds or Thresholds(), self.glyphs)
        self._trouble = ""
        self._painted_at: datetime | None = None
        self._news = False

    @property
    def read_only(self) -> bool:
        """Whether this console can only watch."""
        return self.operator.acts is None

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot taken."""
        return self._timeline.snapshot

    @property
    def has_news(self) -> bool:
        """Whether something waits to be painted."""
        return self._news

    # Start and end -----------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[None]:
        """Begin with the overview."""
        return Overview(self.glyphs)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our own variables are in themes that are not ours."""
        return DEFAULTS

    def on_mount(self) -> None:
        """Paint first; connect after the first paint."""
        self._restyle()
        self.theme_changed_signal.subscribe(self, lambda _: self._restyle())
        self.set_class(self.glyphs.ascii_only, "-ascii")
        if not self.is_headless:
            on_signals(self.exit)
            watch_hangup(lambda: self.call_from_thread(self.exit, 129))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self._pump(), exit_on_error=False, name="snapshots")
        self.run_worker(self.runs.watch(), exit_on_error=False, name="runs")
        self.run_worker(self.lock.watch(), exit_on_error=False, name="lock")
        self.set_interval(_PAINT_EVERY, self._tick)

    async def on_unmount(self) -> None:
        """Stop reading; a silent server does not keep the console from ending."""
        await asyncio.gather(self._source.close(), self.lock.close())

    def _fatal_error(self) -> None:
        """Instead of Textual's traceback with local variables (a name private to Textual; it is pinned)."""
        error = self._exception or RuntimeError("unknown error")
        # Textual prints the first of these once the terminal is back in order.
        self.panic(crash.sentence(error, crash.write_report(error)))

    # Snapshots in ------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        """Take snapshots for as long as the console lives; a source that fails is said and tried again."""
        while True:
            try:
                async for snapshot in self._source.updates():
                    self.take(snapshot)
            except ConsoleError as error:
                self._trouble = clean(error.problem)
            except Exception as error:
                crash.write_report(error)
                self._trouble = f"reading stopped by {type(error).__name__}; trying again"
            else:
                return
            self.note(Level.CRIT, "console", self._trouble)
            await asyncio.sleep(_RETRY_SOURCE)

    def take(self, snapshot: Snapshot) -> None:
        """Make `snapshot` the newest one; it is painted now or at the next tick."""
        first = self._timeline.snapshot is None
        self._timeline.take(snapshot)
        self._trouble = ""
        self._news = True
        now = self._clock()
        if first or self._painted_at is None or abs((now - self._painted_at).total_seconds()) >= _PAINT_EVERY:
            self.paint()

    def _tick(self) -> None:
        """Paint when there is news, and once a second in any case: ages and the clock move."""
        now = self._clock()
        if self._news or self._painted_at is None or now.second != self._painted_at.second:
            self.paint()

    def paint(self) -> None:
        """Tell every screen in sight how things stand."""
        self._painted_at = self._clock()
        self._news = False
        with self.batch_update():
            for screen in reversed(self.screen_stack):
                if isinstance(screen, LiveScreen):
                    self.tell(screen)
                if not screen.is_modal:
                    break

    def tell(self, screen: LiveScreen) -> None:
        """Tell one screen how things stand."""
        if not screen.is_mounted:
            return
        now = self._clock()
        moment = self._timeline.at(now)
        status = self.status_at(now, moment)
        with contextlib.suppress(NoMatches):  # a screen that is being taken down has lost some of its parts
            screen.show(moment, status)

    def status_at(self, now: datetime, moment: Moment | None) -> Status:
        """Everything around the panes."""
        lock = self.lock.foreign
        return Status(
            self.cluster,
            self.environment,
            self.read_only,
            self._pace,
            now,
            moment.verdict if moment else None,
            self.runs.run,
            self._trouble,
            lock,
            left_behind(self.runs.recent, self.newest, lock),
        )

    def now(self) -> datetime:
        """The moment it is."""
        return self._clock()

    def note(self, level: Level, subject: str, text: str) -> None:
        """Add a line to the event log."""
        self._timeline.note([Event(self._clock(), level, subject, text)])
        self._news = True

    # Runs --------------------------------------------------------------------------------------------

    def run_changed(self, run: RunView, event: Event | None) -> None:
        """A journal has grown: show it, and put what is worth a line into the event log."""
        if event is not None:
            self._timeline.note([event])
        self.paint()

    # Keys --------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what a watching console cannot do. A hint only: there is nothing behind it to call."""
        if action in ("switchover", "left") and self.read_only:
            return None
        return True

    def action_help(self) -> None:
        """Every key."""
        self.push_screen(Help(self.tones, read_only=self.read_only))

    def named(self, question: str) -> Text:
        """A question with the environment it is asked in."""
        return asked(question, self.environment, self.tones)

    def action_leave(self) -> None:
        """End the console; with a run under way, say first that it goes on."""
        run = self.runs.under_way
        if run is None:
            self.exit(0)
            return
        text = Text(
            f"The {run.runbook} of {run.node} is at {run_place(run)}.\nIt goes on without this console."
        )
        self.push_screen(
            Question(self.named("Leave while a run is under way?"), text),
            lambda yes: self.exit(0) if yes else None,
        )

    def action_refresh_now(self) -> None:
        """Read every target now."""
        self._source.refresh_now()

    def action_pace(self, direction: int) -> None:
        """Read more often (-1) or less often (1)."""
        slower = [pace for pace in _PACES if pace > self._pace]
        faster = [pace for pace in _PACES if pace < self._pace]
        if direction > 0 and slower:
            self._pace = slower[0]
        elif direction < 0 and faster:
            self._pace = faster[-1]
        self._source.set_refresh(self._pace)
        self.paint()

    def action_next_theme(self) -> None:
        """The next of our themes."""
        names = list(self.known_themes)
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]
        self.notify(f"theme: {self.theme}", timeout=2, markup=False)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette."""
        return commands(self, screen)

    def _restyle(self) -> None:
        self.tones = Styles(self.theme_variables, ansi=self.current_theme.ansi)
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen) and screen.is_mounted:
                screen.restyle()
        if self._painted_at is not None:
            self.paint()


def run_console(
    config: Path, settings: Settings, cluster: str, *, read_only: bool, theme: str | None, mouse: bool
) -> int:
    """Open the console on one cluster and return the exit code.

    Raises ConsoleError where it cannot run: no terminal, one that is too small, an unknown theme.
    """
    name, chosen = settings.cluster(cluster)
    if theme is None:
        theme = NO_COLOUR if os.environ.get("NO_COLOR") is not None else settings.theme

    def build() -> "Monitor":
        from bdr_console.monitor import Monitor

        return Monitor(name, chosen, settings.refresh)

    source = MonitoredCluster(build)
    app = ConsoleApp(
        source,
        cluster=name,
        environment=chosen.environment,
        thresholds=chosen.thresholds.thresholds(),
        refresh=settings.refresh,
        theme=theme,
        runs=JournalDesk(name),
        acts=None if read_only else RunbookDesk(config, name, chosen),
        lock=AdvisoryDesk(source),
        ascii_only=locale_is_ascii(),
    )
    refuse_unfit()
    code = app.run(mouse=mouse)
    if (run := app.runs.under_way) is not None:
        print(
            f"The {run.runbook} of {run.node} goes on ({run_place(run)}): open the console again to attach.",
            file=sys.stderr,
        )
    return code if code is not None else app.return_code or 0
