"""What a replication engine must offer to be shown, and how one is recognised."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.engines.core.facts import Answers
from bdr_console.engines.identity import Identity


class Engine(Protocol):
    """One engine as one node runs it: which statements to ask, and what their rows mean."""

    @property
    def name(self) -> str:
        """The engine and its version for people, for example `BDR 3.7.23`."""

    def statements(self) -> Mapping[str, str]:
        """What to ask at every refresh, in one round trip, by name: server, sessions, members, slots ..."""

    def seldom(self) -> Mapping[str, str]:
        """What to ask with them every ten seconds: statements that cost more, or change less. The answers are
        kept in between."""

    def positions(self) -> Mapping[str, str]:
        """What to ask, in this order, for the end of the WAL and the peers' positions: wal, positions."""

    def facts(self, answers: Answers) -> NodeFacts:
        """The answers as types; a part that failed becomes an `Unread`, never just an empty list."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How an engine is recognised, and made once it is. A new engine is a folder with one of these, and a
    line in detect.py."""

    word: str
    """What `engine:` in the configuration calls it: bdr1, bdr3, pgactive ..."""
    matches: Callable[[Identity], bool]
    make: Callable[[Identity, str | None], Engine]
    """From what the catalogs say, and what the version statement answered (None: it could not be asked)."""
    version: str = ""
    """A statement that gives the engine's own word for its version as `version`, asked once."""
    peers: str = ""
    """A statement that names the nodes that this one knows (`node_name`, None where the engine has none) and
    where they are: `dsn`, or `host`, `port` and `dbname`. Asked by `init` alone; rows may hold passwords."""
