"""Apply that somebody stopped, and that begins again: no outage for one reading, and how to let it go on."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import NodeFacts, Subscription
from bdr_console.cluster.replication import NO_WORKER
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Finding, Level, Thresholds
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from bdr_console.engines.capabilities import with_resume_statements
from tests.cluster.builders import NOW, node, node_facts, snapshot, with_node


def receives(at: datetime = NOW, **changed: object) -> Snapshot:
    """Node2's subscription to node1 with these fields, and node1's slot for it active while it replicates."""
    facts = node_facts("node2")
    first, *others = facts.subscriptions
    changed_first: Subscription = replace(first, **changed)  # type: ignore[arg-type]
    shown = with_node(snapshot(), node("node2", replace(facts, subscriptions=(changed_first, *others))))
    origin = node_facts("node1")
    slots = tuple(
        replace(s, active=changed_first.status == "replicating") if s.target == "node2" else s
        for s in origin.slots
    )
    shown = with_node(shown, node("node1", replace(origin, slots=slots)))
    nodes = tuple(replace(n, seen_at=at) for n in shown.nodes)
    return replace(shown, nodes=nodes, taken_at=at)


def of_link(shown: Snapshot, past: History | None = None) -> Finding:
    findings = judge(shown, Thresholds(), shown.taken_at, past).findings
    return next(f for f in findings if f.subject == "node1 -> node2")


@pytest.mark.parametrize("enabled", [True, False])
def test_apply_that_is_disabled_by_either_word_is_a_warning(enabled: bool) -> None:
    found = of_link(receives(enabled=enabled, status="disabled"))
    assert (found.level, found.code) == (Level.WARN, "link.paused")


@pytest.mark.parametrize("engine_word", ["down", NO_WORKER])
def test_apply_that_was_just_enabled_is_no_outage_until_its_worker_had_time_to_start(
    engine_word: str,
) -> None:
    past = History()
    remember(past, receives(NOW, enabled=False, status="disabled"))
    soon, late = NOW + timedelta(seconds=2), NOW + timedelta(seconds=14)
    remember(past, receives(soon, status=engine_word))
    assert of_link(receives(soon, status=engine_word), past).level is Level.WARN
    remember(past, receives(late, status=engine_word))
    assert of_link(receives(late, status=engine_word), past).level is Level.CRIT


def test_a_subscription_whose_role_is_not_let_in_says_so_and_where_to_let_it_in() -> None:
    error = 'could not connect: FATAL:  password authentication failed for user "replicator"'
    found = of_link(receives(status="down", last_error=error))
    assert "login of the replication role refused: " in found.text
    assert found.remedy == (
        "let the replication role of node2 in on node1 (node1:5432) (role, password, pg_hba.conf)"
    )
    missing = of_link(receives(status="down", last_error='role "report" does not exist'))
    assert "refused" not in missing.text, "a statement that names a missing role is no login"


@pytest.mark.parametrize(
    ("word", "statement"),
    [
        ("native", 'ALTER SUBSCRIPTION "from_node1" ENABLE'),
        ("pglogical", "SELECT pglogical.alter_subscription_enable('from_node1', true)"),
        ("spock", "SELECT spock.sub_enable('from_node1', true)"),
        ("bdr3", "SELECT bdr.alter_subscription_enable()"),
    ],
)
def test_apply_that_is_disabled_names_the_engines_own_statement_that_enables_it(
    word: str, statement: str
) -> None:
    shown = receives(enabled=False, status="disabled")
    facts = shown.nodes[1].facts
    assert facts
    stated = node("node2", with_resume_statements(word, facts))
    found = of_link(with_node(shown, replace(stated, seen_at=NOW)))
    assert found.remedy == f"if nobody meant that, on node2 (node2:5432): {statement}"


@pytest.mark.parametrize(
    ("word", "statement"),
    [("bdr1", "SELECT bdr.bdr_apply_resume()"), ("pgactive", "SELECT pgactive.pgactive_apply_resume()")],
)
def test_a_node_whose_apply_is_paused_names_the_statement_that_resumes_it(word: str, statement: str) -> None:
    paused: NodeFacts = replace(node_facts("node2"), apply_paused=True)
    shown = with_node(snapshot(), node("node2", with_resume_statements(word, paused)))
    found = next(f for f in judge(shown, Thresholds(), NOW).findings if f.code == "apply.paused")
    assert found.remedy == f"if nobody meant that, on node2 (node2:5432): {statement}"
