"""Tones, glyphs and the styles that a theme gives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rich.style import Style
from textual.color import Color


class Tone(StrEnum):
    """What a piece of text means; the theme's variable of the same name gives its colour."""

    PLAIN = "plain"
    UP = "node-up"
    LAG = "node-lag"
    BAD = "node-bad"
    UNKNOWN = "node-unknown"
    STALE = "stale"
    PROD = "prod"


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The symbols of one character set."""

    ascii_only: bool
    up: str
    held: str
    done: str
    running: str
    pending: str
    undone: str
    arrow: str
    ellipsis: str
    separator: str
    lag: str = "~"
    bad: str = "!"
    unknown: str = "?"
    down: str = "x"


UNICODE = Glyphs(False, "●", "■", "✓", "▶", "·", "↶", "←", "…", " · ")
ASCII = Glyphs(True, "*", "#", "+", ">", ".", "<", "<-", "~", " | ")


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


_SHARES = (("node-lag", 0.12), ("node-lag", 0.30), ("node-bad", 0.38))


def heats(variables: Mapping[str, str], *, ansi: bool) -> tuple[Style, ...]:
    """Styles for heat 0-3. Sixteen colours cannot be mixed: there only the worst is marked, in reverse."""
    if ansi or "background" not in variables:
        return (Style(), Style(), Style(), Style(reverse=True))
    ground = Color.parse(variables["background"])
    found = [Style()]
    for name, share in _SHARES:
        colour = Color.parse(variables.get(name, DEFAULTS[name]))
        if ground.ansi is not None or colour.ansi is not None:
            return heats({}, ansi=True)
        found.append(Style(bgcolor=ground.blend(colour, share).rich_color))
    return tuple(found)
