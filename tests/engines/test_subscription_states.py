"""What a DBA is told of pglogical, Spock and native replication in every captured state."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.replication import links
from bdr_console.cluster.slot_owners import with_slot_owners
from bdr_console.cluster.snapshot import Snapshot, to_json
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from bdr_console.engines.engine import Engine
from bdr_console.engines.native import Native
from bdr_console.engines.pglogical import Pglogical
from bdr_console.engines.spock import Spock
from tests.engines.halls import NATIVE
from tests.engines.museum import Hall, Museum, State
from tests.links.servers import Postgres

CAPTURES = Path(__file__).parent.parent / "captures"
OIDS = ("sub_id", "sub_origin", "sub_target", "sync_subid", "node_id")
TYPES = {
    **dict.fromkeys(OIDS, "oid"),
    "set_id": "oid",
    "set_nodeid": "oid",
    "set_reloid": "regclass",
    **{f"replicate_{change}": "boolean" for change in ("insert", "update", "delete", "truncate")},
    "set_att_list": "text[]",
    "n_conflict": "bigint",
    "sub_apply_delay": "interval",
    "retry_errored_at": "timestamptz",
    "resolved_at": "timestamptz",
    "commit_timestamp": "timestamptz",
    "local_timestamp": "timestamptz",
    "remote_timestamp": "timestamptz",
    "remote_commit_ts": "timestamptz",
    "exception_log.remote_xid": "bigint",
    "exception_status.remote_xid": "bigint",
    "local_tuple": "text",
    "remote_tuple": "text",
}
SPOCK = frozenset(
    {"spock.lag_tracker", "spock.resolutions", "spock.channel_summary_stats", "spock.exception_status"}
)
ENGINES: dict[str, Engine] = {
    "spock": Spock("Spock 6.0.0", "15.18", 150018, SPOCK),
    "pglogical": Pglogical("pglogical 2.4.2", "15.20", 150020),
    "native": Native("PostgreSQL 18.4, native replication", "18.4", 180004, addresses=True),
    "native15": Native("PostgreSQL 15.20, native replication", "15.20", 150020),
}
WATCHED_FOR = timedelta(seconds=30)
NOW = datetime(2026, 11, 22, 3, 36, tzinfo=UTC)
"""Soon after the captures of several nodes each."""


STAGED = (
    "transaction-thrown-away",
    "table-removed-from-set",
    "without-default-set",
    "set-sends-inserts-only",
)
"""States of which only what differs from the healthy one is there."""
BASES = {"spock": "healthy", "pglogical": "both-ways", "native": ""}


@pytest.fixture(scope="module")
def museums(postgres: Postgres) -> Iterator[dict[str, Museum]]:
    made = {
        name: Museum(
            postgres,
            Hall(
                schema=name,
                captures=CAPTURES / name,
                database="shop",
                types=TYPES,
                stand_ins=(CAPTURES / name / "stand_ins.sql").read_text("utf-8"),
            ),
        )
        for name in ("spock", "pglogical")
    }
    made["native"] = Museum(postgres, NATIVE)
    yield made
    for museum in made.values():
        museum.close()


def shown(
    museums: dict[str, Museum],
    engine: str,
    state: str,
    nodes: tuple[str, ...],
    before: str = "",
    down: str = "",
) -> Snapshot:
    """The cluster in that state; a node that is `down` was last seen in the state `before`, or never."""
    family = engine.removesuffix("15")
    folder = CAPTURES / family

    def observed(node: str) -> Observed[NodeFacts]:
        told = before if node == down else state
        if not told:
            return Observed(node, f"{node}:5432", error="connection refused")
        over = (folder / BASES[family],) if told in STAGED else ()
        facts = museums[family].facts(State(folder / told, over, NOW), node, ENGINES[engine])
        at, error = (NOW - WATCHED_FOR, "connection refused") if node == down else (NOW, None)
        return Observed(node, f"{node}:5432", facts, at, error, took_ms=1.0)

    return Snapshot("museum", "test", NOW, 1.0, with_slot_owners(map(observed, nodes)), (), ())


THREE, TWO = ("node1", "node2", "node3"), ("n1", "n2")
SPOCKS = ("n1", "n2", "n3")
DISCARDED = "1 transaction of other nodes failed here: this node's rows differ"


@pytest.mark.parametrize(
    ("engine", "state", "nodes", "before", "down", "level", "subject", "reason"),
    [
        ("spock", "healthy", SPOCKS, "", "", Level.CRIT, "n1", DISCARDED),
        ("spock", "n3-down", SPOCKS, "healthy", "n3", Level.CRIT, "n1 -> n3", "slot inactive: n3"),
        ("spock", "n3-down", SPOCKS, "", "n3", Level.CRIT, "n3", "connection refused"),
        ("spock", "n3-down", SPOCKS, "", "n3", Level.CRIT, "n1 -> n3", "nobody else knows which slot"),
        ("spock", "n2-subscription-disabled", SPOCKS, "", "", Level.CRIT, "n1 -> n2", "apply is disabled"),
        ("pglogical", "both-ways", TWO, "", "", Level.OK, "", ""),
        ("pglogical", "both-ways-plugin-refused", TWO, "", "", Level.CRIT, "n2 -> n1",
         "n2 has no slot pgl_shop_n2_sub_n2_n1, which n1 wants to read"),
        ("pglogical", "one-way", ("p1", "p2"), "", "", Level.WARN, "p2 -> p1", "p1 does not subscribe"),
        ("pglogical", "one-way-disabled", ("p1", "p2"), "", "", Level.WARN, "p1 -> p2", "apply is disabled"),
        ("native", "healthy", THREE, "", "", Level.OK, "", ""),
        ("native", "insert-exists-stuck", THREE, "", "", Level.CRIT, "node2 -> node1", "node1 says down"),
        ("native", "insert-exists-stuck", THREE, "", "", Level.CRIT, "node2 -> node1",
         "node1 says down (8 errors so far, 8 of them an insert of a key that exists: the server log names"),
        ("native", "node3-down", THREE, "healthy", "node3", Level.CRIT, "node1 -> node3", "slot inactive"),
        ("native", "node3-down", THREE, "", "node3", Level.CRIT, "node1",
         "slot sub_3_from_1: no known node reads it"),
        ("native", "node3-down", THREE, "", "node3", Level.CRIT, "node3 -> node1",
         "node3 does not answer"),
        ("native15", "pg15-apply-error", ("publisher", "subscriber"), "", "", Level.CRIT,
         "publisher -> subscriber", "slot inactive: subscriber is not connected; subscriber says down"),
    ],
)  # fmt: skip
def test_each_captured_state_has_its_verdict_with_the_reason(
    museums: dict[str, Museum],
    engine: str,
    state: str,
    nodes: tuple[str, ...],
    before: str,
    down: str,
    level: Level,
    subject: str,
    reason: str,
) -> None:
    snapshot = shown(museums, engine, state, nodes, before, down)
    verdict = judge(snapshot, Thresholds(), NOW)
    assert verdict.level is level, verdict.findings
    if reason:
        assert [f for f in verdict.findings if f.subject == subject and reason in f.text], verdict.findings
    if down:
        blamed = [f.text for f in verdict.findings if f.subject != down and "error" in f.text]
        assert blamed == [], "a connection that was lost is no error of who lost it"
    for node in snapshot.nodes:
        assert not node.facts or node.facts.unread == ()
    assert "user=postgres" not in to_json(snapshot), "no DSN comes out of a reading"


def test_of_a_transaction_that_was_thrown_away_the_cause_is_shown_not_its_last_command(
    museums: dict[str, Museum],
) -> None:
    verdict = judge(shown(museums, "spock", "transaction-thrown-away", SPOCKS), Thresholds(), NOW)
    (text,) = (f.text for f in verdict.findings if f.subject == "n1")
    assert text.startswith("1 transaction of other nodes failed here: this node's rows differ")
    assert 'INSERT on public.t, duplicate key value violates unique constraint "t_pkey"' in text


@pytest.mark.parametrize("engine", ["spock", "pglogical"])
@pytest.mark.parametrize(
    ("state", "text", "remedy"),
    [
        ("table-removed-from-set", "public.orders is in no replication set of n1: changes do not reach n2",
         {"spock": "SELECT spock.repset_add_table('default', 'public.orders')",
          "pglogical": "SELECT pglogical.replication_set_add_table('default', 'public.orders')"}),
        ("without-default-set", "n2 does not take set default of n1: changes to public.orders do not arrive",
         {"spock": "SELECT spock.sub_add_repset('sub_n1_n2', 'default')",
          "pglogical": "SELECT pglogical.alter_subscription_add_replication_set('sub_n1_n2', 'default')"}),
        ("set-sends-inserts-only",
         "replication set default of n1 sends no updates or deletes of public.orders: n2 comes to differ",
         {"spock": "SELECT spock.repset_alter('default', true, true, true, true)",
          "pglogical": "SELECT pglogical.alter_replication_set('default', true, true, true, true)"}),
    ],
)  # fmt: skip
def test_a_table_that_should_replicate_and_does_not_is_critical(
    museums: dict[str, Museum], engine: str, state: str, text: str, remedy: dict[str, str]
) -> None:
    nodes = SPOCKS if engine == "spock" else TWO
    verdict = judge(shown(museums, engine, state, nodes), Thresholds(), NOW)
    found = {(f.level, f.subject, f.text): f for f in verdict.findings}
    assert found[Level.CRIT, "n1 -> n2", text].remedy.removeprefix(
        f"on {'n2 (n2:5432)' if state == 'without-default-set' else 'n1 (n1:5432)'}: "
    ) == (f"{remedy[engine]}; compare the rows")
    assert not [f for f in verdict.findings if f.subject == "n2 -> n1"]


def test_lag_of_a_dead_receiver_is_measured_at_the_slot_and_not_by_the_view_that_says_zero(
    museums: dict[str, Museum],
) -> None:
    snapshot = shown(museums, "spock", "n3-down", SPOCKS, "healthy", "n3")
    link = next(link for link in links(snapshot, NOW) if link.key == ("n1", "n3"))
    assert link.slot
    assert link.slot.name == "spk_shop_n1_sub_n1_n3"
    assert link.lag_bytes is not None
    assert link.lag_bytes > 80_000


def test_a_spock_node_shows_conflicts_counters_and_what_it_applied_last(museums: dict[str, Museum]) -> None:
    state = State(CAPTURES / "spock" / "n2-subscription-disabled", clock=NOW)
    facts = museums["spock"].facts(state, "n2", ENGINES["spock"])
    first, second = facts.conflicts
    assert (first.kind, first.resolution, first.table, first.origin) == (
        "delete_exists",
        "skip",
        "public.t",
        "n1",
    )
    assert (second.kind, second.resolution) == ("insert_exists", "keep_local")
    by_origin = {subscription.origin: subscription for subscription in facts.subscriptions}
    assert by_origin["n1"].status == "disabled"
    assert by_origin["n1"].apply_pid is None
    assert by_origin["n3"].apply_pid == 14848
    assert by_origin["n3"].forwards is False
    assert by_origin["n3"].last_commit_at
    assert by_origin["n3"].last_commit_at.tzinfo is UTC


def test_native_counters_and_addresses_are_shown_without_the_rest_of_the_connection_string(
    museums: dict[str, Museum],
) -> None:
    state = State(CAPTURES / "native" / "healthy", clock=NOW)
    facts = museums["native"].facts(state, "node1", ENGINES["native"])
    assert {(c.origin, c.kind, c.count) for c in facts.conflict_counts} == {
        ("sub_1_from_2", "insert_exists", 9),
        ("sub_1_from_2", "update_origin_differs", 6),
    }
    first = facts.subscriptions[0]
    assert (first.origin_address, first.errors, first.forwards) == ("127.0.0.1:9042", 9, False)
    assert (first.slot_name, first.replication_sets) == ("sub_1_from_2", ("pub",))
