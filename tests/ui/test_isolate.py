"""A dead node with traffic: the screen says so, and one key leads to its isolation."""

import pytest

from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.plan import PlanScreen
from bdr_console.ui.screens.run import RunScreen
from bdr_console.ui.services import PlanView
from tests.ui.driving import FakeActs, FakeRuns, console, text, until, until_shown
from tests.ui.scenes import CHECKS, REFUSING, run, silent, snapshot, steps

DEAD = silent(snapshot(), "node1")


async def test_the_head_says_who_is_stuck_and_which_key_isolates_the_node() -> None:
    async with console(DEAD, size=(80, 24), acts=FakeActs()) as (_, pilot):
        await until_shown(pilot, "DEAD", "node1 does not answer for 12.0 s: 10 sessions stuck", "i isolate")


async def test_a_lost_reading_is_no_dead_node() -> None:
    async with console(silent(snapshot(), "node1", age=2.0), acts=FakeActs()) as (app, pilot):
        await until_shown(pilot, "10 sess")
        assert "DEAD" not in text(app)


@pytest.mark.parametrize("key", ["i", "s"])
async def test_one_key_on_the_overview_opens_the_plan_to_isolate_the_dead_node(key: str) -> None:
    acts = FakeActs()
    async with console(DEAD, acts=acts, runs=FakeRuns(run())) as (app, pilot):
        await until_shown(pilot, "DEAD")
        app.runs.run = None
        await pilot.press(key)
        await until_shown(pilot, "isolate node1, which is dead", "to isolate node1")
        assert acts.terms.isolates
        await pilot.press(*"node1", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert acts.started == ["node1"]
        assert acts.terms.isolates


async def test_the_key_isolates_the_dead_node_wherever_the_cursor_is() -> None:
    acts = FakeActs()
    async with console(DEAD, acts=acts) as (_, pilot):
        await until_shown(pilot, "DEAD")
        await pilot.press("down", "i")
        await until_shown(pilot, "isolate node1, which is dead")


async def test_a_plan_that_a_dead_node_refuses_names_the_key_and_the_key_makes_the_other_plan() -> None:
    acts = FakeActs(plan=PlanView("node1", steps(-1), (*CHECKS, REFUSING)))
    async with console(snapshot(), acts=acts) as (_, pilot):
        await pilot.press("s")
        await until_shown(pilot, "refused by")
        await pilot.press("ctrl+e")
        await until_shown(pilot, "isolate node1, which is dead")
        assert acts.terms.isolates
        await pilot.press("ctrl+e")
        await until_shown(pilot, "node1 out of service and back")
        assert not acts.terms.isolates


async def test_leaving_the_plan_lets_go_of_what_was_prepared_for_it() -> None:
    acts = FakeActs()
    async with console(DEAD, acts=acts) as (app, pilot):
        await until_shown(pilot, "DEAD")
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await until(pilot, lambda: acts.let_go_of == 1)
