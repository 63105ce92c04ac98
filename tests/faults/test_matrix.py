"""Whatever breaks at whatever step: afterwards the cluster serves and the run has come to its end."""

from pathlib import Path

import pytest

from bdr_console.lab import Lab
from tests.faults.conftest import HELD
from tests.faults.matrix import FAULTS, STEPS, run_cell

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

SHORT = (
    ("gradual", "disable", "answer lost"),
    ("gradual", "wait_close", "runner killed"),
    ("gradual", "wait_close", "HAProxy reloaded"),
    ("quiesce", "quiet", "runner killed"),
    ("quiesce", "hold", "second operator"),
)
"""The part that every test run does."""


@pytest.fixture(autouse=True)
def _ready(healthy_lab: Lab) -> None:
    """PgBouncer has server connections to close, as in life."""
    healthy_lab.start_load(clients=4, rate=50)


@pytest.mark.parametrize(("mode", "step", "fault"), SHORT)
def test_a_fault_in_the_middle_of_a_step_is_survived(
    healthy_lab: Lab, tmp_path: Path, mode: str, step: str, fault: str
) -> None:
    run_cell(healthy_lab, tmp_path / "state", mode, step, fault)


@pytest.mark.faults
@pytest.mark.parametrize(("mode", "step"), STEPS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_whole_matrix(healthy_lab: Lab, tmp_path: Path, mode: str, step: str, fault: str) -> None:
    HELD[fault, f"{mode}: {step}"] = "FAILED"
    HELD[fault, f"{mode}: {step}"] = run_cell(healthy_lab, tmp_path / "state", mode, step, fault)
