"""The hold on the screen: whose it is, until when, its alarms; what comes before it and after it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.runbooks.model.run import Proof, RunStatus, RunView, StepStatus
from bdr_console.runbooks.model.step import Act, Plan, StepPlan
from bdr_console.ui.screens.plan import PlanScreen
from bdr_console.ui.screens.run import RunScreen
from bdr_console.ui.services import PlanView
from tests.ui.driving import FakeActs, FakeRuns, console, line_with, text, until, until_shown
from tests.ui.scenes import CHECKS, NOW, SERVERS, proxy, run, server, snapshot, steps

ALARM = "bk_db/bdr_initial_node is no longer in maintenance on haproxy1 (HAProxy was reloaded)"


def holding(alarm: str = "", **fields: object) -> RunView:
    """A run in its hold."""
    made = run(RunStatus.HOLDING, 4, StepStatus.HOLDING, **fields)
    return replace(made, steps=tuple(replace(s, alarm=alarm) if s.key == "hold" else s for s in made.steps))


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_an_alarm_of_the_hold_stands_in_the_head_of_every_screen_and_in_the_log(
    size: tuple[int, int],
) -> None:
    runs = FakeRuns(holding())
    async with console(snapshot(), runs=runs, acts=FakeActs(), size=size) as (app, pilot):
        await until_shown(pilot, "RUN node1: step 5/7 holding")
        runs.run = holding(ALARM)
        shown = await until_shown(pilot, "RUN node1: ALARM")
        assert ALARM in " ".join(shown.replace("\n", " ").split())
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: text(app).count("ALARM") == 2)
        assert any(ALARM in event.text for _, event in app.current.timeline.at(NOW).events)  # type: ignore[union-attr]
        runs.run = holding()
        await until(pilot, lambda: "ALARM" not in text(app))


async def test_a_hold_says_until_when_and_by_how_much_that_is_over() -> None:
    runs = FakeRuns(holding(until=NOW + timedelta(minutes=25)))
    async with console(snapshot(), runs=runs, acts=FakeActs(), size=(80, 24)) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "25m left")
        assert "until" in line_with(app, "25m left")
        runs.run = holding(until=NOW - timedelta(minutes=3))
        await until_shown(pilot, "3m over")


async def test_reason_and_end_are_asked_beside_the_name_and_are_optional() -> None:
    acts = FakeActs()
    async with console(snapshot(), acts=acts, size=(80, 24)) as (_, pilot):
        await pilot.press("s")
        await until_shown(pilot, "tab: reason (optional)", "tab: over by (optional): 45m, 14:30")
        await pilot.press(*"node1", "tab", *"kernel", "tab", *"soon", "enter")
        await until_shown(pilot, "nothing was started: 'soon' is no time")
        assert acts.started == []
        for _ in "soon":
            await pilot.press("backspace")
        await pilot.press(*"45m", "enter")
        await until(pilot, lambda: acts.started == ["node1"])
        assert acts.purpose.reason == "kernel"
        assert acts.purpose.until == NOW + timedelta(minutes=45)


async def test_the_plan_shows_live_which_conditions_hold_and_where_there_is_no_return() -> None:
    plan = tuple(
        replace(s, condition=f"condition {i}", no_return=i == 2) for i, s in enumerate(steps(-1), start=1)
    )
    acts = FakeActs(plan=PlanView("node1", plan, CHECKS))
    async with console(snapshot(), acts=acts) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "1. condition 1", "type the node's name")
        assert "unmet" not in text(app)
        proofs = (Proof.UNMET, Proof.UNKNOWN, Proof.MET)
        acts.observed.put_nowait(
            tuple(replace(s, proof=p) for s, p in zip(plan, proofs, strict=False)) + plan[3:]
        )
        shown = await until_shown(pilot, "· unmet   1. condition 1", "? could not tell 2.", "✓ met     3.")
        lines = shown.splitlines()
        drawn = next(i for i, line in enumerate(lines) if "point of no return" in line)
        assert any("1. condition 1" in line for line in lines[:drawn])
        assert "2. condition 2" in lines[drawn + 1]
        assert "undo enables node1, they stay" in lines[drawn]


async def test_a_run_that_could_not_tell_says_so_and_until_when_it_will_be_known() -> None:
    made = run()
    unknown = replace(
        made,
        steps=tuple(
            replace(s, proof=Proof.UNKNOWN, no_return=True) if s.key == "wait_close" else s
            for s in made.steps
        ),
    )
    async with console(snapshot(), runs=FakeRuns(unknown), acts=FakeActs()) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "? could not tell", "decided by", "point of no return")
        assert "failed" not in text(app)


@pytest.mark.parametrize("place", ["plan", "run"])
async def test_a_key_writes_the_paper_and_says_where(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    command = steps()[0].commands[0]
    act = Act("haproxy", "haproxy1", "bk_db/bdr_initial_node", command)
    made = Plan("switchover", "lab", "lab", "node1", (StepPlan("disable", "Disable", (act,)),))
    acts = FakeActs(plan=PlanView("node1", made.views(), CHECKS, plan=made))
    runs = FakeRuns(run() if place == "run" else None)
    async with console(snapshot(), acts=acts, runs=runs) as (_, pilot):
        if place == "run":
            await until_shown(pilot, "RUN node1")
        await pilot.press("w" if place == "run" else "s")
        await until_shown(pilot, "p Paper" if place == "run" else "type the node's name")
        await pilot.press("p" if place == "run" else "ctrl+t")
        await until_shown(pilot, "on paper:")
    (written,) = (tmp_path / "paper").iterdir()
    said = written.read_text()
    assert written.stat().st_mode & 0o777 == 0o600
    if place == "run":
        assert "[x] 1. Disable the server on every HAProxy" in said
        assert "[ ] 7. Enable the server on every HAProxy" in said
    else:
        assert "[ ] 1. Disable" in said
        assert "socat" in said


def after_the_switchover() -> Snapshot:
    """Everything is up and the traffic is at node2."""
    shown = snapshot()
    facts = proxy(*(server(SERVERS[n], n) for n in SERVERS), sticky="bdr_next_node")
    return replace(shown, proxies=(replace(shown.proxies[0], facts=facts),))


async def test_a_run_that_is_done_offers_to_switch_back() -> None:
    done = replace(run(RunStatus.DONE, 6, StepStatus.DONE), had_traffic=True)
    async with console(after_the_switchover(), runs=FakeRuns(done), acts=FakeActs()) as (app, pilot):
        await until(pilot, lambda: app.runs.run is not None)
        await pilot.press("w")
        await until_shown(pilot, "s switch back: take node2 out, so that node1 has the traffic again")
        await pilot.press("s")
        await until_shown(pilot, "Plan: node2 out of service and back")
        assert isinstance(app.screen, PlanScreen)


async def test_nothing_is_switched_back_where_the_traffic_is_at_the_node_already() -> None:
    done = replace(run(RunStatus.DONE, 6, StepStatus.DONE), had_traffic=True)
    async with console(snapshot(), runs=FakeRuns(done), acts=FakeActs()) as (app, pilot):
        await until(pilot, lambda: app.runs.run is not None)
        await pilot.press("w")
        await until_shown(pilot, "this run is over")
        await pilot.press("s")
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)
        assert "switch back" not in text(app)
