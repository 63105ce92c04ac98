"""Which other nodes a node knows and where they are, to write a configuration. No secret leaves here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bdr_console.cluster.text import clean
from bdr_console.engines.engine import Kind
from bdr_console.errors import ConsoleError
from bdr_console.links import conninfo
from bdr_console.links.postgres import PostgresReader, Rows, Unreadable


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
