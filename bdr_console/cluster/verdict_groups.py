"""What is wrong with what a group must agree on: its Raft leader, its write leader. Pure."""

from datetime import datetime

from bdr_console.cluster.findings import Finding, Level
from bdr_console.cluster.groups import Consensus
from bdr_console.cluster.history import History
from bdr_console.cluster.memory import leaderless_key
from bdr_console.cluster.reach import listed, read_lately
from bdr_console.cluster.snapshot import Snapshot

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
