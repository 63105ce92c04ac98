"""Heat: grounds behind the cells of the mesh, from calm to alarming, made of the theme's colours."""

from collections.abc import Mapping

from rich.style import Style
from textual.color import Color

from bdr_console.ui.looks.colours import DEFAULTS

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
