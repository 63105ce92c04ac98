"""A screen that is told every moment."""

from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from bdr_console.ui.moment import Moment
from bdr_console.ui.status import Status

if TYPE_CHECKING:
    from bdr_console.ui.app import ConsoleApp


class LiveScreen(Screen[None]):
    """Shows moments as they come; asks nobody."""

    @property
    def console(self) -> "ConsoleApp":
        """The application, by its own type."""
        return cast("ConsoleApp", self.app)

    def on_mount(self) -> None:
        """Show what is known already."""
        self.restyle()
        self.console.tell(self)

    def on_screen_resume(self) -> None:
        """Catch up after another screen was in front."""
        self.console.tell(self)

    def show(self, moment: Moment | None, status: Status) -> None:
        """Show `moment` (None before the first snapshot) under the head that `status` gives."""
        raise NotImplementedError

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
