"""Boxes over a screen: yes or no, a pick, a reason, a time, a theme."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.run import Holder, Offer
from bdr_console.ui.base_app import Cluster
from bdr_console.ui.keymap import shown_key
from bdr_console.ui.keys import Scope, bindings, motions, of
from bdr_console.ui.text.run import intervention_text, safe
from bdr_console.ui.text.status import asked, is_production
from bdr_console.ui.theming.themes import ThemeFile
from bdr_console.ui.widgets.lines import Line

AnswerT = TypeVar("AnswerT")


class Asking(ModalScreen[AnswerT]):
    """A question about one cluster, in a box over the screen; in production its frame says so too."""

    def __init__(self, cluster: Cluster, question: str) -> None:
        super().__init__()
        self.cluster = cluster
        self._question = asked(question, cluster.name, cluster.environment, cluster.console.tones)

    def on_mount(self) -> None:
        """Mark the frame."""
        self.set_class(is_production(self.cluster.environment), "-prod")


class Question(Asking[bool]):
    """Asks; `y` is yes. `n`, escape and enter are no: the answer to a key pressed by habit is no."""

    WIDTH: ClassVar[int] = 68
    """Cells for the text."""
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.QUESTION)

    def __init__(self, cluster: Cluster, question: str, text: Text) -> None:
        super().__init__(cluster, question)
        self._text = text

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        with Vertical(id="box"):
            yield Line(self._question)
            yield Line(self._text)
            yield Line(self._keys())

    def _keys(self) -> Text:
        yes, no = (shown_key(action, self.cluster.console.keys) for action in of(Scope.QUESTION))
        return Text.assemble("\n", (yes, "bold"), " yes    ", (no, "bold"), " no (enter and esc too)")

    def action_answer(self, yes: bool) -> None:
        """Close with that answer."""
        self.dismiss(yes)


class Pick(Asking[str | None]):
    """Picks one name; escape picks none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "none", "Back", id="pick-close"),
        *motions(),
    ]

    def __init__(self, cluster: Cluster, question: str, names: Sequence[str]) -> None:
        super().__init__(cluster, question)
        self._names = tuple(names)

    def compose(self) -> ComposeResult:
        """Title and names."""
        with Vertical(id="box"):
            yield Line(self._question)
            yield OptionList(*(Option(Content(name), id=f"name-{i}") for i, name in enumerate(self._names)))

    @on(OptionList.OptionSelected)
    def _picked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[event.option_index])

    def action_none(self) -> None:
        """Close without a choice."""
        self.dismiss(None)


class TypedReason(Asking[str | None]):
    """Asks for a reason in words; escape gives none, and nothing happens without one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "none", "Back", id="reason-close")]
    DEFAULT_CSS = """
    TypedReason Input, TypedReason Input:focus { height: 1; border: none; padding: 0 1; }
    """

    def __init__(self, cluster: Cluster, question: str, text: Text) -> None:
        super().__init__(cluster, question)
        self._text = text

    def compose(self) -> ComposeResult:
        """Title, text, field."""
        with Vertical(id="box"):
            yield Line(self._question)
            yield Line(self._text)
            yield Input(placeholder="reason, then enter; esc: back", max_length=300)

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        if reason := event.value.strip():
            self.dismiss(reason)

    def action_none(self) -> None:
        """Close without a reason."""
        self.dismiss(None)


def pick_session(
    cluster: Cluster,
    offers: Iterable[Offer],
    holders: Sequence[Holder],
    confirmed: Callable[[Offer], None],
) -> None:
    """Let the operator pick one of `offers`, ask about exactly that one with the command it sends, and hand
    it to `confirmed` after a yes. What comes of the holders meanwhile changes neither."""
    choices = {safe(offer.label): offer for offer in offers if offer.subject}

    def picked(name: str | None) -> None:
        if name is not None:
            confirm(choices[name])

    def confirm(offer: Offer) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                confirmed(offer)

        text = intervention_text(holders, offer, cluster.console.tones, Question.WIDTH)
        label = safe(offer.label)
        question = Question(cluster, f"{label[:1].upper()}{label[1:]}?", text)
        cluster.console.push_screen(question, answered)

    if choices:
        cluster.console.push_screen(Pick(cluster, "End which session?", tuple(choices)), picked)


_HINT = "12:03, 12:03:10, +5m, -30s, start, end, or words of an event"


class JumpBox(ModalScreen[datetime | None]):
    """Asks for a time or for words of an event; what leads nowhere is said, and can be typed again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", id="jump-back"),
    ]
    DEFAULT_CSS = """
    JumpBox { align: center middle; }
    JumpBox Vertical {
        width: 66; max-width: 100%; height: auto; border: solid $primary; background: $surface; padding: 0 1;
    }
    JumpBox Line { height: auto; }
    JumpBox Input, JumpBox Input:focus { height: 1; border: none; padding: 0; background: $panel; }
    .-ascii JumpBox Vertical { border: ascii $primary; }
    """

    def __init__(self, find: Callable[[str], datetime]) -> None:
        """`find` gives the moment of what was typed, or raises ConsoleError."""
        super().__init__()
        self._find = find

    def compose(self) -> ComposeResult:
        """Title, field, hint."""
        with Vertical():
            yield Line(Text("Go to", "bold"))
            yield Input(select_on_focus=False)
            yield Line(Text(_HINT), id="hint")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(self._find(event.value))
        except ConsoleError as error:
            self.query_one("#hint", Line).say(Text(clean(f"{error.problem}. {error.remedy}")))


class ThemeChooser(ModalScreen[str | None]):
    """Dismissed with the theme that was chosen; None when the one from before was put back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "put_back", "Put back", id="themes-close"),
        *motions(),
    ]
    DEFAULT_CSS = """
    ThemeChooser { align: right bottom; background: $background 0%; }
    ThemeChooser #box { width: 48; max-width: 100%; height: auto; max-height: 100%; background: $surface;
        color: $foreground; border: solid $primary; padding: 0 1; }
    ThemeChooser OptionList, ThemeChooser OptionList:focus {
        height: auto; max-height: 12; border: none; background: $surface;
    }
    ThemeChooser #about { height: 2; }
    .-ascii ThemeChooser #box { border: ascii $primary; }
    """

    def __init__(self, themes: Mapping[str, ThemeFile], now: str) -> None:
        super().__init__()
        self._themes = themes
        self._names = tuple(themes)
        self._before = now

    def compose(self) -> ComposeResult:
        """The names, and what the one under the cursor is for."""
        with Vertical(id="box"):
            yield Line(Text("Colour theme", "bold", end=""))
            yield OptionList(*(Option(Content(name)) for name in self._names))
            yield Line(id="about")
            yield Line(Text("enter takes it, esc puts the old one back", end=""))

    def on_mount(self) -> None:
        """Begin with the theme in force."""
        options = self.query_one(OptionList)
        if self._before in self._names:
            options.highlighted = self._names.index(self._before)
        options.focus()

    def action_put_back(self) -> None:
        """Close as if nothing had been shown."""
        self.app.theme = self._before
        self.dismiss(None)

    @on(OptionList.OptionHighlighted)
    def _show(self, event: OptionList.OptionHighlighted) -> None:
        name = self._names[event.option_index]
        self.app.theme = name
        self.query_one("#about", Line).say(Text(self._themes[name].description, end=""))

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[event.option_index])
