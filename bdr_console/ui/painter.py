"""When the screens in sight are told how things stand: at most twice a second, and once in any case."""

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING

from textual.css.query import NoMatches

from bdr_console.ui.screens.live import LiveScreen

if TYPE_CHECKING:
    from bdr_console.ui.app import ConsoleApp

PAINT_EVERY = 0.5
"""Seconds between two looks at whether there is something new to show."""


class Painter:
    """Paints what is in sight, and nothing else."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app
        self.painted_at: datetime | None = None
        self.has_news = False
        """Whether something waits to be painted."""

    def news(self, *, at_once: bool = False) -> None:
        """There is something new; it is painted now, or at the tick when the last time was a moment ago."""
        self.has_news = True
        last, now = self.painted_at, self._app.now()
        if at_once or last is None or abs((now - last).total_seconds()) >= PAINT_EVERY:
            self.paint()

    def tick(self) -> None:
        """Paint when there is news, and once a second in any case: ages and the clock move."""
        if self.has_news or self.painted_at is None or self._app.now().second != self.painted_at.second:
            self.paint()

    def paint(self) -> None:
        """Tell every screen in sight how things stand."""
        self.painted_at = self._app.now()
        self.has_news = False
        with self._app.batch_update():
            for screen in reversed(self._app.screen_stack):
                if isinstance(screen, LiveScreen):
                    self.tell(screen)
                if not screen.is_modal:
                    break

    def tell(self, screen: LiveScreen) -> None:
        """Tell one screen how its cluster stands."""
        if not screen.is_mounted:
            return
        now = self._app.now()
        cluster = screen.watched
        moment = cluster.timeline.at(now)
        status = cluster.status_at(now, moment, self._app.standings(now, but=cluster))
        with contextlib.suppress(NoMatches):  # a screen that is being taken down has lost some of its parts
            screen.show(moment, self._app.marked(status))
