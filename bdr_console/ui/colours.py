"""From a tone to a style of the theme in force."""

from collections.abc import Mapping

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color

from bdr_console.ui.cells import Tone

DEFAULTS = {
    "node-up": "ansi_green",
    "node-lag": "ansi_yellow",
    "node-bad": "ansi_red",
    "node-unknown": "ansi_magenta",
    "stale": "ansi_default",
    "prod": "ansi_red",
}
"""What the variables are in a theme that does not define them (one of Textual's own)."""


class Styles:
    """The styles of one theme, by tone."""

    def __init__(self, variables: Mapping[str, str], *, ansi: bool) -> None:
        def colour(name: str) -> RichColor:
            return Color.parse(variables.get(name, DEFAULTS[name])).rich_color

        self._styles = {
            Tone.PLAIN: Style(),
            Tone.UP: Style(color=colour("node-up")),
            Tone.LAG: Style(color=colour("node-lag"), bold=True),
            Tone.BAD: Style(color=colour("node-bad"), bold=True),
            Tone.UNKNOWN: Style(color=colour("node-unknown")),
            # Sixteen colours hold no grey to rely on: there the terminal's own dim has to do.
            Tone.STALE: Style(color=colour("stale"), dim=ansi),
            Tone.PROD: Style(color=colour("prod"), bold=True, reverse=True),
        }

    def __getitem__(self, tone: Tone) -> Style:
        return self._styles[tone]

    @property
    def loud(self) -> Style:
        """For an alarm: in reverse, so that it stands out without colour too."""
        return self._styles[Tone.BAD] + Style(reverse=True)
