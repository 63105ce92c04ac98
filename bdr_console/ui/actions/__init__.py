"""Every key of the console, once: bindings, footer, help and palette are all made from this list."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bdr_console.ui.action import Action, Place
from bdr_console.ui.actions import (
    alarms,
    clusters,
    details,
    everywhere,
    left,
    motion,
    overview,
    panes,
    plan,
    question,
    replay,
    run,
)

if TYPE_CHECKING:
    from textual.binding import BindingType

__all__ = ["ACTIONS", "Action", "Place", "bindings", "motions", "of", "word_action"]

ACTIONS = (
    *everywhere.ACTIONS,
    *motion.ACTIONS,
    *clusters.EVERYWHERE,
    *overview.ACTIONS,
    *panes.ACTIONS,
    *details.ACTIONS,
    *plan.ACTIONS,
    *run.ACTIONS,
    *left.ACTIONS,
    *clusters.LIST,
    *alarms.ACTIONS,
    *question.ACTIONS,
    *replay.ACTIONS,
)


def of(place: Place) -> Iterator[Action]:
    """The actions of one place, in the order of the list."""
    return (action for action in ACTIONS if action.place is place)


def bindings(place: Place) -> "list[BindingType]":
    """The bindings of one place."""
    return [action.binding() for action in of(place) if action.keys]


def motions() -> "list[BindingType]":
    """The keys that move in a list, for a modal screen: there the application's own keys do not work."""
    return [action.binding() for action in motion.ACTIONS]


def word_action(word: str) -> Action | None:
    """The action that sends `word` to a run, at once or after a question; None when no key does."""
    does = (f"screen.say('{word}')", f"screen.{word}")
    return next((action for action in of(Place.RUN) if action.does in does), None)
