"""Nothing starts before its commands and checks were shown and the node's name was typed."""

from dataclasses import replace

import pytest
from rich.text import Text

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.run import Check, Outcome
from bdr_console.ui.screens.dialogs import Question
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.plan import PlanScreen
from bdr_console.ui.screens.run import RunScreen
from bdr_console.ui.services import PlanView, Terms
from tests.ui.driving import FakeActs, FakeRuns, console, text, until, until_shown
from tests.ui.scenes import CHECKS, REFUSING, run, snapshot, steps


async def test_the_plan_shows_every_command_with_its_host_and_every_check_with_what_was_seen() -> None:
    async with console(snapshot(), acts=FakeActs()) as (_, pilot):
        await pilot.press("s")
        await until_shown(
            pilot,
            "Plan: node1 out of service",
            "haproxy1 (/run/haproxy/admin.sock): disable server bk_db/bdr_initial_node",
            "undo haproxy1 (/run/haproxy/admin.sock): enable server bk_db/bdr_initial_node",
            "pgb-tx (10.0.0.9:6432): RECONNECT app",
            "pgb-tx (10.0.0.9:6432): WAIT_CLOSE app",
            "✓ pass   HAProxy answers and takes commands: haproxy1: level admin",
            "~ warn   pgb-session/app: 16 clients (expected: session pools)",
            "why: their clients keep connections",
            "do: ask them to leave",
            "type the node's name: node1",
        )


async def test_the_whole_plan_can_be_read_at_80x24() -> None:
    async with console(snapshot(), acts=FakeActs(), size=(80, 24)) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "Checks", "type the node's name")
        seen = text(app)
        for _ in range(6):
            await pilot.press("pagedown")
            await pilot.pause()
            seen += text(app)
        assert "7. Enable the server on every HAProxy" in seen
        assert "enable server bk_db/bdr_initial_node" in seen


@pytest.mark.parametrize("typed", ["", "node2", "node", "node11", "NODE1", "y"])
async def test_anything_but_the_nodes_name_starts_nothing(typed: str) -> None:
    acts = FakeActs()
    async with console(snapshot(), acts=acts) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "type the node's name")
        await pilot.press(*typed, "enter")
        await until_shown(pilot, "that is not 'node1': nothing was started")
        assert isinstance(app.screen, PlanScreen)
        assert acts.started == []


async def test_the_typed_name_starts_the_run_and_its_screen_follows() -> None:
    acts = FakeActs()
    async with console(snapshot(), acts=acts, runs=FakeRuns(run())) as (app, pilot):
        app.runs.run = None
        await pilot.press("s")
        await until_shown(pilot, "type the node's name")
        await pilot.press(*"node1", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert acts.started == ["node1"]
        assert acts.start_thread != "MainThread"
        await until_shown(pilot, "3 of 9 server connections left")


async def test_a_plan_with_a_failed_check_cannot_be_started_and_says_which() -> None:
    acts = FakeActs(plan=PlanView("node1", steps(-1), (*CHECKS, REFUSING)))
    async with console(snapshot(), acts=acts) as (app, pilot):
        await pilot.press("s")
        shown = await until_shown(pilot, "refused by 1 of 4 checks: pgb-session: connection refused")
        first_check = shown.splitlines()[shown.splitlines().index(_line(shown, "Checks")) + 1]
        assert "x fail" in first_check
        assert "type node1 and press enter" not in shown
        await pilot.press(*"node1", "enter")
        await pilot.pause()
        assert acts.started == []
        assert isinstance(app.screen, PlanScreen)


async def test_what_could_not_be_told_refuses_as_well() -> None:
    unknown = Check("lag", Outcome.UNKNOWN, "node2 does not answer")
    async with console(snapshot(), acts=FakeActs(plan=PlanView("node1", steps(-1), (unknown,)))) as (
        _,
        pilot,
    ):
        await pilot.press("s")
        await until_shown(pilot, "refused by 1 of 1 checks: node2 does not answer", "? could not tell")


async def test_checks_can_be_read_again() -> None:
    acts = FakeActs()
    async with console(snapshot(), acts=acts) as (_, pilot):
        await pilot.press("s")
        await until_shown(pilot, "type the node's name")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: acts.plans == 2)
        await until_shown(pilot, "type the node's name")


async def test_escape_leaves_the_plan_and_starts_nothing() -> None:
    acts = FakeActs()
    async with console(snapshot(), acts=acts) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "type the node's name")
        await pilot.press(*"node1", "escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        assert acts.started == []


@pytest.mark.parametrize("error", [ConsoleError("node1 stands behind no HAProxy", "Name its server."), None])
async def test_a_plan_that_cannot_be_made_says_why(
    error: ConsoleError | None, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    acts = FakeActs(plan=error)
    if error is None:

        async def broken(node: str, terms: Terms) -> PlanView:
            raise KeyError(node)

        acts.plan = broken  # type: ignore[method-assign]
    async with console(snapshot(), acts=acts) as (_, pilot):
        await pilot.press("s")
        said = (
            error.problem
            if error
            else "reading the checks failed by an error of the console's own (KeyError)"
        )
        await until_shown(pilot, f"there is no plan: {said}")


async def test_a_start_that_is_refused_says_why_and_stays() -> None:
    acts = FakeActs(refuse=ConsoleError("a run is under way: switchover of node2", "Attach to it."))
    async with console(snapshot(), acts=acts) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "type the node's name")
        await pilot.press(*"node1", "enter")
        await until_shown(pilot, "not started: a run is under way: switchover of node2. Attach to it.")
        assert isinstance(app.screen, PlanScreen)


async def test_the_plan_is_for_the_row_under_the_cursor_or_for_a_node_that_is_picked() -> None:
    async with console(snapshot(), acts=FakeActs()) as (_, pilot):
        await pilot.press("down", "s")
        await until_shown(pilot, "Plan: node2 out of service")
        await pilot.press("escape")
        await pilot.press("4", "down", "down", "down", "s")
        await until_shown(pilot, "Plan: node3 out of service")
        await pilot.press("escape")
        await pilot.press("6", "s")
        await until_shown(pilot, "Switchover of which node?")
        await pilot.press("down", "enter")
        await until_shown(pilot, "Plan: node2 out of service")


async def test_a_second_switchover_is_not_planned_while_one_runs() -> None:
    async with console(snapshot(), acts=FakeActs(), runs=FakeRuns(run())) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("s")
        await until_shown(pilot, "a run is under way on node1")
        assert isinstance(app.screen, Overview)


async def test_a_plan_in_production_says_so_where_the_name_is_typed() -> None:
    async with console(snapshot(environment="prod"), acts=FakeActs()) as (_, pilot):
        await pilot.press("s")
        await until_shown(pilot, "to start on lab in PROD, type the node's name: node1", " PROD ")


async def test_every_question_names_the_environment_it_is_asked_in() -> None:
    async with console(snapshot(environment="staging"), acts=FakeActs()) as (app, pilot):
        app.push_screen(Question(app.current, "Leave?", Text("")))
        await until_shown(pilot, "Leave?   lab staging")
        app.pop_screen()
        await pilot.press("s")
        await until_shown(pilot, "to start on lab in STAGING, type the node's name: node1")


async def test_a_console_that_only_watches_cannot_plan_and_says_why() -> None:
    async with console(snapshot()) as (app, pilot):
        await until_shown(pilot, "READ-ONLY")
        assert app.operator.acts is None
        await pilot.press("s")
        await until_shown(pilot, "this console is read-only")
        assert isinstance(app.screen, Overview)
        await pilot.press("question_mark")
        await until_shown(pilot, "read-only mode)")


async def test_hostile_text_in_a_plan_is_shown_and_harmless() -> None:
    check = Check("[/] \x1b]0;x\x07", Outcome.WARN, "[red]seen", "[b", "\x9b31m")
    hostile = PlanView("node1", tuple(replace(s, title="[/x]\x1b[2J") for s in steps(-1)), (check,))
    async with console(snapshot(), acts=FakeActs(plan=hostile)) as (_, pilot):
        await pilot.press("s")
        shown = await until_shown(pilot, "[red]seen", "[/] \\x1b]0;x\\x07", "[/x]\\x1b[2J")
        assert all(line.isprintable() for line in shown.splitlines())


def _line(shown: str, word: str) -> str:
    return next(line for line in shown.splitlines() if word in line)


async def test_the_way_clients_move_is_chosen_with_a_key_and_the_plan_is_made_again() -> None:
    acts = FakeActs()
    async with console(snapshot(), acts=acts) as (_, pilot):
        await pilot.press("s")
        await until_shown(pilot, "mode auto", "session pools wait")
        await pilot.press("ctrl+o", "ctrl+l")
        await until_shown(pilot, "mode quiesce", "session pools fast-close")
        assert acts.terms == Terms("quiesce", "fast-close")
        await pilot.press(*"node1", "enter")
        await until(pilot, lambda: acts.started == ["node1"])
        assert acts.terms == Terms("quiesce", "fast-close")


async def test_a_look_that_comes_while_the_plan_is_closed_is_no_error() -> None:
    async with console(snapshot(), acts=FakeActs()) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "type the node's name")
        plan = app.screen
        assert isinstance(plan, PlanScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview) and not plan.children)
        plan.restyle()
        await pilot.resize_terminal(80, 24)
        await until_shown(pilot, "node1")


async def test_before_the_first_reading_there_is_no_empty_list_of_nodes_to_choose_from() -> None:
    async with console(acts=FakeActs()) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "no node has been read yet: try again in a moment")
        assert isinstance(app.screen, Overview)
