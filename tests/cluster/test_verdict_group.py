"""What only several nodes together show: who is a member, whose clock is off, who leads, who holds a lock."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from bdr_console.cluster.conflicts import Conflict
from bdr_console.cluster.groups import Consensus, GlobalLock, Group, SequenceShare
from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import Caveat, Member, Membership, NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import LinkState, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from bdr_console.cluster.verdict.nodes import skews
from tests.cluster.builders import (
    NAMES,
    NOW,
    node,
    node_facts,
    proxy,
    server,
    slot,
    snapshot,
    subscription,
    with_node,
)

LIMITS = Thresholds()


def changed(**by_node: Mapping[str, object]) -> Snapshot:
    """Three healthy nodes with nothing in front of them, with these fields of these nodes' facts changed."""
    found = replace(snapshot(), proxies=(), poolers=())
    for name, fields in by_node.items():
        found = with_node(found, node(name, replace(node_facts(name), **fields)))  # type: ignore[arg-type]
    return found


def told(found: Snapshot, history: History | None = None) -> set[tuple[str, str, str]]:
    verdict = judge(found, LIMITS, found.taken_at, history)
    return {(finding.level.name, finding.subject, finding.text) for finding in verdict.findings}


def one(found: Snapshot, history: History | None = None) -> tuple[str, str, str]:
    (finding,) = told(found, history)
    return finding


def listing(local: str, **states: Membership) -> tuple[Member, ...]:
    """What `local` says of every node: ready, where nothing else is given."""
    return tuple(
        Member(
            name,
            states.get(name, Membership.READY),
            states.get(name, Membership.READY).value,
            "app",
            name == local,
        )
        for name in NAMES
    )


PARTED, JOINING, READY = Membership.PARTED, Membership.JOINING, Membership.READY


@pytest.mark.parametrize(
    ("says", "level", "begins"),
    [
        ({"node1": {"node3": PARTED}}, "CRIT", "was parted (node1 says so) but calls itself ready"),
        ({"node1": {"node3": JOINING}}, "WARN", "calls itself ready, but node1 says it is still joining"),
        ({"node3": {"node3": JOINING}}, "WARN", "is joining, not ready (joining)"),
        (
            {"node1": {"node3": PARTED}, "node3": {"node3": JOINING}},
            "CRIT",
            "cannot finish its join (joining): node1 still has a parted row of its name",
        ),
    ],
)
def test_a_node_and_its_peers_are_both_heard_about_its_membership(
    says: dict[str, dict[str, Membership]], level: str, begins: str
) -> None:
    found = changed(**{name: {"members": listing(name, **states)} for name, states in says.items()})
    (mine,) = (finding for finding in told(found) if finding[1] == "node3")
    assert mine[0] == level
    assert mine[2].startswith(begins)


def test_a_node_that_lost_its_membership_is_critical_while_others_count_on_it() -> None:
    found = changed(node3={"members": (), "slots": (), "subscriptions": ()})
    assert (
        "CRIT",
        "node3",
        "is no member by its own word, but node1 and node2 say it is ready",
    ) in told(found)


def test_a_join_that_does_not_move_turns_critical_after_half_an_hour() -> None:
    found, history = changed(node3={"members": listing("node3", node3=JOINING)}), History()
    levels = {}
    for minutes in (0, 6, 31):
        at = NOW + timedelta(minutes=minutes)
        later = replace(
            found,
            taken_at=at,
            nodes=tuple(replace(seen, seen_at=at) for seen in found.nodes),
            proxies=(),
            poolers=(),
        )
        remember(history, later)
        (finding,) = (f for f in judge(later, LIMITS, at, history).findings if f.subject == "node3")
        levels[minutes] = (finding.level, "looks stuck" in finding.text)
    assert levels == {0: (Level.WARN, False), 6: (Level.WARN, False), 31: (Level.CRIT, True)}


def test_a_node_of_another_version_is_named_with_both() -> None:
    found = changed(node2={"engine": "BDR 3.7.22"})
    assert one(found) == ("WARN", "node2", "runs BDR 3.7.22 on 15.4, others BDR 3.7.23 on 15.4")


def ticking(**offsets: float) -> Snapshot:
    """Nodes whose clocks are that many seconds off, each read within 200 ms."""
    found = snapshot()
    for name, off in offsets.items():
        seen = node(name)
        assert seen.seen_at
        clock = seen.seen_at - timedelta(seconds=0.1) + timedelta(seconds=off)
        found = with_node(found, replace(seen, took_ms=200.0, facts=replace(node_facts(name), clock=clock)))
    return found


@pytest.mark.parametrize(
    ("off", "level"), [(0.0, None), (1.9, None), (2.1, None), (2.5, "WARN"), (-2.5, "WARN"), (6.0, "CRIT")]
)
def test_a_clock_is_off_only_beyond_what_the_round_trips_leave_unsure(off: float, level: str | None) -> None:
    found = told(ticking(node1=0.0, node2=0.05, node3=off))
    assert [finding[0] for finding in found] == ([level] if level else [])
    assert all(finding[1] == "node3" for finding in found)


def test_the_consoles_own_clock_does_not_matter() -> None:
    found = skews(ticking(node1=100.0, node2=100.0, node3=103.0), NOW)
    assert {name: round(skew.seconds, 3) for name, skew in found.items()} == {"node2": 0.0, "node3": 3.0}
    assert found["node3"].against == "node1"
    assert found["node3"].uncertainty == pytest.approx(0.2)
    text = next(iter(told(ticking(node1=0.0, node2=0.0, node3=3.0))))[2]
    assert text.startswith("clock 3.0 s ahead of node1's (give or take 200 ms)")


def raft(node1: str | None, node2: str | None, node3: str | None, state: str = "RAFT_FOLLOWER") -> Snapshot:
    leaders = zip(NAMES, (node1, node2, node3), strict=True)
    return changed(**{name: {"consensus": (Consensus(state, leader, 7, 3, 3),)} for name, leader in leaders})


def test_raft_needs_one_leader_whom_all_name() -> None:
    assert told(raft("node1", "node1", "node1")) == set()
    level, subject, text = one(raft("node1", "node1", "node3"))
    assert (level, subject) == ("CRIT", "Raft")
    assert text == "nodes disagree on the Raft leader: node1 and node2 follow node1; node3 follows node3"
    assert one(raft("node1", None, "node1")) == ("WARN", "node2", "knows no Raft leader (RAFT_FOLLOWER)")


def test_an_election_may_take_a_moment_before_its_want_of_a_leader_is_critical() -> None:
    found, history = raft(None, None, None, "RAFT_CANDIDATE"), History()
    assert one(found)[0] == "CRIT", "nothing is known of the past"
    remember(history, found)
    assert one(found, history)[0] == "WARN"
    later = replace(
        found,
        taken_at=NOW + timedelta(seconds=7),
        nodes=tuple(node(n.name, n.facts, -6.5) for n in found.nodes),
    )
    remember(history, later)
    assert ("CRIT", "Raft") in {
        finding[:2] for finding in told(replace(later, proxies=(), poolers=()), history)
    }


def led(*leaders: str | None, fenced: str = "") -> Snapshot:
    given = zip(NAMES, leaders, strict=True)
    return changed(
        **{
            name: {
                "groups": (Group("dc1", "top", write_leader=leader, routing="PGD Proxy"),),
                "members": tuple(replace(m, fenced=m.name == fenced) for m in listing(name)),
            }
            for name, leader in given
        }
    )


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (led("node1", "node1", "node2"), "nodes disagree on the write leader: node1 and node2 say node1"),
        (led(None, None, None), "has no write leader"),
        (led("node1", "node1", "node1", fenced="node1"), "its write leader node1 is fenced"),
    ],
)
def test_a_group_routes_writes_by_one_leader_who_is_not_fenced(found: Snapshot, text: str) -> None:
    level, subject, shown = one(found)
    assert (level, subject) == ("CRIT", "dc1")
    assert shown.startswith(text)
    assert told(led("node1", "node1", "node1")) == set()


def locked(stage: str, age: float | None, kind: str = "write_lock") -> Snapshot:
    """A lock that node1 asked for, shown by all nodes."""
    lock = GlobalLock(kind, "node1", "public.t", stage, age)
    return changed(
        **{name: {"locks": (replace(lock, pid=4711) if name == "node1" else lock,)} for name in NAMES}
    )


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (locked("catchup", 9.0), None),
        (locked("catchup", 12.0), "WARN"),
        (locked("catchup", 61.0), "CRIT"),
        (locked("acquired", 61.0), "CRIT"),
        (locked("acquired", 61.0, "ddl_lock"), "WARN"),
        (locked("catchup", 61.0, "ddl_lock"), "CRIT"),
    ],
)
def test_a_global_lock_is_as_bad_as_what_it_holds_up_and_for_how_long(
    found: Snapshot, level: str | None
) -> None:
    assert [finding[:2] for finding in told(found)] == ([(level, "node1")] if level else [])


def test_a_lock_says_who_asked_who_has_not_granted_it_and_what_hangs() -> None:
    assert one(locked("catchup", 61.0))[2] == (
        "waits for write_lock for 1m 01s on public.t, pid 4711;"
        " node1 says catchup, node2 says catchup and node3 says catchup;"
        " writes hang on every node that has seen it"
    )


def test_a_lock_whose_view_tells_no_time_is_timed_from_when_it_was_first_seen() -> None:
    found, history = locked("peer_begin_catchup", None), History()
    for seconds in (0, 5, 20):
        at = NOW + timedelta(seconds=seconds)
        nodes = tuple(replace(seen, seen_at=at) for seen in found.nodes)
        later = replace(found, taken_at=at, nodes=nodes, proxies=(), poolers=())
        remember(history, later)
        shown = [text for _, _, text in told(later, history)]
        assert bool(shown) is (seconds >= 10)
    assert shown[0].startswith("waits for write_lock for 20.0 s at least on public.t")


def test_a_paused_apply_is_told_at_the_node_and_at_every_link_to_it() -> None:
    found = told(changed(node3={"apply_paused": True}))
    assert {finding[:2] for finding in found} == {
        ("WARN", "node3"), ("WARN", "node1 -> node3"), ("WARN", "node2 -> node3"),
    }  # fmt: skip


def test_a_lost_slot_and_one_about_to_be_lost_are_critical() -> None:
    for status, text in (
        ("lost", "slot lost: WAL that node2 needs is gone, it must be joined anew"),
        ("unreserved", "slot to_node2 is about to lose WAL that node2 needs (wal_status unreserved)"),
    ):
        found = changed(node1={"slots": (replace(slot("node2"), wal_status=status), slot("node3"))})
        assert one(found) == ("CRIT", "node1 -> node2", text)


def test_a_slot_that_nobody_reads_is_told_with_the_wal_that_it_keeps() -> None:
    orphan = replace(slot("x"), name="old", target=None, active=False, retained_bytes=5 << 20)
    mine = (slot("node2"), slot("node3"))
    level, subject, text = one(changed(node1={"slots": (*mine, orphan)}))
    assert (level, subject, text) == (
        "WARN",
        "node1",
        "slot old: no known node reads it; it keeps 5.0 MiB of WAL",
    )
    big = replace(orphan, retained_bytes=2 << 30)
    assert one(changed(node1={"slots": (*mine, big)}))[0] == "CRIT"
    assert told(changed(node1={"slots": (*mine, replace(orphan, active=True))})) == set()


def test_a_one_way_connection_expects_no_slot_for_the_way_back() -> None:
    from_node2 = replace(subscription("node2"), unidirectional=True)
    found = changed(node1={"slots": (slot("node3"),), "subscriptions": (from_node2, subscription("node3"))})
    link = next(link for link in links(found, NOW) if link.key == ("node1", "node2"))
    assert (link.state, link.reason) == (LinkState.ABSENT, "node1 only receives from node2 (unidirectional)")
    assert told(found) == set()


def test_lag_tells_when_it_will_be_gone() -> None:
    history = History()
    for seconds, lag in ((0, 60 << 20), (5, 50 << 20), (10, 40 << 20)):
        history.add(("node2", "node3"), NOW + timedelta(seconds=seconds), lag)
    found = changed(node2={"slots": (slot("node1"), slot("node3", 40 << 20))})
    assert one(found, history)[2] == "lags 40.0 MiB, catching up in 20.0 s"
    own_word = replace(slot("node3", 40 << 20), catchup_seconds=90.0)
    assert (
        one(changed(node2={"slots": (slot("node1"), own_word)}))[2] == "lags 40.0 MiB, catching up in 1m 30s"
    )


def test_marks_caveats_and_sequences_of_a_node_are_told() -> None:
    members = tuple(replace(member, read_only=member.is_local) for member in listing("node1"))
    found = changed(
        node1={"members": members, "caveats": (Caveat(True, "loses data"), Caveat(False, "is odd"))},
        node2={"read_only": True, "sequences": (SequenceShare("public.s", 7, "1 chunks left"),)},
    )
    assert told(found) == {
        ("CRIT", "node1", "loses data"),
        ("WARN", "node1", "is odd"),
        ("WARN", "node1", "is marked read-only in the group"),
        ("WARN", "node2", "is set read-only (default_transaction_read_only)"),
        ("WARN", "node2", "sequence public.s has 7 values left (1 chunks left)"),
    }


def met(
    *minutes_ago: float, kind: str = "update_update", resolution: str = "last_update_wins_keep_local"
) -> Snapshot:
    conflicts = tuple(
        Conflict(NOW - timedelta(minutes=ago), "public.t", kind, resolution, "node2", f"k{ago}")
        for ago in minutes_ago
    )
    return changed(node1={"conflicts": conflicts}, node3={"conflicts": conflicts[:1]})


def test_conflicts_are_told_when_they_come_more_often_than_before_and_each_once() -> None:
    assert told(met()) == set()
    level, subject, text = one(met(1, 2))
    assert (level, subject) == ("WARN", "conflicts")
    assert text == "2 in the last 5 min, rising; the newest 1m 00s ago: update_update on public.t from node2"
    assert told(met(20, 30)) == set(), "over"
    assert one(met(3, 4))[2].startswith("2 in the last 5 min; the newest 3m 00s ago"), "they rise no more"
    many = one(met(*(n / 60 for n in range(1, 51))))[2]
    assert many.startswith("at least 50 in the last 5 min, rising"), "a node tells of no more than 50"
    assert told(met(*range(2, 60, 2))) == set(), "as many as ever"
    assert one(met(1, *(i / 10 for i in range(20, 40)), *range(6, 60, 3)))[0] == "WARN"


def test_rows_that_another_node_writes_after_a_switchover_are_no_finding() -> None:
    assert told(met(1, 2, 3, kind="update_origin_change", resolution="apply_remote")) == set()
    assert one(met(1, 2, 3, kind="update_origin_change", resolution="skip"))[0] == "WARN"


def test_several_nodes_with_traffic_are_reported_where_nothing_decides_between_two_changes() -> None:
    last_wins = changed(**{name: {"last_arrival_wins": True} for name in ("node1", "node2", "node3")})
    assert told(last_wins) == set(), "one node takes the traffic"
    servers = [server(f"bdr_{name}", name, backup=name == "node3") for name in NAMES]
    both = replace(last_wins, proxies=(proxy(*servers, sticky="no longer there"),))
    level, subject, text = one(both)
    assert (level, subject) == ("WARN", "conflicts")
    assert text.startswith(
        "node1 and node2 take new connections, and their replication keeps the last change"
    )
    assert told(replace(both, nodes=snapshot().nodes)) == set(), "an engine that resolves conflicts"


def test_a_conflict_that_no_engine_resolves_is_critical_while_it_is_new() -> None:
    found = told(met(1, kind="unhandled_tx_abort"))
    assert ("CRIT", "node3", "unhandled_tx_abort on public.t from node2: apply stops at it") in found or (
        "CRIT",
        "node1",
        "unhandled_tx_abort on public.t from node2: apply stops at it",
    ) in found


def test_a_frozen_node_says_nothing_of_others_any_more() -> None:
    facts: NodeFacts = replace(node_facts("node1"), members=listing("node1", node3=PARTED))
    frozen: Observed[NodeFacts] = replace(node("node1", facts, age=30), error="no answer within 2.0 s")
    assert not [finding for finding in told(with_node(snapshot(), frozen)) if finding[1] == "node3"]


def test_a_clock_in_step_is_told_without_figures_that_change_at_every_look() -> None:
    found = skews(ticking(node1=0.0, node2=0.05, node3=3.0), NOW)
    assert {name: skew.words for name, skew in found.items()} == {
        "node1": "clock in step",
        "node3": "clock 3.0 s ahead of node2's (give or take 200 ms)",
    }


def later(found: Snapshot, seconds: float, **by_node: Mapping[str, object]) -> Snapshot:
    """The same nodes read again after `seconds`, with these fields changed."""
    at = NOW + timedelta(seconds=seconds)
    nodes = tuple(
        replace(seen, seen_at=at, facts=replace(seen.facts, **by_node.get(seen.name, {})))  # type: ignore[type-var]
        for seen in found.nodes
    )
    return replace(found, taken_at=at, nodes=nodes, proxies=(), poolers=())


def test_a_lag_without_a_time_is_timed_by_when_the_wal_was_where_the_peer_is_now() -> None:
    """BDR 1 tells bytes only."""
    mib, history = 1 << 20, History()
    for seconds in range(0, 50, 10):
        written = (100 + seconds) * mib
        behind = replace(slot("node3", written - 105 * mib), lag_seconds=None)
        changes = {"wal_lsn": f"0/{written:X}", "slots": (slot("node2"), behind)}
        now = later(snapshot(), seconds, node1=changes)
        remember(history, now)
    assert {text for _, _, text in told(now, history)} == {
        "lags 35.0 MiB, >= 30.0 s, growing by 1.0 MiB/s"
    }, "it was written between two readings, 40 s and 30 s ago"
    (link,) = (link for link in links(now, now.taken_at) if link.key == ("node1", "node3"))
    assert link.lag_seconds is None, "nothing was seen of the past"


def test_an_apply_paused_for_long_is_critical_before_the_peers_give_up_on_it() -> None:
    history, paused = History(), {"apply_paused": True}
    levels = {}
    for seconds in (0, 29, 31):
        now = later(snapshot(), seconds, node3=paused)
        remember(history, now)
        levels[seconds] = next(level for level, subject, _ in told(now, history) if subject == "node3")
    assert levels == {0: "WARN", 29: "WARN", 31: "CRIT"}


def test_a_node_that_has_not_joined_yet_breaks_no_link() -> None:
    """Its first seconds: it answers and is no member yet, or its peers do not know it yet."""
    joining = {"members": listing("node3", node1=Membership.READY)[:2], "node_name": None, "slots": ()}
    others = {
        name: {
            "members": tuple(m for m in listing(name) if m.name != "node3"),
            "slots": tuple(s for s in node_facts(name).slots if s.target != "node3"),
        }
        for name in ("node1", "node2")
    }
    levels = {(level, subject) for level, subject, _ in told(changed(node3=joining, **others))}
    assert not [subject for level, subject in levels if level == "CRIT"]
    assert ("UNKNOWN", "node3") in levels
