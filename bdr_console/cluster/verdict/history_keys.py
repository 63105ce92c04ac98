"""What judgement needs of the past: which figures of a snapshot the history keeps, and under what key.

No node is called like the first word of a key here: its name cannot hold a colon.
"""

from collections.abc import Hashable, Iterable
from datetime import datetime

from bdr_console.cluster.groups import GlobalLock
from bdr_console.cluster.history import History
from bdr_console.cluster.lag_time import lsn_number, wal_moment
from bdr_console.cluster.nodes import Membership
from bdr_console.cluster.replication import Link, LinkState, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.traffic import traffic, uncarried
from bdr_console.cluster.verdict.conflicts import dropped, dropped_key
from bdr_console.cluster.verdict.tables import differences

_STATES = ("lock:", "unready:", "leaderless:", "paused:", "split:", "uncarried:", "tables:")
"""Kinds of keys that are there or not, without a figure."""


def confirmed_key(link: tuple[str, str]) -> Hashable:
    """The position that a link's slot has confirmed, in bytes from 0/0."""
    return ("confirmed:", *link)


def active_key(link: tuple[str, str]) -> Hashable:
    """1 while a link's slot is active, else 0."""
    return ("active:", *link)


def errors_key(link: tuple[str, str]) -> Hashable:
    """How often the receiver of a link has failed to apply."""
    return ("errors:", *link)


def disabled_key(link: tuple[str, str]) -> Hashable:
    """1 while the receiver of a link has its subscription disabled or its apply paused, else 0."""
    return ("disabled:", *link)


def paused_key(node: str) -> Hashable:
    """1 while apply is paused on a node."""
    return ("paused:", node)


def lock_key(lock: GlobalLock) -> Hashable:
    """1 while any node shows that lock."""
    return ("lock:", lock.kind, lock.origin, lock.relation)


def unready_key(node: str) -> Hashable:
    """1 while a node calls itself anything but ready."""
    return ("unready:", node)


def leaderless_key(group: str | None) -> Hashable:
    """1 while no node names a Raft leader of that group."""
    return ("leaderless:", group)


def lag_hour_key(link: tuple[str, str]) -> Hashable:
    """The lag of a link in bytes (in rows where triggers capture changes), in the coarse memory."""
    return ("lag:", *link)


def kept_hour_key(node: str, slot: str) -> Hashable:
    """The WAL that a slot keeps, in bytes, in the coarse memory."""
    return ("kept:", node, slot)


SPLIT = ("split:",)
"""1 while two HAProxies send the new connections of one backend to different nodes."""
UNCARRIED = ("uncarried:",)
"""1 while PgBouncers have more server connections than the HAProxies carry sessions."""


def remember(history: History, snapshot: Snapshot, known: tuple[Link, ...] | None = None) -> None:
    """Keep what this snapshot shows; a reading that was kept before, or is old, adds nothing. `known` are the
    links when it was taken, for a caller that has them already."""
    known = known if known is not None else links(snapshot, snapshot.taken_at)
    _remember_links(history, known)
    fresh = [node for node in snapshot.nodes if node.is_fresh(snapshot.taken_at, snapshot.refresh)]
    present: set[Hashable] = set()
    for node in fresh:
        if node.facts is None:
            continue
        at, written = wal_moment(node)
        if at is not None and written is not None:
            history.wal(node.name).add(at, written)
        for slot in node.facts.slots:
            if node.seen_at is not None and slot.retained_bytes is not None:
                history.add_to_hour(
                    kept_hour_key(node.name, slot.name), node.seen_at, float(slot.retained_bytes)
                )
        if node.seen_at is not None:
            for (origin, noun), count in dropped(node.facts).items():
                history.add(dropped_key(node.name, origin, noun), node.seen_at, float(count))
        if node.facts.apply_paused:
            present.add(paused_key(node.name))
        present |= {lock_key(lock) for lock in node.facts.locks}
        if node.facts.membership not in (Membership.READY, Membership.UNKNOWN):
            present.add(unready_key(node.name))
    told = [entry for node in fresh if node.facts for entry in node.facts.consensus]
    present |= {
        leaderless_key(group)
        for group in {entry.group for entry in told}
        if not any(entry.leader for entry in told if entry.group == group)
    }
    present |= _traffic_states(snapshot) | differences(snapshot, known, snapshot.taken_at)
    _mark(history, present, snapshot.taken_at)


def _remember_links(history: History, known: Iterable[Link]) -> None:
    for link in known:
        if not link.fresh or link.seen_at is None:
            continue
        behind = link.lag_bytes if link.lag_bytes is not None else link.pending_rows
        if behind is not None:
            history.add_to_hour(lag_hour_key(link.key), link.seen_at, float(behind))
        if link.slot is not None:
            history.add(link.key, link.seen_at, link.lag_bytes)  # where a lag is heading is judged by these
            confirmed = lsn_number(link.slot.confirmed_lsn)
            history.add(
                confirmed_key(link.key), link.seen_at, None if confirmed is None else float(confirmed)
            )
            history.add(active_key(link.key), link.seen_at, float(link.slot.active))
        if link.subscription is not None and link.subscription.errors is not None:
            history.add(errors_key(link.key), link.seen_at, float(link.subscription.errors))
        if link.subscription is not None and link.receiver_seen_at is not None:
            off = link.subscription.is_off or link.state is LinkState.PAUSED
            history.add(disabled_key(link.key), link.receiver_seen_at, float(off))


def _traffic_states(snapshot: Snapshot) -> set[Hashable]:
    found: set[Hashable] = set()
    if traffic(snapshot, snapshot.taken_at).split:
        found.add(SPLIT)
    if (uncarried(snapshot, snapshot.taken_at) or 0) > 0:
        found.add(UNCARRIED)
    return found


def _mark(history: History, present: set[Hashable], at: datetime) -> None:
    """Whatever of this kind was there before and is gone ends its run."""
    for key in present:
        history.add(key, at, 1.0)
    for key in history.keys(*_STATES) - present:
        if history.since(key) is not None:
            history.add(key, at, None)
