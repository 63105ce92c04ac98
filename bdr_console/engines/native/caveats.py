"""What native logical replication's own rules make of a reading. Pure."""

from collections.abc import Mapping
from typing import Any

from bdr_console.cluster.nodes import Caveat
from bdr_console.cluster.text import clean, counted
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
