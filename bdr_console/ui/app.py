"""The application: shows one of its clusters at a time, paints what has come, hands keys on."""

import asyncio
import gc
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.dom import DOMNode
from textual.screen import Screen

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.findings import Level
from bdr_console.ui.available_actions import not_possible, place_of
from bdr_console.ui.base_app import BaseApp, Cluster
from bdr_console.ui.cluster_view import ClusterParts, ClusterView
from bdr_console.ui.commands import Commander, commands
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.operator import Operator
from bdr_console.ui.recording_source import save_ring
from bdr_console.ui.run_watch import RunWatch
from bdr_console.ui.screens.clusters import Clusters
from bdr_console.ui.screens.command_line import CommandLine
from bdr_console.ui.screens.dialogs import Question, ThemeChooser
from bdr_console.ui.screens.help import Help
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.terminal.bell import Rest
from bdr_console.ui.terminal.signals import HANGUP_EXIT, on_signals, watch_hangup
from bdr_console.ui.text.cells import Subject
from bdr_console.ui.text.cluster_summary import ClusterSummary
from bdr_console.ui.text.status import leaving
from bdr_console.ui.theming.styles import DEFAULTS, Styles
from bdr_console.ui.theming.themes import Themes

if TYPE_CHECKING:
    from textual.actions import ActionParseResult

_APART = 0.5
"""Seconds between the beginnings of clusters out of sight: not every host is connected to at once."""


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class ConsoleApp(BaseApp, inherit_bindings=False):
    """The console on its clusters. Its result is the exit code.

    Each cluster has a stack of screens of its own (a mode of Textual's): a plan or a question stays with the
    cluster that it was opened on, whatever is looked at meanwhile.
    Every key is one of the registry: Textual's own ctrl+q would leave a run under way without asking.
    """

    TITLE = "bdr-console"
    CSS_PATH = Path(__file__).with_name("console.tcss")
    BINDINGS = bindings(Scope.EVERYWHERE)
    COMMAND_PALETTE_BINDING = "ctrl+p"
    DEFAULT_MODE = "shown first"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares these as instance attributes
        (0, "-narrow"),
        (110, "-normal"),
        (180, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall"), (50, "-high")]  # noqa: RUF012

    def __init__(
        self,
        *clusters: ClusterParts,
        first: str = "",
        refresh: float = 1.0,
        background_refresh: float = 5.0,
        collect_all: bool = True,
        theme: str = "dark",
        ascii_only: bool = False,
        keys: Mapping[str, str] | None = None,
        themes: Themes | None = None,
        config: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Shows the cluster named `first` first, or else the first of them. Out of sight they are read
        every `background_refresh` seconds; without `collect_all` each begins to be read when it is shown.

        For the others see BaseApp. Raises ConsoleError for an unknown theme.
        """
        super().__init__(theme, ascii_only=ascii_only, keys=keys, themes=themes, config=config)
        self.tones = Styles(self.theme_variables or DEFAULTS, ansi=self.current_theme.ansi)
        self._clock = clock
        self._collect_all = collect_all
        self.painter = Painter(self)
        opening = next((parts for parts in clusters if parts.name == first), clusters[0])
        rest = Rest()
        self._clusters = tuple(
            ClusterView(
                self,
                parts,
                self.DEFAULT_MODE if parts is opening else f"cluster {parts.name}",
                pace=refresh,
                background=background_refresh,
                rest_of_bells=rest,
            )
            for parts in clusters
        )
        self._current = self._clusters[clusters.index(opening)]
        self.commander = Commander(self)
        for cluster in self._clusters:
            self.add_mode(cluster.mode, partial(Overview, cluster))

    # The cluster shown -------------------------------------------------------------------------------

    @property
    def clusters(self) -> tuple[ClusterView, ...]:
        """The clusters of the configuration, in its order."""
        return self._clusters

    @property
    def current(self) -> ClusterView:
        """The cluster that is shown."""
        return self._current

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot of the cluster shown."""
        return self.current.newest

    @property
    def runs(self) -> RunWatch:
        """The runs of the cluster shown."""
        return self.current.runs

    @property
    def operator(self) -> Operator:
        """The operator of the cluster shown."""
        return self.current.operator

    def note(self, level: Level, subject: str, text: str) -> None:
        """Add a line to the event log of the cluster shown."""
        self.current.note(level, subject, text)

    def summaries(self, now: datetime, *, but: Cluster | None = None) -> tuple[ClusterSummary, ...]:
        """Return each cluster in short, in the order of the configuration."""
        return tuple(cluster.standing(now) for cluster in self.clusters if cluster is not but)

    def open_cluster(self, name: str) -> None:
        """Show that cluster, on the screen where it was left. No other cluster ends or stops for it."""
        wanted = next((cluster for cluster in self.clusters if cluster.name == name), None)
        if wanted is None:
            known = ", ".join(cluster.name for cluster in self.clusters)
            self.notify(f"there is no cluster '{name}': {known}", severity="warning", markup=False)
            return
        if isinstance(self.screen, Clusters):
            self.pop_screen()
        if wanted is self.current:
            return
        before, self._current = self._current, wanted
        self.switch_mode(wanted.mode)
        before.sight_changed()
        wanted.sight_changed()
        wanted.operator.came_into_sight()

    # Start and end -----------------------------------------------------------------------------------

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """What our own variables are in themes that are not ours."""
        return DEFAULTS

    def on_mount(self) -> None:
        """Paint first; connect after the first paint."""
        self._restyle()
        self.theme_changed_signal.subscribe(self, lambda _: self._restyle())
        self.begin_looks()
        if not self.is_headless:
            on_signals(self.exit)
            watch_hangup(lambda: self.call_from_thread(self.exit, HANGUP_EXIT))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if not self.is_headless:
            gc.freeze()  # what is there now stays to the end: no search for garbage goes through it again
        self.current.begin()
        if self._collect_all:
            for place, cluster in enumerate(self.clusters):
                cluster.begin(after=place * _APART)
        self.set_interval(PAINT_EVERY, self.painter.tick)

    async def on_unmount(self) -> None:
        """Stop reading; a silent server does not keep the console from ending."""
        await asyncio.gather(*(cluster.close() for cluster in self.clusters))

    # Painting ----------------------------------------------------------------------------------------

    @property
    def has_news(self) -> bool:
        """Whether something waits to be painted."""
        return self.painter.has_news

    def now(self) -> datetime:
        """The moment it is."""
        return self._clock()

    def paint(self) -> None:
        """Tell every screen in sight how things stand."""
        self.painter.paint()

    def paint_soon(self, cluster: Cluster, *, at_once: bool = False) -> None:
        """Paint what is new of `cluster`; of a cluster out of sight at the next tick."""
        if cluster is self._current:
            self.painter.news(at_once=at_once)
        else:
            self.painter.has_news = True

    def _restyle(self) -> None:
        self.tones = Styles(self.theme_variables, ansi=self.current_theme.ansi)
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen) and screen.is_mounted:
                screen.take_style()
        if self.painter.painted_at is not None:
            self.paint()

    # Keys --------------------------------------------------------------------------------------------

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key, a click, the palette or the command line asks for; what cannot be done says why."""
        if isinstance(action, str):
            why = not_possible(self, action, default_namespace or self)
            if why:
                self.notify(why, severity="warning", markup=False)
                return True
        return await super().run_action(action, default_namespace, namespaces)

    def action_command_line(self) -> None:
        """Take a command by its name."""
        screen = self.screen

        def typed(text: str | None) -> None:
            if text is not None:
                self.commander.remember(text)
                self.begin_work(self._do(text, screen), f":{text}")

        self.push_screen(CommandLine(self.commander.commands(screen), self.commander.history), typed)

    async def _do(self, text: str, screen: Screen[object]) -> None:
        try:
            await self.commander.do(text, screen)
        except Exception as error:
            self.commander.report(text, error)

    def action_choose_theme(self) -> None:
        """Choose a theme; the list shows each one while one moves in it."""

        def chosen(name: str | None) -> None:
            if name is not None:
                file = clean(str(self.config_file)) if self.config_file else "the configuration"
                self.notify(f"To keep this theme, write in {file}:\ntheme: {name}", timeout=8, markup=False)

        self.push_screen(ThemeChooser(self.known_themes, self.theme), chosen)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of several clusters are there when there are several."""
        if action in ("clusters", "cluster"):
            return len(self.clusters) > 1
        return True

    def open_details(self, subject: Subject) -> None:
        """Open a screen with everything known about `subject` of the cluster shown."""
        self._current.open_details(subject)

    def action_help(self) -> None:
        """Every key."""
        here = place_of(self.screen)
        self.push_screen(Help(self.tones, read_only=self.read_only, keys=self.keys, here=here))

    def action_clusters(self) -> None:
        """The list of clusters."""
        if not isinstance(self.screen, Clusters):
            self.push_screen(Clusters(self._current))

    def action_cluster(self, step: int) -> None:
        """The next cluster (1) or the one before (-1)."""
        place = self.clusters.index(self.current)
        self.open_cluster(self.clusters[(place + step) % len(self.clusters)].name)

    def action_leave(self) -> None:
        """End the console; with runs under way, say first that they go on."""
        runs = [run for cluster in self.clusters if (run := cluster.runs.under_way) is not None]
        if not runs:
            self.exit(0)
            return
        self.push_screen(
            Question(self._current, "Leave while a run is under way?", leaving(runs)),
            lambda yes: self.exit(0) if yes else None,
        )

    def action_refresh_now(self) -> None:
        """Read every target of the cluster shown now."""
        self.current.refresh_now()

    def action_save_ring(self) -> None:
        """Write the last minutes of the cluster shown to a file, and say where."""
        self.begin_work(save_ring(self.current), "saving the last minutes")

    def action_pace(self, direction: int) -> None:
        """Read the cluster shown more often (-1) or less often (1)."""
        self.current.change_pace(direction)
        self.paint()

    def set_pace(self, seconds: float) -> None:
        """Read the cluster shown every so many seconds."""
        self.current.set_pace(seconds)
        self.paint()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette."""
        return commands(self, screen)


PAINT_EVERY = 0.5
"""Seconds between two looks at whether there is something new to show."""


class Painter:
    """Paints what is in sight, and nothing else."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app
        self.painted_at: datetime | None = None
        self.has_news = False
        """Whether something waits to be painted."""

    def news(self, *, at_once: bool = False) -> None:
        """There is something new; it is painted now, or at the tick when the last time was a moment ago."""
        self.has_news = True
        last, now = self.painted_at, self._app.now()
        if at_once or last is None or abs((now - last).total_seconds()) >= PAINT_EVERY:
            self.paint()

    def tick(self) -> None:
        """Paint when there is news, and once a second in any case: ages and the clock move."""
        if self.has_news or self.painted_at is None or self._app.now().second != self.painted_at.second:
            self.paint()

    def paint(self) -> None:
        """Tell every screen in sight how things stand."""
        self.painted_at = self._app.now()
        self.has_news = False
        with self._app.batch_update():
            for screen in reversed(self._app.screen_stack):
                if isinstance(screen, LiveScreen):
                    screen.catch_up()
                if not screen.is_modal:
                    break
