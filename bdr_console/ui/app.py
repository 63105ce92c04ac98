"""The application: shows one of its clusters at a time, paints what has come, hands keys on."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict import Level
from bdr_console.ui import crash
from bdr_console.ui.actions import Place, bindings
from bdr_console.ui.colours import DEFAULTS, Styles
from bdr_console.ui.operator import Operator
from bdr_console.ui.painter import PAINT_EVERY, Painter
from bdr_console.ui.palette import commands
from bdr_console.ui.recorded import save_ring
from bdr_console.ui.run_watch import RunWatch
from bdr_console.ui.screens.clusters import Clusters
from bdr_console.ui.screens.detail import DetailScreen
from bdr_console.ui.screens.help import Help
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.question import Question
from bdr_console.ui.standings import Standing
from bdr_console.ui.status import Status, leaving
from bdr_console.ui.subject import Subject
from bdr_console.ui.terminal import on_signals, watch_hangup
from bdr_console.ui.themes import choose, load_themes
from bdr_console.ui.watched import ClusterParts, WatchedCluster
from bdr_console.ui.widgets.scroll_bar import AsciiScrollBar
from bdr_console.ui.words import ASCII, UNICODE

_APART = 0.5
"""Seconds between the beginnings of clusters out of sight: not every host is connected to at once."""


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class ConsoleApp(App[int]):
    """The console on its clusters. Its result is the exit code.

    Each cluster has a stack of screens of its own (a mode of Textual's): a plan or a question stays with the
    cluster that it was opened on, whatever is looked at meanwhile.
    """

    TITLE = "bdr-console"
    CSS_PATH = "console.tcss"
    BINDINGS = bindings(Place.EVERYWHERE)
    places: ClassVar[tuple[Place, ...]] = (Place.EVERYWHERE,)
    """Whose keys work on every screen."""
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
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Shows the cluster named `first` first, or else the first of them. Out of sight they are read
        every `background_refresh` seconds; without `collect_all` each begins to be read when it is shown.

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
        self.tones = Styles(self.theme_variables or DEFAULTS, ansi=chosen.ansi)
        self._clock = clock
        self._collect_all = collect_all
        self.painter = Painter(self)
        opening = next((parts for parts in clusters if parts.name == first), clusters[0])
        self.clusters = tuple(
            WatchedCluster(
                self,
                parts,
                self.DEFAULT_MODE if parts is opening else f"cluster {parts.name}",
                pace=refresh,
                background=background_refresh,
            )
            for parts in clusters
        )
        self.current = self.clusters[clusters.index(opening)]
        """The cluster that is shown."""
        for cluster in self.clusters:
            self.add_mode(cluster.mode, partial(Overview, self.glyphs))

    # The cluster shown -------------------------------------------------------------------------------

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

    @property
    def read_only(self) -> bool:
        """Whether the cluster shown can only be watched."""
        return self.current.read_only

    def note(self, level: Level, subject: str, text: str) -> None:
        """Add a line to the event log of the cluster shown."""
        self.current.note(level, subject, text)

    def standings(self, now: datetime, *, but: WatchedCluster | None = None) -> tuple[Standing, ...]:
        """How each cluster stands, in the order of the configuration."""
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
        before, self.current = self.current, wanted
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
        self.set_class(self.glyphs.ascii_only, "-ascii")
        if not self.is_headless:
            on_signals(self.exit)
            watch_hangup(lambda: self.call_from_thread(self.exit, 129))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.current.begin()
        if self._collect_all:
            for place, cluster in enumerate(self.clusters):
                cluster.begin(after=place * _APART)
        self.set_interval(PAINT_EVERY, self.painter.tick)

    async def on_unmount(self) -> None:
        """Stop reading; a silent server does not keep the console from ending."""
        await asyncio.gather(*(cluster.close() for cluster in self.clusters))

    def _fatal_error(self) -> None:
        """Instead of Textual's traceback with local variables (a name private to Textual; it is pinned)."""
        error = self._exception or RuntimeError("unknown error")
        # Textual prints the first of these once the terminal is back in order.
        self.panic(crash.sentence(error, crash.write_report(error)))

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

    def marked(self, status: Status) -> Status:
        """What a replay adds to the head."""
        return status

    def tell(self, screen: LiveScreen) -> None:
        """Tell one screen how its cluster stands."""
        self.painter.tell(screen)

    def _restyle(self) -> None:
        self.tones = Styles(self.theme_variables, ansi=self.current_theme.ansi)
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen) and screen.is_mounted:
                screen.take_style()
        if self.painter.painted_at is not None:
            self.paint()

    # Keys --------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what a watching console cannot do. A hint only: there is nothing behind it to call."""
        if action in ("clusters", "cluster"):
            return len(self.clusters) > 1
        if action in ("switchover", "left") and self.read_only:
            return None
        return True

    def open_details(self, subject: Subject) -> None:
        """Everything known about `subject`, on a screen of its own."""
        self.push_screen(DetailScreen(subject, self.glyphs))

    def action_help(self) -> None:
        """Every key."""
        self.push_screen(Help(self.tones, read_only=self.read_only))

    def action_clusters(self) -> None:
        """The list of clusters."""
        if not isinstance(self.screen, Clusters):
            self.push_screen(Clusters(self.glyphs))

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
            Question(self.current.named("Leave while a run is under way?"), leaving(runs)),
            lambda yes: self.exit(0) if yes else None,
        )

    def action_refresh_now(self) -> None:
        """Read every target of the cluster shown now."""
        self.current.source.refresh_now()

    def action_save_ring(self) -> None:
        """Write the last minutes of the cluster shown to a file, and say where."""
        self.run_worker(save_ring(self.current), exit_on_error=False)

    def action_pace(self, direction: int) -> None:
        """Read the cluster shown more often (-1) or less often (1)."""
        self.current.change_pace(direction)
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
