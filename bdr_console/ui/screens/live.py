"""A screen of one cluster, which shows every judged snapshot."""

import contextlib
from collections.abc import Awaitable

from textual.css.query import NoMatches
from textual.screen import Screen
from textual.worker import Worker

from bdr_console.ui.base_app import BaseApp, Cluster
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.status import Status
from bdr_console.ui.theming.styles import Glyphs, Styles
from bdr_console.ui.workers import finish


class LiveScreen(Screen[None]):
    """Shows the cluster that it was opened on, whichever is shown now."""

    _styled: Styles | None = None
    """The colours it was painted in."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.cluster = cluster
        # Textual marks a screen with its size only once it is mounted, and then styles everything again.
        self.set_class(True, *self.console.size_classes(), update=False)

    @property
    def console(self) -> BaseApp:
        """The application, by its own type."""
        return self.cluster.console

    @property
    def _glyphs(self) -> Glyphs:
        return self.console.glyphs

    @property
    def is_leaving(self) -> bool:
        """Whether it is being taken down: its widgets go first, and what comes late finds none of them."""
        return not self.cluster.holds(self)

    def on_mount(self) -> None:
        """Show what is known already."""
        self.take_style()
        self.catch_up()

    def on_screen_resume(self) -> None:
        """Catch up after another screen, or another cluster, was in front."""
        self.take_style()
        self.catch_up()
        self.refresh_bindings()

    def catch_up(self) -> None:
        """Show what is known now."""
        if self.is_mounted:
            judged, status = self.cluster.report()
            with contextlib.suppress(NoMatches):  # a screen that is being taken down has lost some parts
                self.show(judged, status)

    def begin_work(self, work: Awaitable[object], name: str, *, exclusive: bool = False) -> Worker[None]:
        """Run `work` for as long as this screen is open; a failure is logged and shown in one line."""
        reported = finish(work, name, self.console.show_failure)
        return self.run_worker(reported, exit_on_error=False, exclusive=exclusive, name=name)

    def take_style(self) -> None:
        """Take the colours of the theme in force, unless it has them."""
        if self._styled is not self.console.tones:
            self._styled = self.console.tones
            self.restyle()

    def show(self, judged: JudgedSnapshot | None, status: Status) -> None:
        """Show `moment` (None before the first snapshot) under the head that `status` gives."""
        raise NotImplementedError

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
