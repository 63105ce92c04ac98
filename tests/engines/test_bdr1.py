"""BDR 1: every captured state of a running group (1.0.2 on PostgreSQL 9.4.12) and what a DBA would say of it.

The statements run over the captured rows on a real PostgreSQL; see museum.py.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bdr_console.cluster.conflicts import collisions
from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import Membership, NodeFacts
from bdr_console.cluster.replication import LinkState, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from bdr_console.engines.bdr1 import Bdr1
from bdr_console.engines.core.positions import wal_positions
from bdr_console.engines.detect import kind_of
from bdr_console.engines.engine import Identity
from bdr_console.links.postgres import Unreadable
from tests.engines.halls import BDR1, CAPTURES
from tests.engines.museum import Museum, State
from tests.engines.verdicts import assert_told, verdicts
from tests.links.servers import Postgres

FOLDER = CAPTURES / "bdr1"
ENGINE = Bdr1("BDR 1.0.2", "9.4.12", 90412, 1)
THREE = ("node1", "node2", "node3")
FOUR = (*THREE, "node4")
HEALTHY = (FOLDER / "04-healthy",)
PARTED = (FOLDER / "15-node4-parted", *HEALTHY)
LIMITS = Thresholds()
PATIENT = 2.0
"""Seconds: the limit for locks in states that were captured soon after the lock was asked for."""

VERDICTS = verdicts(FOLDER)


@pytest.fixture(scope="module")
def museum(postgres: Postgres) -> Iterator[Museum]:
    shown = Museum(postgres, BDR1)
    yield shown
    shown.close()


def capture(museum: Museum, name: str) -> Snapshot:
    """The cluster as it was captured; views that a state lacks come from one that it does not contradict."""
    over = PARTED if name[:2] in ("16", "17", "18", "20") else () if name[:2] < "04" else HEALTHY
    nodes: tuple[str, ...] = ("node1",) if name[:2] in ("00", "01", "19", "20", "21") else THREE
    if name[:2] in ("15", "16", "17", "18"):
        nodes = FOUR
    # This one holds no time but that of the lock, 03:07:14.95.
    clock = datetime(2026, 11, 22, 3, 7, 20, tzinfo=UTC) if name.startswith("10") else None
    down = ("node3",) if name.startswith("14") else ()
    return museum.snapshot(State(FOLDER / name, over, clock), nodes, ENGINE, down=down)


@pytest.mark.parametrize(("state", "level", "told"), VERDICTS)
def test_every_captured_state_is_judged_as_a_dba_would(
    museum: Museum, state: str, level: str, told: tuple[str, ...]
) -> None:
    seen = capture(museum, state)
    limits = replace(LIMITS, lock_wait_warn=PATIENT) if state[:2] in ("07", "09", "10") else LIMITS
    verdict = judge(seen, limits, seen.taken_at)
    assert_told(verdict, level, told)


def test_a_member_that_is_down_and_not_configured_is_told_by_its_peers(museum: Museum) -> None:
    seen = museum.snapshot(State(FOLDER / "14-node3-down", HEALTHY), ("node1", "node2"), ENGINE)
    verdict = judge(seen, LIMITS, seen.taken_at)
    assert verdict.level is Level.CRIT
    (lacking,) = (f.text for f in verdict.findings if f.subject == "node3")
    assert lacking.startswith("is a member of the group (node1 and node2 say r: ready), but not in the conf")
    critical = {f.subject for f in verdict.findings if f.level is Level.CRIT}
    assert critical == {"node1 -> node3", "node2 -> node3", "node3 -> node1", "node3 -> node2"}


def test_a_parted_node_alone_in_the_configuration_is_critical_although_it_calls_itself_ready(
    museum: Museum,
) -> None:
    seen = museum.snapshot(State(FOLDER / "15-node4-parted", HEALTHY), ("node4",), ENGINE)
    verdict = judge(seen, LIMITS, seen.taken_at)
    assert verdict.level is Level.CRIT
    assert "slot inactive: node1 is not connected" in {
        f.text for f in verdict.findings if f.subject == "node4 -> node1"
    }


def test_a_state_that_nobody_wrote_down_here_is_noticed() -> None:
    states = {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert states == {state for state, _, _ in VERDICTS}


def facts(museum: Museum, name: str, node: str) -> NodeFacts:
    found = capture(museum, name).node(node)
    assert found
    assert found.facts
    return found.facts


def test_a_healthy_node_shows_members_slots_and_subscriptions_with_their_pids(museum: Museum) -> None:
    seen = facts(museum, "04-healthy", "node1")
    assert (seen.node_name, seen.group, seen.membership, seen.unread) == ("node1", None, Membership.READY, ())
    assert [(m.name, m.raw_state, m.read_only) for m in seen.members] == [
        (name, "r: ready", False) for name in THREE
    ]
    assert [(s.target, s.active, s.pid, s.lag_bytes, s.retained_bytes) for s in seen.slots] == [
        ("node2", True, 31922, 0, 56),
        ("node3", True, 7858, 0, 56),
    ]
    first = seen.subscriptions[0]
    assert (first.origin, first.status, first.apply_pid, first.replication_sets, first.errors) == (
        "node2", "replicating", 31924, ("default",), 0,
    )  # fmt: skip
    assert first.last_commit_at == datetime(2026, 11, 22, 2, 50, 53, 881506, UTC)
    assert seen.apply_paused is False


def test_no_link_is_expected_to_a_node_that_is_parted_or_joining(museum: Museum) -> None:
    for name, node in (("15-node4-parted", "node4"), ("02-node3-joining-early", "node3")):
        seen = capture(museum, name)
        states = {link.key: link.state for link in links(seen, seen.taken_at)}
        assert {state for key, state in states.items() if node in key} == {LinkState.ABSENT}
        assert {state for key, state in states.items() if node not in key} == {LinkState.STREAMING}


def test_the_same_collision_on_several_nodes_is_one_and_the_joins_own_is_none(museum: Museum) -> None:
    seen = capture(museum, "06-conflicts")
    met = [(node.name, one) for node in seen.nodes if node.facts for one in node.facts.conflicts]
    assert {one.table for _, one in met} == {"public.ref_accounts"}
    found = collisions(met)
    assert len(met) > len(found) == 6
    twice = [one for one in found if len(one.seen_on) > 1]
    assert {one.conflict.kind for one in twice} >= {"insert_insert"}
    assert all(one.conflict.origin in THREE for one in found)
    counted = {(c.origin, c.kind): c.count for c in facts(museum, "06-conflicts", "node3").conflict_counts}
    assert sum(counted.values()) > 0


def test_an_apply_that_fails_again_and_again_is_stuck_however_few_bytes_it_lags(museum: Museum) -> None:
    seen = capture(museum, "12-apply-error-node2-stuck")
    history = History()
    for count in range(4):
        now = seen.taken_at + timedelta(seconds=5 * count)
        later = replace(
            seen,
            taken_at=now,
            nodes=tuple(replace(node, seen_at=now, facts=failing(node.facts, count)) for node in seen.nodes),
        )
        remember(history, later)
        verdict = judge(later, LIMITS, now, history)
        stuck = [f.subject for f in verdict.findings if "apply is stuck on" in f.text]
        assert stuck == ([] if count < 2 else ["node1 -> node2", "node1 -> node3"])
    assert "3 failures in 30 s and nothing confirmed" in verdict.findings[0].text


def failing(seen: NodeFacts | None, times: int) -> NodeFacts | None:
    """The same reading after `times` more failures of every apply worker that does not run."""
    if seen is None:
        return None
    counted = tuple(
        one if one.apply_pid else replace(one, errors=(one.errors or 0) + times) for one in seen.subscriptions
    )
    return replace(seen, subscriptions=counted)


def test_positions_name_each_peer_and_a_disconnected_one_has_none(museum: Museum) -> None:
    state = State(FOLDER / "14-node3-down", HEALTHY)
    found = wal_positions(museum.answers(state, "node1", ENGINE.positions()))
    assert not isinstance(found, str)
    assert found.insert_lsn == "0/A28A960"
    assert [(peer.target, peer.active, peer.replay_lsn) for peer in found.peers] == [
        ("node2", True, "0/A28A960"),
        ("node3", False, None),
    ]


def test_a_part_that_may_not_be_read_leaves_the_rest_whole(museum: Museum) -> None:
    state = State(FOLDER / "04-healthy")
    answers = museum.answers(state, "node1", {**ENGINE.statements(), **ENGINE.seldom()})
    denied = Unreadable("permission denied for relation bdr_conflict_history", "42501")
    seen = ENGINE.facts({**answers, "conflicts": denied, "subscriptions": denied})
    assert [part.what for part in seen.unread] == ["subscriptions", "conflicts"]
    assert (len(seen.members), len(seen.slots), seen.subscriptions) == (3, 2, ())


@pytest.mark.parametrize(
    ("version", "server", "name", "locks"),
    [
        ("1.0.2-2016-11-15-1a2b3c4d5e", 90412, "BDR 1.0.2", "bdr.bdr_global_locks"),
        (None, 90412, "BDR 1.0.2.0", "bdr.bdr_global_locks"),
        ("2.0.5-2018-01-01-1a2b3c4", 90605, "BDR 2.0.5", "bdr.bdr_locks"),
    ],
)
def test_the_version_is_named_and_rules_where_locks_are_looked_for(
    version: str | None, server: int, name: str, locks: str
) -> None:
    found = Identity(server, "9.4.12", {"bdr": "1.0.2.0"}, frozenset({"bdr.bdr_nodes"}))
    kind = kind_of(found)
    engine = kind.make(found, version)
    assert (kind.word, engine.name) == ("bdr1", name)
    assert locks in engine.statements()["locks"]
    assert ("sequences" in engine.seldom()) is (engine.name.startswith("BDR 1"))


def test_bdr_2_shows_how_many_peers_have_granted_a_lock_and_who_asked(museum: Museum) -> None:
    second = Bdr1("BDR 2.0.5", "9.6.5", 90605, 2)
    state = State(FOLDER / "04-healthy")
    asking, granting = (museum.facts(state, node, second) for node in ("node2", "node1"))
    assert asking.unread == granting.unread == ()
    (lock,) = asking.locks
    assert (lock.kind, lock.origin, lock.stage, lock.pid, lock.confirmed, lock.age) == (
        "ddl_lock", "node2", "acquire_tally_confirmations", 4711, "1 of 2", None,
    )  # fmt: skip
    assert [(one.stage, one.pid, one.confirmed) for one in granting.locks] == [("peer_confirmed", None, None)]


def test_a_role_that_is_no_superuser_lacks_the_counters_and_the_verdict_does_not(museum: Museum) -> None:
    """pg_stat_get_bdr() refuses it, whatever is granted: it is not asked, and nothing is unknown."""
    engine = replace(ENGINE, superuser=False)
    asked = {**engine.statements(), **engine.seldom()}
    assert not any("pg_stat_bdr" in text.partition("SELECT")[2] for text in asked.values())
    seen = museum.snapshot(State(FOLDER / "04-healthy"), THREE, engine)
    assert judge(seen, LIMITS, seen.taken_at).level is Level.OK
    (part,) = seen.nodes[0].facts.unread  # type: ignore[union-attr]
    assert (part.judged, part.why) == (False, "BDR shows pg_stat_bdr to superusers only")
    assert [one.errors for one in seen.nodes[0].facts.subscriptions] == [None, None]  # type: ignore[union-attr]
