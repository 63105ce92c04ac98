"""Ending a session that a check of the plan names: picked, confirmed with the command, then read anew."""

from dataclasses import replace
from pathlib import Path

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.event_store import EventStore
from bdr_console.runbooks.model.run import Check, Command, Holder, Offer, Outcome
from bdr_console.runbooks.model.step import Intervention
from bdr_console.ui.screens.dialogs import Pick, Question
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.plan import PlanScreen
from bdr_console.ui.services import PlanView
from tests.ui.driving import FakeActs, FakeLock, console, text, until, until_shown
from tests.ui.scenes import CHECKS, snapshot, steps
from tests.ui.test_left import HOLDER as OPERATOR
from tests.waiting import eventually

WORD = "terminate node1:2211:5f2a1c"
STARTED = "2026-03-04 09:00:00.000001+00"
SQL = (
    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = 2211 AND backend_start = '{STARTED}'"  # noqa: S608
)
COMMAND = Command("node1 (10.0.0.1:5432)", SQL)
HOLDER = Holder(
    "node1:2211:5f2a1c", "", "app", "nightly-etl", "10.9.9.9:1234", "idle in transaction", "node1", 2211,
    STARTED, 41.0, "INSERT INTO t", user="etl",
)  # fmt: skip
OFFER = Offer(WORD, "terminate app=nightly-etl pid 2211 on node1", (COMMAND,))
END = Intervention(OFFER, "terminate", "node1", COMMAND, pid=2211, backend_start=STARTED)
WARNING = Check(
    "every client of node1 comes through a known PgBouncer", Outcome.WARN,
    "app=nightly-etl, as etl, from 10.9.9.9:1234", "no PAUSE stops its writes", "Have it disconnect.",
    (HOLDER,),
)  # fmt: skip
FAILED = replace(WARNING, outcome=Outcome.FAIL)


def plan(check: Check, *interventions: Intervention, node: str = "node1") -> PlanView:
    return PlanView(node, steps(-1), (*CHECKS, check), interventions=interventions or (END,))


READY = PlanView("node1", steps(-1), CHECKS)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
@pytest.mark.parametrize("check", [WARNING, FAILED], ids=["a warning", "a refusal"])
async def test_x_ends_a_session_after_a_yes_and_the_plan_is_read_anew(
    check: Check, size: tuple[int, int]
) -> None:
    acts = FakeActs(plan=plan(check), plan_after=READY)
    async with console(snapshot(), acts=acts, size=size) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "x: end that session (asks first)", "x End")
        await pilot.press("x")
        await until_shown(pilot, "End which session?", OFFER.label)
        await pilot.press("enter")
        shown = await until_shown(pilot, "Terminate app=nightly-etl pid 2211 on node1?")
        joined = " ".join(line.strip(" │┃|") for line in shown.splitlines())
        assert "nightly-etl as etl of client 10.9.9.9:1234 past every PgBouncer" in joined
        assert "connected since" in joined
        assert "09:00:00.000001+00" in joined
        assert "WHERE pid = 2211 AND backend_start" in joined
        assert acts.ended == []
        await pilot.press("y")
        await until_shown(pilot, "type the node's name: node1")
        assert (acts.ended, acts.plans, acts.started) == ([WORD], 2, [])
        assert isinstance(app.screen, PlanScreen)
        assert "x End" not in text(app)


@pytest.mark.parametrize("key", ["n", "enter", "escape"])
async def test_anything_but_a_yes_ends_nothing(key: str) -> None:
    acts = FakeActs(plan=plan(WARNING))
    async with console(snapshot(), acts=acts) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "x End")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))
        assert (acts.ended, acts.plans) == ([], 1)
        await until_shown(pilot, "type the node's name: node1")


async def test_what_is_sent_stands_in_the_event_log_with_who_sent_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    event_store = EventStore("lab", whose="dba@bastion")
    acts = FakeActs(plan=plan(FAILED), plan_after=READY)
    async with console(snapshot(), acts=acts, event_store=event_store) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "x End")
        await pilot.press("x", "enter")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")

        def kept() -> bool:
            told = [record.event.text for record in event_store.log.read()]
            return any(f"dba@bastion sends to {COMMAND.host}: {SQL}" in one for one in told) and any(
                "terminate was sent to pid 2211 on node1" in one for one in told
            )

        await eventually(kept, "the act is in the event log on disk")


async def test_a_session_that_cannot_be_ended_says_why_and_the_plan_is_read_anew() -> None:
    refusal = ConsoleError(
        "node1: permission denied", "Grant pg_signal_backend to the console's role on node1."
    )
    acts = FakeActs(plan=plan(FAILED), refuse=refusal)
    async with console(snapshot(), acts=acts) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "x End")
        await pilot.press("x", "enter")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until_shown(pilot, "Grant pg_signal_backend")
        await until(pilot, lambda: acts.plans == 2)


async def test_x_is_not_there_where_no_check_names_a_session_or_the_role_may_not_end_it() -> None:
    bare = PlanView("node1", steps(-1), (*CHECKS, FAILED))
    async with console(snapshot(), acts=FakeActs(plan=bare)) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "refused by 1 of 4 checks")
        assert "x End" not in text(app)
        assert "x: end" not in text(app)
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(app.screen, PlanScreen)


async def test_x_is_not_there_while_another_operator_is_at_work() -> None:
    acts, lock = FakeActs(plan=plan(WARNING)), FakeLock()
    async with console(snapshot(), acts=acts, lock=lock) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "x End")
        lock.held = OPERATOR
        await until(pilot, lambda: "refused: " in text(app))
        assert "x End" not in text(app)


async def test_an_x_within_the_name_is_typed_and_a_node_whose_name_begins_with_x_can_be_named() -> None:
    acts = FakeActs(plan=plan(WARNING))
    async with console(snapshot(), acts=acts) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "x End")
        await pilot.press("n", "x", "enter")
        await until_shown(pilot, "that is not 'node1': nothing was started")
    acts = FakeActs(plan=plan(WARNING, node="xnode"))
    async with console(snapshot(), acts=acts) as (app, pilot):
        app.operator._show(PlanScreen(app.current, "xnode", acts))
        await until_shown(pilot, "type the node's name: xnode")
        await pilot.press(*"xnode", "enter")
        await until(pilot, lambda: acts.started == ["xnode"])


async def test_a_console_that_only_watches_ends_nothing() -> None:
    async with console(snapshot()) as (app, pilot):
        app.operator.end_session(plan(WARNING), OFFER, lambda: None)
        await until_shown(pilot, "this console is read-only")
        await pilot.press("s", "x")
        await pilot.pause()
        assert isinstance(app.screen, Overview)
