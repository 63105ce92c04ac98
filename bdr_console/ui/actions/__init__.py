"""Every key of the console, once: bindings, footer, help and palette are all made from this list."""

from collections.abc import Iterator

from textual.binding import BindingType

from bdr_console.ui.action import Action, Place
from bdr_console.ui.actions import (
    clusters,
    details,
    everywhere,
    left,
    overview,
    panes,
    plan,
    question,
    replay,
    run,
)

__all__ = ["ACTIONS", "Action", "Place", "bindings", "of", "word_action"]

ACTIONS = (
    *everywhere.ACTIONS,
    *clusters.EVERYWHERE,
    *overview.ACTIONS,
    *panes.ACTIONS,
    *details.ACTIONS,
    *plan.ACTIONS,
    *run.ACTIONS,
    *left.ACTIONS,
    *clusters.LIST,
    *question.ACTIONS,
    *replay.ACTIONS,
)


def of(place: Place) -> Iterator[Action]:
    """The actions of one place, in the order of the list."""
    return (action for action in ACTIONS if action.place is place)


def bindings(place: Place) -> list[BindingType]:
    """The bindings of one place."""
    return [action.binding() for action in of(place) if action.keys]


def word_action(word: str) -> Action | None:
    """The action that sends `word` to a run; None when no key does."""
    return next((action for action in of(Place.RUN) if action.does == f"screen.say('{word}')"), None)
