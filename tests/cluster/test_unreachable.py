"""Which nodes count as dead with clients on them."""

from dataclasses import replace
from datetime import timedelta

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.unreachable import unreachable
from tests.ui.scenes import NOW, silent, snapshot


def names(shown: Snapshot) -> list[str]:
    return [found.node for found in unreachable(shown, NOW)]


def test_a_silent_node_with_sessions_is_dead_and_one_without_is_not() -> None:
    assert names(silent(snapshot(), "node1")) == ["node1"]
    assert names(silent(snapshot(), "node2")) == []
    assert names(snapshot()) == []


def test_a_node_that_is_silent_for_a_moment_only_is_not_dead_yet() -> None:
    assert names(silent(snapshot(), "node1", age=2.0)) == []


def test_what_an_old_reading_of_haproxy_says_is_not_taken_for_now() -> None:
    assert names(silent(silent(snapshot(), "node1"), "haproxy1")) == []


def test_a_node_that_was_never_read_is_dead_without_a_since() -> None:
    shown = snapshot()
    nodes = tuple(
        replace(node, facts=None, seen_at=None, error="timed out") if node.name == "node1" else node
        for node in shown.nodes
    )
    (found,) = unreachable(replace(shown, nodes=nodes), NOW + timedelta(seconds=60))
    assert found.text == "node1 does not answer: 10 sessions stuck"
