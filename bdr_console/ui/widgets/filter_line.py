"""Where the words of a pane's filter are typed."""

from textual.widgets import Input


class FilterLine(Input):
    """One line under the pane, hidden until it is opened."""

    DEFAULT_CSS = """
    FilterLine, FilterLine:focus { display: none; height: 1; border: none; padding: 0 1; }
    FilterLine { background: $surface; }
    FilterLine.-open, FilterLine.-open:focus { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(
            placeholder="words to look for, !word leaves out; enter keeps, esc shows all",
            select_on_focus=False,
        )
        self.cursor_blink = False

    @property
    def is_open(self) -> bool:
        """Whether it takes the keys."""
        return self.has_class("-open")

    def open(self) -> None:
        """Show it with what it held, ready to type."""
        self.add_class("-open")
        self.focus()

    def close(self) -> None:
        """Hide it; what it holds stays."""
        self.remove_class("-open")

    def on_blur(self) -> None:
        """Whoever goes elsewhere is done with it."""
        self.close()
