"""Where a node's name is typed before anything is sent; for a new run also what it is for and until when."""

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input


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
        yield Input(id="confirm", select_on_focus=False)
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

    def open(self, asks: str) -> None:
        """Show it, empty, with `asks` in the place of the name."""
        box = self.query_one("#confirm", Input)
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
