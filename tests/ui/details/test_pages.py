"""What a DBA reads in the details of each kind of thing, also when little of it is known."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bdr_console.cluster.nodes import Slot
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.ui.judged_snapshot import Timeline
from bdr_console.ui.text.cells import Subject, SubjectKind
from tests.ui.details.builders import CONFLICT, HELD, known, missing, moment, on_node, read
from tests.ui.scenes import NAMES, NOW, never_read, node, silent, snapshot
from tests.ui.test_overview import HOSTILE, hostile

SUBJECTS = (
    (SubjectKind.NODE, ("node1",)),
    (SubjectKind.LINK, ("node1", "node2")),
    (SubjectKind.SERVER, ("haproxy1", "bk_db", "bdr_initial_node")),
    (SubjectKind.SERVER, ("haproxy1", "bk_db", "")),
    (SubjectKind.POOL, ("pgb-tx", "app", "app")),
    (SubjectKind.POOL, ("pgb-tx", "app", "")),
    (SubjectKind.POOL, ("pgb-tx", "", "")),
    (SubjectKind.CONFLICT, ("node1", "c0ffee")),
    (SubjectKind.EVENT, ("1",)),
)
SAID = {
    SubjectKind.NODE: (
        "State server.sql, members.sql, just now",
        "engine BDR 3.7.23, PostgreSQL 15.5",
        "membership ready (ACTIVE)",
        "1 haproxy1/bk_db/bdr_initial_node",
        "2 node1 -> node2: ● streaming, lags 4.0 KiB, 12 ms",
        "sessions 21 of 100: 3 active, 1 idle in transaction",
        "billing 3 41.0 s idle in transaction",
        "(no name) 18 idle",
        "2211 41.0 s idle in transaction billing UPDATE",
        "[Lock: transactionid",
        "held by 2211]",
        "48.0 MiB left of 64.0",
        "no limit but the disk",
        "GLOBAL_LOCK_DDL node2 5.0 s acquired public.invoice",
        "node2 update_origin_differs 3",
        "update_origin_differs on public.invoice",
        "Settings unlike its peers' parameters.sql, 7 s ago",
        "max_wal_senders 10 node2: 20, node3: 20",
    ),
    SubjectKind.LINK: (
        "state ● streaming: slot active and apply running",
        "behind 4.0 KiB, 12 ms",
        "Lag over the last hour",
        "now",
        "slot bdr_app_node2",
        "walsender streaming, pid 4711",
        "WAL kept 16.0 MiB",
        "room 48.0 MiB left of 64.0 MiB",
        "status replicating",
        "apply worker pid 4712",
        "1 node node1, which sends",
        "3 the other direction, node2 -> node1",
    ),
    SubjectKind.SERVER: (
        "by administration maintenance, set by command, drain, set by command",
        "by checks running",
        "weight 1 (configured 10), warming up: 40 %",
        "health 4 of 4: up after 2 good ones, down after 3 bad ones",
        "went down 1 times, 1m 10s in all",
        "now 10, at most 33 at one time, limit 50",
        "connecting failed 2",
        "Stick entries show table bk_db, just now",
        "127.0.0.1 bdr_initial_node",
        "1 node node1, which stands behind it",
    ),
    SubjectKind.POOL: (
        "leads to 127.0.0.1:6432",
        "pool size 20 for each user",
        "mode transaction",
        "to servers 4 active, 6 idle",
        "Who holds server connections SHOW SERVERS, SHOW CLIENTS, 4 s ago",
        "app=billing",
        "10.0.3.7:55112",
        "must close",
        "idle in transaction for",
        "41.0 s, pid 2211 on node1",
        "1 must close before WAIT_CLOSE returns",
        "2.5 s app 10.0.3.9:40111 app=shop",
    ),
    SubjectKind.CONFLICT: (
        "table public.invoice",
        "kind update_origin_differs",
        "who won the row that was there stayed",
        "row {id: 7, paid: true}",
        "The row that came from node2",
        "row {id: 7, paid: false}",
        "no other node shows it",
        "link node2 -> node1",
    ),
}


@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("width", [78, 138])
def test_details_tell_everything_with_its_source_and_age(kind: SubjectKind, width: int) -> None:
    key = next(key for known_kind, key in SUBJECTS if known_kind is kind)
    text = read(kind, *key, at=moment(known()), width=width)
    joined = " ".join(text.split())
    assert missing(joined, SAID[kind]) == [] or width == 138
    assert missing(joined, [word for word in SAID[kind] if len(word) < 30]) == []


def test_a_node_that_waits_for_a_restart_to_take_a_setting_says_so() -> None:
    text = read(SubjectKind.NODE, "node3", at=moment(known()))
    assert "max_wal_senders 20 another value waits for a restart" in text


def test_equal_settings_are_not_listed() -> None:
    text = read(SubjectKind.NODE, "node2", at=moment(known()))
    assert "max_wal_senders 20 node1: 10" in text
    assert "fsync" not in text


def test_a_slot_that_grows_towards_its_limit_says_when_it_is_full() -> None:
    taken = []
    for second in range(0, 121, 10):
        slot = Slot("bdr_app_node2", "node2", False, None, "disconnected", 0, (16 + second // 10) * 1024**2)
        at = NOW - timedelta(seconds=120 - second)
        taken.append(on_node(at_time(known(), at), "node1", slots=(slot,)))
    text = read(SubjectKind.NODE, "node1", at=moment(*taken), width=138)
    assert "48.0 MiB left of 64.0 MiB, +102 KiB/s, full in 8m 00s" in text


def at_time(shown: Snapshot, at: datetime) -> Snapshot:
    """The same, read at another time."""
    nodes = tuple(replace(target, seen_at=at) for target in shown.nodes)
    return replace(shown, taken_at=at, nodes=nodes)


def test_the_holder_is_named_only_where_one_backend_fits() -> None:
    twin = replace(HELD, age=5.0)
    shown = known()
    activity = shown.nodes[0].facts.activity if shown.nodes[0].facts else None
    assert activity is not None
    elsewhere = on_node(shown, "node2", activity=replace(activity, transactions=(twin,)))
    assert "on node1" in read(SubjectKind.POOL, "pgb-tx", "app", "app", at=moment(elsewhere)), (
        "node2 has no sessions"
    )
    proxy = elsewhere.proxies[0]
    assert proxy.facts is not None
    busy = tuple(replace(server, sessions=5) for server in proxy.facts.servers)
    both = replace(elsewhere, proxies=(replace(proxy, facts=replace(proxy.facts, servers=busy)),))
    text = read(SubjectKind.POOL, "pgb-tx", "app", "app", at=moment(both))
    assert "no long transaction was seen" in " ".join(text.split())
    other = on_node(
        shown, "node1", activity=replace(activity, transactions=(replace(HELD, application="else"),))
    )
    assert "no long" in read(SubjectKind.POOL, "pgb-tx", "app", "app", at=moment(other))


def test_a_conflict_that_two_nodes_met_names_both() -> None:
    shown = on_node(known(), "node3", conflicts=(replace(CONFLICT, resolution="apply_remote"),))
    text = read(SubjectKind.CONFLICT, "node1", "c0ffee", at=moment(shown))
    assert "last_update_wins_keep_local" in text
    assert "apply_remote" in text
    assert "no other node" not in text


def test_an_event_keeps_the_findings_of_its_time() -> None:
    before = snapshot(NOW - timedelta(seconds=2))
    broken = silent(snapshot(NOW - timedelta(seconds=1)), "node2")
    timeline = Timeline(Thresholds())
    timeline.take(before)
    timeline.at(before.taken_at)
    timeline.take(broken)
    timeline.at(broken.taken_at)
    timeline.take(snapshot(NOW))
    now = timeline.at(NOW)
    assert now is not None
    text = read(SubjectKind.EVENT, "1", at=now)
    assert "what lost: timed out after 2.0 s" in text
    assert "1 Node node2" in text
    assert "critical node2 does not answer: timed out after 2.0 s" in text, "then"
    assert text.split("Findings\n")[1].startswith("none"), "now"
    assert "answers again" in text


@pytest.mark.parametrize(("kind", "key"), SUBJECTS)
def test_what_was_never_read_is_said_to_be_unknown(kind: SubjectKind, key: tuple[str, ...]) -> None:
    text = read(kind, *key, at=moment(never_read(snapshot())))
    assert "0 B" not in text
    assert any(word in text for word in ("not read", "not known", "unknown", "Not known"))


@pytest.mark.parametrize(("kind", "key"), SUBJECTS)
def test_what_is_gone_says_so(kind: SubjectKind, key: tuple[str, ...]) -> None:
    empty = replace(snapshot(), nodes=(), proxies=(), poolers=())
    assert "does not show it" in read(kind, *key, at=moment(empty))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_shown_and_does_no_harm(name: str) -> None:
    shown = hostile(known(), name)
    at = moment(silent(hostile(snapshot(NOW - timedelta(seconds=1)), name), f"{name}0"), shown)
    subjects = [Subject(SubjectKind.NODE, (n.name,)) for n in shown.nodes]
    subjects += [Subject(SubjectKind.LINK, link.key) for link in at.links]
    subjects += [Subject(SubjectKind.EVENT, (str(number),)) for number, _ in at.events]
    subjects += [Subject(SubjectKind.SERVER, (p.name, name, name)) for p in shown.proxies]
    subjects += [Subject(SubjectKind.POOL, (p.name, "app", "app")) for p in shown.poolers]
    for subject in subjects:
        text = read(subject.kind, *subject.key, at=at, width=58)
        assert all(line.isprintable() for line in text.splitlines())


def test_a_silent_node_keeps_its_old_details_with_their_age() -> None:
    text = read(SubjectKind.NODE, "node2", at=moment(silent(known(), "node2")))
    assert "x timed out after 2.0 s; last read 12 s ago" in text
    assert "slots.sql, slot_room.sql, 12 s ago" in text
    assert "bdr_app_node1" in text


def test_a_node_without_activity_or_sessions_says_why() -> None:
    facts = replace(node("node1", tuple(n for n in NAMES if n != "node1")), sessions=None, activity=None)
    shown = replace(snapshot(), nodes=(replace(snapshot().nodes[0], facts=facts), *snapshot().nodes[1:]))
    text = read(SubjectKind.NODE, "node1", at=moment(shown))
    assert "not read: no reason is known" in text
