"""Bucardo itself, as Debian packages it, between two real nodes: what the console says of it."""

import shutil
from collections.abc import Iterator

import pytest

from bdr_console.lab import Lab, processes, up
from bdr_console.lab import bucardo_mesh as daemons
from tests.conftest import lab_directory
from tests.engines import lab_trials
from tests.engines.lab_watch import watching
from tests.lab.servers import ask
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

WORDS = lab_trials.Words(
    engine="Bucardo",
    stopped=("node1 -> node2", "no KID of sync lab is connected|node2 does not answer"),
    paused=("node1 -> node2", "no KID of sync lab is connected"),
    conflict="sync lab",
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two members, and the control database on a server of its own. Nothing of it is left afterwards, though
    Bucardo's daemons leave their parent: they are found by where they work."""
    if shutil.which("bucardo") is None:
        pytest.skip(
            "Bucardo is not installed; script/bootstrap installs it where the system has a package of it"
        )
    made = up(lab_directory("bucardo"), nodes=2, engine="bucardo")
    try:
        found = processes.strays(made.layout.directory, ("bucardo",))
        assert len(found) >= 3, "MCP, CTL and KID at least"
        yield made
        found += processes.strays(made.layout.directory)
    finally:
        made.down()
    assert not any(process.alive for process in found)


async def test_a_healthy_bucardo_is_healthy_and_its_control_database_is_no_member(lab: Lab) -> None:
    await lab_trials.comes_up_healthy(lab, WORDS)


async def test_a_conflict_is_counted(lab: Lab) -> None:
    await lab_trials.shows_a_conflict(lab, WORDS)


async def test_a_frozen_member_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_a_frozen_node(lab)


async def test_a_long_transaction_is_told(lab: Lab) -> None:
    await lab_trials.tells_of_a_long_transaction(lab)


async def test_a_paused_sync_is_told_by_its_missing_kid(lab: Lab) -> None:
    await lab_trials.tells_of_paused_apply(lab, WORDS)


async def test_a_stopped_member_is_told_and_so_is_that_bucardo_gave_up(lab: Lab) -> None:
    await lab_trials.tells_of_a_stopped_node(lab, WORDS)


@pytest.mark.faults
def test_load_arrives_on_every_member_and_nothing_is_lost(lab: Lab) -> None:
    lab.start_load(clients=4, rate=40)
    wait_until(lambda: lab.load_result().transactions > 40, "some load")
    result = lab.stop_load()
    assert (result.failed, result.lost, result.unread) == (0, 0, {})


@pytest.mark.faults
async def test_rows_that_wait_are_counted_while_the_daemon_is_gone(lab: Lab) -> None:
    daemons.stop(lab.layout.directory)
    ask(lab, "node1", "UPDATE counter SET n = n + 1 WHERE client IN (7, 8, 9)")
    async with watching(lab) as watch:
        found = await watch.says("node1 -> node2", "3 rows wait, the oldest for", since=watch.now())
    assert "no KID of sync lab" in found.text
    lab.mend_all()
    assert ask(lab, "node2", "SELECT n FROM counter WHERE client = 7") != [(0,)]
