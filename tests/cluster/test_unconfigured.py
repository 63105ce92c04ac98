"""Members that the configuration does not name: named, judged by their peers, and never invented."""

from dataclasses import replace

from bdr_console.cluster.nodes import Member, Membership
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import NAMES, NOW, node, node_facts, snapshot, with_node

FOUR = (*NAMES, "node4")
_LOST = "slot lost: WAL that node4 needs is gone, it must be joined anew"
_LACKING = (
    "is a member of the group (node1, node2 and node3 say ACTIVE), but not in the configuration:"
    " nobody watches it"
)
_MAYBE = "lacks 1 of the members node4 and node5: nobody watches it"


def cluster(**changed: object) -> Snapshot:
    """Three configured nodes of a group of four; `changed` are fields of node1's slot for node4."""
    found = replace(snapshot(), proxies=(), poolers=())
    for name in NAMES:
        found = with_node(found, node(name, node_facts(name, FOUR)))
    facts = node_facts("node1", FOUR)
    slots = tuple(replace(s, **changed) if s.target == "node4" else s for s in facts.slots)  # type: ignore[arg-type]
    return with_node(found, node("node1", replace(facts, slots=slots)))


def told(found: Snapshot) -> list[tuple[Level, str, str]]:
    return [(f.level, f.subject, f.text) for f in judge(found, Thresholds(), NOW).findings]


def test_a_member_that_is_not_configured_is_a_warning_with_what_to_do() -> None:
    assert told(cluster()) == [
        (
            Level.WARN,
            "node4",
            _LACKING,
        )
    ]


def test_its_slot_that_is_inactive_lags_or_is_lost_is_judged_like_any_other() -> None:
    for change, level, text in (
        ({"active": False}, Level.CRIT, "slot inactive: node4 is not connected"),
        (
            {"wal_status": "lost"},
            Level.CRIT,
            "slot lost: WAL that node4 needs is gone, it must be joined anew",
        ),
        ({"lag_bytes": 20 * 1024**2}, Level.WARN, "lags 20.0 MiB"),
    ):
        assert (level, "node1 -> node4", text) in told(cluster(**change))


def test_a_missing_slot_and_a_stopped_worker_for_it_are_critical() -> None:
    found = cluster()
    facts = node_facts("node2", FOUR)
    worker = tuple(replace(s, status="down") if s.origin == "node4" else s for s in facts.subscriptions)
    slots = tuple(s for s in facts.slots if s.target != "node4")
    found = with_node(found, node("node2", replace(facts, slots=slots, subscriptions=worker)))
    assert (Level.CRIT, "node2 -> node4", "node2 has no slot for node4") in told(found)
    assert (Level.CRIT, "node4 -> node2", "node2 says down") in told(found)


def test_a_configured_node_that_was_never_read_may_be_the_member_under_another_name() -> None:
    found = cluster()
    unread = replace(node("db4"), facts=None, seen_at=None, error="connection refused")
    found = replace(found, nodes=(*found.nodes, unread))
    assert not [f for f in told(found) if "nobody watches" in f[2]]
    both = with_node(found, node("node3", node_facts("node3", (*FOUR, "node5"))))
    assert (
        Level.WARN,
        "the configuration",
        _MAYBE,
    ) in told(both)


def test_a_member_that_anybody_calls_parted_is_no_member() -> None:
    found = cluster()
    facts = node_facts("node2", FOUR)
    members = tuple(
        Member("node4", Membership.PARTED, "PARTED") if m.name == "node4" else m for m in facts.members
    )
    found = with_node(found, node("node2", replace(facts, members=members)))
    assert not [f for f in told(found) if "nobody watches" in f[2]]


def test_a_delay_that_somebody_set_is_named_as_the_reason_of_a_lag() -> None:
    found = cluster()
    late = node_facts("node1", FOUR)
    slots = tuple(replace(s, lag_bytes=20 * 1024**2) if s.target == "node2" else s for s in late.slots)
    found = with_node(found, node("node1", replace(late, slots=slots)))
    facts = node_facts("node2", FOUR)
    delayed = tuple(replace(s, apply_delay=300.0) if s.origin == "node1" else s for s in facts.subscriptions)
    found = with_node(found, node("node2", replace(facts, subscriptions=delayed)))
    (text,) = (text for _, subject, text in told(found) if subject == "node1 -> node2")
    assert "lags 20.0 MiB" in text
    assert "(apply_delay of 5m 00s is set on node2)" in text
