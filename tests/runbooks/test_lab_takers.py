"""Nodes that cannot have the clients, on real servers under load: nobody is left without a node."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bdr_console.lab import Lab
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.model.run import RunStatus
from tests.runbooks.test_lab_quiesce import AT_WORK, poolers_at_work, start
from tests.runbooks.test_lab_switchover import in_maintenance
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(150)]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    yield
    assert all(view.status.over for view in launch.runs())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("weight0", "has weight 0"),
        ("read-only", "is read-only (default_transaction_read_only)"),
        ("no-login", 'role "app" is not permitted to log in (NOLOGIN)'),
        ("login-limit", "1 admitted"),
    ],
)
def test_where_nobody_can_take_the_traffic_nothing_is_changed(
    healthy_lab: Lab, fault: str, reason: str
) -> None:
    healthy_lab.start_load(clients=16, rate=200)
    for node in ("node2", "node3"):
        healthy_lab.break_(fault, node)
    view = start(healthy_lab).over()
    assert view.status is RunStatus.REFUSED
    assert reason in view.message
    assert in_maintenance(healthy_lab) == set()
    result = healthy_lab.stop_load()
    assert (result.failed, result.lost) == (0, 0)


def test_a_refusal_that_no_catalog_shows_brings_the_run_back_and_loses_nothing(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=16, rate=200)
    for node in ("node2", "node3"):
        healthy_lab.break_("reject-logins", node)
    view = start(healthy_lab).over()
    assert view.status is RunStatus.UNDONE, view.message
    assert "nobody is served after the move" in view.message
    assert in_maintenance(healthy_lab) == set()
    wait_until(lambda: poolers_at_work(healthy_lab) == AT_WORK, "the pools are as before")
    result = healthy_lab.stop_load()
    assert result.lost == 0  # PgBouncer throws waiting clients out when a login is refused


def test_where_nothing_moves_nobody_is_paused(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=16, rate=200)
    run = start(healthy_lab, "auto", node="node3")
    run.holding()
    run.say("go")
    view = run.over()
    assert view.status is RunStatus.DONE
    assert "pause" not in {step.key for step in view.steps}
    result = healthy_lab.stop_load()
    assert (result.failed, result.lost) == (0, 0)
