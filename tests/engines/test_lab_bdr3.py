"""BDR 3.7's stand-in over real replication, three nodes: what the console says of it."""

from pathlib import Path

import pytest

from bdr_console.lab import Lab
from tests.engines import lab_trials

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

WORDS = lab_trials.Words(
    engine="BDR 3.7",
    stopped=("node1 -> node2", "slot inactive: node2 is not connected"),
    paused=("node1 -> node2", "apply is disabled on node2"),
    conflict="public.counter",
)


async def test_a_healthy_lab_is_healthy(healthy_lab: Lab) -> None:
    await lab_trials.comes_up_healthy(healthy_lab, WORDS)


async def test_a_frozen_node_is_told(healthy_lab: Lab) -> None:
    await lab_trials.tells_of_a_frozen_node(healthy_lab)


async def test_paused_apply_is_told(healthy_lab: Lab) -> None:
    await lab_trials.tells_of_paused_apply(healthy_lab, WORDS)


def test_a_one_shot_tells_how_long_apply_has_been_paused(healthy_lab: Lab, tmp_path: Path) -> None:
    lab_trials.tells_a_one_shot_how_long_apply_has_been_paused(healthy_lab, WORDS, tmp_path)


async def test_a_conflict_is_shown(healthy_lab: Lab) -> None:
    await lab_trials.shows_a_conflict(healthy_lab, WORDS)


async def test_a_long_transaction_is_told(healthy_lab: Lab) -> None:
    await lab_trials.tells_of_a_long_transaction(healthy_lab)


async def test_a_stopped_node_is_told(healthy_lab: Lab) -> None:
    await lab_trials.tells_of_a_stopped_node(healthy_lab, WORDS)
