"""What native logical replication's own rules make of a reading. Pure."""

from collections.abc import Mapping
from typing import Any

from bdr_console.cluster.nodes import Caveat
from bdr_console.cluster.text import clean
from bdr_console.links.postgres import Rows

_BLOCKING = (
    ("confl_insert_exists", "an insert of a key that exists"),
    ("confl_update_exists", "an update to a key that exists"),
    ("confl_multiple_unique_conflicts", "a row with several keys that exist"),
)
"""Counters of conflicts that end the apply worker, again and again until somebody takes a row away."""
_NAMED = "names the row; delete it here, or ALTER SUBSCRIPTION ... SKIP"


def caveats(subscriptions: Rows, tables: Rows) -> tuple[Caveat, ...]:
    """Rows of `subscriptions` and `tables`.

    Of the conflicts that PostgreSQL counts from 18 on, some are no fault: each change of a row that another
    node wrote before counts as confl_update_origin_differs, as after every switchover, and a delete of a row
    that is gone already (confl_delete_missing) leaves no difference.
    """
    found = [caveat for row in subscriptions for caveat in _subscription(row)]
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
        counted = [(counters.get(counter) or 0, what) for counter, what in _BLOCKING]
        why = "".join(f", {count} of them {what}" for count, what in counted if count)
        text = f"subscription {name} has no apply worker and {_counted(errors, 'error')} so far{why}"
        found.append(Caveat(True, f"{text}: the server log {_NAMED if why else 'says why'}"))
    if not row["subenabled"] and row["subdisableonerr"] and errors:
        text = f"subscription {name} is disabled, as an error does it (disable_on_error): see the server log"
        found.append(Caveat(True, text))
    if skipped := counters.get("confl_update_missing") or 0:
        since = str(counters.get("stats_reset") or "")[:16].replace("T", " ")
        text = f"subscription {name} skipped {_counted(skipped, 'update')} because the row is not here"
        text += f" (since {clean(since, 20)})" if since else ""
        text += ": nodes may differ. Compare the rows, then pg_stat_reset_subscription_stats"
        found.append(Caveat(False, text))
    return found
