"""What BDR's own rules make of a reading. Pure."""

from collections.abc import Sequence

from bdr_console.cluster.nodes import Caveat, Member, Membership
from bdr_console.cluster.text import clean
from bdr_console.links.postgres import Rows

_STUCK = 2
"""Beginnings at the same LSN from which on the manual calls apply blocked."""
_RECORDS = 900
"""Of the 1024 node records that there can be, parted ones among them."""


def caveats(members: Sequence[Member], blocked: Rows, applying: Rows) -> tuple[Caveat, ...]:
    """Blocked apply, and node records that run out."""
    return (*_blocked(blocked, applying), *_records(members))


def _blocked(blocked: Rows, applying: Rows) -> list[Caveat]:
    found = {
        clean(row["sub_name"], 200): f"from {clean(row['origin_name'], 200)} has begun again and again"
        for row in blocked
    }
    for row in applying:
        times = row["retries_at_same_lsn"] or 0
        if times >= _STUCK:
            found.setdefault(clean(row["sub_name"], 200), f"has begun {times} times")
    text = "at the same LSN and applied nothing since: one transaction cannot be applied"
    return [Caveat(True, f"subscription {name} {begun} {text}") for name, begun in found.items()]


def _records(members: Sequence[Member]) -> list[Caveat]:
    if len(members) < _RECORDS:
        return []
    parted = sum(member.membership is Membership.PARTED for member in members)
    return [Caveat(False, f"{len(members)} node records of 1024 are used, {parted} by parted nodes")]
