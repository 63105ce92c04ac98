"""The matrix knows every step that a switchover has."""

import asyncio

import pytest

from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.plan.switchover import plan
from tests.faults.matrix import STEPS
from tests.runbooks.world import SETTINGS, FakeWorld


@pytest.mark.parametrize("mode", ["gradual", "quiesce"])
def test_no_step_of_a_switchover_is_left_out_of_the_matrix(mode: str) -> None:
    snapshot = asyncio.run(FakeWorld().read(ALL_PARTS)).snapshot
    planned = [step.key for step in plan(snapshot, SETTINGS, "node1", mode).steps]
    common = ["drained", "hold", "ready", "enable"]  # the same in both modes: the matrix tries them once
    known = [step for of_mode, step in STEPS if of_mode == mode]
    assert planned == (known if mode == "gradual" else known + common)
