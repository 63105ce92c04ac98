"""What a replication engine must offer to be shown, and how one is recognised."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Answers

_STANDIN = "bdr-console lab stand-in"
"""The comment on a schema that the rehearsal lab made: nobody shall take it for the real thing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The row of core/detect.sql."""

    server_version_num: int
    server_version: str
    """The first word of it: 15.18."""
    extensions: Mapping[str, str]
    """Name -> version of the engines' extensions that are installed in this database."""
    tables: frozenset[str]
    """The engines' tables and views that exist here, as schema.name, and functions with (): those that tell
    the engines apart, and those that only some of their versions have. SymmetricDS and rubyrep are looked
    for in every schema."""
    standins: frozenset[str] = frozenset()
    """Schemas that the rehearsal lab made in place of a real engine's."""
    superuser: bool = False
    """Whether the console's role is one: some functions ask for that and nothing less."""

    def labelled(self, name: str, schema: str) -> str:
        """`name`, and that it is a stand-in where it is one."""
        return f"{name} (lab stand-in)" if schema in self.standins else name


def identity(row: Mapping[str, Any]) -> Identity:
    """The row of core/detect.sql as types."""
    extensions = dict(item.split(" ", 1) for item in clean(row["extensions"] or "", 500).split(",") if item)
    return Identity(
        server_version_num=row["server_version_num"],
        server_version=clean(row["server_version"].split()[0], 40),
        extensions=extensions,
        superuser=bool(row.get("superuser")),
        tables=frozenset(clean(row["tables"] or "", 4000).split(",")) - {""},
        standins=frozenset(
            schema
            for schema, comment in (
                item.split(" ", 1) for item in clean(row["comments"] or "", 1000).split("|") if " " in item
            )
            if comment == _STANDIN
        ),
    )


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
