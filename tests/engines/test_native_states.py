"""What a DBA is told of each fault of native replication, as three nodes on PostgreSQL 18 showed it."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bdr_console.cluster.slot_owners import with_slot_owners
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Finding, Impact, Level, Thresholds, Verdict
from bdr_console.cluster.verdict.judge import judge
from bdr_console.engines.native import Native
from tests.engines.halls import CAPTURES, NATIVE
from tests.engines.museum import Museum, State
from tests.links.servers import Postgres

NODES = ("node1", "node2", "node3")
ENGINE = Native("PostgreSQL 18.6, native replication", "18.6", 180006, addresses=True)


@pytest.fixture(scope="module")
def museum(postgres: Postgres) -> Iterator[Museum]:
    made = Museum(postgres, NATIVE)
    yield made
    made.close()


def shown(museum: Museum, state: str, engine: Native = ENGINE) -> Snapshot:
    """The three nodes in that state, when it was captured."""
    snapshot = museum.snapshot(State(CAPTURES / "native" / state), NODES, engine)
    return replace(snapshot, nodes=with_slot_owners(snapshot.nodes))


def verdict(snapshot: Snapshot) -> Verdict:
    return judge(snapshot, Thresholds(), snapshot.taken_at)


def lines(found: Verdict) -> list[str]:
    return [f"{finding.subject}: {finding.text}" for finding in found.findings]


def about(found: Verdict, code: str, subject: str) -> Finding:
    """The finding of that code about that subject."""
    (one,) = [f for f in found.findings if (f.code, f.subject) == (code, subject)]
    return one


@pytest.mark.parametrize("state", ["mesh", "local-tables", "handed-over"])
def test_nodes_that_send_and_take_the_same_tables_are_healthy_and_local_tables_are_nobodys_fault(
    museum: Museum, state: str
) -> None:
    snapshot = shown(museum, state)
    assert lines(verdict(snapshot)) == []
    assert all(node.facts and not node.facts.unread for node in snapshot.nodes)


TAKEN = "ALTER SUBSCRIPTION node1_node2 REFRESH PUBLICATION"


@pytest.mark.parametrize(
    ("state", "code", "subjects", "level", "text", "remedy"),
    [
        ("publication-dropped", "sets.missing", ("node1 -> node2", "node1 -> node3"), Level.CRIT,
         "publication lab does not exist on node1: nothing that is written there goes to node2",
         "on node1 (node1:5432): CREATE PUBLICATION lab FOR TABLE ...; rows written"),
        ("table-dropped", "tables.not_sent", ("node1 -> node2", "node1 -> node3"), Level.CRIT,
         "public.ledger is no longer published on node1, and node2 subscribes to it: changes are not sent",
         "on node1 (node1:5432): ALTER PUBLICATION lab ADD TABLE public.ledger; rows written"),
        ("not-refreshed", "tables.not_taken", ("node1 -> node2",), Level.CRIT,
         "node2 does not take public.orders: what node1 sends of it is thrown away",
         f"on node2 (node2:5432): {TAKEN}"),
        ("partition-added", "tables.not_taken",
         tuple(f"{a} -> {b}" for a in NODES for b in NODES if a != b), Level.CRIT,
         "node2 does not take public.m_3: what node1 sends of it is thrown away",
         f"on node2 (node2:5432): {TAKEN}"),
        ("partitions-by-root", "tables.not_taken", ("node1 -> node2", "node1 -> node3"), Level.CRIT,
         "node2 does not take public.m: what node1 sends of it is thrown away", TAKEN),
        ("partitions-by-root", "tables.not_sent", ("node1 -> node2", "node1 -> node3"), Level.CRIT,
         "public.m_1 and public.m_2 are no longer published on node1, and node2 subscribes to them",
         f"on node2 (node2:5432): {TAKEN}"),
        ("inserts-only", "sets.changes:lab", ("node1 -> node2", "node1 -> node3"), Level.CRIT,
         "publication lab of node1 sends no updates, deletes or truncates: node2 comes to differ",
         "on node1 (node1:5432): ALTER PUBLICATION lab SET (publish = 'insert, update, delete, truncate')"),
        ("narrowed", "tables.narrowed", ("node1 -> node2", "node1 -> node3"), Level.WARN,
         "node1 sends of public.orders only rows with (id > 5), not column note: node2 lacks the rest",
         "on node1 (node1:5432): ALTER PUBLICATION lab DROP TABLE public.orders"),
        ("one-way", "tables.one_way", ("node2 -> node1", "node2 -> node3"), Level.WARN,
         "public.orders goes from node1 to node2 and not back: what clients write on node2 stays there",
         "ADD TABLE public.orders, then on node1 (node1:5432): ALTER SUBSCRIPTION node2_node1 REFRESH"),
        ("table-absent", "tables.absent", ("node1 -> node2", "node1 -> node3"), Level.WARN,
         "public.scratch does not exist on node2, and node1 publishes it",
         f"create it on node2 (node2:5432), then {TAKEN}; or take it out of the publication"),
    ],
)  # fmt: skip
def test_what_should_replicate_and_does_not_is_reported_on_its_link_with_the_statement_that_mends_it(
    museum: Museum,
    state: str,
    code: str,
    subjects: tuple[str, ...],
    level: Level,
    text: str,
    remedy: str,
) -> None:
    found = verdict(shown(museum, state))
    of_code = [f for f in found.findings if f.code == code]
    assert sorted(f.subject for f in of_code) == sorted(subjects), lines(found)
    assert {f.level for f in of_code} == {level}
    assert of_code[0].hurts is (Impact.REDUNDANCY if code == "tables.absent" else Impact.DATA)
    first = next(f for f in of_code if text in f.text)
    assert remedy in first.remedy
    also = {"tables.not_taken", "tables.not_sent"} if state == "partitions-by-root" else {code}
    assert {f.code for f in found.findings} == also, "nothing else is said"


BLOCKED = r"apply on node2 \(pid \d+\) waits \d+.\d s for a lock of pid \d+"
REPORT = r" \(nightly-report, user postgres, idle in transaction for \d+.\d s: lock table ledger .*\)"
ANEW = "lost to node2: on node2 (node2:5432) drop subscription node1_node2 and create it anew with a copy"


@pytest.mark.parametrize(
    ("state", "code", "subject", "level", "text", "remedy"),
    [
        ("apply-blocked-for-long", "link.blocked", "node1 -> node2", Level.CRIT,
         BLOCKED + REPORT + r"; node1 has ended the connection \(wal_sender_timeout\)",
         "on node2 (node2:5432): SELECT pg_terminate_backend(18276)"),
        ("prepared-forgotten", "link.blocked", "node1 -> node2", Level.CRIT,
         r"for a lock of prepared transaction 'app-invoice-4711', .* old; node1 has ended the connection",
         "in database app on node2 (node2:5432): ROLLBACK PREPARED 'app-invoice-4711', or COMMIT PREPARED"),
        ("prepared-forgotten", "node.prepared", "node2", Level.WARN,
         r"'app-invoice-4711' of postgres in database app is open for .*; it keeps its locks and .* of WAL",
         "in database app on node2 (node2:5432): ROLLBACK PREPARED 'app-invoice-4711'"),
        ("update-missing", "conflict.dropped:node1_node2", "node2", Level.WARN,
         "subscription node1_node2 threw 8 updates and 7 deletes away here, for the row was not there",
         "on node2 (node2:5432): SELECT pg_stat_reset_subscription_stats(NULL)"),
        ("disabled", "link.paused", "node1 -> node2", Level.WARN, "apply is disabled on node2",
         "enable apply of node1 on node2 (node2:5432)"),
        ("slot-dropped", "link.lost", "node1 -> node2", Level.CRIT,
         "node1 has no slot node1_node2, which node2 wants to read", ANEW),
        ("slot-lost-while-disabled", "link.lost", "node1 -> node2", Level.CRIT,
         "slot lost: WAL that node2 needs is gone, it must be joined anew; apply is disabled on node2", ANEW),
    ],
)  # fmt: skip
def test_what_holds_apply_up_or_throws_changes_away_is_reported_where_it_is(
    museum: Museum, state: str, code: str, subject: str, level: Level, text: str, remedy: str
) -> None:
    found = verdict(shown(museum, state, replace(ENGINE, addresses=False)))
    one = about(found, code, subject)
    assert one.level is level
    assert re.search(text, one.text), one.text
    assert remedy in one.remedy
    assert Level.UNKNOWN not in {f.level for f in found.findings}


def test_a_short_wait_for_a_lock_is_reported_once_it_delays_or_ends_the_link(museum: Museum) -> None:
    snapshot = shown(museum, "apply-blocked")
    facts = snapshot.nodes[1].facts
    assert facts
    assert facts.blocked_workers[0].seconds > 1
    assert [f.code for f in verdict(snapshot).findings if "blocked" in f.code] == []


def test_a_dropped_slot_of_a_subscription_that_leads_elsewhere_is_reported_at_the_subscriber(
    museum: Museum,
) -> None:
    # The captured addresses are those of the machine that it was captured on, at no node of this cluster.
    one = about(verdict(shown(museum, "slot-dropped")), "subscription.down:node1_node2", "node2")
    assert one.level is Level.CRIT
    assert "has no apply worker, and its slot node1_node2 is on no configured node" in one.text
