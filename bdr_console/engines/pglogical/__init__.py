"""pglogical 2: nodes and the subscriptions between them; several masters where they subscribe to each other.

It keeps no conflicts: those are in the server log alone. pglogical_node_info().replication_sets is never
read: 2.4.2 returns bytes that are no text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bdr_console.cluster.nodes import Caveat, NodeFacts
from bdr_console.cluster.table_sets import SetRules
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Answers, Reading, common_seldom, common_statements
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import CORE, statement
from bdr_console.engines.core.table_sets import table_groups, table_sets
from bdr_console.engines.engine import Identity, Kind
from bdr_console.engines.pglogical.rows import SET_STATEMENTS, both_ways, members, subscriptions, sync_caveats
from bdr_console.links.postgres import Rows

__all__ = ["KIND", "Pglogical"]

_HERE = Path(__file__).parent
_RULES = SetRules(
    default="default",
    insert_only="default_insert_only",
    create="SELECT pglogical.create_replication_set('{set}')",
    add_table="SELECT pglogical.replication_set_add_table('{set}', '{table}')",
    take="SELECT pglogical.alter_subscription_add_replication_set('{subscription}', '{set}')",
    send_all="SELECT pglogical.alter_replication_set('{set}', true, true, true, true)",
)

_CONVERGING = ("last_update_wins", "first_update_wins")
"""Values of pglogical.conflict_resolution that end in the same row everywhere, by commit timestamps."""


@dataclass(frozen=True, slots=True)
class Pglogical:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int

    def statements(self) -> Mapping[str, str]:
        """Nodes, slots and subscriptions."""
        version = self.server_version_num
        own = {name: statement(_HERE, name, version) for name in ("members", "subscriptions")}
        return {**common_statements(version), "slots": statement(CORE, "slots", version), **own}

    def seldom(self) -> Mapping[str, str]:
        """First copies, replication sets and settings."""
        version = self.server_version_num
        return {
            **common_seldom(version),
            **{name: statement(_HERE, name, version) for name in ("syncs", "settings", *SET_STATEMENTS)},
        }

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(CORE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types. Slots name no node: the subscriptions of the others tell whose they are."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        rows, syncs = reading.rows("subscriptions"), reading.rows("syncs")
        known = members(reading.rows("members"), rows)
        local = next((member for member in known if member.is_local), None)
        collide = both_ways(rows, (slot.plugin for slot in node.slots), "pglogical_output")
        found = _resolution(reading.rows("settings")) if collide else []
        return replace(
            node,
            node_name=local.name if local else None,
            members=known,
            subscriptions=subscriptions(rows, reading.rows("copied")),
            table_sets=table_sets(reading, "sets") or None,  # a node of it has some
            table_groups=table_groups(reading, "set_tables"),
            set_rules=_RULES,
            meshed=False,
            caveats=(*node.caveats, *found, *sync_caveats(syncs)),
            unread=tuple(reading.unread),
        )


def _resolution(rows: Rows) -> list[Caveat]:
    """How rows that two nodes changed at once end."""
    if not rows or rows[0]["conflict_resolution"] is None:
        return []
    resolution, stamped = clean(rows[0]["conflict_resolution"], 60), rows[0]["track_commit_timestamp"] == "on"
    setting = f"pglogical.conflict_resolution is {resolution}"
    if resolution == "error":
        return [Caveat(False, f"{setting}: the first conflict stops apply")]
    if resolution not in _CONVERGING:
        return [Caveat(False, f"{setting}: a row that two nodes change at once ends up different on them")]
    if not stamped:
        return [Caveat(True, f"{setting}, but track_commit_timestamp is off: it cannot tell which was last")]
    return []


def _make(found: Identity, version: str | None) -> Pglogical:
    number = version or found.extensions.get("pglogical", "")
    name = found.labelled(f"pglogical {number}".strip(), "pglogical")
    return Pglogical(name, found.server_version, found.server_version_num)


KIND = Kind(
    "pglogical",
    lambda found: "pglogical.node" in found.tables,
    _make,
    statement(_HERE, "version", 0),
    statement(_HERE, "peers", 0),
)
