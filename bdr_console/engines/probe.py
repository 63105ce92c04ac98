"""Reads one node again and again: finds out which engine it runs, asks the costly parts only now and then."""

import time
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from bdr_console.cluster.access import Account, sees_sessions
from bdr_console.cluster.nodes import NodeFacts, WalPositions
from bdr_console.cluster.text import clean
from bdr_console.engines.capabilities import with_resume_statements
from bdr_console.engines.core.access import access_statement, accesses
from bdr_console.engines.core.facts import Answers
from bdr_console.engines.core.positions import wal_positions
from bdr_console.engines.detect import DETECT, kind_of
from bdr_console.engines.engine import Engine, Kind
from bdr_console.engines.identity import Identity, identity
from bdr_console.links.errors import LinkError
from bdr_console.links.postgres import PostgresReader, Unreadable

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
