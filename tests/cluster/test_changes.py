"""The event log says what changed, once, in words."""

from dataclasses import replace
from datetime import timedelta

from bdr_console.cluster.nodes import Unread
from bdr_console.cluster.proxies import ServerState
from bdr_console.cluster.verdict.changes import changes
from bdr_console.cluster.verdict.findings import Level
from tests.cluster.builders import NOW, node, node_facts, pooler, proxy, server, slot, snapshot, with_node


def told(before: object, after: object) -> list[tuple[str, str]]:
    return [(event.subject, event.text) for event in changes(before, after)]  # type: ignore[arg-type]


def test_nothing_changed_nothing_said() -> None:
    assert told(snapshot(), snapshot()) == []


def test_a_lost_node_is_an_event_once_and_its_return_another() -> None:
    lost = with_node(snapshot(), replace(node("node2"), error="no answer within 2.0 s"))
    assert ("node2", "lost: no answer within 2.0 s") in told(snapshot(), lost)
    assert told(lost, lost) == []
    assert ("node2", "answers again") in told(lost, snapshot())


def test_what_is_wrong_with_the_way_to_a_target_is_told_once() -> None:
    warned = with_node(snapshot(), replace(node("node2"), warning="the password goes without TLS"))
    [event] = changes(snapshot(), warned)
    assert (event.level, event.subject, event.text) == (Level.WARN, "node2", "the password goes without TLS")
    assert told(warned, warned) == []


def test_a_server_taken_out_is_an_event() -> None:
    out = replace(snapshot(), proxies=(proxy(server("bdr_initial_node", "node1", ServerState.MAINT)),))
    assert told(snapshot(), out) == [("haproxy1/bk_db/bdr_initial_node", "maintenance (was up)")]


def test_traffic_that_moves_is_an_event() -> None:
    moved = replace(snapshot(), proxies=(proxy(sticky="bdr_next_node"),))
    text = "new connections to 127.0.0.1 go to bdr_next_node (was bdr_initial_node)"
    assert told(snapshot(), moved) == [("haproxy1/bk_db", text)]


def test_a_reload_of_haproxy_is_an_event_with_its_consequence() -> None:
    facts = snapshot().proxies[0].facts
    assert facts is not None
    reloaded = replace(snapshot(), proxies=(replace(proxy(), facts=replace(facts, pid=9, uptime=1)),))
    [event] = changes(snapshot(), reloaded)
    assert event.level is Level.WARN
    assert "reloaded" in event.text
    assert "maintenance" in event.text


def test_a_broken_link_is_an_event_with_its_reason() -> None:
    facts = replace(node_facts("node1"), slots=(replace(slot("node2"), active=False), slot("node3")))
    broken = with_node(snapshot(), node("node1", facts))
    assert ("node1 -> node2", "down: slot inactive: node2 is not connected; node2 says replicating") in told(
        snapshot(), broken
    )


def test_a_paused_database_and_a_restarted_server_are_events() -> None:
    paused = replace(snapshot(), poolers=(pooler(paused=True), snapshot().poolers[1]))
    assert told(snapshot(), paused) == [("pgb-tx/app", "paused")]
    assert told(paused, snapshot()) == [("pgb-tx/app", "resumed")]
    restarted = with_node(
        snapshot(), node("node1", replace(node_facts("node1"), started_at=NOW + timedelta(seconds=1)))
    )
    assert told(snapshot(), restarted) == [("node1", "PostgreSQL was restarted")]


def test_a_part_that_cannot_be_read_is_an_event_once_and_its_return_another() -> None:
    why = Unread("slots", "permission denied for view node_slots")
    blind = with_node(snapshot(), node("node1", replace(node_facts("node1"), unread=(why,))))
    text = f"cannot read slots: {why.why}; `bdr-console grants` prints what to grant"
    assert ("node1", text) in told(snapshot(), blind)
    assert told(blind, blind) == []
    assert ("node1", "reads slots again") in told(blind, snapshot())
    slow = replace(why, why="canceling statement due to statement timeout")
    other = with_node(snapshot(), node("node1", replace(node_facts("node1"), unread=(slow,))))
    assert told(blind, other) == [], "one and the same part is told once, whatever the reason becomes"
    assert ("node1", f"cannot read slots: {slow.why}") in told(snapshot(), other)


def test_what_the_first_reading_could_not_read_is_an_event() -> None:
    unread = tuple(Unread(what, "permission denied for schema bdr") for what in ("slots", "locks"))
    facts = replace(node_facts("node1"), unread=unread)
    unseen = with_node(snapshot(), replace(node("node1"), facts=None))
    found = told(unseen, with_node(snapshot(), node("node1", facts)))
    told_of = [text for subject, text in found if subject == "node1" and "cannot read" in text]
    assert len(told_of) == 1, "parts with one cause make one line"
    assert told_of[0].startswith("cannot read slots, locks: permission denied for schema bdr; ")
