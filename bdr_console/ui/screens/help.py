"""The help: every key, from the one list of actions."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from bdr_console.ui.keymap import shown_key
from bdr_console.ui.keys import ACTIONS, Action, Scope, motions, of
from bdr_console.ui.theming.styles import Styles, Tone
from bdr_console.ui.widgets.lines import Line

WATCHING = "not in read-only mode"
_HURRY = (
    (("pane-3",), "Which link lags; enter on it: its last hour"),
    (("pane-5",), "Who waits in PgBouncer; enter on a pool: who holds it"),
    (("log", "log-window"), "What changed in the last 10 minutes"),
    (("switchover",), "Rehearse a switchover: shows the plan, sends nothing"),
    (("save",), "Save what happened, to replay it later or elsewhere"),
)
"""What is wanted first: the actions' ids, one key after the other, and what they show."""


class Help(ModalScreen[None]):
    """Every key with what it does; scrolls where the screen is small."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "Close", id="help-close"),
        *motions(),
    ]
    DEFAULT_CSS = """
    Help { align: center middle; }
    Help VerticalScroll { width: 78; max-width: 100%; height: 100%; background: $surface; padding: 0 1; }
    Help Line { height: auto; }
    """

    def __init__(
        self,
        styles: Styles,
        *,
        read_only: bool,
        keys: Mapping[str, str] | None = None,
        here: Scope = Scope.OVERVIEW,
    ) -> None:
        """`keys` are the user's own, by action; `here` is where help is asked for: it comes first."""
        super().__init__()
        self._text = help_text(styles, read_only=read_only, keys=keys, here=here)

    def compose(self) -> ComposeResult:
        """The list."""
        with VerticalScroll():
            yield Line(self._text)


def help_text(
    styles: Styles,
    *,
    read_only: bool,
    keys: Mapping[str, str] | None = None,
    here: Scope = Scope.OVERVIEW,
) -> Text:
    """Every key, by place; what read-only mode forbids is dimmed and says so."""
    text = Text("Keys", "bold", end="")
    text.append("   esc closes, up and down scroll", "not bold")
    if here is Scope.OVERVIEW:
        text.append("\n\nIn a hurry", "bold underline")
        for ids, said in _HURRY:
            pressed = " ".join(shown_key(action, keys or {}) for action in _named(ids))
            text.append(f"\n{pressed:>9}  {said}", "not bold")
    for place in sorted(Scope, key=lambda place: place is not here):
        text.append(f"\n\n{place.value}", "bold underline")
        for action in _listed(place, keys or {}):
            barred = read_only and action.changes
            own = keys is not None and action.id in keys
            shown = "1" if action.id == "pane-1" and not own else shown_key(action, keys or {})
            line = f"\n{shown:>9}  {action.help}" + (f" ({WATCHING})" if barred else "")
            text.append(line, styles[Tone.STALE] if barred else "not bold")
    return text


def _named(ids: tuple[str, ...]) -> Iterator[Action]:
    return (action for wanted in ids for action in ACTIONS if action.id == wanted)


def _listed(place: Scope, keys: Mapping[str, str]) -> Iterator[Action]:
    """The actions of a place, without the second of a pair that is told in one line (`up/down`)."""
    told = {
        part for action in of(place) if len(action.shown_as) > 1 for part in action.shown_as.split("/")[1:]
    }
    return (action for action in of(place) if action.shown_as not in told or action.id in keys)
