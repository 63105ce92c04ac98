"""What native logical replication's own rules make of a reading. Pure."""

from collections.abc import Mapping
from typing import Any

from bdr_console.cluster.nodes import Caveat
from bdr_console.cluster.text import clean
from bdr_console.links.postgres import Rows

COUNTED = 180000
"""The server_version_num from which on conflicts are counted."""
_DIVERGING = (
    ("confl_update_origin_differs", "updated"),
    ("confl_delete_origin_differs", "deleted"),
)
"""Counters of changes applied although another node had changed the row, and what they did to it."""


def caveats(subscriptions: Rows, tables: Rows, *, publishes: bool, server_version: int) -> tuple[Caveat, ...]:
    """Rows of `subscriptions` and `tables`; `publishes`: whether others may subscribe here."""
    found = [caveat for row in subscriptions for caveat in _subscription(row)]
    writes_both_ways = publishes and any(row["subenabled"] for row in subscriptions)
    if writes_both_ways and server_version < COUNTED:
        text = (
            f"PostgreSQL {server_version // 10000} applies the last change to arrive and counts no conflicts"
        )
        found.append(Caveat(False, f"{text}: rows that several nodes write may differ silently"))
    for row in tables:
        name, count = clean(row["subname"], 200), row["waiting"]
        found.append(Caveat(False, f"subscription {name}: {_counted(count, 'table')} not copied yet"))
    return tuple(found)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _subscription(row: Mapping[str, Any]) -> list[Caveat]:
    name, counters = clean(row["subname"], 200), row["counters"] or {}
    errors = (counters.get("apply_error_count") or 0) + (counters.get("sync_error_count") or 0)
    found = []
    if row["subenabled"] and row["pid"] is None and errors:
        collided = counters.get("confl_insert_exists") or 0
        why = f", {collided} of them an insert of a key that exists" if collided else ""
        text = f"subscription {name} has no apply worker and {_counted(errors, 'error')} so far{why}"
        found.append(Caveat(True, f"{text}: the server log says why"))
    if not row["subenabled"] and row["subdisableonerr"] and errors:
        text = f"subscription {name} is disabled, as an error does it (disable_on_error): see the server log"
        found.append(Caveat(True, text))
    for counter, did in _DIVERGING:
        if count := counters.get(counter) or 0:
            since = str(counters.get("stats_reset") or "")[:16].replace("T", " ")
            text = f"subscription {name} {did} {_counted(count, 'row')} that another node had written"
            text += f" since {clean(since, 20)}" if since else ""
            found.append(
                Caveat(False, f"{text}: native replication keeps the last to arrive, so nodes may differ")
            )
    return found
