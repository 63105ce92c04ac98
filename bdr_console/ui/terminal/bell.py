"""The terminal's bell and its desktop notifications: optional, seldom, no foreign bytes in them."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from textual.app import App

from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.findings import Level
from bdr_console.config.model import AlarmSettings

_EVERY = 30.0
"""Seconds between two rings, whatever happens."""
_LONGEST = 200
_BELL = "\x07"


@dataclass(frozen=True, slots=True)
class Ringing:
    """How somebody is told of an alarm."""

    bell: bool = True
    notify: Literal["off", "osc9", "osc777"] = "off"
    level: Level = Level.CRIT
    """What is less bad does not ring."""


def ringing_of(settings: AlarmSettings, *, read_only: bool) -> Ringing | None:
    """As configured; None for a console that is to be silent, as one that only watches is unless told."""
    if (read_only and not settings.ring_when_watching) or not (settings.bell or settings.notify != "off"):
        return None
    level = Level.WARN if settings.ring_from == "warn" else Level.CRIT
    return Ringing(settings.bell, settings.notify, level)


@dataclass(slots=True)
class Rest:
    """When it rang last, for all clusters of a console together."""

    since: float | None = None


class Bell:
    """Rings at most once in 30 s."""

    def __init__(
        self,
        how: Ringing,
        write: Callable[[str], None],
        rest: Rest | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        in_tmux: bool | None = None,
    ) -> None:
        """`write` sends a sequence to the terminal; `rest` is shared with those who ring there too."""
        self.how = how
        self._write = write
        self._clock = clock
        self._in_tmux = bool(os.environ.get("TMUX")) if in_tmux is None else in_tmux
        self._rest = rest or Rest()

    @property
    def is_due(self) -> bool:
        """Whether the last ring is long enough ago."""
        return self._rest.since is None or self._clock() - self._rest.since >= _EVERY

    def ring(self, text: str) -> None:
        """Ring, and notify with that text, cleaned."""
        self._rest.since = self._clock()
        said = ""
        if self.how.notify != "off":
            said = notification(self.how.notify, text, in_tmux=self._in_tmux)
        if self.how.bell:
            said += _BELL
        if said:
            self._write(said)


def notification(how: Literal["osc9", "osc777"], text: str, *, in_tmux: bool = False) -> str:
    """The sequence that has the terminal show `text`; through tmux only where it allows passthrough."""
    # A semicolon ends a field here, and OSC 9 with a number is another command of some terminals.
    safe = "".join(c if c.isprintable() else "?" for c in clean(text, _LONGEST)).replace(";", ",")
    body = f"9;bdr-console: {safe}" if how == "osc9" else f"777;notify;bdr-console;{safe}"
    sequence = f"\x1b]{body}\x1b\\"
    if not in_tmux:
        return sequence
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"


def to_terminal(app: App[int]) -> Callable[[str], None]:
    """What sends a sequence to the application's terminal in order with what it paints; nothing in tests."""

    def write(sequence: str) -> None:
        driver = app._driver  # as App.bell and App.copy_to_clipboard do; Textual is pinned
        if driver is not None and not app.is_headless:
            driver.write(sequence)

    return write
