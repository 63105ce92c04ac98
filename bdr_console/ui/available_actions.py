"""What can be done from a screen as it stands: its actions, and why some of them cannot be done now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from textual.actions import parse
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

from bdr_console.ui.base_app import BaseApp
from bdr_console.ui.keys import ACTIONS, Action, Scope

READ_ONLY = "this console is read-only: it was started to watch, and cannot change anything"
_NOT_NOW = "that cannot be done now"
_BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}
_KNOWN = frozenset(action.does for action in ACTIONS)
_CHANGING = frozenset(action.does for action in ACTIONS if action.changes and action.does)


@dataclass(frozen=True, slots=True)
class Doable:
    """One action of a screen."""

    action: Action
    node: DOMNode
    """Where it is done: the application, the screen, or the widget that has the keys."""
    why_not: str
    """Empty when it can be done."""


def barred(does: str, *, read_only: bool) -> str:
    """Why a console that only watches does not do that; empty when it may."""
    return READ_ONLY if read_only and does in _CHANGING else ""


def doable(app: BaseApp, screen: Screen[object]) -> Iterator[Doable]:
    """The actions of `screen`, of what has the keys in it, and those that work everywhere.

    In the order of the registry. What is not there at present (its key is hidden) is left out; what cannot
    be done now says why.
    """
    focused = screen.focused
    nodes: list[DOMNode] = [screen] if focused is None else [*focused.ancestors_with_self]
    bound = {name: node for node in reversed(nodes) if node is not app for name in _bound(node)}
    for action in ACTIONS:
        node = app if action.place in app.places else bound.get(action.id)
        if node is None or not action.keys or not action.does:
            continue
        state = _state(app, screen, action.does, node)
        if state is not False:
            why = barred(action.does, read_only=app.read_only)
            if not why and state is None:
                why = why_not(screen)
            yield Doable(action, node, why)


def not_possible(app: BaseApp, does: str, node: DOMNode) -> str:
    """Why an action that is shown cannot be done now; empty when it can, or is not there at all."""
    if why := barred(does, read_only=app.read_only):
        return why
    ours = does in _KNOWN
    return why_not(app.screen) if ours and _state(app, app.screen, does, node) is None else ""


def _state(app: BaseApp, screen: Screen[object], does: str, node: DOMNode) -> bool | None:
    """What the target of an action says of it: True, None when it is greyed, False when it is not there."""
    space, name, parameters = parse(does)
    target = {"app": app, "screen": screen}.get(space, node)
    return target.check_action(name, parameters)


def why_not(screen: Screen[object]) -> str:
    """What a screen says of an action that it shows, and cannot do at present."""
    return str(getattr(screen, "WHY_NOT", _NOT_NOW))


def place_of(screen: Screen[object]) -> Scope:
    """Where a reader is, as the help names it; the overview for a screen without keys of its own."""
    return next((_BY_ID[name].place for name in _bound(screen)), Scope.OVERVIEW)


def _bound(node: DOMNode) -> Iterator[str]:
    """The registry's actions that `node` has keys for."""
    for kind in type(node).__mro__:
        for binding in kind.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id is not None and binding.id in _BY_ID:
                yield binding.id
