"""BDR 1.0's stand-in over real replication: what the console says of it."""

from collections.abc import Iterator

import pytest

from bdr_console.lab import Lab, up
from tests.conftest import lab_directory
from tests.engines import lab_trials

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

WORDS = lab_trials.Words(
    engine="BDR 1.0",
    stopped=("node1 -> node2", "slot inactive: node2 is not connected"),
    paused=("node1 -> node2", "apply is paused"),
    conflict="public.counter",
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two nodes."""
    made = up(lab_directory("bdr1"), nodes=2, engine="bdr1")
    try:
        yield made
    finally:
        made.down()


async def test_a_new_lab_is_healthy_and_its_engine_is_found_out(lab: Lab) -> None:
    await lab_trials.comes_up_healthy(lab, WORDS)


async def test_a_frozen_node_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_a_frozen_node(lab)


async def test_paused_apply_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_paused_apply(lab, WORDS)


async def test_a_conflict_is_met(lab: Lab) -> None:
    await lab_trials.shows_a_conflict(lab, WORDS)


async def test_a_long_transaction_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_a_long_transaction(lab)


async def test_a_stopped_node_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_a_stopped_node(lab, WORDS)
