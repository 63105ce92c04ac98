"""What one look at a node's catalogs says of the engine in it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bdr_console.cluster.text import clean

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
