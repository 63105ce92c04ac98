"""The line of tabs on a small screen: every pane's standing stays in sight while only one is shown."""

from collections.abc import Mapping, Sequence

from rich.style import Style
from rich.text import Text

from bdr_console.cluster.verdict import Level
from bdr_console.ui.looks.colours import Styles
from bdr_console.ui.moment import Moment
from bdr_console.ui.text.words import level_symbol, level_tone
from bdr_console.ui.widgets.line import Line
from bdr_console.ui.widgets.pane import Pane, standing


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
        listed = sorted(panes, key=lambda pane: pane.NUMBER)
        stand = {pane: standing(pane.findings(moment)) if moment else (None, 0) for pane in listed}
        texts = [_line(listed, current, stand, styles, names=names) for names in (True, False)]
        fits = not self.size.width or texts[0].cell_len <= self.size.width
        self.say(texts[0] if fits else texts[1])


def _line(
    panes: Sequence[Pane],
    current: Pane,
    stand: Mapping[Pane, tuple[Level | None, int]],
    styles: Styles,
    *,
    names: bool,
) -> Text:
    """With all names, or where these have no room with that of the current pane only."""
    text = Text(no_wrap=True, overflow="crop", end="")
    for pane in panes:
        level, count = stand[pane]
        mark = "?" if level is None else level_symbol(level, pane.glyphs)
        style = styles[level_tone(level)] if level else Style()
        link = Style(meta={"@click": f"screen.pane({pane.NUMBER})"})
        base = link + Style(bold=True, reverse=True) if pane is current else link
        name = f" {pane.SHORT}" if names or pane is current else ""
        text.append(f" {pane.NUMBER} ", base)
        text.append(mark, base if pane is current else style + link)
        text.append(name + (f" {count}" if count else "") + " ", base)
    return text
