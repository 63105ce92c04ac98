"""Whether the conditions of a plan hold now, before anything is sent and after a run has died."""

from typing import cast

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute.cluster_reader import ClusterReader
from bdr_console.runbooks.execute.resume import adopted
from bdr_console.runbooks.execute.run_inspection import PARTS, PlanInspection, ReadOnlyWorld
from bdr_console.runbooks.model.run import Proof
from bdr_console.runbooks.plan.switchover import plan
from tests.runbooks.world import SETTINGS, FakeWorld


async def looked_at(world: FakeWorld, mode: str = "gradual") -> dict[str, Proof | None]:
    """The proof of each step by one look."""
    before = await FakeWorld().read(PARTS)
    made = plan(before.snapshot, SETTINGS, "node1", mode)
    reading = await world.read(PARTS)
    # The simulated cluster answers what a survey would be asked: how far the WAL has come.
    still = ReadOnlyWorld(reading, cast(ClusterReader, world))
    views = await PlanInspection(made, SETTINGS).look(still, adopted(reading, made))
    assert world.sent == []
    return {view.key: view.proof for view in views}


async def test_before_a_run_no_step_is_ticked_whose_turn_has_not_come() -> None:
    seen = await looked_at(FakeWorld())
    assert seen["disable"] is Proof.UNMET
    assert seen["reconnect"] is Proof.UNMET
    assert {seen["hold"], seen["ready"], seen["enable"]} == {None}


async def test_a_node_left_in_maintenance_shows_what_is_met_and_that_it_is_not_enabled() -> None:
    world = FakeWorld(connections=[])
    for servers in world.maintenance.values():
        servers.add("bdr_initial_node")
    seen = await looked_at(world)
    assert seen["disable"] is Proof.MET
    assert seen["wait_close"] is Proof.MET
    assert seen["drained"] is Proof.MET
    assert seen["enable"] is Proof.UNMET


async def test_a_haproxy_that_does_not_answer_is_could_not_tell() -> None:
    world = FakeWorld(silent={"haproxy1", "haproxy2"})
    seen = await looked_at(world)
    assert seen["disable"] is Proof.UNKNOWN


async def test_before_a_quiesce_nobody_is_paused_and_everybody_is_served() -> None:
    seen = await looked_at(FakeWorld(), "quiesce")
    assert seen["pause"] is Proof.UNMET
    assert seen["resume"] is None, "nobody waits, but nobody has been resumed either"


async def test_a_world_that_only_looks_sends_nothing() -> None:
    world = FakeWorld()
    still = ReadOnlyWorld(await world.read(PARTS), cast(ClusterReader, world))
    with pytest.raises(ConsoleError, match="only looks"):
        await still.send("haproxy", "haproxy1", "disable server bk_db/bdr_initial_node")
    with pytest.raises(ConsoleError, match="only looks"):
        await still.send_waiting("pgb-tx", "WAIT_CLOSE app")
    with pytest.raises(ConsoleError, match="only looks"):
        await still.signal("node1", "terminate", 1, "")
    assert world.sent == []
