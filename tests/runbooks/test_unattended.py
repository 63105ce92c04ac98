"""A run that nobody watches."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from bdr_console.runbooks.execute.unattended import HoldOrder, Unattended
from bdr_console.runbooks.journal.journal_file import Journal, read_events
from tests.runbooks.test_run_from_journal import beginning
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(20)


async def said(
    tmp_path: Path, order: HoldOrder, *events: tuple[str, dict[str, Any]], until: str
) -> list[str]:
    """What an unattended run says to the engine until `until` stands in the journal, or was said."""
    journal = Journal(tmp_path, "r1")
    fields = {key: value for key, value in beginning().items() if key not in ("t", "run", "event")}
    journal.write("run", **fields)
    for kind, told in events:
        journal.write(kind, **told)
    words: list[str] = []

    def hear(word: str, who: str, why: str = "") -> tuple[bool, str]:
        words.append(word)
        return True, ""

    task = asyncio.create_task(Unattended(journal, hear, order).see_through())
    await eventually(lambda: until in words or until in str(read_events(tmp_path)), until)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return words


HOLDING = (
    ("step", {"step": "hold", "status": "holding"}),
    ("status", {"status": "holding", "message": "", "offers": []}),
)


async def test_the_hold_ends_by_itself_after_its_time(tmp_path: Path) -> None:
    assert await said(tmp_path, HoldOrder(seconds=0.1), *HOLDING, until="go") == ["go"]


async def test_the_hold_command_runs_with_its_output_in_the_journal_and_then_the_run_goes_on(
    tmp_path: Path,
) -> None:
    order = HoldOrder(command="printf 'on %s\\nlast \\033[31m line' $BDR_CONSOLE_NODE")
    assert await said(tmp_path, order, *HOLDING, until="go") == ["go"]
    lines = [event["text"] for event in read_events(tmp_path) if event["event"] == "output"]
    assert lines == ["on node1", "last \\x1b[31m line"]


async def test_a_hold_command_that_fails_leaves_the_decision_to_somebody(tmp_path: Path) -> None:
    order = HoldOrder(command="exit 4")
    assert await said(tmp_path, order, *HOLDING, until="exit code 4: the node stays out") == []


async def test_a_hold_command_ends_with_its_run(tmp_path: Path) -> None:
    order = HoldOrder(command="echo begun; exec sleep 300")
    await said(tmp_path, order, *HOLDING, until="begun")
    events = read_events(tmp_path)
    assert "the hold command was ended" in events[-1]["text"]
    pid = next(event["pid"] for event in events if event["event"] == "command")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_step_that_asks_is_answered_with_abort_when_its_time_is_up(tmp_path: Path) -> None:
    waiting = (
        ("step", {"step": "disable", "status": "waiting", "deadline": 0.0}),
        ("status", {"status": "running", "message": "", "offers": [{"word": "wait", "label": ""}]}),
    )
    assert await said(tmp_path, HoldOrder(), *waiting, until="abort") == ["abort"]
