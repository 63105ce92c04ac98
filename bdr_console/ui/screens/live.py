"""A screen that is told every moment."""

from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from bdr_console.ui.judged_snapshot import Moment
from bdr_console.ui.text.status import Status

if TYPE_CHECKING:
    from bdr_console.ui.app import ConsoleApp
    from bdr_console.ui.cluster_view import WatchedCluster
    from bdr_console.ui.theming.styles import Styles


class LiveScreen(Screen[None]):
    """Shows moments of its cluster as they come; asks nobody."""

    _watched: "WatchedCluster | None" = None
    _styled: "Styles | None" = None
    """The colours it was painted in."""

    def __init__(self) -> None:
        super().__init__()
        # Textual marks a screen with its size only once it is mounted, and then styles everything again.
        self.set_class(True, *cast("ConsoleApp", self.app).size_classes(), update=False)

    @property
    def console(self) -> "ConsoleApp":
        """The application, by its own type."""
        return cast("ConsoleApp", self.app)

    @property
    def watched(self) -> "WatchedCluster":
        """The cluster that it was opened on, whichever is shown now."""
        if self._watched is None:
            holding = (cluster for cluster in self.console.clusters if cluster.holds(self))
            self._watched = next(holding, self.console.current)
        return self._watched

    @property
    def is_leaving(self) -> bool:
        """Whether it is being taken down: its widgets go first, and what comes late finds none of them."""
        return not self.watched.holds(self)

    def on_mount(self) -> None:
        """Show what is known already."""
        self.take_style()
        self.console.tell(self)

    def on_screen_resume(self) -> None:
        """Catch up after another screen, or another cluster, was in front."""
        self.take_style()
        self.console.tell(self)
        self.refresh_bindings()

    def take_style(self) -> None:
        """Take the colours of the theme in force, unless it has them."""
        if self._styled is not self.console.tones:
            self._styled = self.console.tones
            self.restyle()

    def show(self, moment: Moment | None, status: Status) -> None:
        """Show `moment` (None before the first snapshot) under the head that `status` gives."""
        raise NotImplementedError

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
