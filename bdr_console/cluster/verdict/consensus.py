"""What is wrong with what a group must agree on: Raft and write leaders, locks over all nodes. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bdr_console.cluster.groups import Consensus, GlobalLock
from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import Membership, NodeFacts, engine_name
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot, read_lately
from bdr_console.cluster.text import format_seconds, listed
from bdr_console.cluster.verdict.findings import Finding, Impact, Level, Thresholds
from bdr_console.cluster.verdict.history_keys import leaderless_key, lock_key

_ELECTION = 6.0
"""Seconds that an election may take: without a leader for less is no more than a warning."""


def group_findings(snapshot: Snapshot, now: datetime, history: History | None) -> list[Finding]:
    """Consensus and write leaders of every group, as all nodes together tell of them."""
    fresh = read_lately(snapshot, now)
    raft: dict[str | None, list[tuple[str, Consensus]]] = {}
    writers: dict[str, dict[str, list[str]]] = {}
    routed: set[str] = set()
    fenced = set()
    for node, facts in fresh:
        for entry in facts.consensus:
            raft.setdefault(entry.group, []).append((node.name, entry))
        for group in facts.groups:
            writers.setdefault(group.name, {}).setdefault(group.write_leader or "", []).append(node.name)
            if group.routing:
                routed.add(group.name)
        fenced |= {member.name for member in facts.members if member.fenced}
    members = max((len(facts.members) for _, facts in fresh), default=0)
    found = []
    for name, told in raft.items():
        found += _raft(name, told, members, now, history)
    for name, leaders in writers.items():
        found += _writer(name, leaders, fenced, routed=name in routed)
    return found


def _raft(
    group: str | None, told: list[tuple[str, Consensus]], members: int, now: datetime, history: History | None
) -> list[Finding]:
    subject = group or "Raft"
    leaders: dict[str, list[str]] = {}
    for node, entry in told:
        if entry.leader:
            leaders.setdefault(entry.leader, []).append(node)
    found = []
    if not leaders:
        since = history.since(leaderless_key(group)) if history else None
        lasting = history is None or (since is not None and (now - since).total_seconds() > _ELECTION)
        states = listed([f"{node} {entry.state}" for node, entry in told])
        text = f"no Raft leader ({states}): DDL, joins and global sequences wait; rows still replicate"
        found.append(Finding(Level.CRIT if lasting else Level.WARN, subject, text, "raft.leaderless"))
    elif len(leaders) > 1:
        said = "; ".join(
            f"{listed(nodes)} {'follows' if len(nodes) == 1 else 'follow'} {leader}"
            for leader, nodes in leaders.items()
        )
        found.append(Finding(Level.CRIT, subject, f"nodes disagree on the Raft leader: {said}", "raft.split"))
    for node, entry in told:
        if leaders and not entry.leader:
            found.append(Finding(Level.WARN, node, f"knows no Raft leader ({entry.state})", "raft.lost"))
        elif leaders and "CANDIDATE" in entry.state.upper():
            found.append(
                Finding(Level.WARN, node, "is a Raft candidate although there is a leader", "raft.candidate")
            )
        if entry.nodes == 1 and members > 1 and group is None:
            found.append(Finding(Level.CRIT, node, "is alone in its Raft group", "raft.alone"))
    return found


def _writer(group: str, leaders: dict[str, list[str]], fenced: set[str], *, routed: bool) -> list[Finding]:
    named = {leader: nodes for leader, nodes in leaders.items() if leader}
    if len(named) > 1:
        said = "; ".join(f"{listed(nodes)} {_say(nodes)} {leader}" for leader, nodes in named.items())
        return [Finding(Level.CRIT, group, f"nodes disagree on the write leader: {said}", "group.split")]
    if not named:
        text = "has no write leader: nothing routes writes"
        return [Finding(Level.CRIT, group, text, "group.leaderless")] if routed else []
    (leader,) = named
    if leader in fenced:
        return [Finding(Level.CRIT, group, f"its write leader {leader} is fenced", "group.fenced")]
    return []


def _say(names: list[str]) -> str:
    return "says" if len(names) == 1 else "say"


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
