"""Spock: pglogical's descendant with a conflict table, and an exception log whose every row is data lost.

Lag is measured at the sender's slot: spock.lag_tracker says 0 bytes for an origin that is down.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bdr_console.cluster.conflicts import Conflict, ConflictCount
from bdr_console.cluster.nodes import Caveat, NodeFacts
from bdr_console.cluster.table_sets import SetRules
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import (
    Answers,
    Reading,
    common_seldom,
    common_statements,
    moment,
    text_or_none,
)
from bdr_console.engines.core.positions import position_statements
from bdr_console.engines.core.statements import CORE, statement
from bdr_console.engines.core.table_sets import table_groups, table_sets
from bdr_console.engines.engine import Identity, Kind
from bdr_console.engines.pglogical.rows import SET_STATEMENTS, members, subscriptions, sync_caveats
from bdr_console.links.postgres import Rows


def exception_caveats(exceptions: Rows, settings: Rows) -> list[Caveat]:
    """The row of `exceptions`: data that differ, whatever the links say."""
    if not exceptions:
        return []
    row = exceptions[0]
    count, newest = row["transactions"], moment(row["newest_at"])
    done = {
        "discard": "were skipped in part",
        "transdiscard": "were thrown away",
        "sub_disable": "stopped apply",
    }
    behaviour = settings[0]["exception_behaviour"] if settings else None
    what = "1 transaction of other nodes" if count == 1 else f"{count} transactions of other nodes"
    fate = done.get(behaviour or "", "failed").replace("were", "was" if count == 1 else "were")
    text = f"{what} {fate} here: this node's rows differ (spock.exception_log: "
    text += f"{clean(row['what'] or '?', 200)}, {clean(row['message'] or 'no message', 300)}"
    text += f", last {newest:%Y-%m-%d %H:%M}Z)" if newest else ")"
    return [Caveat(True, text)]


def read_only_caveats(readonly: str | None) -> list[Caveat]:
    """spock.readonly = all refuses the apply workers as well."""
    if readonly != "all":
        return []
    text = "spock.readonly is all: apply is refused too, so peers keep WAL for this node"
    return [Caveat(True, text)]


__all__ = ["KIND", "Spock"]

_HERE = Path(__file__).parent
_RULES = SetRules(
    default="default",
    insert_only="default_insert_only",
    create="SELECT spock.repset_create('{set}')",
    add_table="SELECT spock.repset_add_table('{set}', '{table}')",
    take="SELECT spock.sub_add_repset('{subscription}', '{set}')",
    send_all="SELECT spock.repset_alter('{set}', true, true, true, true)",
)

_OPTIONAL = {
    "progress": "spock.lag_tracker",
    "conflicts": "spock.resolutions",
    "counts": "spock.channel_summary_stats",
    "exceptions": "spock.exception_status",
}
"""Statement -> what it needs: asked only where that exists."""


@dataclass(frozen=True, slots=True)
class Spock:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int
    relations: frozenset[str] = frozenset()
    """What exists of the relations that not every version has."""

    def statements(self) -> Mapping[str, str]:
        """Nodes, slots, subscriptions, and what was applied last."""
        version = self.server_version_num
        own = self._own(("members", "subscriptions", "settings", "progress"))
        return {**common_statements(version), "slots": statement(CORE, "slots", version), **own}

    def seldom(self) -> Mapping[str, str]:
        """First copies, replication sets, conflicts and exceptions."""
        own = self._own(("syncs", "conflicts", "counts", "exceptions", *SET_STATEMENTS))
        return {**common_seldom(self.server_version_num), **own}

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(CORE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types. Slots name no node: the subscriptions of the others tell whose they are."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        settings, syncs = reading.rows("settings"), reading.rows("syncs")
        readonly = settings[0]["readonly"] if settings else None
        progress = {row["origin_name"]: row for row in reading.optional("progress")}
        rows = [{**row, **progress.get(row["origin_name"], {})} for row in reading.rows("subscriptions")]
        known = members(reading.rows("members"), rows, None if readonly is None else readonly != "off")
        local = next((member for member in known if member.is_local), None)
        found = [*exception_caveats(reading.optional("exceptions"), settings), *read_only_caveats(readonly)]
        return replace(
            node,
            node_name=local.name if local else None,
            members=known,
            subscriptions=subscriptions(rows, reading.rows("copied")),
            table_sets=table_sets(reading, "sets") or None,  # a node of it has some
            table_groups=table_groups(reading, "set_tables"),
            set_rules=_RULES,
            conflicts=_conflicts(reading.optional("conflicts")),
            conflict_counts=tuple(
                ConflictCount(clean(row["sub_name"], 200), "conflict", row["conflicts"])
                for row in reading.optional("counts")
            ),
            meshed=False,
            caveats=(*node.caveats, *found, *sync_caveats(syncs)),
            unread=tuple(reading.unread),
        )

    def _own(self, names: tuple[str, ...]) -> dict[str, str]:
        there = [name for name in names if name not in _OPTIONAL or _OPTIONAL[name] in self.relations]
        return {name: statement(_HERE, name, self.server_version_num) for name in there}


def _conflicts(rows: Rows) -> tuple[Conflict, ...]:
    """The same change may be met on several nodes: origin, LSN and transaction make the key."""
    return tuple(
        Conflict(
            at=at,
            table=clean(row["relation"] or "", 200),
            kind=clean(row["conflict_type"] or "", 60),
            resolution=clean(row["conflict_resolution"] or "", 60),
            origin=text_or_none(row["origin"]),
            key=clean(f"{row['relation']} {row['change']}", 300),
            local_tuple=text_or_none(row["local_tuple"]),
            remote_tuple=text_or_none(row["remote_tuple"]),
            local_commit_at=moment(row["local_commit_at"]),
            remote_commit_at=moment(row["remote_commit_at"]),
        )
        for row in rows
        if (at := moment(row["at"]))
    )


def _make(found: Identity, version: str | None) -> Spock:
    number = version or found.extensions.get("spock", "")
    name = found.labelled(f"Spock {number}".strip(), "spock")
    return Spock(name, found.server_version, found.server_version_num, found.tables)


KIND = Kind(
    "spock",
    lambda found: "spock.node" in found.tables,
    _make,
    statement(_HERE, "version", 0),
    statement(_HERE, "peers", 0),
)
