"""What a dead run left on PgBouncers: recognised from its journal and from the cluster, and taken back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.execute.engine import StepEngine
from bdr_console.runbooks.execute.resume import found
from bdr_console.runbooks.execute.run_setup import undertake
from bdr_console.runbooks.journal import in_force
from bdr_console.runbooks.journal.abandoned_runs import orphans
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.model.run import Command, RunStatus, RunView
from bdr_console.runbooks.plan.switchover import steps
from tests.cluster.builders import NOW
from tests.runbooks.world import SETTINGS, FakeWorld

HOST = "pgb-tx (dba@127.0.0.1:6432)"
PAUSE, ONE, ZERO = "PAUSE app", "SET default_pool_size = '1'", "SET server_login_retry = '0'"
THROTTLED = {**FakeWorld().settings, "default_pool_size": "1", "server_login_retry": "0"}


def journal(*events: tuple[str, str]) -> tuple[Command, ...]:
    """What is in force after these events; `undo` is an answer to what the watchdog sent."""
    open_: tuple[Command, ...] = ()
    for kind, text in events:
        event: dict[str, Any] = {"event": kind, "host": HOST, "command": text}
        if kind == "refused":
            event |= {"event": "error", "error": "database app is not paused"}
        open_ = in_force.after(open_, event)
    return open_


@pytest.mark.parametrize(
    ("events", "left"),
    [
        ([("intent", PAUSE)], [PAUSE]),
        ([("intent", PAUSE), ("intent", "RESUME app")], [PAUSE]),
        ([("intent", PAUSE), ("answer", "RESUME app")], []),
        ([("intent", PAUSE), ("refused", "RESUME app")], []),
        ([("intent", PAUSE), ("error", "RESUME app")], [PAUSE]),
        ([("intent", PAUSE), ("answer", "RESUME other")], [PAUSE]),
        ([("intent", 'PAUSE "my-app"'), ("answer", 'RESUME "my-app"')], []),
        ([("intent", ONE), ("answer", ONE)], [ONE]),
        ([("intent", ONE), ("intent", "SET default_pool_size = '20'")], [ONE]),
        ([("intent", ONE), ("answer", "SET default_pool_size = '20'")], []),
        ([("intent", ONE), ("answer", "SET server_login_retry = '15'")], [ONE]),
        ([("intent", ONE), ("intent", ZERO), ("answer", "RELOAD")], []),
        ([("intent", "disable server b/s"), ("answer", "enable server b/s")], []),
        ([("intent", "disable server b/s"), ("answer", "enable server b/t")], ["disable server b/s"]),
        ([("intent", "RECONNECT app"), ("intent", "WAIT_CLOSE app")], []),
    ],
)
def test_what_a_journal_says_is_still_in_force(events: list[tuple[str, str]], left: list[str]) -> None:
    assert [command.text for command in journal(*events)] == left


def run_of(*commands: str, status: RunStatus = RunStatus.LOST, hour: int = 3) -> RunView:
    return RunView(
        f"r{hour}", "switchover", "shop", "prod", "node1", "alice@b", "", NOW.replace(hour=hour), status, (),
        changed=True, in_force=tuple(Command(HOST, text) for text in commands),
    )  # fmt: skip


async def seen_by(world: FakeWorld, run: RunView, *more: RunView) -> tuple[Any, ...]:
    reading = await world.read(ALL_PARTS)
    poolers = tuple(
        replace(p, facts=replace(p.facts, settings=tuple(world.settings.items()))) if p.facts else p
        for p in reading.snapshot.poolers
    )
    return orphans((run, *more), replace(reading.snapshot, poolers=poolers))


async def test_a_pause_of_a_dead_run_is_said_first_and_is_critical() -> None:
    (orphan,) = await seen_by(FakeWorld(paused=True, settings=dict(THROTTLED)), run_of(PAUSE, ONE, ZERO))
    assert orphan.left[0].startswith("app is paused on pgb-tx")
    assert "default_pool_size is still 1 on pgb-tx" in orphan.left
    assert orphan.finding.level is Level.CRIT
    assert "bdr-console undo r3" in orphan.finding.remedy


async def test_a_setting_of_a_dead_run_is_a_finding_of_its_own() -> None:
    (orphan,) = await seen_by(FakeWorld(settings=dict(THROTTLED)), run_of(ONE, ZERO))
    assert not orphan.paused
    assert orphan.finding.level is Level.WARN


async def test_what_somebody_has_put_back_meanwhile_is_nobodys_fault() -> None:
    assert await seen_by(FakeWorld(), run_of(PAUSE, ONE, ZERO)) == ()


async def test_a_pause_after_a_later_run_is_not_blamed_on_the_dead_one() -> None:
    later = run_of(status=RunStatus.DONE, hour=5)
    assert await seen_by(FakeWorld(paused=True), run_of(PAUSE), later) == ()


async def test_a_pooler_that_does_not_answer_leaves_the_pause_unknown_and_not_fine() -> None:
    (orphan,) = await seen_by(FakeWorld(silent={"pgb-tx"}), run_of(PAUSE))
    assert "unknown" in orphan.left[0]


async def test_the_cluster_alone_tells_of_a_pause_and_of_throttled_pools() -> None:
    world = FakeWorld(paused=True, settings=dict(THROTTLED))
    reading = await world.read(ALL_PARTS)
    lines = found(reading, "node1")
    assert any("database app is paused" in line for line in lines)
    assert any("default_pool_size is 1" in line for line in lines)
    pooler = reading.snapshot.poolers[0]
    assert pooler.facts is not None
    facts = replace(pooler.facts, settings=tuple(world.settings.items()))
    shown = replace(reading.snapshot, poolers=(replace(pooler, facts=facts),))
    codes = {finding.code for finding in judge(shown, Thresholds(), NOW).findings}
    assert {"pooler.paused", "pooler.throttled"} <= codes


@pytest.mark.parametrize("paused", [True, False])
async def test_undo_without_a_journal_lets_clients_go_on_and_has_the_file_say_the_settings(
    tmp_path: Path, paused: bool
) -> None:
    world = FakeWorld(paused=paused, settings=dict(THROTTLED))
    task = await undertake(tmp_path, {"word": "adopt-undo", "node": "node1"}, SETTINGS, world)
    made = steps(task.plan, SETTINGS)
    for step in made:
        step.taken += task.taken.get(step.plan.key, ())
    engine = StepEngine(made, world, Journal(tmp_path, "r1"), pace=0)
    assert await engine.undo("Taken back.") is RunStatus.UNDONE
    assert not world.paused
    assert [text for _, text in world.sent].count("RELOAD") == 1
    assert world.settings == FakeWorld().settings
