"""The commands that can be typed or found in the palette: every action, and those that take a word."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from textual.app import SystemCommand
from textual.css.query import NoMatches
from textual.screen import Screen

from bdr_console.cluster.text import clean
from bdr_console.crash import as_console_error
from bdr_console.errors import ConsoleError
from bdr_console.ui.available_actions import Doable, barred, doable
from bdr_console.ui.base_app import BaseApp
from bdr_console.ui.keymap import shown_key
from bdr_console.ui.keys import MOTIONS
from bdr_console.ui.screens.command_line import TypedCommand, choice, parse
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.text.cells import Subject, SubjectKind
from bdr_console.ui.widgets.live_table import LiveTable
from bdr_console.ui.widgets.pane import Pane

SLOWEST, FASTEST = 60.0, 0.2
"""Seconds between two readings that `refresh` takes, as in the configuration."""
_HISTORY = 50


class Commander:
    """Knows the commands of the screen in front, does what was typed, and remembers it."""

    def __init__(self, app: BaseApp) -> None:
        self._app = app
        self.history: list[str] = []

    def commands(self, screen: Screen[object]) -> dict[str, TypedCommand]:
        """Every command that can be typed on `screen`, by name."""
        found = {command.name: command for command in self._with_words(screen)}
        actions = [
            one
            for one in doable(self._app, screen)
            if one.action not in MOTIONS
            and not one.action.does.startswith("screen.pane(")  # `pane` does that
        ]
        labels = [_slug(one.action.label) for one in actions]
        for one in actions:
            if one.action.id != "command":
                found.setdefault(one.action.id, self._plain(one.action.id, one))
        for one, label in zip(actions, labels, strict=True):
            if labels.count(label) == 1 and label != "command":
                found.setdefault(label, self._plain(label, one))
        return found

    async def do(self, text: str, screen: Screen[object]) -> None:
        """Do what was typed; raises ConsoleError when it cannot be done."""
        command, argument = parse(text, self.commands(screen))
        done = command.do(argument)
        if inspect.isawaitable(done):
            await done

    def remember(self, text: str) -> None:
        """Keep it for the up key."""
        if not self.history or self.history[-1] != text:
            self.history = [*self.history, text][-_HISTORY:]

    def report(self, text: str, error: Exception) -> None:
        """Say why a command was not done."""
        told = as_console_error(error, f":{text}")
        self._app.notify(clean(f"{told.problem} {told.remedy}".strip()), severity="warning", markup=False)

    def _plain(self, name: str, one: Doable) -> TypedCommand:
        def do(_: str) -> object:
            return self._app.run_action(one.action.does, one.node)

        return TypedCommand(name, one.action.help, do, why_not=one.why_not)

    def _with_words(self, screen: Screen[object]) -> Iterator[TypedCommand]:
        app = self._app
        if isinstance(screen, Overview):
            yield TypedCommand("pane", "Go to a pane", self._pane, "PANE", lambda: tuple(_panes(screen)))
            yield TypedCommand("node", "Go to a node", self._node, "NODE", self._nodes)
            yield TypedCommand(
                "details",
                "Everything known about the selected row, or about NODE",
                self._details,
                "[NODE]",
                self._nodes,
            )
            yield TypedCommand(
                "switchover",
                "Plan to take a node out of service and back",
                self._switchover,
                "[NODE]",
                self._nodes,
                barred("screen.switchover", read_only=app.read_only),
            )
        if len(app.clusters) > 1:
            names = tuple(cluster.name for cluster in app.clusters)
            yield TypedCommand("cluster", "Show another cluster", self._cluster, "CLUSTER", lambda: names)
        yield TypedCommand("log", "The event log; with WORDS, what it has about them", self._log, "[WORDS]")
        yield TypedCommand(
            "theme", "Take a colour theme", self._theme, "THEME", lambda: tuple(app.known_themes)
        )
        yield TypedCommand("refresh", "Read now, or every SECONDS from now on", self._refresh, "[SECONDS]")

    def _nodes(self) -> tuple[str, ...]:
        snapshot = self._app.current.newest
        return tuple(target.name for target in snapshot.nodes) if snapshot else ()

    def _pane(self, said: str) -> None:
        overview = self._overview()
        panes = _panes(overview)
        numbers = {str(number): number for number in panes.values()}
        number = numbers.get(said) or panes[choice(said.lower(), tuple(panes), "pane")]
        overview.action_pane(number)

    def _node(self, said: str) -> None:
        name = choice(said, self._nodes(), "node")
        overview = self._overview()
        overview.action_pane(_panes(overview)["nodes"])
        try:
            table = overview.current.query_one(LiveTable)
        except NoMatches:
            return
        for row in range(table.row_count):
            table.move_cursor(row=row, animate=False)
            if table.selected is not None and table.selected.node == name:
                return

    def _details(self, said: str) -> object:
        if said:
            self._app.current.open_details(Subject(SubjectKind.NODE, (choice(said, self._nodes(), "node"),)))
            return None
        return self._app.run_action("screen.details", self._app.screen)

    def _switchover(self, said: str) -> object:
        if said:
            self._app.current.operator.plan_switchover(choice(said, self._nodes(), "node"))
            return None
        return self._app.run_action("screen.switchover", self._app.screen)

    def _cluster(self, said: str) -> None:
        names = tuple(cluster.name for cluster in self._app.clusters)
        self._app.open_cluster(choice(said, names, "cluster"))

    def _log(self, said: str) -> None:
        from bdr_console.ui.screens.log import LogScreen  # not before the first paint

        self._app.push_screen(LogScreen(self._app.current, said))

    def _theme(self, said: str) -> None:
        self._app.theme = choice(said, tuple(self._app.known_themes), "theme")

    def _refresh(self, said: str) -> None:
        if not said:
            self._app.current.refresh_now()
            return
        try:
            seconds = float(said.removesuffix("s"))
        except ValueError:
            seconds = 0.0
        if not FASTEST <= seconds <= SLOWEST:
            raise ConsoleError(f"'{said}' is no pace", f"give seconds, {FASTEST:g} to {SLOWEST:g}")
        self._app.current.set_pace(seconds)
        self._app.paint()

    def _overview(self) -> Overview:
        screen = self._app.screen
        if not isinstance(screen, Overview):
            raise ConsoleError("that is a command of the overview", "")
        return screen


def _panes(overview: Overview) -> dict[str, int]:
    """Every pane's names, the short and the full one as they are typed, with its number."""
    panes = sorted(overview.query(Pane), key=lambda pane: pane.NUMBER)
    return {_slug(name): pane.NUMBER for pane in panes for name in (pane.SHORT, pane.TITLE)}


def _slug(label: str) -> str:
    """A label as a word that can be typed."""
    return "-".join(label.lower().split())


def commands(app: BaseApp, screen: Screen[object]) -> Iterable[SystemCommand]:
    """Every action that works on `screen`, every other cluster and every theme; what is barred says why."""
    for found in doable(app, screen):
        action = found.action
        if action.id == "palette" or action in MOTIONS:
            continue
        title = action.help.split(" (")[0] if action.id.startswith("pane") else action.label
        if found.why_not:
            yield SystemCommand(f"({title})", f"not now: {found.why_not}", _doer(app, found))
        else:
            yield SystemCommand(title, f"{action.help} ({shown_key(action, app.keys)})", _doer(app, found))
    for cluster in app.clusters:
        if cluster is not app.current:
            yield SystemCommand(
                f"Cluster {cluster.name}", "Show this cluster", partial(app.open_cluster, cluster.name)
            )
    for theme in app.known_themes.values():
        yield SystemCommand(f"Theme {theme.name}", theme.description, _setter(app, theme.name))


def _doer(app: BaseApp, found: Doable) -> Callable[[], object]:
    """A callback that does what the key would do, or says why it cannot be done."""

    async def do() -> None:
        await app.run_action(found.action.does, found.node)

    return do


def _setter(app: BaseApp, theme: str) -> Callable[[], object]:
    def set_theme() -> None:
        app.theme = theme

    return set_theme
