"""What PGD's nodes agree on: groups, write leaders, consensus, sequences. Pure."""

from collections.abc import Iterable

from bdr_console.cluster.groups import Consensus, Group, SequenceShare
from bdr_console.cluster.nodes import Member
from bdr_console.cluster.text import clean
from bdr_console.engines.core.facts import text_or_none
from bdr_console.links.postgres import Rows, Unreadable

_NO_LEADER = "only the chunk at hand: more needs a Raft leader"


def consensus(answer: Rows | Unreadable) -> tuple[Consensus, ...]:
    """Rows of `raft` (group_name, state, leader, term, nodes, voting_nodes), or why its worker could not
    answer, which is an opinion, too."""
    if isinstance(answer, Unreadable):
        return (Consensus(f"unknown: {answer.why}", None),)
    return tuple(
        Consensus(
            state=clean(row["state"] or "unknown", 60),
            leader=text_or_none(row["leader"]),
            term=row["term"],
            nodes=row["nodes"],
            voting_nodes=row["voting_nodes"],
            group=text_or_none(row["group_name"]),
        )
        for row in answer
    )


def groups(
    rows: Rows, leaders: Rows, raft: Iterable[Consensus], members: Iterable[Member], router: str
) -> tuple[Group, ...]:
    """Rows of `groups` with their leaders. Before PGD 5 groups are known by their members alone."""
    leading = {row["node_group_name"]: row for row in leaders}
    elected = {c.group: c.leader for c in raft}
    found = []
    for row in rows or _of(members):
        name, parent = clean(row["node_group_name"], 200), text_or_none(row["parent_group_name"])
        lead = leading.get(row["node_group_name"], {})
        found.append(
            Group(
                name=name,
                parent=parent,
                kind=text_or_none(row["kind"]),
                write_leader=text_or_none(lead.get("write_lead")),
                previous_write_leader=text_or_none(lead.get("previous_write_lead")),
                read_nodes=tuple(clean(node, 200) for node in lead.get("read_nodes") or ()),
                # Before PGD 6 a node tells only of the consensus of the whole.
                raft_leader=elected.get(name, elected.get(None) if parent is None else None),
                routing=router if row["routed"] else None,
            )
        )
    return tuple(found)


def _of(members: Iterable[Member]) -> Rows:
    names = dict.fromkeys(member.group for member in members if member.group)
    nothing = {"parent_group_name": None, "kind": None, "routed": None}
    return [{"node_group_name": name, **nothing} for name in names]


def sequences(rows: Rows, raft: Iterable[Consensus]) -> tuple[SequenceShare, ...]:
    """Sequences that can get no new chunk, which is when nobody leads; none where consensus is not known."""
    known = [c for c in raft if not c.state.startswith("unknown")]
    if not known or any(c.leader or c.state == "RAFT_LEADER" for c in known):
        return ()
    return tuple(SequenceShare(clean(row["name"], 200), None, _NO_LEADER) for row in rows)
