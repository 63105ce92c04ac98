"""What a report says of the clients: measured figures with their sources, and nothing else."""

from typing import Any

from bdr_console.runbooks.journal.impact import lines, measures
from bdr_console.runbooks.journal.report import markdown, report
from tests.runbooks.test_report import whole_run
from tests.runbooks.test_run_from_journal import beginning, event

FELT = {
    "clients": 8,
    "max_wait": 0.072,
    "waiting": 6,
    "looks": 36,
    "missed": 0,
    "transactions": 357,
    "waited": 1.1,
}
IDLE = {**FELT, "clients": 0, "waiting": 0, "transactions": 0}


def impact(second: int, since: str, way: str = "out", **fields: Any) -> dict[str, Any]:
    known = {"node": "node1", "way": way, "since": since, "every": 0.1}
    poolers = {"pgb-tx": FELT, "pgb-session": IDLE}
    return event(
        second, "impact", **{**known, "poolers": poolers, "sessions": {"b/s on haproxy1": [7, 0]}, **fields}
    )


def figures(*events: dict[str, Any]) -> dict[tuple[str, str, str], float | None]:
    return {(m.node, m.where, m.what): m.value for m in measures(events, "node1")}


def test_the_last_sample_of_each_way_counts() -> None:
    earlier = impact(1, "a", poolers={"pgb-tx": {**FELT, "max_wait": 0.01}})
    found = figures(beginning(), earlier, impact(2, "a"), impact(5, "b", "back"))
    assert found["node1", "way out, pgb-tx", "longest wait seen"] == 0.072
    assert found["node1", "way back, pgb-tx", "transactions done"] == 357
    assert found["node1", "way out, b/s on haproxy1", "sessions that left"] == 7
    assert not [where for _, where, _ in found if "pgb-session" in where]


def test_what_was_not_read_is_not_measured_and_never_nothing() -> None:
    silent = {**FELT, "looks": 0, "missed": 4, "clients": 0, "transactions": None, "waited": None}
    found = figures(
        beginning(), impact(1, "a", poolers={"pgb-tx": silent}, sessions={"b/s on haproxy1": [7, None]})
    )
    assert set(found.values()) == {None}
    assert ("node1", "way out, pgb-tx", "longest wait seen") in found
    told = lines(measures([beginning()], "node1"), name_nodes=False)
    assert told[0].startswith("- whole run: waits of clients not measured, failed transactions not measured")


def test_a_pause_counts_from_the_command_to_the_answer_that_ended_it() -> None:
    told = {"step": "pause", "host": "pgb-tx (dba@/run)"}
    found = figures(
        beginning(),
        event(1, "intent", **told, command="PAUSE app"),
        event(2, "answer", **told, command="PAUSE app", answer="PAUSE"),
        event(3, "intent", **told, command="RESUME app"),
        event(4, "answer", **told, command="RESUME app", answer="RESUME"),
        event(5, "intent", **told, command="PAUSE other"),
    )
    assert found["node1", "pause of app on pgb-tx", "took"] == 3.0
    assert found["node1", "pause of other on pgb-tx", "took"] is None


def test_each_turn_of_a_rolling_run_has_its_own_figures() -> None:
    turn = event(3, "turn", node="node2", steps=[], left=[], plan={})
    found = figures(beginning(), impact(1, "a"), turn, impact(4, "b", poolers={"pgb-tx": FELT}))
    assert {node for node, _, _ in found} == {"node1", "node2"}


def test_the_figures_are_in_the_report() -> None:
    made = report([*whole_run()[:3], impact(2, "a"), *whole_run()[3:]])
    assert made is not None
    text = markdown(made)
    assert "## What clients felt" in text
    assert (
        "- way out, pgb-tx: clients at its beginning 8, longest wait seen 72 ms, most waiting at once 6"
        in text
    )
