"""BDR 1.0 on its patched PostgreSQL 9.4, and BDR 2.0 on 9.6: tables and views of schema `bdr`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bdr_console.cluster.nodes import Caveat, Member, Membership, NodeFacts, Unread
from bdr_console.cluster.table_sets import SetRules
from bdr_console.engines.bdr1 import rows
from bdr_console.engines.core.facts import Answers, Reading, common_seldom, common_statements
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import statement
from bdr_console.engines.core.table_sets import table_groups
from bdr_console.engines.engine import Identity, Kind

_HERE = Path(__file__).parent
_RULES = SetRules(
    default="default",
    everything="all",
    add_table="SELECT bdr.table_set_replication_sets('{table}', ARRAY['{set}'])",
)


@dataclass(frozen=True, slots=True)
class Bdr1:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int
    major: int
    """1 or 2: their global locks and sequences differ."""
    superuser: bool = True
    """Whether the role is one: pg_stat_get_bdr() refuses everybody else, whatever is granted."""

    def statements(self) -> Mapping[str, str]:
        """Seven statements, and the counters of a superuser."""
        names = ("members", "switches", "slots", "subscriptions", *(("errors",) if self.superuser else ()))
        own = {name: statement(_HERE, name, self.server_version_num) for name in names}
        locks = "locks" if self.major >= 2 else "global_locks"
        own["locks"] = statement(_HERE, locks, self.server_version_num)
        return {**common_statements(self.server_version_num), **own}

    def seldom(self) -> Mapping[str, str]:
        """Conflicts, replication sets, and with 1.0 the global sequences that ask for a majority."""
        names = ["conflicts", "set_tables"]
        names += ["conflict_counts"] if self.superuser else []
        names += ["sequences"] if self.major < 2 else []
        own = {name: statement(_HERE, name, self.server_version_num) for name in names}
        return {**common_seldom(self.server_version_num), **own}

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(_HERE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types. The group has no name in these versions."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        members = rows.members(reading)
        switches = reading.row("switches")
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
            sequences=rows.sequences(reading),
            caveats=(*node.caveats, *_caveats(members)),
            unread=(*reading.unread, *(() if self.superuser else (_UNCOUNTED,))),
        )


_UNCOUNTED = Unread("conflict and error counts", "BDR shows pg_stat_bdr to superusers only", judged=False)


def _caveats(members: tuple[Member, ...]) -> tuple[Caveat, ...]:
    """Without a peer there is nobody to ask for the lock that every DDL takes."""
    present = [member for member in members if member.membership is not Membership.PARTED]
    if len(present) != 1 or present[0].membership is not Membership.READY:
        return ()
    return (Caveat(False, "is alone in its group: no DDL can run until a second node has joined"),)


def _make(found: Identity, version: str | None) -> Bdr1:
    number = rows.version_number(version, found.extensions.get("bdr"))
    major = int(number.split(".")[0]) if number else 2 if found.server_version_num >= 90600 else 1
    name = found.labelled(f"BDR {number or major}", "bdr")
    return Bdr1(name, found.server_version, found.server_version_num, major, found.superuser)


KIND = Kind(
    "bdr1",
    lambda found: "bdr.bdr_nodes" in found.tables,
    _make,
    statement(_HERE, "version", 0),
    statement(_HERE, "peers", 0),
)
