"""What BDR's own rules make of a reading. Pure."""

from collections.abc import Iterable

from bdr_console.cluster.groups import Group
from bdr_console.cluster.nodes import Caveat, Member, Membership, Slot
from bdr_console.cluster.text import clean, format_bytes
from bdr_console.links.postgres import Rows

_STUCK = 2
"""Beginnings at the same LSN from which on the manual calls apply blocked."""
_RECORDS = 900
"""Of the 1024 node records that there can be, parted ones among them."""


def caveats(
    members: Iterable[Member], slots: Iterable[Slot], groups: Iterable[Group], blocked: Rows, applying: Rows
) -> tuple[Caveat, ...]:
    """Blocked apply, a fenced write leader, what parted nodes have left behind."""
    known = tuple(members)
    return (*_blocked(blocked, applying), *_fenced(known, groups), *_leftovers(known, slots))


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


def _fenced(members: Iterable[Member], groups: Iterable[Group]) -> list[Caveat]:
    """Said by the node itself, so that it is said once."""
    leads = {group.write_leader: group.name for group in groups if group.write_leader}
    return [
        Caveat(
            True, f"is write leader of {leads[member.name]}, but fenced: no node may lead the writes there"
        )
        for member in members
        if member.is_local and member.fenced and member.name in leads
    ]


def _leftovers(members: tuple[Member, ...], slots: Iterable[Slot]) -> list[Caveat]:
    parted = {member.name for member in members if member.membership is Membership.PARTED}
    found = [
        Caveat(
            False,
            f"slot {slot.name} is left of parted {slot.target} and keeps {format_bytes(slot.retained_bytes)}",
        )
        for slot in slots
        if slot.target in parted
    ]
    if len(members) >= _RECORDS:
        text = f"{len(members)} node records of 1024 are used, {len(parted)} by parted nodes"
        found.append(Caveat(False, text))
    return found
