"""The first line of the head: parts, the least important of which leave first when it is narrow. Pure."""

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from bdr_console.ui.looks.colours import Styles
from bdr_console.ui.text.cells import Tone
from bdr_console.ui.text.parts import Part, fitting
from bdr_console.ui.text.status import Status, is_production, label
from bdr_console.ui.text.words import Glyphs


def parts(status: Status, glyphs: Glyphs, styles: Styles) -> list[Part]:
    """What the line has to say, in its order."""
    found = [Part(Text("bdr-console"), 3, 1), Part(Text(status.cluster, "bold"), 0)]
    if status.environment:
        text = label(status.environment, styles)
        found.insert(0, Part(text, 0, 0)) if is_production(status.environment) else found.append(
            Part(text, 1)
        )
    if status.replay is not None:
        found.append(Part(Text(" REPLAY ", "bold reverse"), 0, 3))
    elif status.read_only:
        found.append(Part(Text(" READ-ONLY ", "bold reverse"), 0, 3))
    else:
        found.append(Part(Text("operate"), 4, 3))
    if status.traffic:
        found.append(Part(Text(status.traffic), 2))
    if status.replay is None:
        found.append(Part(Text(f"every {status.refresh:g} s"), 5))
    return found


def top_line(status: Status, styles: Styles, glyphs: Glyphs, width: int = 0) -> Text:
    """The parts that fit in `width` cells (0: all). In production the line is in reverse from end to end."""
    shown = fitting(parts(status, glyphs, styles), width)
    text = Text(no_wrap=True, overflow="crop", end="")
    for part in shown:
        text.append(" " * part.gap)
        text.append_text(part.text)
    if is_production(status.environment):
        text.pad_right(max(0, width - cell_len(text.plain)))
        bar = styles[Tone.PROD]
        whole = Text(text.plain, no_wrap=True, overflow="crop", end="")
        whole.stylize(bar)  # as a span: a line tells by its spans whether it changed with the theme
        # Within the bar the words that are in reverse elsewhere are upright, so that they stand out here too.
        for part in shown:
            if "reverse" in str(part.text.style) and (at := text.plain.find(part.text.plain)) >= 0:
                whole.stylize(Style(reverse=False, bold=True), at, at + len(part.text.plain))
        return whole
    return text
