"""The reader that watching is built on: it sends the statements that ship with the console, no others."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.links.advisory import HOLDERS
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
