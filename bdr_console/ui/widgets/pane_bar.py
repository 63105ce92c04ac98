"""The line of tabs on a small screen: every pane's standing stays in sight while only one is shown."""

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from bdr_console.ui.colours import Styles
from bdr_console.ui.moment import Moment
from bdr_console.ui.widgets.line import Line
from bdr_console.ui.widgets.pane import Pane, standing
from bdr_console.ui.words import level_symbol, level_tone


class PaneBar(Line):
    """`1 ● Nodes  2 ! Links 3 ...`: number, mark, name, and how many findings."""

    DEFAULT_CSS = """
    PaneBar { display: none; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.auto_links = False  # the marks keep their own colours

    def show(self, panes: Sequence[Pane], current: Pane, moment: Moment | None, styles: Styles) -> None:
        """Say how each pane stands, and which one is shown (in reverse)."""
        text = Text(no_wrap=True, overflow="crop", end="")
        for pane in sorted(panes, key=lambda pane: pane.NUMBER):
            level, count = standing(pane.findings(moment)) if moment else (None, 0)
            mark = "?" if level is None else level_symbol(level, pane.glyphs)
            style = styles[level_tone(level)] if level else Style()
            link = Style(meta={"@click": f"screen.pane({pane.NUMBER})"})
            base = link + Style(bold=True, reverse=True) if pane is current else link
            text.append(f" {pane.NUMBER} ", base)
            text.append(mark, base if pane is current else style + link)
            text.append(f" {pane.SHORT}" + (f" {count}" if count else "") + " ", base)
        self.say(text)
