"""Switchovers under each kind of load (pool modes, protocols, lag): none fails, and quiesce loses nothing."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from bdr_console.lab import Lab
from bdr_console.lab.pgbouncers import admin
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.model.run import RunStatus, StepStatus
from tests.runbooks.test_lab_quiesce import lagging, start, through
from tests.runbooks.test_lab_switchover import Started

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of this test alone; none of their runners outlives it."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    yield
    for view in launch.runs():
        if pid := Started(launch.run_dir(view.run_id)).pid:
            os.kill(pid, signal.SIGKILL)


def test_session_clients_with_prepared_statements_stay_until_they_leave_and_nothing_fails(
    healthy_lab: Lab,
) -> None:
    healthy_lab.start_load(clients=8, rate=100, protocol="prepared", pooler="pgb-session")
    run = start(healthy_lab, "gradual")
    run.until(lambda view: view.steps[2].status is StepStatus.WAITING, "WAIT_CLOSE waits for the sessions")
    result = healthy_lab.stop_load()
    run.holding()
    assert (result.failed, result.aborted_clients, result.lost) == (0, 0, 0)
    run.say("go")
    assert run.over().status is RunStatus.DONE


_BESIDE_THE_MATRIX = pytest.mark.faults
"""Some 15 s each: with the matrix, not with every test run."""


@pytest.mark.parametrize(
    ("protocol", "lag"),
    [
        ("prepared", False),
        pytest.param("prepared", True, marks=_BESIDE_THE_MATRIX),
        pytest.param("simple", False, marks=_BESIDE_THE_MATRIX),
        pytest.param("simple", True, marks=_BESIDE_THE_MATRIX),
        pytest.param("extended", False, marks=_BESIDE_THE_MATRIX),
        pytest.param("extended", True, marks=_BESIDE_THE_MATRIX),
    ],
)
def test_a_quiesce_fails_and_loses_nothing(healthy_lab: Lab, protocol: str, lag: bool) -> None:
    (told,) = admin(healthy_lab.layout, healthy_lab.layout.pooler("pgb-tx"), "SHOW VERSION")
    version = str(told["version"]).rsplit(maxsplit=1)[-1]
    if protocol == "prepared" and [int(n) for n in version.split(".")[:2]] < [1, 21]:
        pytest.skip(f"prepared statements in a transaction pool need PgBouncer 1.21, this is {version}")
    if lag:
        lagging(healthy_lab, 2000)
    healthy_lab.start_load(clients=16, rate=200, protocol=protocol)
    through(start(healthy_lab, "quiesce"))
    result = healthy_lab.stop_load()
    assert (result.failed, result.aborted_clients, result.lost) == (0, 0, 0)


@pytest.mark.faults
@pytest.mark.parametrize("protocol", ["simple", "extended"])
def test_gradual_fails_nothing_with_two_seconds_of_lag(healthy_lab: Lab, protocol: str) -> None:
    lagging(healthy_lab, 2000)
    healthy_lab.start_load(clients=16, rate=200, protocol=protocol)
    through(start(healthy_lab, "gradual"))
    result = healthy_lab.stop_load()
    assert (result.failed, result.aborted_clients) == (0, 0)
