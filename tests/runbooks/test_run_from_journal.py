"""What a journal's events are folded into."""

from typing import Any

from bdr_console.runbooks.journal.run_from_journal import fold
from bdr_console.runbooks.model.run import Command, Offer, Outcome, Proof, RunStatus, StepStatus

T = "2026-11-22T03:00:0{}+00:00"


def event(second: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"t": T.format(second), "run": "r1", "event": kind, **fields}


def beginning() -> dict[str, Any]:
    step = {"commands": [{"host": "haproxy1", "text": "disable server b/s"}], "undo": [], "deadline": 10.0}
    return event(
        0, "run", runbook="switchover", cluster="shop", environment="prod", node="node1", who="dba@bastion",
        reason="kernel", steps=[{"key": key, "title": key.title(), **step} for key in ("disable", "hold")],
    )  # fmt: skip


def test_nothing_is_known_before_the_first_event() -> None:
    assert fold([]) is None
    assert fold([event(0, "step", step="disable", status="running")]) is None


def test_a_run_that_just_began_shows_its_plan_with_every_command() -> None:
    view = fold([beginning()])
    assert view is not None
    assert (view.run_id, view.node, view.who, view.reason) == ("r1", "node1", "dba@bastion", "kernel")
    assert view.status is RunStatus.RUNNING
    assert [step.status for step in view.steps] == [StepStatus.PENDING, StepStatus.PENDING]
    assert view.steps[0].commands == (Command("haproxy1", "disable server b/s"),)
    assert view.current is None


def test_the_step_at_work_shows_its_latest_evidence() -> None:
    view = fold(
        [
            beginning(),
            event(1, "step", step="disable", status="running", deadline=10.0),
            event(2, "evidence", step="disable", lines=["one left"]),
            event(3, "evidence", step="disable", lines=["none left"]),
        ]
    )
    assert view is not None
    assert view.current is not None
    assert view.current.key == "disable"
    assert view.current.evidence == ("none left",)
    assert view.current.began_at is not None
    assert view.current.ended_at is None


def test_a_step_behind_keeps_when_it_began_and_ended() -> None:
    view = fold(
        [
            beginning(),
            event(1, "step", step="disable", status="running"),
            event(2, "step", step="disable", status="waiting", lines=["x"]),
            event(4, "step", step="disable", status="done", lines=["all in maintenance"]),
        ]
    )
    assert view is not None
    step = view.steps[0]
    assert step.status is StepStatus.DONE
    assert step.began_at is not None
    assert step.ended_at is not None
    assert (step.began_at.second, step.ended_at.second) == (1, 4)
    assert step.evidence == ("all in maintenance",)


def test_offers_come_with_the_hold_and_go_with_the_end() -> None:
    events = [
        beginning(),
        event(
            1, "checks", checks=[{"title": "t", "outcome": "warn", "seen": "s", "why": "w", "remedy": "r"}]
        ),
        event(2, "step", step="hold", status="holding"),
        event(3, "status", status="holding", message="do it", offers=[{"word": "go", "label": "go on"}]),
    ]
    view = fold(events)
    assert view is not None
    assert view.checks[0].outcome is Outcome.WARN
    assert (view.status, view.message, view.offers) == (RunStatus.HOLDING, "do it", (Offer("go", "go on"),))
    ended = fold([*events, event(4, "end", status=RunStatus.STOPPED.value, message="no", leftovers=["b/s"])])
    assert ended is not None
    assert (ended.status, ended.leftovers, ended.offers) == (RunStatus.STOPPED, ("b/s",), ())
    assert ended.status.over
    assert ended.ended_at is not None


def test_a_step_that_lies_ahead_again_forgets_its_first_try() -> None:
    view = fold(
        [
            beginning(),
            event(1, "step", step="disable", status="done", lines=["x"]),
            event(2, "step", step="disable", status="pending"),
        ]
    )
    assert view is not None
    assert view.steps[0].status is StepStatus.PENDING
    assert (view.steps[0].began_at, view.steps[0].ended_at, view.steps[0].evidence) == (None, None, ())


def test_events_of_a_later_version_change_nothing() -> None:
    assert fold([beginning(), event(1, "paused", step="disable")]) == fold([beginning()])
    assert fold([beginning(), event(1, "step", step="unknown", status="done")]) == fold([beginning()])


def test_proof_and_alarm_of_the_latest_look_are_kept_and_forgotten_when_the_step_lies_ahead_again() -> None:
    events = [
        {**beginning(), "until": "2026-11-22T05:00:00+00:00"},
        event(1, "step", step="disable", status="running", proof="unmet", lines=["x"]),
        event(2, "evidence", step="disable", proof="could not tell", lines=["?"], alarm="look"),
    ]
    view = fold(events)
    assert view is not None
    assert view.until is not None
    assert view.until.hour == 5
    assert view.steps[0].proof is Proof.UNKNOWN
    assert view.alarm == "look"
    view = fold([*events, event(3, "evidence", step="disable", proof="met", lines=["y"])])
    assert view is not None
    assert (view.steps[0].proof, view.alarm) == (Proof.MET, "")
    view = fold([*events, event(3, "step", step="disable", status="pending")])
    assert view is not None
    assert (view.steps[0].proof, view.steps[0].alarm) == (None, "")


def test_what_was_found_taken_back_is_no_longer_in_force_whoever_took_it_back() -> None:
    opened = [beginning(), event(1, "intent", step="disable", host="haproxy1", command="disable server b/s")]
    view = fold([*opened, event(2, "step", step="disable", status="failed")])
    assert view is not None
    assert [command.text for command in view.in_force] == ["disable server b/s"]
    reloaded = [
        event(3, "step", step="disable", status="undoing"),
        event(4, "step", step="disable", status="undone", lines=["back by itself"]),
    ]
    view = fold([*opened, *reloaded])
    assert view is not None
    assert view.in_force == ()


def test_a_step_that_an_abort_ended_is_in_force_until_it_is_taken_back() -> None:
    opened = [beginning(), event(1, "intent", step="disable", host="haproxy1", command="disable server b/s")]
    view = fold([*opened, event(2, "step", step="disable", status="undone")])
    assert view is not None
    assert [command.text for command in view.in_force] == ["disable server b/s"]
