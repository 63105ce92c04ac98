"""Which engine a node runs, from one look at its catalogs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bdr_console.cluster.text import clean
from bdr_console.engines.bdr3 import Bdr3
from bdr_console.engines.core.statements import statement
from bdr_console.engines.engine import Engine
from bdr_console.engines.plain import Plain

DETECT = statement(Path(__file__).parent / "core", "detect", 0)
BDR_VERSION = statement(Path(__file__).parent / "bdr3", "version", 0)

_STANDIN = "bdr-console lab stand-in"
"""The comment on schema bdr that the rehearsal lab sets: nobody shall take it for the real thing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the catalogs say."""

    server_version_num: int
    server_version: str
    extensions: str
    bdr_comment: str
    has_node_summary: bool

    @property
    def is_bdr3(self) -> bool:
        """BDR 3 or a descendant with its views. BDR 1 and 2 have other views."""
        return self.has_node_summary and not re.search(r"\bbdr [12]\.", self.extensions)


def identity(row: Mapping[str, Any]) -> Identity:
    """The row of detect.sql."""
    return Identity(
        server_version_num=row["server_version_num"],
        server_version=clean(row["server_version"].split()[0], 40),
        extensions=clean(row["extensions"] or "", 300),
        bdr_comment=clean(row["bdr_comment"] or "", 300),
        has_node_summary=row["has_node_summary"],
    )


def engine_for(found: Identity, bdr_version: str | None) -> Engine:
    """The engine of that identity; `bdr_version` is what bdr.bdr_version() said, when it could be asked."""
    if found.is_bdr3:
        extension = re.search(r"\bbdr (\d[\w.-]*)", found.extensions)
        number = re.match(r"\d+(\.\d+)*", bdr_version or (extension[1] if extension else ""))
        product = "PGD" if number and int(number[0].split(".")[0]) >= 4 else "BDR"
        name = f"{product} {number[0] if number else '3'}"
        if found.bdr_comment == _STANDIN:
            name += " (lab stand-in)"
        return Bdr3(name, found.server_version, found.server_version_num)
    name = f"PostgreSQL {found.server_version}"
    if found.extensions:
        name += f" with {found.extensions.replace(',', ', ')}"
    return Plain(name, found.server_version, found.server_version_num)
