"""A database that Bucardo replicates, and the daemon's sessions in any. Pure."""

import re
from dataclasses import dataclass, replace

from bdr_console.cluster.nodes import Member, Membership, NodeFacts, Subscription, Unread
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import Reading
from bdr_console.engines.core.pending import pending

_NAMEDATALEN = 63
_GRANT = "GRANT pg_monitor to it, or before PostgreSQL 10 let the console log in as a superuser"
_KID = re.compile(r"^bucardo KID \((.*?)(?:\) \(PID \d*\)?)?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Daemons:
    """Who of them is connected here."""

    mcp: bool
    kids: dict[str, int]
    """Sync -> pid of the backend of its KID. A name that did not fit into application_name is cut short."""

    def kid(self, sync: str) -> int | None:
        """The backend of that sync's KID; None when there is none."""
        if sync in self.kids:
            return self.kids[sync]
        whole = f"bucardo KID ({sync})"
        if len(whole.encode()) <= _NAMEDATALEN:
            return None
        cut = whole.encode()[:_NAMEDATALEN].decode(errors="ignore").removeprefix("bucardo KID (")
        return self.kids.get(cut)


def daemons(reading: Reading) -> Daemons | None:
    """The row of `daemons`; None, with a note of why, when the role may not see them."""
    row = reading.row("daemons")
    if row is None:
        return None
    if row["hidden"]:
        reading.unread.append(Unread("daemons", f"the role may not see other roles' sessions: {_GRANT}"))
        return None
    kids = {}
    for line in row["kids"] or ():
        name, _, pid = str(line).rpartition("\n")
        if match := _KID.match(name):
            kids[clean(match[1], 200)] = int(pid)
    return Daemons(bool(row["mcp"]), kids)


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
