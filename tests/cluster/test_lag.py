"""One rule for what a lag means, in level, words and direction."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bdr_console.cluster.history import History
from bdr_console.cluster.lag_time import IN_STEP, UNKNOWN, LagTime
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.replication import Link, LinkState, links
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from bdr_console.cluster.verdict.lag import (
    heading,
    heading_text,
    is_time_known,
    lag_level,
    lag_state,
    lag_text,
    lag_time_text,
)
from tests.cluster.builders import NOW, node, node_facts, slot, snapshot, subscription, with_node

LIMITS = Thresholds()
MIB = 1024**2
WRITTEN = 0x16B3748
"""Where the WAL of node1 is in `builders`."""


def link(behind: int | None, time: LagTime | None, rows: int | None = None) -> Link:
    """A link that streams and is so far behind."""
    state = LinkState.STREAMING
    return Link("a", "b", state, "slot active", None, None, behind, time, None, NOW, True, rows)


@pytest.mark.parametrize(
    ("behind", "time", "level", "state", "text"),
    [
        (0, IN_STEP, Level.OK, "in step", "0 B, 0 ms"),
        (4096, IN_STEP, Level.OK, "in step", "4.0 KiB, 0 ms"),
        (4096, LagTime(0, 1, 0.004), Level.OK, "in step", "4.0 KiB, 4 ms"),
        (4096, UNKNOWN, Level.OK, "measuring", "4.0 KiB"),
        (4096, LagTime(1.0, None, None), Level.OK, "measuring", "4.0 KiB, >= 1.0 s"),
        (830 * 1024, LagTime(1.8, None, None), Level.UNKNOWN, "time unknown", "830 KiB, >= 1.8 s"),
        (830 * 1024, LagTime(2.0, 60.0, None), Level.UNKNOWN, "time unknown", "830 KiB, >= 2.0 s"),
        (830 * 1024, LagTime(2.0, 25.0, None), Level.OK, "in step", "830 KiB, >= 2.0 s"),
        (140, LagTime(96.0, 97.0, 97.0), Level.WARN, "lagging", "140 B, 1m 37s"),
        (140, LagTime(96.0, None, None), Level.WARN, "lagging", "140 B, >= 1m 36s"),
        (140, LagTime(300.0, None, None), Level.CRIT, "lagging", "140 B, >= 5m 00s"),
        (48 * MIB, UNKNOWN, Level.WARN, "lagging", "48.0 MiB"),
        (48 * MIB, LagTime(2.0, None, None), Level.WARN, "lagging", "48.0 MiB, >= 2.0 s"),
        (480 * MIB, IN_STEP, Level.CRIT, "lagging", "480 MiB, 0 ms"),
        (None, None, Level.UNKNOWN, "unknown", "unknown"),
    ],
)
def test_bytes_and_time_are_judged_by_one_rule(
    behind: int | None, time: LagTime | None, level: Level, state: str, text: str
) -> None:
    found = link(behind, time)
    assert (lag_level(found, LIMITS), lag_state(found, LIMITS), lag_text(found)) == (level, state, text)


def test_captured_rows_are_told_as_rows_and_judged_by_their_time() -> None:
    found = link(None, LagTime(40.0, 40.0, 40.0), rows=1)
    assert (lag_level(found, LIMITS), lag_text(found)) == (Level.WARN, "1 row, 40.0 s")
    assert lag_level(link(None, None, rows=7), LIMITS) is Level.OK


def test_a_lower_bound_never_proves_that_a_limit_is_kept() -> None:
    assert not is_time_known(LagTime(29.0, None, None), LIMITS)
    assert is_time_known(LagTime(2.0, 29.0, None), LIMITS)
    assert lag_time_text(link(1, LagTime(0.01, None, None))) == "unknown"


def blocked(seconds: float) -> Snapshot:
    """node2 has applied nothing of node1 since the beginning, whose WAL grows by 8 KiB a second, and whose
    walsender repeats the last figure."""
    at, written = NOW + timedelta(seconds=seconds), WRITTEN + int(seconds) * 8192 + 8192
    stale = replace(slot("node2", written - WRITTEN), lag_seconds=0.017, applied_lsn=f"0/{WRITTEN:X}")
    facts = replace(
        node_facts("node1"),
        slots=(stale, replace(slot("node3"), applied_lsn=f"0/{written:X}")),
        wal_lsn=f"0/{written:X}",
        flushed_lsn=f"0/{written:X}",
        clock=at,
    )
    shown = with_node(snapshot(), node("node1", facts))
    nodes = tuple(replace(one, seen_at=at) for one in shown.nodes)
    return replace(shown, taken_at=at, nodes=nodes, proxies=(), poolers=())


def judged(history: History, shown: Snapshot) -> list[tuple[str, str]]:
    """(level, sentence) of every finding."""
    remember(history, shown)
    found = judge(shown, LIMITS, shown.taken_at, history).findings
    return [(finding.level.name, finding.sentence) for finding in found]


def test_a_blocked_apply_of_few_bytes_is_unknown_and_then_late_and_never_in_step() -> None:
    history, seen = History(), {}
    for seconds in range(310):
        seen[seconds] = judged(history, blocked(seconds))
    assert seen[0] == [], "one reading proves nothing yet"
    unknown = "for how long is not known; the bytes are below the limit"
    assert seen[2] == [("UNKNOWN", f"node1 -> node2 lags 24.0 KiB, >= 2.0 s: {unknown}")]
    assert seen[31] == [("WARN", "node1 -> node2 lags 256 KiB, >= 31.0 s, growing by 8.0 KiB/s")]
    assert seen[300][0][0] == "CRIT"


def test_the_sender_of_a_message_that_waits_to_be_applied_dates_the_lag_at_one_look() -> None:
    """Native: the worker stands at a message that was sent 96 s ago."""
    waits = replace(
        subscription("node1"),
        received_lsn=f"0/{WRITTEN + 512:X}",
        received_at=NOW - timedelta(seconds=96),
    )
    facts: NodeFacts = replace(node_facts("node2"), subscriptions=(waits, subscription("node3")))
    shown = with_node(blocked(0), node("node2", facts, age=0.0))
    (found,) = (one for one in links(shown, NOW) if one.key == ("node1", "node2"))
    assert lag_text(found) == "8.0 KiB, >= 1m 36s"
    applied = replace(waits, received_lsn=f"0/{WRITTEN:X}")
    facts = replace(facts, subscriptions=(applied, subscription("node3")))
    (found,) = (
        one
        for one in links(with_node(shown, node("node2", facts, age=0.0)), NOW)
        if one.key == ("node1", "node2")
    )
    assert lag_time_text(found) == "unknown", "what arrived last was applied; what waits was never sent"


def test_a_commit_applied_a_moment_ago_bounds_the_lag_at_one_look() -> None:
    """BDR 1, pgactive and Spock tell when the origin committed what was applied last."""
    moving = replace(subscription("node1"), applied_until=NOW - timedelta(seconds=0.4))
    facts = replace(node_facts("node2"), subscriptions=(moving, subscription("node3")))
    (found,) = (
        one
        for one in links(with_node(blocked(0), node("node2", facts, age=0.0)), NOW)
        if one.key == ("node1", "node2")
    )
    assert (lag_time_text(found), lag_state(found, LIMITS)) == ("17 ms", "in step")


@pytest.mark.parametrize(
    ("lags", "word", "text"),
    [
        ((40 * MIB, 40 * MIB), "steady", ""),
        ((40 * MIB, 40 * MIB + 2000), "steady", ""),
        ((40 * MIB, 44 * MIB), "growing", ", growing by 4.0 MiB/s"),
        ((44 * MIB, 40 * MIB), "falling", ", catching up in 10.0 s"),
        ((400 * MIB, 399 * MIB), "falling", ", catching up in 6m 39s"),
        ((400 * MIB, 400 * MIB - 200 * 1024), "steady", ""),
        ((40 * MIB,), None, ""),
    ],
)
def test_where_a_lag_is_heading_is_one_word(lags: tuple[int, ...], word: str | None, text: str) -> None:
    history = History()
    for second, lag in enumerate(lags):
        history.add(("a", "b"), NOW + timedelta(seconds=second), float(lag))
    found = heading(link(lags[-1], UNKNOWN), history)
    assert (found.word if found else None, heading_text(found)) == (word, text)
    assert heading(replace(link(lags[-1], UNKNOWN), fresh=False), history) is None
