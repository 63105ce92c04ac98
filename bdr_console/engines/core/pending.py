"""Rows of `pending` -> types, for every engine whose triggers capture changes. Pure."""

from bdr_console.cluster.nodes import Pending
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Reading, text_or_none

COUNTED_TO = 10_000
"""Where the engines' statements give up counting: a backlog must not cost the more the longer it grows."""


def pending(reading: Reading) -> tuple[Pending, ...]:
    """Rows of `pending`: sync, tablename, target, waiting, age (seconds; NULL when none waits)."""
    return tuple(
        Pending(
            name=clean(row["sync"] or "", 200),
            table=clean(row["tablename"] or "", 200),
            target=_target(row["target"]),
            rows=row["waiting"] or 0,
            more=(row["waiting"] or 0) >= COUNTED_TO,
            oldest=max(0.0, row["age"]) if row["age"] is not None else None,
        )
        for row in reading.rows("pending")
    )


def _target(value: object) -> str | None:
    text = text_or_none(value)
    return text.removeprefix("dbgroup ") if text else None
