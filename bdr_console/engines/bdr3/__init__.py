"""BDR 3.6, 3.7 and the PGD line after them: the views of schema `bdr`.

No view named bdr.group_... is read: those ask every other node, and wait for one that is down.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bdr_console.cluster.groups import Group
from bdr_console.cluster.nodes import NodeFacts, Unread
from bdr_console.cluster.table_sets import SetRules
from bdr_console.engines.bdr3.rows import (
    caveats,
    conflicts,
    consensus,
    groups,
    members,
    membership,
    sequences,
    subscriptions,
    with_catchup,
)
from bdr_console.engines.core.facts import Answers, Reading, common_seldom, common_statements, text_or_none
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import statement
from bdr_console.engines.core.table_sets import narrowed_tables, table_groups, table_sets
from bdr_console.engines.engine import Identity, Kind
from bdr_console.links.postgres import Rows, Unreadable

__all__ = ["KIND", "Bdr3", "membership"]

_HERE = Path(__file__).parent

_EACH = {
    "locks": "bdr.global_locks",
    "raft": "bdr.get_raft_status()",
    "rates": "bdr.node_replication_rates",
    "leaders": "bdr.node_group_routing_summary",
}
_SELDOM = {
    "groups": "bdr.node_group_summary",
    "fences": "bdr.node_routing_config_summary",
    "applying": "bdr.stat_subscription",
    "blocked": "bdr.replication_status",
    "workers": "bdr.workers",
    "errors": "bdr.worker_errors",
    "conflicts": "bdr.conflict_history_summary",
    "sequences": "bdr.sequences",
    "edition": "bdr.bdr_edition()",
    "set_tables": "bdr.tables",
    "narrowed": "bdr.tables",
    "sets": "bdr.replication_sets",
}
"""Statement -> what it needs: asked only where that exists, for versions and editions differ in it."""
_NEWER = {"raft": (60000, "bdr.stat_raft_state"), "errors": (50000, "bdr.event_summary")}
"""Statement -> from which version on it needs something else."""


@dataclass(frozen=True, slots=True)
class Bdr3:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int
    number: int = 30700
    """BDR's own version as a number, 3.7.23 as 30723: the N of `name.before-N.sql` here."""
    relations: frozenset[str] = frozenset()
    """What exists of the relations and functions that not every version has."""

    def statements(self) -> Mapping[str, str]:
        """Five statements, and up to four that this version has."""
        return {
            **common_statements(self.server_version_num),
            **self._own(("members", "slots", "subscriptions", *self._there(_EACH))),
        }

    def seldom(self) -> Mapping[str, str]:
        """What changes slowly, or costs more, as far as this version has it."""
        return {**common_seldom(self.server_version_num), **self._own(self._there(_SELDOM))}

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(_HERE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        known = members(reading.rows("members"), reading.optional("fences"))
        local = next((member for member in known if member.is_local), None)
        applying, blocked = reading.optional("applying"), reading.optional("blocked")
        raft = consensus(self._raft(reading))
        leaders, router = (
            reading.optional("leaders"),
            "PGD Proxy" if self.number < 60000 else "Connection Manager",
        )
        node_groups = groups(reading.optional("groups"), leaders, raft, known, router)
        catchup = with_catchup(node.slots, reading.optional("rates"))
        slots = tuple(replace(slot, catchup_seconds=catchup.get(slot.target or "")) for slot in node.slots)
        edition = reading.optional("edition")
        return replace(
            node,
            node_name=local.name if local else None,
            group=local.group if local else None,
            edition=text_or_none(edition[0]["edition"]) if edition else None,
            members=known,
            slots=slots,
            subscriptions=subscriptions(
                reading.rows("subscriptions"),
                applying,
                reading.optional("workers"),
                reading.optional("errors"),
            ),
            locks=reading.locks(),
            groups=node_groups,
            consensus=raft,
            conflicts=conflicts(reading.optional("conflicts")),
            sequences=sequences(reading.optional("sequences"), raft),
            caveats=(*node.caveats, *caveats(known, blocked, applying)),
            table_sets=table_sets(reading, "sets") if "bdr.replication_sets" in self.relations else None,
            table_groups=table_groups(reading, "set_tables") if "bdr.tables" in self.relations else None,
            narrowed_tables=narrowed_tables(reading.rows("narrowed")),
            set_rules=_rules(node_groups),
            unread=(*reading.unread, *self._uncompared()),
        )

    def _uncompared(self) -> tuple[Unread, ...]:
        """What cannot be known of a version that shows no tables by set."""
        if "bdr.tables" in self.relations:
            return ()
        return (Unread("tables by replication set", "this version has no view bdr.tables", judged=False),)

    def _raft(self, reading: Reading) -> Rows | Unreadable:
        """Its own opinion, or why it has none; a missing privilege is no opinion."""
        answer = reading.answers.get("raft", [])
        if isinstance(answer, Unreadable) and answer.sqlstate not in ("42501", "42883", "42P01", "42703"):
            return answer
        return reading.optional("raft")

    def _there(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        def needs(name: str) -> str:
            since, other = _NEWER.get(name, (0, ""))
            return other if since and self.number >= since else wanted[name]

        return tuple(name for name in wanted if needs(name) in self.relations)

    def _own(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: statement(_HERE, name, self.number) for name in names}


def _rules(groups: tuple[Group, ...]) -> SetRules:
    """The set of the whole group bears its name, and every node takes it."""
    return SetRules(
        default=next((group.name for group in groups if group.parent is None), ""),
        create="SELECT bdr.create_replication_set('{set}')",
        add_table="SELECT bdr.replication_set_add_table('{table}', '{set}')",
        take="SELECT bdr.alter_node_replication_sets('{node}', ARRAY[..., '{set}'])",
        send_all="SELECT bdr.alter_replication_set('{set}', true, true, true, true)",
    )


def _make(found: Identity, version: str | None) -> Bdr3:
    words = re.match(r"\d+(\.\d+)*", version or found.extensions.get("bdr", ""))
    parts = [int(part) for part in words[0].split(".")[:3]] if words else [3, 7]
    major, minor, patch = (*parts, 0, 0)[:3]
    product = "PGD" if major >= 4 else "BDR"
    name = found.labelled(f"{product} {words[0] if words else '3'}", "bdr")
    number = major * 10000 + minor * 100 + patch
    return Bdr3(name, found.server_version, found.server_version_num, number, found.tables)


KIND = Kind(
    "bdr3",
    # BDR 1 and 2 have other views, and the version rules out one that was half upgraded.
    lambda found: (
        "bdr.node_summary" in found.tables and not found.extensions.get("bdr", "").startswith(("1.", "2."))
    ),
    _make,
    statement(_HERE, "version", 0),
    statement(_HERE, "peers", 0),
)
