"""What a key is: where it works, what it does, what a reader is told of it.

Nothing here loads textual: the configuration checks a user's keys against the registry without a screen.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import Binding


class Place(StrEnum):
    """Where a key works; the value is its heading in the help."""

    OVERVIEW = "Overview"
    EVERYWHERE = "Everywhere"
    DETAILS = "Details"
    PLAN = "Plan of a switchover"
    RUN = "Run under way"
    LEFT = "What a run left behind"
    CLUSTERS = "List of clusters"
    ALARMS = "Alarms"
    LOG = "Event log"
    QUESTION = "Questions"
    REPLAY = "Replay of a recording"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key does."""

    id: str
    """What a user's key map names; it does not change between versions."""
    keys: str
    """Textual's names, comma separated; empty when a widget of Textual's handles the key itself."""
    does: str
    """Textual's action."""
    label: str
    """One or two words for the footer."""
    help: str
    place: Place
    shown_as: str
    """The key as a reader writes it."""
    footer: bool = False
    rank: int = 5
    """In a narrow footer: the higher, the earlier it leaves; 0 stays whatever happens."""
    changes: bool = False
    """Whether it can change the cluster: not reachable in read-only mode."""

    def binding(self) -> "Binding":
        """The binding for Textual."""
        from textual.binding import Binding

        return Binding(
            self.keys,
            self.does,
            self.label,
            show=self.footer,
            key_display=self.shown_as,
            tooltip=self.help,
            id=self.id,
        )
