"""A run on the screen: where it stands, why it waits, what may be done, what an end has left behind."""

from dataclasses import replace

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.run import Offer, RunStatus, RunView, StepStatus
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.run import RunScreen
from tests.ui.driving import FakeActs, FakeRuns, console, line_with, text, until, until_shown
from tests.ui.scenes import run, snapshot

RUN = "20260304T095940-node1-ab12"


async def test_a_run_that_waits_shows_its_steps_and_what_it_waits_for_at_80x24() -> None:
    async with console(snapshot(), runs=FakeRuns(run()), acts=FakeActs(), size=(80, 24)) as (app, pilot):
        await until_shown(pilot, "RUN node1: step 3/7 waiting")
        await pilot.press("w")
        shown = await until_shown(pilot, "3 of 9 server connections left")
        assert "switchover of node1" in shown
        assert "✓ done       1. Disable the server on every HAProxy  400 ms" in shown
        assert "~ waiting    3. Wait until the old connections are closed  18 s of 1m" in shown
        assert "app=billing, 10.0.3.7, in transaction 41 s, pid 2211" in shown
        assert "· pending    5. Maintenance" in shown
        assert "a abort and put everything back" in shown
        assert "WAIT_CLOSE: 3 server connections left" in shown
        assert "bdr_next_node" not in shown
        assert app.size.width == 80


@pytest.mark.parametrize("size", [(140, 40), (220, 60)])
async def test_the_panes_that_the_run_changes_stay_live_beside_it(size: tuple[int, int]) -> None:
    async with console(snapshot(), runs=FakeRuns(run()), acts=FakeActs(), size=size) as (_, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(
            pilot, "3 of 9 server connections left", "bdr_next_node", "pgb-session", "← sticky 127.0.0.1"
        )


ENDS = [
    (run(RunStatus.DONE, 6, StepStatus.DONE), "✓ done", ()),
    (
        run(RunStatus.UNDONE, 2, StepStatus.UNDONE, message="aborted by dba"),
        "↶ stopped, everything put back",
        ("aborted by dba",),
    ),
    (
        run(RunStatus.REFUSED, 0, StepStatus.FAILED, message="no other server is up"),
        "x refused, nothing changed",
        ("no other server",),
    ),
    (
        run(
            RunStatus.STOPPED,
            2,
            StepStatus.FAILED,
            leftovers=("bk_db/bdr_initial_node is in maintenance on haproxy1",),
        ),
        "! stopped, leftovers remain",
        ("left as it is: bk_db/bdr_initial_node is in maintenance on haproxy1", "x failed"),
    ),
    (
        run(RunStatus.LOST, 2, message="The runner of this run is gone"),
        "! runner gone",
        ("runner of this run is gone",),
    ),
    (run(RunStatus.RUNNING, 1, StepStatus.RUNNING), "▶ running", ("RECONNECT app",)),
    (run(RunStatus.HOLDING, 4, StepStatus.HOLDING), "■ holding", ("g check and enable it again",)),
    (run(RunStatus.UNDOING, 0, StepStatus.UNDOING), "↶ undoing", ("undo haproxy1",)),
    (run(RunStatus.RUNNING, 2, StepStatus.SKIPPED), "▶ running", ("= already so",)),
]


@pytest.mark.parametrize(
    ("shown", "said", "more"), ENDS, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_every_state_of_a_run_is_told_by_symbol_and_words(
    shown: RunView, said: str, more: tuple[str, ...]
) -> None:
    async with console(snapshot(), runs=FakeRuns(shown), acts=FakeActs(), size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: app.runs.run is not None)
        await pilot.press("w")
        await until_shown(pilot, *more)
        assert said in line_with(app, "switchover of node1")
        if shown.status.over:
            assert "this run is over" in text(app)


async def test_go_is_sent_when_the_run_offers_it() -> None:
    acts = FakeActs()
    holding = run(RunStatus.HOLDING, 4, StepStatus.HOLDING)
    async with console(snapshot(), runs=FakeRuns(holding), acts=acts) as (_, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "g check and enable it again")
        await pilot.press("g")
        await until(pilot, lambda: acts.said == [(RUN, "go")])


async def test_a_word_that_is_not_offered_is_not_sent() -> None:
    acts = FakeActs()
    async with console(snapshot(), runs=FakeRuns(run()), acts=acts) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "a abort and put everything back")
        await pilot.press("g", "d")
        await pilot.press("w")
        await until(pilot, lambda: acts.said == [(RUN, "wait")])
        assert isinstance(app.screen, RunScreen)


async def test_an_abort_is_confirmed_and_shows_what_it_would_send() -> None:
    acts = FakeActs()
    async with console(snapshot(), runs=FakeRuns(run()), acts=acts) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "a abort")
        await pilot.press("a")
        await until_shown(
            pilot, "Abort the switchover of node1?", "enable server", "bk_db/bdr_initial_node  "
        )
        await pilot.press("enter")
        assert acts.said == []
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert acts.said == []
        await pilot.press("a")
        await until_shown(pilot, "Abort the switchover of node1?")
        await pilot.press("y")
        await until(pilot, lambda: acts.said == [(RUN, "abort")])


async def test_a_refused_word_is_told_with_its_reason() -> None:
    acts = FakeActs(refuse=ConsoleError("the run does not take 'wait' now", "Look at its offers."))
    async with console(snapshot(), runs=FakeRuns(run()), acts=acts) as (_, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "a abort")
        await pilot.press("w")
        await until_shown(pilot, "the run does not take 'wait' now")


@pytest.mark.parametrize("key", ["escape", "b"])
async def test_leaving_the_run_screen_leaves_the_run_alone_and_the_head_goes_on_telling(key: str) -> None:
    acts = FakeActs()
    runs = FakeRuns(run())
    async with console(snapshot(), runs=runs, acts=acts) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, Overview))
        runs.run = run(RunStatus.HOLDING, 4, StepStatus.HOLDING)
        await until_shown(pilot, "RUN node1: step 5/7 holding")
        assert acts.said == []


async def test_what_a_run_does_stands_in_the_event_log() -> None:
    runs = FakeRuns(run(RunStatus.RUNNING, 0, StepStatus.RUNNING, message=""))
    async with console(snapshot(), runs=runs, acts=FakeActs(), size=(220, 60)) as (_, pilot):
        await until_shown(pilot, "run node1", "step 1/7 running")
        runs.run = run()
        await until_shown(pilot, "step 1/7 running", "step 3/7 waiting: WAIT_CLOSE: 3")


async def test_an_old_run_that_ended_well_takes_no_room_in_the_head() -> None:
    async with console(
        snapshot(), runs=FakeRuns(run(RunStatus.DONE, 6, StepStatus.DONE)), acts=FakeActs()
    ) as (app, pilot):
        await until(pilot, lambda: app.runs.run is not None)
        assert "RUN node1" not in text(app)
        await pilot.press("w")
        await until_shown(pilot, "switchover of node1")


async def test_a_run_that_left_something_behind_stays_in_the_head() -> None:
    left = run(RunStatus.STOPPED, 2, StepStatus.FAILED, leftovers=("x",))
    async with console(snapshot(), runs=FakeRuns(left), acts=FakeActs()) as (_, pilot):
        await until_shown(pilot, "RUN node1: stopped, leftovers remain")


async def test_a_watching_console_sees_the_run_but_has_no_word_in_it() -> None:
    async with console(snapshot(), runs=FakeRuns(run())) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "3 of 9 server connections left", "(not in read-only mode)")
        await pilot.press("a", "w", "g")
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)
        app.operator.say(RUN, "abort")
        await until_shown(pilot, "this console is read-only")


async def test_there_is_no_run_to_look_at_before_the_first() -> None:
    async with console(snapshot(), runs=FakeRuns(), acts=FakeActs()) as (_, pilot):
        await pilot.press("w")
        await until_shown(pilot, "no run is under way")


async def test_a_journal_that_cannot_be_read_is_told_and_the_screen_goes_on() -> None:
    class Broken(FakeRuns):
        def latest(self) -> None:
            raise OSError(5, "Input/output error")

    async with console(snapshot(), runs=Broken(), acts=FakeActs(), size=(220, 60)) as (_, pilot):
        await until_shown(pilot, "journals cannot be read", "Input/output error")
        await pilot.press("question_mark")
        await until_shown(pilot, "Show every key")


async def test_hostile_text_in_a_journal_is_shown_and_harmless() -> None:
    made = run(
        message="[/]\x1b]52;c;x\x07",
        reason="[red",
        offers=(Offer("abort", "[b]\x9bx"),),
        leftovers=("\x1b[2J[/]",),
    )
    steps = tuple(replace(step, title="[/x]", evidence=("\x1b[31m[/]",)) for step in made.steps)
    async with console(snapshot(), runs=FakeRuns(replace(made, steps=steps)), acts=FakeActs()) as (_, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        shown = await until_shown(pilot, "\\x1b[31m[/]", "[/x]", "[b]\\x9bx", "\\x1b[2J[/]")
        assert all(line.isprintable() for line in shown.splitlines())


async def test_after_a_resize_the_step_under_way_is_still_in_sight() -> None:
    waiting = run(at=5, step=StepStatus.WAITING)
    async with console(snapshot(), size=(140, 40), runs=FakeRuns(waiting), acts=FakeActs()) as (app, pilot):
        await pilot.press("w")
        await until_shown(pilot, "Check the node before it is enabled")
        await pilot.resize_terminal(80, 18)
        await until(pilot, lambda: app.size == (80, 18) and "Check the node before" in text(app))
        await pilot.resize_terminal(60, 15)
        await until(pilot, lambda: app.size == (60, 15) and "Check the node before" in text(app))
