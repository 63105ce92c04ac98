"""The command palette: what the keys of this screen do, found by name."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.screen import Screen

from bdr_console.ui.actions import ACTIONS, Place
from bdr_console.ui.screens.clusters import Clusters
from bdr_console.ui.screens.detail import DetailScreen
from bdr_console.ui.screens.left import LeftScreen
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.plan import PlanScreen
from bdr_console.ui.screens.run import RunScreen

if TYPE_CHECKING:
    from bdr_console.ui.app import ConsoleApp

_PLACES: dict[type, Place] = {
    Overview: Place.OVERVIEW,
    DetailScreen: Place.DETAILS,
    PlanScreen: Place.PLAN,
    RunScreen: Place.RUN,
    LeftScreen: Place.LEFT,
    Clusters: Place.CLUSTERS,
}


def commands(app: "ConsoleApp", screen: Screen[object]) -> Iterable[SystemCommand]:
    """Every action that works on `screen`, every other cluster and every theme."""
    here = _PLACES.get(type(screen))
    for action in ACTIONS:
        if not action.does or not action.keys or action.id == "palette":
            continue
        if action.place not in (*app.places, here) or (app.read_only and action.changes):
            continue
        title = action.help.split(" (")[0] if action.id.startswith("pane") else action.label
        yield SystemCommand(title, f"{action.help} ({action.shown_as})", _doer(app, screen, action.does))
    for cluster in app.clusters:
        if cluster is not app.current:
            yield SystemCommand(
                f"Cluster {cluster.name}", "Show this cluster", partial(app.open_cluster, cluster.name)
            )
    for theme in app.known_themes.values():
        yield SystemCommand(f"Theme {theme.name}", theme.description, _setter(app, theme.name))


def _doer(app: "ConsoleApp", screen: Screen[object], does: str) -> Callable[[], object]:
    """A callback that does what the key would do."""

    async def do() -> None:
        await app.run_action(does, screen)

    return do


def _setter(app: "ConsoleApp", theme: str) -> Callable[[], object]:
    def set_theme() -> None:
        app.theme = theme

    return set_theme
