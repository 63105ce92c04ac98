"""The command palette: what the keys of this screen do, found by name."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.screen import Screen

from bdr_console.ui.actions.motion import ACTIONS as MOTIONS
from bdr_console.ui.here import Doable, doable
from bdr_console.ui.keymap import shown_key

if TYPE_CHECKING:
    from bdr_console.ui.app import ConsoleApp


def commands(app: "ConsoleApp", screen: Screen[object]) -> Iterable[SystemCommand]:
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


def _doer(app: "ConsoleApp", found: Doable) -> Callable[[], object]:
    """A callback that does what the key would do, or says why it cannot be done."""

    async def do() -> None:
        await app.run_action(found.action.does, found.node)

    return do


def _setter(app: "ConsoleApp", theme: str) -> Callable[[], object]:
    def set_theme() -> None:
        app.theme = theme

    return set_theme
