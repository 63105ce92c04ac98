"""A database that Bucardo replicates. Pure."""

from dataclasses import replace

from bdr_console.cluster.nodes import Member, Membership, NodeFacts, Subscription
from bdr_console.cluster.text import clean
from bdr_console.engines.bucardo.daemons import daemons
from bdr_console.engines.core.facts import Reading
from bdr_console.engines.core.pending import pending


def facts(node: NodeFacts, reading: Reading) -> NodeFacts:
    """`node` with the rows that wait in it and the KIDs that are connected. It does not know by which name
    the control database calls it, so it has none; a group is what its rows go to."""
    waiting = pending(reading)
    found = daemons(reading)
    syncs = sorted({sync for part in waiting for sync in part.name.split(", ")})
    groups = sorted({part.target for part in waiting if part.target})
    group = ", ".join(groups) or None
    return replace(
        node,
        group=group,
        members=(Member("this database", Membership.READY, "captures changes", group, True, kind="source"),)
        if waiting
        else (),
        subscriptions=tuple(
            Subscription(
                name=clean(sync, 200),
                origin="every other member",
                enabled=True,
                status="unknown" if found is None else "replicating" if found.kid(sync) else "down",
                apply_pid=found.kid(sync) if found else None,
            )
            for sync in syncs
        ),
        pending=waiting,
    )
