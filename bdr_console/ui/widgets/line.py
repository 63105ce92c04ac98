"""Text on the screen that is never read as markup, and is repainted only when it changed."""

from rich.cells import cell_len
from rich.text import Text
from textual.widget import Widget


class Line(Widget):
    """One line, or a few, of plain text."""

    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; }
    """

    def __init__(
        self,
        text: Text | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._text = text or Text()

    @property
    def text(self) -> Text:
        """What stands there."""
        return self._text

    def say(self, text: Text) -> None:
        """Show `text`; nothing is repainted when it is what stands there already."""
        if not text.plain.replace("\n", "").isprintable():
            text.plain = _printable(text.plain)
        before = self._text
        if text == before and text.spans == before.spans:
            return
        self._text = text
        auto = self.styles.height is not None and self.styles.height.is_auto
        self.refresh(layout=auto and self._rows(text) != self._rows(before))

    def _rows(self, text: Text) -> int:
        """How many rows the text takes; before the first layout a figure that equals no other."""
        width = self.content_size.width
        return len(text.wrap(self.app.console, width)) if width else id(text)

    def render(self) -> Text:
        """The text as it stands."""
        return self._text


def shortened(text: Text, width: int, ellipsis: str) -> Text:
    """The text in `width` cells at most (0: as it is); what is missing is told by the ellipsis."""
    if not width or text.cell_len <= width:
        return text
    cut = text.copy()
    cut.truncate(max(0, width - cell_len(ellipsis)), overflow="crop")
    cut.append(ellipsis)
    return cut


def _printable(text: str) -> str:
    """The last door before the terminal, for text that came another way than through a row's types.

    One character stands for one, so that the styles stay where they are.
    """
    return "".join(char if char == "\n" or char.isprintable() else "?" for char in text)
