"""From a tone to a style of the theme in force."""

from collections.abc import Mapping

from rich.style import Style
from textual.color import Color

from bdr_console.ui.text.cells import Tone

DEFAULTS = {
    "node-up": "ansi_green",
    "node-lag": "ansi_yellow",
    "node-bad": "ansi_red",
    "node-unknown": "ansi_magenta",
    "stale": "ansi_default",
    "prod": "ansi_red",
}
"""What the variables are in a theme that does not define them (one of Textual's own)."""


_EMPHASIS = {"node-lag": "bold", "node-bad": "bold", "prod": "bold reverse"}
_NONE = "none"


class Styles:
    """The styles of one theme, by tone."""

    def __init__(self, variables: Mapping[str, str], *, ansi: bool) -> None:
        def style(name: str, marks: str = "") -> Style:
            told = variables.get(f"{name}-style", marks or _EMPHASIS.get(name, _NONE))
            colour = Color.parse(variables.get(name, DEFAULTS[name])).rich_color
            return Style.parse(told) + Style(color=colour)

        self._styles = {
            Tone.PLAIN: Style(),
            Tone.UP: style("node-up"),
            Tone.LAG: style("node-lag"),
            Tone.BAD: style("node-bad"),
            Tone.UNKNOWN: style("node-unknown"),
            # Sixteen colours hold no grey to rely on: there the terminal's own dim has to do.
            Tone.STALE: style("stale", "dim" if ansi else ""),
            Tone.PROD: style("prod"),
        }

    def __getitem__(self, tone: Tone) -> Style:
        return self._styles[tone]

    @property
    def loud(self) -> Style:
        """For an alarm: in reverse, so that it stands out without colour too."""
        return self._styles[Tone.BAD] + Style(reverse=True)
