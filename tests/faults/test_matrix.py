"""Whatever breaks at whatever step: afterwards the cluster serves and the run has come to its end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bdr_console.lab import Lab
from tests.faults.conftest import CELL, ENDED, Labs
from tests.faults.matrix import FAULTS, STEPS, run_cell

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

SHORT = (
    ("gradual", "disable", "answer lost"),
    ("gradual", "wait_close", "runner killed"),
    ("gradual", "wait_close", "HAProxy reloaded"),
    ("quiesce", "quiet", "runner killed"),
    ("quiesce", "hold", "second operator"),
)
"""The part that every test run does, and of two HAProxies the following one."""
SHORT_OF_TWO = (
    ("gradual", "reconnect", "pooler restarted"),
    ("quiesce", "quiet", "runner, watchdog killed"),
    ("quiesce", "barrier", "HAProxy reloaded"),
)
_WORKERS = 3
"""Parts that the cells of each kind of lab are dealt out to: they wait more than they compute."""


def _cells() -> Iterator[object]:
    """Every cell of both labs; those of one part stay on one worker of pytest-xdist, with its lab."""
    for proxies in (1, 2):
        cells = [(mode, step, fault) for fault in FAULTS for mode, step in STEPS]
        for number, cell in enumerate(cells):
            part = pytest.mark.xdist_group(f"matrix {proxies} {number % _WORKERS}")
            name = "-".join((str(proxies), *cell)).replace(", ", "_").replace(" ", "_").replace("'", "")
            yield pytest.param(proxies, *cell, marks=part, id=name)  # without blanks, for -k


@pytest.mark.parametrize(("mode", "step", "fault"), SHORT)
def test_a_fault_in_the_middle_of_a_step_is_survived(
    healthy_lab: Lab, tmp_path: Path, mode: str, step: str, fault: str
) -> None:
    _run(healthy_lab, tmp_path, mode, step, fault)


@pytest.mark.parametrize(("mode", "step", "fault"), SHORT_OF_TWO)
def test_a_fault_of_one_of_two_haproxies_is_survived(
    two_proxies: Lab, tmp_path: Path, mode: str, step: str, fault: str
) -> None:
    _run(two_proxies, tmp_path, mode, step, fault)


@pytest.mark.faults
@pytest.mark.parametrize(("proxies", "mode", "step", "fault"), _cells())
def test_the_whole_matrix(
    labs: Labs,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    proxies: int,
    mode: str,
    step: str,
    fault: str,
) -> None:
    record_property(
        CELL, f"{fault:<26} {mode:>7}: {step:<12} {proxies} HAProx{'y' if proxies == 1 else 'ies'}"
    )
    record_property(ENDED, _run(labs.whole(proxies), tmp_path, mode, step, fault))


def _run(lab: Lab, tmp_path: Path, mode: str, step: str, fault: str) -> str:
    """Under load: PgBouncer has server connections to close, as in life."""
    lab.start_load(clients=4, rate=50)
    return run_cell(lab, tmp_path / "state", mode, step, fault)
