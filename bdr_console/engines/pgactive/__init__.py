"""pgactive, the open-source descendant of BDR 2 on unmodified PostgreSQL: schema `pgactive`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bdr_console.cluster.nodes import Caveat, Member, Membership, NodeFacts
from bdr_console.cluster.table_sets import SetRules
from bdr_console.engines.bdr1 import rows
from bdr_console.engines.core.facts import Answers, Reading, common_seldom, common_statements
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import statement
from bdr_console.engines.core.table_sets import table_groups
from bdr_console.engines.engine import Identity, Kind
from bdr_console.links.postgres import Rows

_HERE = Path(__file__).parent
_RULES = SetRules(
    default="default",
    everything="all",
    add_table="SELECT pgactive.pgactive_set_table_replication_sets('{table}', false)",
)


@dataclass(frozen=True, slots=True)
class Pgactive:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int

    def statements(self) -> Mapping[str, str]:
        """Nine statements."""
        names = ("members", "switches", "slots", "subscriptions", "errors", "workers", "locks")
        own = {name: statement(_HERE, name, self.server_version_num) for name in names}
        return {**common_statements(self.server_version_num), **own}

    def seldom(self) -> Mapping[str, str]:
        """Conflicts and replication sets."""
        names = ("conflicts", "conflict_counts", "set_tables")
        own = {name: statement(_HERE, name, self.server_version_num) for name in names}
        return {**common_seldom(self.server_version_num), **own}

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(_HERE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types. The group has no name."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        members = rows.members(reading)
        switches = reading.row("switches")
        skips_ddl = bool(switches and switches["skips_ddl"])
        return replace(
            node,
            node_name=next((member.name for member in members if member.is_local), None),
            members=members,
            apply_paused=switches["apply_paused"] if switches else None,
            subscriptions=rows.subscriptions(reading),
            locks=reading.locks(),
            conflicts=rows.conflicts(reading),
            conflict_counts=rows.conflict_counts(reading),
            table_groups=table_groups(reading, "set_tables"),
            set_rules=_RULES,
            caveats=(*node.caveats, *_caveats(members, reading.rows("workers"), skips_ddl=skips_ddl)),
            unread=tuple(reading.unread),
        )


def _caveats(members: tuple[Member, ...], workers: Rows, *, skips_ddl: bool) -> tuple[Caveat, ...]:
    found = []
    if any(worker["pid"] is None for worker in workers):
        text = "the per-db worker does not run, so nothing is applied here: only the server log says why"
        found.append(Caveat(True, text))
    # Every node is marked so while it joins.
    own = next((one for one in members if one.is_local and one.membership is Membership.READY), None)
    if skips_ddl and own is not None and own.read_only:
        text = "its read-only mark keeps no write out while pgactive.skip_ddl_replication is on"
        found.append(Caveat(False, text))
    return tuple(found)


def _make(found: Identity, version: str | None) -> Pgactive:
    number = rows.version_number(version, found.extensions.get("pgactive"))
    name = found.labelled(f"pgactive {number}".strip(), "pgactive")
    return Pgactive(name, found.server_version, found.server_version_num)


KIND = Kind(
    "pgactive",
    lambda found: "pgactive.pgactive_nodes" in found.tables,
    _make,
    statement(_HERE, "version", 0),
    statement(_HERE, "peers", 0),
)
