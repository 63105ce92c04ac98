"""What is wrong with locks over all nodes: one that is not granted, or held, for too long. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bdr_console.cluster.findings import Finding, Impact, Level, Thresholds
from bdr_console.cluster.groups import GlobalLock
from bdr_console.cluster.history import History
from bdr_console.cluster.memory import lock_key
from bdr_console.cluster.nodes import Membership, NodeFacts, engine_name
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.reach import listed, read_lately
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_seconds

_GRANTED = frozenset({"acquired", "acquire_acquired", "peer_confirmed"})
"""Stages in which a node has granted the lock, or holds it."""

Seen = list[tuple[Observed[NodeFacts], GlobalLock]]


def lock_findings(snapshot: Snapshot, limits: Thresholds, now: datetime, history: History) -> list[Finding]:
    """Each lock once, however many nodes show it; the subject is the node that asked for it."""
    fresh = read_lately(snapshot, now)
    by_lock: dict[tuple[str, str, str], Seen] = {}
    for node, facts in fresh:
        for lock in facts.locks:
            by_lock.setdefault((lock.kind, lock.origin, lock.relation), []).append((node, lock))
    return [finding for seen in by_lock.values() if (finding := _lock(seen, fresh, limits, now, history))]


def _lock(
    seen: Seen,
    fresh: Sequence[tuple[Observed[NodeFacts], NodeFacts]],
    limits: Thresholds,
    now: datetime,
    history: History,
) -> Finding | None:
    lock = seen[0][1]
    age = max((other.age for _, other in seen if other.age is not None), default=None)
    told = age is not None
    if age is None and (since := history.since(lock_key(lock))) is not None:
        age = (now - since).total_seconds()
    origin = next((node.name for node, _ in fresh if engine_name(node) == lock.origin), lock.origin)
    silent = [
        node.name
        for node, facts in fresh
        if node.name != origin
        and node.name not in {shown.name for shown, _ in seen}
        and facts.membership is Membership.READY
    ]
    waits = [node.name for node, other in seen if other.stage not in _GRANTED]
    held = not waits and not silent
    age = age or 0.0
    if age >= limits.lock_wait_crit and (lock.blocks_writes or not held):
        level = Level.CRIT
    elif age >= limits.lock_wait_warn:
        level = Level.WARN
    else:
        return None
    lasting = format_seconds(age) + ("" if told else " at least")
    text = f"{lock.kind} held for {lasting}" if held else f"waits for {lock.kind} for {lasting}"
    if lock.relation:
        text += f" on {lock.relation}"
    pid = next((other.pid for _, other in seen if other.pid is not None), None)
    if pid is not None:
        text += f", pid {pid}"
    if confirmed := next((other.confirmed for _, other in seen if other.confirmed), None):
        text += f", {confirmed} granted it"
    missing = [f"{node.name} says {other.stage}" for node, other in seen if other.stage not in _GRANTED]
    missing += [f"{listed(silent)} {'has' if len(silent) == 1 else 'have'} not answered it"] if silent else []
    if missing:
        text += f"; {listed(missing)}"
    if lock.blocks_writes:
        text += "; writes hang on every node that has seen it"
    hurts = Impact.CLIENTS if lock.blocks_writes else None
    return Finding(level, origin, text, f"lock:{lock.kind} {lock.relation}".rstrip(), impact=hurts)
