"""Rows of pglogical 2 -> types; Spock, its descendant, has the same under other names. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from bdr_console.cluster.nodes import Caveat, Member, Membership, Subscription
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import moment, text_or_none
from bdr_console.links.postgres import Rows

Row = Mapping[str, Any]

SET_STATEMENTS = ("set_tables", "sets", "copied")
"""The statements that tell which tables go where."""
_COPYING = "initializing"
"""The status of a subscription whose first copy runs."""


def members(rows: Rows, subscriptions: Rows, read_only: bool | None = None) -> tuple[Member, ...]:
    """Rows of `members` and `subscriptions`. A name in the catalog is all the membership there is; this node
    is joining while the first copy of a subscription runs."""
    copying = any(row["status"] == _COPYING for row in subscriptions)
    return tuple(
        Member(
            name=clean(row["node_name"], 200),
            membership=Membership.JOINING if row["is_local"] and copying else Membership.READY,
            raw_state=_COPYING if row["is_local"] and copying else "node",
            is_local=row["is_local"],
            read_only=read_only if row["is_local"] else None,
        )
        for row in rows
    )


def subscriptions(rows: Rows, copied: Iterable[Row] = ()) -> tuple[Subscription, ...]:
    """Rows of `subscriptions`; last_commit_at and received_lsn where to be had. Rows of `copied`."""
    tables: dict[str, Row] = {row["sub_name"]: row for row in copied}
    return tuple(
        Subscription(
            name=clean(row["sub_name"], 200),
            origin=clean(row["origin_name"], 200),
            enabled=bool(row["sub_enabled"]),
            status=clean(row["status"] or "unknown", 60),
            last_commit_at=moment(row.get("last_commit_at")),
            applied_until=moment(row.get("last_commit_at")),
            apply_pid=row["pid"],
            replication_sets=tuple(clean(name, 100) for name in row["replication_sets"] or ()),
            apply_delay=row["apply_delay"] or None,
            received_lsn=text_or_none(row.get("received_lsn")),
            slot_name=text_or_none(row["sub_slot_name"]),
            copied_tables=tuple(
                clean(name, 200) for name in tables.get(row["sub_name"], {}).get("names", ())
            ),
            copied_count=tables.get(row["sub_name"], {}).get("tables"),
            forwards="all" in (row["forward_origins"] or ()),
        )
        for row in rows
    )


def sync_caveats(syncs: Rows) -> list[Caveat]:
    """Tables that are still being copied."""
    return [
        Caveat(False, f"subscription {clean(row['sub_name'], 200)}: {row['tables']} tables not copied yet")
        for row in syncs
    ]


def both_ways(rows: Iterable[Row], plugins: Iterable[str | None], plugin: str) -> bool:
    """Whether this node receives and sends, so that rows may collide here."""
    return any(row["sub_enabled"] for row in rows) and plugin in set(plugins)
