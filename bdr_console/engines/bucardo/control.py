"""Bucardo's control database: what was asked for, and whether anybody does it. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bdr_console.cluster.conflicts import Conflict, ConflictCount
from bdr_console.cluster.nodes import Caveat, Member, Membership, NodeFacts, Subscription
from bdr_console.cluster.text import clean
from bdr_console.engines.bucardo.member import Daemons, daemons
from bdr_console.engines.core.facts import Reading, moment, text_or_none


def facts(node: NodeFacts, reading: Reading) -> NodeFacts:
    """`node` with the members, the syncs, the conflicts of their runs, and what keeps them from running."""
    found = daemons(reading)
    syncs = reading.rows("syncs")
    members = tuple(_member(row) for row in reading.rows("members"))
    return replace(
        node,
        is_control=True,
        members=members,
        subscriptions=tuple(_sync(row, found) for row in syncs),
        conflicts=tuple(conflict for row in reading.rows("conflicts") if (conflict := _conflict(row))),
        conflict_counts=tuple(
            ConflictCount(f"sync {clean(row['origin'], 200)}", "any", row["conflicts"])
            for row in reading.rows("conflict_counts")
        ),
        caveats=(*node.caveats, *_caveats(syncs, members, found)),
    )


def _member(row: Mapping[str, Any]) -> Member:
    active = row["status"] == "active"
    return Member(
        name=clean(row["name"], 200),
        membership=Membership.READY if active else Membership.UNKNOWN,
        raw_state=clean(row["status"] or "", 60),
        group=text_or_none(row["dbgroups"]),
        kind=text_or_none(row["roles"]),
    )


def _sync(row: Mapping[str, Any], found: Daemons | None) -> Subscription:
    pid = found.kid(row["name"]) if found else None
    if row["status"] != "active":
        status = clean(row["status"] or "unknown", 60)
    elif found is None:
        status = "unknown"
    else:
        # Without kidsalive a KID comes for each run only: between two runs its absence means nothing.
        status = "replicating" if pid else "down" if row["kidsalive"] else "idle"
    return Subscription(
        name=clean(row["name"], 200),
        origin=f"group {clean(row['dbs'] or '', 200)}",
        enabled=row["status"] == "active",
        status=status,
        apply_pid=pid,
    )


def _caveats(
    syncs: list[dict[str, Any]], members: tuple[Member, ...], found: Daemons | None
) -> tuple[Caveat, ...]:
    told = [
        Caveat(False, f"Bucardo's database {member.name} is {member.raw_state}")
        for member in members
        if member.membership is not Membership.READY
    ]
    names = {row["name"]: _sync(row, found) for row in syncs}
    told += [
        Caveat(False, f"sync {sync.name} is {sync.status}: it carries nothing")
        for sync in names.values()
        if not sync.enabled
    ]
    if found is None:
        return tuple(told)
    if not found.mcp:
        told.append(Caveat(True, "Bucardo does not run: its MCP has no session here"))
    else:
        told += [
            Caveat(
                True,
                f"sync {sync.name} is active, but no KID runs for it: paused, or given up when a member was"
                " lost (then only `bucardo restart` helps)",
            )
            for sync in names.values()
            if sync.status == "down"
        ]
    return tuple(told)


def _conflict(row: Mapping[str, Any]) -> Conflict | None:
    at = moment(row["at"])
    if at is None:
        return None
    count, sync = row["conflicts"], clean(row["sync"], 200)
    return Conflict(
        at=at,
        table=f"sync {sync}",
        kind=f"{count} in one run",
        resolution=clean(row["conflict_strategy"] or "not told", 60),
        origin=None,
        key=f"{sync} {at.isoformat()}",
    )
