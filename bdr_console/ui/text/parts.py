"""A line made of parts, the least important of which leave first when it is narrow. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Part:
    """One word or phrase of the line."""

    text: Text
    rank: int
    """The higher, the earlier it leaves; 0 stays whatever happens."""
    gap: int = 2
    """Blanks before it."""


def fitting(listed: Sequence[Part], width: int) -> list[Part]:
    """The parts that have room: the highest ranks leave first, of equals the last."""
    shown = list(listed)
    while width and sum(part.gap + cell_len(part.text.plain) for part in shown) > width:
        leaving = max(range(len(shown)), key=lambda i: (shown[i].rank, i))
        if not shown[leaving].rank:
            break
        del shown[leaving]
    return shown
