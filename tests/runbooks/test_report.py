"""What a run leaves on paper and to scripts: report, plain lines, exit codes."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bdr_console.runbooks.journal.report import as_data, markdown, report
from bdr_console.runbooks.journal.run_from_journal import fold
from bdr_console.runbooks.journal.run_text import ending, news
from bdr_console.runbooks.model.run import MEANINGS, RunStatus, RunView, exit_code
from tests.runbooks.test_run_from_journal import beginning, event

HOST = {"step": "disable", "host": "haproxy1 (/run/x)", "command": "disable server b/s"}


def whole_run() -> list[dict[str, Any]]:
    return [
        beginning(),
        event(1, "step", step="disable", status="running"),
        event(1, "intent", **HOST),
        event(2, "answer", **HOST, answer="\n"),
        event(2, "step", step="disable", status="done", lines=["all out"]),
        event(3, "step", step="hold", status="holding", lines=["x"]),
        event(3, "alarm", text="the lock | was lost"),
        event(4, "word", word="abort", who="bob@b", accepted=True, text="put back"),
        event(5, "intent", undo=True, **{**HOST, "command": "enable server b/s"}),
        event(6, "error", undo=True, **{**HOST, "command": "enable server b/s"}, error="timed out"),
        event(7, "resume", who="carol@c", pid=1, undo=True, message="Going back."),
        event(8, "intent", undo=True, **{**HOST, "command": "enable server b/s"}),
        event(9, "end", status=RunStatus.STOPPED.value, message="No.", leftovers=["b/s is out"]),
    ]


def test_the_report_has_every_command_with_its_exact_answer_and_what_is_left() -> None:
    made = report(whole_run())
    assert made is not None
    assert [(s.command, s.answer, s.outcome, s.seconds) for s in made.sent] == [
        ("disable server b/s", "\n", "answered", 1.0),
        ("enable server b/s", "timed out", "refused", 1.0),
        ("enable server b/s", "", "no answer in the journal", None),
    ]
    assert [who for _, who in made.runners] == ["dba@bastion", "carol@c"]
    text = markdown(made)
    for expected in (
        "| `disable server b/s` | answered: `\\n` | 1.0 s |",
        "- b/s is out",
        "- the lock | was lost",
        "bob@b said 'abort'",
        "- why: kernel",
        "exit code 21",
    ):
        assert expected in text
    data = json.loads(json.dumps(as_data(made), default=str))
    assert data["sent"][0]["answer"] == "\n"
    assert data["timeline"][0]["text"] == "begun by dba@bastion"


def test_a_journal_that_tells_of_no_run_gives_no_report() -> None:
    assert report([]) is None


def view(status: RunStatus, **fields: Any) -> RunView:
    made = fold([beginning()])
    assert made is not None
    return replace(made, status=status, **fields)


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (view(RunStatus.DONE, changed=True), 0),
        (view(RunStatus.DONE, changed=True, problems=("x",)), 22),
        (view(RunStatus.REFUSED), 10),
        (view(RunStatus.UNDONE), 10),
        (view(RunStatus.UNDONE, changed=True), 20),
        (view(RunStatus.STOPPED, changed=True, leftovers=("x",)), 21),
        (view(RunStatus.LOST, changed=True), 30),
        (view(RunStatus.HOLDING, changed=True), 30),
    ],
)
def test_each_end_has_its_exit_code(run: RunView, code: int) -> None:
    assert exit_code(run) == code
    assert MEANINGS[code]


def test_a_resumed_run_goes_on_in_the_same_picture() -> None:
    events = whole_run()
    before, after = fold(events[:10]), fold(events[:11])
    assert before is not None
    assert after is not None
    assert after.status is RunStatus.RUNNING
    assert [step.status.value for step in after.steps] == ["done", "pending"]
    assert (after.changed, after.problems) == (True, ("the lock | was lost",))


def test_each_change_of_a_step_is_one_line_and_a_hold_says_how_to_go_on() -> None:
    events = whole_run()[:6]
    held = event(
        3, "status", status="holding", message="do it", offers=[{"word": "go", "label": "bring it back"}]
    )
    now = fold([*events, held])
    assert now is not None
    lines = news(fold(events[:2]), now)
    assert [line.split("  ", 1)[1] for line in lines[:2]] == [
        "[1/2] Disable: done: all out",
        "[2/2] Hold: holding: x",
    ]
    assert lines[-1].strip() == "bdr-console go r1: bring it back"
    assert news(now, now) == ()
    assert news(None, now)[0].startswith("Run r1: switchover of node1")


def test_the_end_lists_what_is_left_and_what_went_wrong() -> None:
    run = view(RunStatus.STOPPED, message="No.", leftovers=("b/s is out",), problems=("lock lost",))
    assert ending(run) == (
        "stopped, leftovers remain: No.",
        "  left over: b/s is out",
        "  problem: lock lost",
    )
