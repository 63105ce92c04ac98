"""pgactive: every captured state of a running group (2.1.9 on PostgreSQL 15.20), and what a DBA would say."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bdr_console.cluster.nodes import Caveat, NodeFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from bdr_console.engines.detect import kind_of
from bdr_console.engines.engine import Identity
from bdr_console.engines.pgactive import Pgactive
from bdr_console.links.postgres import Rows, Unreadable
from tests.engines.halls import CAPTURES, PGACTIVE
from tests.engines.museum import Museum, State
from tests.engines.verdicts import assert_told, verdicts
from tests.links.servers import Postgres

FOLDER = CAPTURES / "pgactive"
ENGINE = Pgactive("pgactive 2.1.9", "15.20", 150020)
THREE = ("node1", "node2", "node3")
HEALTHY = (FOLDER / "01-healthy",)

VERDICTS = verdicts(FOLDER)


@pytest.fixture(scope="module")
def museum(postgres: Postgres) -> Iterator[Museum]:
    shown = Museum(postgres, PGACTIVE)
    yield shown
    shown.close()


def capture(museum: Museum, name: str) -> Snapshot:
    nodes = ("node1", "node2") if name.startswith("04") else THREE
    down = ("node3",) if name.startswith("05") else ()
    return museum.snapshot(State(FOLDER / name, HEALTHY), nodes, ENGINE, down=down)


@pytest.mark.parametrize(("state", "level", "told"), VERDICTS)
def test_every_captured_state_is_judged_as_a_dba_would(
    museum: Museum, state: str, level: str, told: tuple[str, ...]
) -> None:
    seen = capture(museum, state)
    verdict = judge(seen, Thresholds(), seen.taken_at)
    assert_told(verdict, level, told)


def test_a_member_that_is_down_and_not_configured_is_told_by_its_peers(museum: Museum) -> None:
    seen = museum.snapshot(State(FOLDER / "05-node3-down", HEALTHY), ("node1", "node2"), ENGINE)
    verdict = judge(seen, Thresholds(), seen.taken_at)
    assert verdict.level is Level.CRIT
    (lacking,) = (f.text for f in verdict.findings if f.subject == "node3")
    assert lacking.startswith("is a member of the group (node1 and node2 say r: ready), but not in the conf")
    critical = {f.subject for f in verdict.findings if f.level is Level.CRIT}
    assert critical == {"node1 -> node3", "node2 -> node3", "node3 -> node1", "node3 -> node2"}


def read(museum: Museum, **changed: Rows) -> NodeFacts:
    state = State(FOLDER / "01-healthy")
    answers = museum.answers(state, "node1", {**ENGINE.statements(), **ENGINE.seldom()})
    return ENGINE.facts({**answers, **changed})


def test_a_per_db_worker_that_does_not_start_leaves_no_error_but_is_told(museum: Museum) -> None:
    assert read(museum).caveats == ()
    (caveat,) = read(museum, workers=[{"pid": None, "last_error": None}]).caveats
    assert caveat.severe
    assert "only the server log says why" in caveat.text


def test_a_read_only_mark_that_keeps_no_write_out_says_so(museum: Museum) -> None:
    marked = [{"node_name": "node1", "status": "r", "read_only": True, "is_local": True}]
    switches = {"apply_paused": False, "skips_ddl": True}
    (caveat,) = read(museum, members=marked, switches=[switches]).caveats
    assert caveat == Caveat(
        False, "its read-only mark keeps no write out while pgactive.skip_ddl_replication is on"
    )
    assert read(museum, members=marked, switches=[{**switches, "skips_ddl": False}]).caveats == ()


def test_no_statement_calls_what_connects_to_other_nodes() -> None:
    asked = {**ENGINE.statements(), **ENGINE.seldom(), **ENGINE.positions()}
    assert not [name for name, text in asked.items() if "get_replication_lag_info" in text]


def test_the_library_tells_the_version_not_the_extension() -> None:
    found = Identity(150020, "15.20", {"pgactive": "2.1.8"}, frozenset({"pgactive.pgactive_nodes"}))
    assert kind_of(found).make(found, "2.1.9-2026-11-22-").name == "pgactive 2.1.9"
    assert kind_of(found).make(found, None).name == "pgactive 2.1.8"


def test_a_global_lock_is_shown_by_its_holder_and_by_those_that_granted_it(museum: Museum) -> None:
    seen = capture(museum, "07-ddl-lock-held")
    shown = {
        node.name: [(lock.kind, lock.origin, lock.stage) for lock in node.facts.locks]
        for node in seen.nodes
        if node.facts
    }
    assert shown == {
        "node1": [("ddl_lock", "node2", "peer_confirmed")],
        "node2": [("ddl_lock", "node2", "acquire_acquired")],
        "node3": [("ddl_lock", "node2", "peer_confirmed")],
    }


def test_a_state_that_nobody_wrote_down_here_is_noticed() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == {state for state, _, _ in VERDICTS}


def test_a_counter_that_fails_leaves_the_subscriptions_read_and_the_verdict_as_it_was(museum: Museum) -> None:
    """After a node was detached pgactive_stats fails on every node, for good."""
    broken = Unreadable("could not find node identifier", "XX000")
    state = State(FOLDER / "01-healthy")
    answers = museum.answers(state, "node1", {**ENGINE.statements(), **ENGINE.seldom()})
    facts = ENGINE.facts({**answers, "errors": broken, "conflict_counts": broken})
    assert [one.status for one in facts.subscriptions] == ["replicating", "replicating"]
    assert {part.what: part.judged for part in facts.unread} == {"errors": False, "conflict_counts": False}
    seen = museum.snapshot(state, THREE, ENGINE)
    nodes = (replace(seen.nodes[0], facts=facts), *seen.nodes[1:])
    assert judge(replace(seen, nodes=nodes), Thresholds(), seen.taken_at).level is Level.OK
