"""Whatever breaks at whatever step: afterwards the cluster serves and the run has come to its end."""

from pathlib import Path

import pytest

from bdr_console.lab import Lab
from tests.faults.conftest import HELD
from tests.faults.matrix import FAULTS, STEPS, run_cell

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

SHORT = (
    ("disable", "answer lost"),
    ("wait_close", "runner killed"),
    ("wait_close", "HAProxy reloaded"),
    ("hold", "second operator"),
    ("enable", "runner killed"),
)
"""The part that every test run does."""


@pytest.fixture(autouse=True)
def _ready(healthy_lab: Lab) -> None:
    """PgBouncer has server connections to close, as in life."""
    healthy_lab.start_load(clients=4, rate=50)


@pytest.mark.parametrize(("step", "fault"), SHORT)
def test_a_fault_in_the_middle_of_a_step_is_survived(
    healthy_lab: Lab, tmp_path: Path, step: str, fault: str
) -> None:
    run_cell(healthy_lab, tmp_path / "state", step, fault)


@pytest.mark.faults
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_whole_matrix(healthy_lab: Lab, tmp_path: Path, step: str, fault: str) -> None:
    HELD[fault, step] = "FAILED"
    HELD[fault, step] = run_cell(healthy_lab, tmp_path / "state", step, fault)
