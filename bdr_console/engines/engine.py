"""What a replication engine must offer to be shown."""

from collections.abc import Mapping
from typing import Protocol

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.engines.core.facts import Answers


class Engine(Protocol):
    """One engine as one node runs it: which statements to ask, and what their rows mean.

    A new engine is one folder with its .sql files, a class with these members, and a line in detect.py.
    """

    @property
    def name(self) -> str:
        """The engine and its version for people, for example `BDR 3.7.23`."""

    def statements(self) -> Mapping[str, str]:
        """What to ask in one round trip, by name: server, sessions, members, slots, subscriptions ..."""

    def positions(self) -> Mapping[str, str]:
        """What to ask, in this order, for the end of the WAL and the peers' positions: wal, positions."""

    def facts(self, answers: Answers) -> NodeFacts:
        """The answers as types; a part that failed becomes an `Unread`, never just an empty list."""

    def locks(self) -> str:
        """The statement that shows global locks (lock_type, relation, origin, stage, age), asked only before
        a runbook starts; empty when the engine has none."""
