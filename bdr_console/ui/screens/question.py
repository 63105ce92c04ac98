"""Two small questions: yes or no, and which node."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from bdr_console.ui.actions import Place, bindings
from bdr_console.ui.widgets.line import Line


class Question(ModalScreen[bool]):
    """Asks; `y` is yes, `n` and escape are no. Nothing is focused, so no stray enter can answer it."""

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
            yield Line(Text("\ny yes    n no"))

    def action_answer(self, yes: bool) -> None:
        """Close with that answer."""
        self.dismiss(yes)


class Pick(ModalScreen[str | None]):
    """Picks one name; escape picks none."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "none", "Back")]

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
