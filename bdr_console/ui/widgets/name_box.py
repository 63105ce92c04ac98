"""Where a node's name is typed before anything is sent; for a new run also what it is for and until when."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.message import Message
from textual.widgets import Input


class _NameField(Input):
    """Leaves some keys to the screen as long as nothing is typed."""

    passes: frozenset[str] = frozenset()

    def _on_key(self, event: Key) -> None:  # type: ignore[override]  # Textual calls that of each class
        if self._leaves(event.key):
            event.prevent_default()  # the base class does not type it, and it bubbles on to the screen

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether the key is text here; the line of keys shows the others."""
        return not self._leaves(key) and super().check_consume_key(key, character)

    def _leaves(self, key: str) -> bool:
        return not self.value and key in self.passes


class NameBox(Vertical):
    """Hidden until it is opened; enter in any of its fields sends all of them."""

    DEFAULT_CSS = """
    NameBox { display: none; height: auto; background: $panel; }
    NameBox.-open { display: block; }
    NameBox Horizontal { height: 1; }
    NameBox Input, NameBox Input:focus { height: 1; border: none; padding: 0 1; width: 1fr; }
    NameBox Input { background: $panel; }
    NameBox Input:focus { background: $surface; }
    """

    @dataclass
    class Typed(Message):
        """What stood in the fields when enter was pressed."""

        name: str
        reason: str
        until: str

    def __init__(self, *, purpose: bool = False) -> None:
        """`purpose`: ask also for the reason and the expected end, both optional."""
        super().__init__()
        self._purpose = purpose

    def compose(self) -> ComposeResult:
        """The fields."""
        yield _NameField(id="confirm", select_on_focus=False)
        if self._purpose:
            with Horizontal():
                yield Input(id="reason", placeholder="tab: reason (optional)", select_on_focus=False)
                yield Input(
                    id="until",
                    placeholder="tab: over by (optional): 45m, 14:30",
                    select_on_focus=False,
                )

    @property
    def is_open(self) -> bool:
        """Whether it takes a name now."""
        return self.has_class("-open")

    def open(self, asks: str, passes: Iterable[str] = ()) -> None:
        """Show it, empty, with `asks` in the place of the name. While nothing is typed the keys `passes` go
        to the screen: no name that is asked for begins with one."""
        box = self.query_one("#confirm", _NameField)
        box.passes = frozenset(passes)
        box.placeholder = asks
        box.value = ""
        self.add_class("-open")
        box.focus()

    def close(self) -> None:
        """Hide it; what the maintenance is for stays as it was typed."""
        if self.is_open:
            self.query_one("#confirm", Input).value = ""
            self.remove_class("-open")
            self.screen.set_focus(None)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.is_open:
            values = {field.id: field.value.strip() for field in self.query(Input)}
            self.post_message(
                self.Typed(values["confirm"], values.get("reason", ""), values.get("until", ""))
            )
