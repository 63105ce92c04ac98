"""Styles that are parsed once per set of colours, not again whenever a screen opens or a theme comes back."""

from functools import lru_cache
from typing import Any

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

_SHEETS = 1024
"""More than the widgets there are: Textual's own 64 are fewer, so that none of them is ever found again."""
_COLOURS = 16
"""Sets of colours to remember: each theme is one."""


@lru_cache(_COLOURS)
def _parsed(variables: frozenset[tuple[str, str]]) -> "LRUCache[tuple[Any, ...], Any]":
    """What was parsed with these variables."""
    return LRUCache(_SHEETS)


class RememberingStylesheet(Stylesheet):
    """Remembers what it has parsed, and shares it with the others of its kind in the process."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        """`variables`: the colours, by name."""
        super().__init__(variables=variables)
        self._remember()

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take other colours; forgets nothing."""
        if variables == self._variables:
            return
        self._parse_cache = LRUCache(1)  # the parsed styles of the colours before are not to be cleared
        super().set_variables(variables)
        self._remember()

    def reparse(self) -> None:
        """Apply other colours. Raises StylesheetError for a mistake, and keeps what it has."""
        self.parse()

    def copy(self) -> Stylesheet:
        """One like this."""
        made = RememberingStylesheet(variables=self._variables.copy())
        made.source = self.source.copy()
        return made

    def _remember(self) -> None:
        self._parse_cache = _parsed(frozenset(self._variables.items()))
