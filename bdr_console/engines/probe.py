"""Reads one node again and again: which engine it runs, what it shows, which others it knows."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bdr_console.cluster.access import Account, sees_sessions
from bdr_console.cluster.nodes import NodeFacts, WalPositions
from bdr_console.cluster.text import clean
from bdr_console.engines.capabilities import with_resume_statements
from bdr_console.engines.core.activity import access_statement, accesses
from bdr_console.engines.core.facts import Answers
from bdr_console.engines.core.positions import wal_positions
from bdr_console.engines.detect import DETECT, kind_of
from bdr_console.engines.engine import Engine, Identity, Kind, identity
from bdr_console.errors import ConsoleError
from bdr_console.links import conninfo
from bdr_console.links.advisory import HOLDERS
from bdr_console.links.errors import LinkError
from bdr_console.links.postgres import PostgresReader, Rows, Unreadable

_HERE = Path(__file__).parent
_ACTS = ("barrier", "grants")
"""Statements that are shipped for runbooks and for the DBA; watching has no use for them."""


@cache
def shipped() -> frozenset[str]:
    """What may be sent to watch a node: the .sql files of the engines, and who holds the operators' lock."""
    files = (path for path in _HERE.rglob("*.sql") if path.name.split(".")[0] not in _ACTS)
    return frozenset([HOLDERS, *(path.read_text(encoding="utf-8") for path in files)])


class ShippedReader(PostgresReader):
    """A node to be watched. The session is read-only, and a statement that is not shipped is not sent either:
    a SELECT can call a function that changes something outside every transaction."""

    async def fetch(self, statements: Mapping[str, str]) -> dict[str, Rows | Unreadable]:
        """The same, for shipped statements; raises ConsoleError for any other and then sends none."""
        for sql in statements.values():
            if sql not in shipped():
                raise ConsoleError(
                    f"{self.name}: `{clean(sql, 200)}` is not a statement that the console watches with",
                    "Statements stand in .sql files beside their engine.",
                )
        return await super().fetch(statements)


@dataclass(frozen=True, slots=True)
class Peer:
    """A node as another one knows it."""

    name: str | None
    """The engine's name for it; None where the engine has none."""
    host: str
    """An address, a name, or the directory of a UNIX socket."""
    port: str
    database: str | None


async def peers(reader: PostgresReader, kind: Kind) -> tuple[Peer, ...] | Unreadable:
    """The nodes that this one knows, itself among them; none for an engine without such a list.

    Unreadable when the role may not see where they are. Raises LinkError.
    """
    if not kind.peers:
        return ()
    rows = (await reader.fetch({"peers": kind.peers}))["peers"]
    if isinstance(rows, Unreadable):
        return rows
    return placed(rows)


def placed(rows: Rows) -> tuple[Peer, ...]:
    """Rows of a `peers` statement as types; those that lead nowhere are left out. Pure."""
    return tuple(found for row in rows if (found := _peer(row)) is not None)


def _peer(row: Mapping[str, Any]) -> Peer | None:
    """Host, port and database of a row; None for one that leads nowhere."""
    name = clean(row["node_name"], 200) if row["node_name"] else None
    if "dsn" not in row:
        return (
            Peer(name, clean(row["host"], 200), clean(row["port"] or "5432", 10), row["dbname"])
            if row["host"]
            else None
        )
    try:
        words = conninfo.parse(name or "a peer", row["dsn"] or "")
    except ConsoleError:
        return None
    if not (words.get("host") or words.get("hostaddr")):
        return None  # the node itself, over its own socket: that is nobody else's
    host, port = conninfo.endpoints(words)[0]
    return Peer(name, clean(host, 200), clean(port, 10), words.get("dbname"))


_HOLDS = 60.0
"""Seconds after which a node is asked again which engine it runs: it may be made a member while we watch."""
_SELDOM = 10.0
"""Seconds between two readings of what an engine wants to be asked seldom."""


class Probe:
    """One node through one reader. `wanted` is the engine's word from the configuration, if it names one.

    The first reading takes two or three round trips, later ones one. A reading that fails makes the next one
    ask for the engine anew: the server may have come back as another version.
    """

    def __init__(self, reader: PostgresReader, wanted: str | None = None) -> None:
        self._reader = reader
        self._wanted = wanted
        self._engine: Engine | None = None
        self._word = ""
        self._detected = 0.0
        self._kept: Answers = {}
        self._kept_at = 0.0
        self._kept_on: datetime | None = None

    async def read(self, accounts: Collection[Account] = (), *, fresh: bool = False) -> NodeFacts:
        """One reading; raises LinkError. `accounts`: whether these get in here is asked too. `fresh`: nothing
        in it is older than the question."""
        now = time.monotonic()
        engine = self._engine if now - self._detected < _HOLDS else None
        self._engine = None
        if engine is None:
            engine, self._detected = await self._detect(), now
            self._kept = {}
        statements = dict(engine.statements())
        due = fresh or not self._kept or now - self._kept_at >= _SELDOM
        seldom = engine.seldom()
        if due:
            statements |= seldom
        if accounts:
            statements["access"] = access_statement(accounts, self._reader.server_version)
        answers = await self._reader.fetch(statements)
        if due:
            self._kept, self._kept_at = {name: answers[name] for name in seldom}, now
            self._kept_on = datetime.now(UTC)
        self._engine = engine
        logins, unread = accesses(answers.pop("access", []))
        facts = with_resume_statements(self._word, engine.facts({**self._kept, **answers}))
        return replace(facts, seldom_at=self._kept_on, logins=logins, unread=(*facts.unread, *unread))

    async def kind(self) -> Kind:
        """Which kind of engine the node runs; raises LinkError."""
        return (await self._identify())[0]

    async def positions(self) -> WalPositions:
        """How far the node's WAL reaches and how far its peers have applied it; raises LinkError."""
        if self._engine is None:
            self._engine, self._detected = await self._detect(), time.monotonic()
            self._kept = {}
        found = wal_positions(await self._reader.fetch(self._engine.positions()))
        if isinstance(found, str):
            raise LinkError(
                self._reader.name,
                self._reader.address,
                "reading",
                found,
                sees_sessions(self._reader.version_text),
            )
        return found

    async def _identify(self) -> tuple[Kind, Identity]:
        answer = (await self._reader.fetch({"detect": DETECT}))["detect"]
        if isinstance(answer, Unreadable):
            raise LinkError(
                self._reader.name,
                self._reader.address,
                "reading",
                f"its catalogs could not be read: {answer.why}",
                "The role needs no more than CONNECT on the database for this.",
            )
        found = identity(answer[0])
        return kind_of(found, self._wanted), found

    async def _detect(self) -> Engine:
        kind, found = await self._identify()
        self._word, version = kind.word, None
        if kind.version:
            told = (await self._reader.fetch({"version": kind.version}))["version"]
            if not isinstance(told, Unreadable) and told and told[0]["version"]:
                version = clean(told[0]["version"], 60)
        return kind.make(found, version)
