"""Bucardo 5: triggers capture, a daemon carries, a control database of its own says what between which.

A node of the configuration is either a replicated database or the control database; which of the two is
found out from its tables. The state is made of the rows that wait and the daemon's sessions: what Bucardo
says of itself stays "Good" while nothing moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.engines.bucardo import control, member
from bdr_console.engines.core.facts import Answers, Reading, common_statements
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import statement
from bdr_console.engines.engine import Identity, Kind

_HERE = Path(__file__).parent
_CONTROL, _MEMBER = "bucardo.sync", "bucardo.bucardo_delta_names"


@dataclass(frozen=True, slots=True)
class Bucardo:
    """The engine as one database shows it."""

    name: str
    server_version: str
    server_version_num: int
    is_control: bool

    def statements(self) -> Mapping[str, str]:
        """What both show (the daemon's sessions), and the rows that wait or the syncs."""
        names = ("daemons", "syncs") if self.is_control else ("daemons", "pending")
        own = {name: statement(_HERE, name, self.server_version_num) for name in names}
        return {**common_statements(self.server_version_num), **own}

    def seldom(self) -> Mapping[str, str]:
        """In the control database: its members, and the conflicts that runs have counted."""
        names = ("members", "conflicts", "conflict_counts") if self.is_control else ()
        return {name: statement(_HERE, name, self.server_version_num) for name in names}

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(_HERE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        node = control.facts(node, reading) if self.is_control else member.facts(node, reading)
        return replace(node, unread=tuple(reading.unread))


def _make(found: Identity, version: str | None) -> Bucardo:
    is_control = _CONTROL in found.tables and _MEMBER not in found.tables
    name = f"Bucardo {version or '5'}" + (" (control database)" if is_control else "")
    return Bucardo(name, found.server_version, found.server_version_num, is_control)


KIND = Kind(
    "bucardo",
    lambda found: bool({_CONTROL, _MEMBER} & found.tables),
    _make,
    statement(_HERE, "version", 0),
    statement(_HERE, "peers", 0),
)
