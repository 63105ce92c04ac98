"""Every key of the console, once: bindings, footer, help and palette are all made from this list."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType


class Place(StrEnum):
    """Where a key works; the value is its heading in the help."""

    EVERYWHERE = "Everywhere"
    OVERVIEW = "Overview"
    PLAN = "Plan of a switchover"
    RUN = "Run under way"
    QUESTION = "Questions"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key does."""

    id: str
    """What a user's key map names; it does not change between versions."""
    keys: str
    """Textual's names, comma separated; empty when a widget of Textual's handles the key itself."""
    does: str
    """Textual's action."""
    label: str
    """One or two words for the footer."""
    help: str
    place: Place
    shown_as: str
    """The key as a reader writes it."""
    footer: bool = False
    changes: bool = False
    """Whether it can change the cluster: not reachable in read-only mode."""

    def binding(self) -> Binding:
        """The binding for Textual."""
        return Binding(
            self.keys,
            self.does,
            self.label,
            show=self.footer,
            key_display=self.shown_as,
            tooltip=self.help,
            id=self.id,
        )


ACTIONS = (
    Action("help", "question_mark", "app.help", "Help", "Show every key", Place.EVERYWHERE, "?", footer=True),
    Action(
        "quit",
        "q,ctrl+c",
        "app.leave",
        "Quit",
        "Leave; a run under way goes on without the console",
        Place.EVERYWHERE,
        "q",
        footer=True,
    ),
    Action(
        "palette",
        "ctrl+p",
        "app.command_palette",
        "Palette",
        "Find a command by its name",
        Place.EVERYWHERE,
        "ctrl+p",
    ),
    Action("refresh", "r", "app.refresh_now", "Refresh", "Read every target now", Place.EVERYWHERE, "r"),
    Action("faster", "plus,equals_sign", "app.pace(-1)", "Faster", "Read more often", Place.EVERYWHERE, "+"),
    Action("slower", "minus", "app.pace(1)", "Slower", "Read less often", Place.EVERYWHERE, "-"),
    Action("theme", "t", "app.next_theme", "Theme", "Next colour theme", Place.EVERYWHERE, "t"),
    *(
        Action(
            f"pane-{n}",
            str(n),
            f"screen.pane({n})",
            "Panes",
            f"Go to the {name} pane",
            Place.OVERVIEW,
            "1-6" if n == 1 else str(n),
            footer=n == 1,
        )
        for n, name in enumerate(("nodes", "connections", "lag", "HAProxy", "PgBouncer", "events"), start=1)
    ),
    Action(
        "zoom",
        "z",
        "screen.zoom",
        "Zoom",
        "One pane on the whole screen, and back (also enter)",
        Place.OVERVIEW,
        "z",
        footer=True,
    ),
    Action("back", "escape", "screen.back", "Back", "Back to all panes", Place.OVERVIEW, "esc"),
    Action(
        "next-pane",
        "",
        "app.focus_next",
        "Next pane",
        "Go to the next pane, shift+tab to the one before",
        Place.OVERVIEW,
        "tab",
    ),
    Action(
        "move",
        "",
        "",
        "Move",
        "Move in a pane (also page up, page down, home, end)",
        Place.OVERVIEW,
        "up/down",
    ),
    Action(
        "switchover",
        "s",
        "screen.switchover",
        "Switchover",
        "Plan to take the selected node out of service and back",
        Place.OVERVIEW,
        "s",
        footer=True,
        changes=True,
    ),
    Action(
        "run",
        "w",
        "screen.attach",
        "Run",
        "Look at the run under way, or the last one",
        Place.OVERVIEW,
        "w",
        footer=True,
    ),
    Action(
        "plan-start",
        "",
        "",
        "Start",
        "Start the switchover, after typing the node's name",
        Place.PLAN,
        "enter",
        changes=True,
    ),
    Action(
        "plan-back",
        "escape",
        "screen.back",
        "Back",
        "Back to the overview; nothing is started",
        Place.PLAN,
        "esc",
        footer=True,
    ),
    Action(
        "plan-again",
        "ctrl+r",
        "screen.again",
        "Check again",
        "Read the checks again",
        Place.PLAN,
        "ctrl+r",
        footer=True,
    ),
    Action(
        "plan-mode",
        "ctrl+o",
        "screen.mode",
        "Mode",
        "How clients move: gradual, auto or quiesce",
        Place.PLAN,
        "ctrl+o",
        footer=True,
    ),
    Action(
        "plan-pools",
        "ctrl+f",
        "screen.pools",
        "Session pools",
        "Clients in session pools: wait, or fast-close",
        Place.PLAN,
        "ctrl+f",
        footer=True,
    ),
    Action(
        "plan-up",
        "up,pageup",
        "screen.scroll(-1)",
        "Scroll",
        "Scroll the plan (also page up, page down)",
        Place.PLAN,
        "up/down",
    ),
    Action(
        "plan-down",
        "down,pagedown",
        "screen.scroll(1)",
        "Scroll down",
        "Scroll the plan down",
        Place.PLAN,
        "down",
    ),
    Action(
        "run-go",
        "g",
        "screen.say('go')",
        "Go on",
        "End the hold: check the node and enable it again",
        Place.RUN,
        "g",
        footer=True,
        changes=True,
    ),
    Action(
        "run-abort",
        "a",
        "screen.say('abort')",
        "Abort",
        "Put back what was changed (asks first)",
        Place.RUN,
        "a",
        footer=True,
        changes=True,
    ),
    Action(
        "run-wait",
        "w",
        "screen.say('wait')",
        "Wait longer",
        "Give the step that waits more time",
        Place.RUN,
        "w",
        footer=True,
        changes=True,
    ),
    Action(
        "run-again",
        "d",
        "screen.say('again')",
        "Do again",
        "Send the step's commands again, when it offers that",
        Place.RUN,
        "d",
        footer=True,
        changes=True,
    ),
    Action(
        "run-end",
        "x",
        "screen.pick_holder",
        "End",
        "End who holds the step up: pick a backend or a pool (asks first)",
        Place.RUN,
        "x",
        footer=True,
        changes=True,
    ),
    Action(
        "run-back",
        "escape,b",
        "screen.back",
        "Overview",
        "Back to the overview; the run goes on",
        Place.RUN,
        "b",
        footer=True,
    ),
    Action("yes", "y", "screen.answer(True)", "Yes", "Yes, do it", Place.QUESTION, "y"),
    Action("no", "n,escape", "screen.answer(False)", "No", "No, go back", Place.QUESTION, "n"),
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
