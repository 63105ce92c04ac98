"""Native logical replication, PostgreSQL 10 and later: publications and subscriptions.

It knows no nodes and no group: who replicates to whom is told by the slots that subscriptions read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bdr_console.cluster.conflicts import ConflictCount
from bdr_console.cluster.nodes import Caveat, Member, Membership, NodeFacts, Subscription
from bdr_console.cluster.table_sets import SetRules
from bdr_console.cluster.text import clean, counted
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
from bdr_console.engines.core.table_sets import narrowed_tables, table_groups, table_sets
from bdr_console.engines.engine import Identity, Kind
from bdr_console.engines.plain import plain_name
from bdr_console.links.postgres import Rows

_BLOCKING = (
    ("confl_insert_exists", "an insert of a key that exists"),
    ("confl_update_exists", "an update to a key that exists"),
    ("confl_multiple_unique_conflicts", "a row with several keys that exist"),
)
"""Counters of conflicts that end the apply worker, again and again until somebody takes a row away."""
_NAMED = "names the row; delete it here, or ALTER SUBSCRIPTION ... SKIP"


def caveats(subscriptions: Rows, tables: Rows) -> tuple[Caveat, ...]:
    """Rows of `subscriptions` and `tables`."""
    found = [
        Caveat(
            True,
            f"subscription {clean(row['subname'], 200)} is disabled, as an error does it (disable_on_error):"
            " see the server log",
        )
        for row in subscriptions
        if not row["subenabled"] and row["subdisableonerr"] and _errors(row)
    ]
    for row in tables:
        name, count = clean(row["subname"], 200), row["waiting"]
        found.append(Caveat(False, f"subscription {name}: {counted(count, 'table')} not copied yet"))
    return tuple(found)


def failures(row: Mapping[str, Any]) -> str | None:
    """What a subscription without an apply worker has failed at so far, of a row of `subscriptions`; a lost
    connection counts as an error too."""
    if not (row["subenabled"] and row["pid"] is None and (errors := _errors(row))):
        return None
    counters = row["counters"] or {}
    each = [(counters.get(counter) or 0, what) for counter, what in _BLOCKING]
    why = "".join(f", {count} of them {what}" for count, what in each if count)
    return f"{counted(errors, 'error')} so far{why}: the server log {_NAMED if why else 'says why'}"


def _errors(row: Mapping[str, Any]) -> int:
    counters = row["counters"] or {}
    return (counters.get("apply_error_count") or 0) + (counters.get("sync_error_count") or 0)


__all__ = ["KIND", "Native"]

_HERE = Path(__file__).parent
_RULES = SetRules(
    word="publication",
    lists_tables=True,
    create="CREATE PUBLICATION {set} FOR TABLE ...",
    add_table="ALTER PUBLICATION {set} ADD TABLE {table}",
    send_all="ALTER PUBLICATION {set} SET (publish = 'insert, update, delete, truncate')",
)


@dataclass(frozen=True, slots=True)
class Native:
    """The engine as one node runs it."""

    name: str
    server_version: str
    server_version_num: int
    replicates: bool = True
    """Whether there is a publication or a subscription: then the node is a member, as far as native
    replication has any."""
    addresses: bool = False
    """Whether the role may see where subscriptions connect to: without it slots have to tell."""

    def statements(self) -> Mapping[str, str]:
        """Slots, publications and subscriptions."""
        version = self.server_version_num
        return {
            **common_statements(version),
            "slots": statement(CORE, "slots", version),
            "publications": statement(_HERE, "publications", version),
            "subscriptions": statement(_HERE, "subscriptions", version),
        }

    def seldom(self) -> Mapping[str, str]:
        """Which tables go where, and how far the first copies are."""
        version = self.server_version_num
        names = ["replicated", "tables"]
        names += ["narrowed"] if version >= 150000 else []
        names += ["origins"] if self.addresses else []
        own = {name: statement(_HERE, name, version) for name in names}
        return {**common_seldom(version), **own}

    def positions(self) -> Mapping[str, str]:
        """Two statements."""
        return position_statements(CORE, self.server_version_num)

    def facts(self, answers: Answers) -> NodeFacts:
        """One reading as types. Slots name no node, and subscriptions no origin but its address."""
        reading = Reading(answers)
        node = reading.node(self.name, self.server_version)
        rows, published = reading.rows("subscriptions"), table_sets(reading, "publications")
        groups = table_groups(reading, "replicated")
        narrowed = narrowed_tables(reading.rows("narrowed"))
        addresses = _addresses(reading.rows("origins"))
        found = caveats(rows, reading.rows("tables"))
        return replace(
            node,
            members=(Member("this node", Membership.READY, "native", is_local=True),)
            if self.replicates
            else (),
            subscriptions=tuple(_subscription(row, addresses.get(row["subname"])) for row in rows),
            conflict_counts=tuple(count for row in rows for count in _counts(row)),
            meshed=False,
            last_arrival_wins=bool(published) and any(row["subenabled"] for row in rows),
            table_sets=published,
            table_groups=groups,
            narrowed_tables=narrowed,
            set_rules=_RULES,
            caveats=(*node.caveats, *found),
            unread=tuple(reading.unread),
        )


def _addresses(rows: Rows) -> dict[str, str]:
    """Subscription -> host:port."""
    return {
        row["subname"]: f"{clean(row['host'], 200)}:{clean(row['port'], 10)}" for row in rows if row["host"]
    }


def _subscription(row: Mapping[str, Any], address: str | None) -> Subscription:
    counters = row["counters"] or {}
    counted = counters.get("apply_error_count")
    return Subscription(
        name=clean(row["subname"], 200),
        origin="unknown",
        enabled=row["subenabled"],
        status="disabled" if not row["subenabled"] else "replicating" if row["pid"] else "down",
        apply_pid=row["pid"],
        replication_sets=tuple(clean(name, 100) for name in row["publications"] or ()),
        errors=None if counted is None else counted + (counters.get("sync_error_count") or 0),
        received_lsn=text_or_none(row["received_lsn"]),
        received_at=moment(row["received_at"]),
        last_error=failures(row),
        slot_name=text_or_none(row["subslotname"]),
        origin_address=address,
        forwards=row["suborigin"] != "none",
    )


def _counts(row: Mapping[str, Any]) -> list[ConflictCount]:
    counters = row["counters"] or {}
    reset = clean(counters.get("stats_reset") or "", 60)
    since = moment(datetime.fromisoformat(reset)) if reset else None
    return [
        ConflictCount(clean(row["subname"], 200), clean(name.removeprefix("confl_"), 60), count, since)
        for name, count in counters.items()
        if name.startswith("confl_") and count
    ]


def _make(found: Identity, version: str | None) -> Native:
    name = plain_name(found)
    if version:
        name = f"{name}, native replication"
    addresses = bool(version and "addresses" in version)
    return Native(name, found.server_version, found.server_version_num, version is not None, addresses)


KIND = Kind(
    "native",
    lambda found: found.server_version_num >= 100000,
    _make,
    statement(_HERE, "version", 0),
    statement(_HERE, "peers", 0),
)
