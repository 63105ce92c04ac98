"""Small questions: yes or no, which node, and why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from bdr_console.ui.actions import Place, bindings, motions, of
from bdr_console.ui.keymap import shown_key
from bdr_console.ui.text.status import is_production
from bdr_console.ui.widgets.line import Line

if TYPE_CHECKING:
    from bdr_console.ui.app import ConsoleApp


AnswerT = TypeVar("AnswerT")


class Asking(ModalScreen[AnswerT]):
    """A box over the screen; in production its frame says so too."""

    def on_mount(self) -> None:
        """Mark the frame."""
        environment = cast("ConsoleApp", self.app).current.environment
        self.set_class(is_production(environment), "-prod")


class Question(Asking[bool]):
    """Asks; `y` is yes. `n`, escape and enter are no: the answer to a key pressed by habit is no."""

    WIDTH: ClassVar[int] = 68
    """Cells for the text."""
    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.QUESTION)

    def __init__(self, title: str | Text, text: Text) -> None:
        super().__init__()
        self._title = title
        self._said = text

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        with Vertical(id="box"):
            yield Line(self._title if isinstance(self._title, Text) else Text(self._title, "bold"))
            yield Line(self._said)
            yield Line(self._keys())

    def _keys(self) -> Text:
        yes, no = (shown_key(action, cast("ConsoleApp", self.app).keys) for action in of(Place.QUESTION))
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

    def __init__(self, title: str | Text, names: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._names = tuple(names)

    def compose(self) -> ComposeResult:
        """Title and names."""
        with Vertical(id="box"):
            yield Line(self._title if isinstance(self._title, Text) else Text(self._title, "bold"))
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

    def __init__(self, title: str | Text, text: Text) -> None:
        super().__init__()
        self._title = title
        self._said = text

    def compose(self) -> ComposeResult:
        """Title, text, field."""
        with Vertical(id="box"):
            yield Line(self._title if isinstance(self._title, Text) else Text(self._title, "bold"))
            yield Line(self._said)
            yield Input(placeholder="reason, then enter; esc: back", max_length=300)

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        if reason := event.value.strip():
            self.dismiss(reason)

    def action_none(self) -> None:
        """Close without a reason."""
        self.dismiss(None)
