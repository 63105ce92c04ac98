"""Ending who holds a step up: picked by name, confirmed with the exact command, said once."""

from dataclasses import replace

import pytest

from bdr_console.runbooks.model.run import Command, Holder, Offer, RunView
from bdr_console.ui.screens.dialogs import Pick, Question
from bdr_console.ui.screens.run import RunScreen
from tests.ui.driving import FakeActs, FakeRuns, console, text, until, until_shown
from tests.ui.scenes import run, snapshot

RUN = "20260304T095940-node1-ab12"
WORD = "terminate node1:2211:5f2a1c"
STARTED = "2026-03-04 09:00:00.000001+00"
SQL = (
    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = 2211 AND backend_start = '{STARTED}'"  # noqa: S608
)
HOLDER = Holder(
    "node1:2211:5f2a1c", "pgb-tx", "app", "billing", "10.0.3.7:5000", "idle in transaction", "node1", 2211,
    STARTED, 41.0, "UPDATE invoice SET paid = true",
)  # fmt: skip
PGB = "pgb-tx (10.0.0.9:6432)"
OFFERS = (
    Offer("wait", "wait longer"),
    Offer("abort", "abort and put everything back"),
    Offer(WORD, "terminate app=billing pid 2211 on node1", (Command("node1 (10.0.0.1:5432)", SQL),)),
    Offer(
        "kill-db pgb-tx/app",
        "cut every client of app on pgb-tx, then resume",
        (Command(PGB, "KILL app"), Command(PGB, "RESUME app")),
    ),
)


def held_up(holder: Holder = HOLDER, offers: tuple[Offer, ...] = OFFERS) -> RunView:
    """A run whose third step waits for one client."""
    made = run()
    steps = tuple(replace(s, holders=(holder,)) if s.key == "wait_close" else s for s in made.steps)
    return replace(made, steps=steps, offers=offers)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_x_picks_a_holder_and_shows_whom_it_hits_and_the_exact_command(size: tuple[int, int]) -> None:
    acts = FakeActs()
    async with console(snapshot(), runs=FakeRuns(held_up()), acts=acts, size=size) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "x end a holder (2 choices)", "a abort and put everything back")
        await pilot.press("x")
        await until_shown(
            pilot, "terminate app=billing pid 2211 on node1", "cut every client of app on pgb-tx"
        )
        await pilot.press("enter")
        shown = await until_shown(
            pilot, "Terminate app=billing pid 2211 on node1?", "billing of client 10.0.3.7"
        )
        joined = " ".join(line.strip(" │┃|") for line in shown.splitlines())
        assert "idle in transaction for 41.0 s" in joined
        assert "query: UPDATE invoice SET paid = true" in joined
        assert "its client gets an error" in joined
        assert "WHERE pid = 2211 AND" in joined
        assert acts.said == []
        await pilot.press("enter")  # which means no
        await until(pilot, lambda: not isinstance(app.screen, Question))
        assert acts.said == []
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: acts.said == [(RUN, WORD)])


async def test_no_is_said_twice_and_nothing_is_sent() -> None:
    acts = FakeActs()
    async with console(snapshot(), runs=FakeRuns(held_up()), acts=acts) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "x end a holder")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("down", "enter")
        await until_shown(pilot, "Cut every client of app on pgb-tx, then resume?", "KILL app", "RESUME app")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert acts.said == []


async def test_what_was_picked_is_what_is_said_though_another_holder_comes_first_meanwhile() -> None:
    acts, runs = FakeActs(), FakeRuns(held_up())
    async with console(snapshot(), runs=runs, acts=acts) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "x end a holder")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        other = replace(HOLDER, id="node1:7:000000", pid=7, application="innocent")
        runs.run = held_up(other, (*OFFERS[:2], Offer("terminate node1:7:000000", "terminate app=innocent")))
        await until(pilot, lambda: app.runs.run is runs.run)
        await pilot.press("enter")
        await until_shown(pilot, "Terminate app=billing pid 2211 on node1?")
        await pilot.press("y")
        await until(pilot, lambda: acts.said == [(RUN, WORD)])


async def test_x_does_nothing_where_nobody_holds_the_step_up() -> None:
    acts = FakeActs()
    async with console(snapshot(), runs=FakeRuns(run()), acts=acts) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "a abort", "(x End)")
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)


async def test_a_watching_console_sees_that_holders_can_be_ended_and_cannot_end_them() -> None:
    async with console(snapshot(), runs=FakeRuns(held_up())) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "end a holder (not in read-only mode)")
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)


async def test_hostile_names_of_holders_are_shown_and_harmless() -> None:
    nasty = replace(HOLDER, application="[/]\x1b[2J", query="\x1b]0;x\x07", client="[red]")
    label = "terminate app=[/]\x1b[2J pid 2211"
    async with console(snapshot(), runs=FakeRuns(held_up(nasty, (Offer(WORD, label),))), acts=FakeActs()) as (
        app,
        pilot,
    ):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "x end a holder (1 choice)")
        await pilot.press("x")
        await until_shown(pilot, "terminate app=[/]\\x1b[2J pid 2211")
        await pilot.press("enter")
        await until_shown(pilot, "Terminate app=[/]\\x1b[2J", "query: \\x1b]0;x\\x07")
        assert all(line.isprintable() for line in text(app).splitlines())
