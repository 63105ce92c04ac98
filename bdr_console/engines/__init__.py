"""Replication engines: what to ask a node, and what the rows mean. One folder each, its .sql beside it."""

from bdr_console.cluster.nodes import NodeFacts, WalPositions
from bdr_console.cluster.text import clean
from bdr_console.engines.core.positions import BARRIER, wal_positions
from bdr_console.engines.detect import BDR_VERSION, DETECT, engine_for, identity
from bdr_console.engines.engine import Engine
from bdr_console.links.errors import LinkError
from bdr_console.links.postgres import PostgresReader, Rows, Unreadable

__all__ = ["BARRIER", "Engine", "read_node", "read_positions"]


async def read_node(reader: PostgresReader, engine: Engine | None) -> tuple[NodeFacts, Engine]:
    """One reading of a node, and the engine to hand in next time; raises LinkError.

    The first reading asks which engine it is (two or three round trips), later ones take one round
    trip. After a lost connection hand in None again: the server may have been upgraded meanwhile.
    """
    if engine is None:
        engine = await _detect(reader)
    return engine.facts(await reader.fetch(engine.statements())), engine


async def read_positions(reader: PostgresReader, engine: Engine | None) -> tuple[WalPositions, Engine]:
    """How far the node's WAL reaches and how far its peers have applied it; raises LinkError."""
    if engine is None:
        engine = await _detect(reader)
    found = wal_positions(await reader.fetch(engine.positions()))
    if isinstance(found, str):
        raise LinkError(reader.name, reader.address, "reading", found, "Grant pg_monitor to the role.")
    return found, engine


async def _detect(reader: PostgresReader) -> Engine:
    answer = (await reader.fetch({"detect": DETECT}))["detect"]
    if isinstance(answer, Unreadable):
        reason = f"its catalogs could not be read: {answer.why}"
        raise LinkError(
            reader.name,
            reader.address,
            "reading",
            reason,
            "The role needs no more than CONNECT on the database for this.",
        )
    found = identity(answer[0])
    version = (await reader.fetch({"version": BDR_VERSION}))["version"] if found.is_bdr3 else []
    return engine_for(found, _text(version))


def _text(rows: Rows | Unreadable) -> str | None:
    return (
        clean(rows[0]["version"], 60)
        if not isinstance(rows, Unreadable) and rows and rows[0]["version"]
        else None
    )
