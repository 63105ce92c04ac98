"""Links that are being switched off and on, apply that waits for a lock, changes that were thrown away."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bdr_console.cluster.activity import BlockedWorker, LockHolder, PreparedTransaction
from bdr_console.cluster.conflicts import ConflictCount
from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Finding, Level, Thresholds
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import NOW, node_facts, snapshot, with_node

LINK = "node1 -> node2"


def read(seconds: float, **of: tuple[NodeFacts, float]) -> Snapshot:
    """The cluster `seconds` later; each node that is given was read at that second, the others just now."""
    now = NOW + timedelta(seconds=seconds)
    found = snapshot()
    for each in found.nodes:
        facts, at = of.get(each.name, (each.facts or node_facts(each.name), seconds))
        found = with_node(found, replace(each, facts=facts, seen_at=NOW + timedelta(seconds=at)))
    return replace(found, taken_at=now, proxies=(), poolers=())


def watched(*looks: Snapshot) -> list[Finding]:
    """What the last look finds after all were remembered, about the link from node1 to node2."""
    past = History()
    for look in looks:
        remember(past, look)
    found = judge(looks[-1], Thresholds(), looks[-1].taken_at, past).findings
    return [finding for finding in found if finding.subject == LINK]


def sender(*, active: bool, lost: bool = False) -> NodeFacts:
    facts = node_facts("node1")
    slots = tuple(
        replace(s, active=active, wal_status="lost" if lost else "reserved") if s.target == "node2" else s
        for s in facts.slots
    )
    return replace(facts, slots=slots)


def receiver(*, enabled: bool = True, status: str = "replicating") -> NodeFacts:
    facts = node_facts("node2")
    subscriptions = tuple(
        replace(s, enabled=enabled, status=status) if s.origin == "node1" else s for s in facts.subscriptions
    )
    return replace(facts, subscriptions=subscriptions)


def test_a_subscription_that_is_disabled_is_never_critical_for_a_moment() -> None:
    before = read(0.0)
    sender_first = read(1.0, node1=(sender(active=False), 1.0), node2=(receiver(), 0.5))
    (between,) = watched(before, sender_first)
    assert (between.level, between.text) == (Level.UNKNOWN, "slot inactive; node2 has not been read since")
    both = read(
        1.6, node1=(sender(active=False), 1.0), node2=(receiver(enabled=False, status="disabled"), 1.5)
    )
    (then,) = watched(before, sender_first, both)
    assert (then.level, then.text) == (Level.WARN, "apply is disabled on node2")


def test_a_slot_that_stays_inactive_while_its_reader_says_otherwise_is_critical() -> None:
    looks = [read(0.0)]
    looks += [read(s, node1=(sender(active=False), s), node2=(receiver(), s - 0.5)) for s in (1.0, 2.0, 3.0)]
    assert [finding.level for finding in watched(*looks)] == [Level.CRIT]


def test_a_receiver_that_died_is_not_taken_for_one_that_is_about_to_be_read() -> None:
    gone = read(1.0, node1=(sender(active=False), 1.0), node2=(receiver(), 0.5))
    silent = with_node(gone, replace(gone.nodes[1], error="connection refused"))
    assert [finding.level for finding in watched(read(0.0), silent)] == [Level.CRIT]


@pytest.mark.parametrize(("after", "level"), [(2.0, Level.WARN), (11.0, Level.CRIT)])
def test_a_worker_has_ten_seconds_to_start_once_its_subscription_is_enabled(
    after: float, level: Level
) -> None:
    off = read(
        0.0, node1=(sender(active=False), 0.0), node2=(receiver(enabled=False, status="disabled"), 0.0)
    )
    on = read(after, node1=(sender(active=False), after), node2=(receiver(status="down"), after))
    assert [finding.level for finding in watched(off, on)] == [level]


def test_a_slot_that_is_lost_is_said_though_apply_is_disabled() -> None:
    off = receiver(enabled=False, status="disabled")
    (found,) = watched(read(0.0, node1=(sender(active=False, lost=True), 0.0), node2=(off, 0.0)))
    assert found.level is Level.CRIT
    assert found.text.startswith("slot lost: WAL that node2 needs is gone, it must be joined anew")
    assert "apply is disabled on node2" in found.text


def blocked(seconds: float, *holders: LockHolder, pid: int = 200) -> NodeFacts:
    """node2 with a worker that waits; each of its apply workers has pid 200."""
    worker = BlockedWorker(
        pid, pid, seconds, holders or (LockHolder(9, "bob", "report", "local", "active", 60.0),)
    )
    subscriptions = tuple(
        replace(s, apply_pid=200 if s.origin == "node1" else 201) for s in node_facts("node2").subscriptions
    )
    return replace(node_facts("node2"), subscriptions=subscriptions, blocked_workers=(worker,))


@pytest.mark.parametrize(("seconds", "level"), [(5.0, None), (12.0, Level.WARN), (61.0, Level.CRIT)])
def test_apply_that_waits_for_a_lock_gets_worse_with_time(seconds: float, level: Level | None) -> None:
    found = watched(read(0.0, node2=(blocked(seconds), 0.0)))
    assert [finding.level for finding in found] == ([] if level is None else [level])
    if level:
        assert f"apply on node2 (pid 200) waits {'12.0 s' if seconds == 12 else '1m 01s'}" in found[0].text
        assert found[0].remedy == "on node2 (node2:5432): SELECT pg_terminate_backend(9), or wait for its end"


def test_a_worker_of_no_link_that_is_known_is_reported_at_its_node() -> None:
    facts = blocked(30.0, pid=77)
    found = judge(read(0.0, node2=(facts, 0.0)), Thresholds(), NOW).findings
    (one,) = [finding for finding in found if finding.code == "apply.blocked:77"]
    assert (one.subject, one.level) == ("node2", Level.WARN)


def test_a_prepared_transaction_that_holds_back_much_wal_is_critical() -> None:
    old = PreparedTransaction("it's", "bob", 75.0, "app")
    facts = replace(node_facts("node1"), prepared=(old, replace(old, gid="young", age=3.0)))
    much = tuple(replace(s, retained_bytes=2 * 1024**3) for s in facts.slots)
    for slots, level in ((facts.slots, Level.WARN), (much, Level.CRIT)):
        shown = read(0.0, node1=(replace(facts, slots=slots), 0.0))
        found = judge(shown, Thresholds(), NOW).findings
        (one,) = [finding for finding in found if finding.code == "node.prepared"]
        assert one.level is level
        assert "more" not in one.text, "the young one is none"
        assert one.remedy.startswith("in database app on node1 (node1:5432): ROLLBACK PREPARED 'it''s'")


def dropping(updates: int, deletes: int = 0) -> NodeFacts:
    counts = [("update_missing", updates), ("delete_missing", deletes), ("update_origin_differs", 500)]
    return replace(
        node_facts("node2"), conflict_counts=tuple(ConflictCount("from_node1", k, n) for k, n in counts if n)
    )


@pytest.mark.parametrize(
    ("before", "now", "level", "text"),
    [
        (dropping(0), dropping(0), None, ""),
        (dropping(51), dropping(51), Level.WARN, "threw 51 updates away here"),
        (dropping(0, 3), dropping(0, 3), None, ""),
        (dropping(0, 3), dropping(0, 4), Level.WARN, "had no row for 1 delete in the last 5m 00s"),
        (dropping(51), dropping(52, 1), Level.CRIT, "threw 52 updates and 1 delete away here"),
        (dropping(51), dropping(2), Level.WARN, "threw 2 updates away here"),
    ],
)
def test_the_node_that_throws_changes_away_is_named_and_what_was_handed_over_is_not_counted(
    before: NodeFacts, now: NodeFacts, level: Level | None, text: str
) -> None:
    past = History()
    looks = [read(0.0, node2=(before, 0.0)), read(5.0, node2=(now, 5.0))]
    for look in looks:
        remember(past, look)
    found = judge(looks[-1], Thresholds(), looks[-1].taken_at, past).findings
    dropped = [finding for finding in found if finding.code.startswith("conflict.")]
    assert [(f.subject, f.level) for f in dropped] == ([] if level is None else [("node2", level)])
    assert all(text in finding.text for finding in dropped)
