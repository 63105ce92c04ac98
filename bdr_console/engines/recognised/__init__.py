"""Engines that are recognised and shown as far as their documented tables tell.

None of them was ever run here, and their names say so. Shown are the members, what waits to be sent and the
conflicts; who carries the changes cannot be seen by SQL, so their links stay unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bdr_console.cluster.conflicts import Conflict, ConflictCount
from bdr_console.cluster.nodes import Caveat, Member, Membership, NodeFacts
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Answers, Reading, common_statements, moment, text_or_none
from bdr_console.engines.core.pending import pending
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import statement
from bdr_console.engines.engine import Engine, Identity, Kind

_HERE = Path(__file__).parent
_CORE = _HERE.parent / "core"


@dataclass(frozen=True, slots=True)
class Recognised:
    """One of them as one database shows it. It asks what its folder has statements for."""

    name: str
    word: str
    server_version: str
    server_version_num: int

    def _own(self, *names: str) -> dict[str, str]:
        folder = _HERE / self.word
        return {
            name: statement(folder, name, self.server_version_num)
            for name in names
            if (folder / f"{name}.sql").exists()
        }

    def statements(self) -> Mapping[str, str]:
        """The common ones, the server's slots, and what waits."""
        slots = {"slots": statement(_CORE, "slots", self.server_version_num)}
        return {**common_statements(self.server_version_num), **slots, **self._own("pending", "caveats")}

    def seldom(self) -> Mapping[str, str]:
        """Members and conflicts."""
        return self._own("members", "conflicts", "conflict_counts")

    def positions(self) -> Mapping[str, str]:
        """Those of any PostgreSQL: nobody's peers are known."""
        return position_statements(_CORE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        members = tuple(_member(row) for row in reading.rows("members"))
        own = next((member for member in members if member.is_local), None)
        return replace(
            node,
            node_name=own.name if own else None,
            group=own.group if own else None,
            members=members,
            pending=pending(reading) if "pending" in answers else None,
            conflicts=tuple(found for row in reading.rows("conflicts") if (found := _conflict(row))),
            conflict_counts=tuple(
                ConflictCount(clean(row["origin"], 200), clean(row["kind"], 60), row["count"])
                for row in reading.rows("conflict_counts")
            ),
            caveats=(
                *node.caveats,
                *(Caveat(bool(row["severe"]), clean(row["text"], 500)) for row in reading.rows("caveats")),
            ),
            shards=self.word == "xc",
            unread=tuple(reading.unread),
        )


def _member(row: Mapping[str, Any]) -> Member:
    return Member(
        name=clean(row["name"], 200),
        membership=Membership.READY if row["ready"] else Membership.UNKNOWN,
        raw_state=clean(row["state"] or "", 60),
        group=text_or_none(row["group_name"]),
        is_local=bool(row["is_local"]),
        kind=text_or_none(row["kind"]),
    )


def _conflict(row: Mapping[str, Any]) -> Conflict | None:
    at = moment(row["at"])
    if at is None:
        return None
    return Conflict(
        at=at,
        table=clean(row["table_name"] or "", 200),
        kind=clean(row["kind"] or "conflict", 60),
        resolution=clean(row["resolution"] or "not told", 60),
        origin=text_or_none(row["origin"]),
        key=clean(row["key"], 300),
        error=text_or_none(row["error"]),
    )


def _kind(word: str, name: str, *tables: str) -> Kind:
    """Recognised by any of `tables`, as schema.name, or as .name in whichever schema it lies."""

    def matches(found: Identity) -> bool:
        return any(
            known == table or (table.startswith(".") and known.endswith(table))
            for table in tables
            for known in found.tables
        )

    def make(found: Identity, _version: str | None) -> Engine:
        return Recognised(
            f"{name} (from documentation, never run)", word, found.server_version, found.server_version_num
        )

    return Kind(word, matches, make)


KINDS = (
    _kind("xdb", "EDB Replication Server", "_edb_replicator_pub.xdb_pub_database"),
    _kind("symmetricds", "SymmetricDS", ".sym_node"),
    _kind("rubyrep", "rubyrep", ".rr_pending_changes", ".rr_logged_events"),
    _kind("xc", "Postgres-XC/X2/XL", "pg_catalog.pgxc_node"),
)
