"""A plan's id stands for what was seen, and not for what moves by itself."""

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bdr_console import paths
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.plan_id import VALID, Seen, differences, keep, plan_id, recall, seen_by
from bdr_console.runbooks.model.reading import Area
from bdr_console.runbooks.plan.switchover import plan
from tests.cluster.builders import NOW
from tests.runbooks.world import SETTINGS, FakeConnection, FakeWorld

ALL = Area.NODES | Area.PROXIES | Area.SESSIONS | Area.POOLERS | Area.CONNECTIONS


async def seen(world: FakeWorld) -> Seen:
    reading = await world.read(ALL)
    return seen_by(reading, plan(reading.snapshot, SETTINGS, "node1"))


def busier(world: FakeWorld) -> None:
    world.connections.append(FakeConnection(41000, "bdr_initial_node", busy=True))


def lagging(world: FakeWorld) -> None:
    world.confirmed = False
    world.nodes["node1"] = replace(world.nodes["node1"], wal_lsn="F/FFFF")


@pytest.mark.parametrize("change", [busier, lagging])
async def test_sessions_and_lag_do_not_make_another_plan(change: Callable[[FakeWorld], None]) -> None:
    world = FakeWorld()
    before = await seen(world)
    change(world)
    assert plan_id("shop", "node1", await seen(world)) == plan_id("shop", "node1", before)


def maintenance(world: FakeWorld) -> None:
    world.maintenance["haproxy2"].add("bdr_node3")


def down(world: FakeWorld) -> None:
    world.down.add("bdr_next_node")


def silent_pooler(world: FakeWorld) -> None:
    world.silent.add("pgb-tx")


def read_only(world: FakeWorld) -> None:
    world.nodes["node2"] = replace(world.nodes["node2"], read_only=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (maintenance, "server bk_db/bdr_node3 on haproxy2 was: takes traffic"),
        (down, "server bk_db/bdr_next_node on haproxy1 was: takes traffic"),
        (silent_pooler, "PgBouncer pgb-tx was: version 1.18.0"),
        (read_only, "node node2 was: ready, can take the writes"),
    ],
)
async def test_what_a_plan_rests_on_makes_another_plan_and_is_named(
    change: Callable[[FakeWorld], None], told: str
) -> None:
    world = FakeWorld()
    before = await seen(world)
    change(world)
    now = await seen(world)
    assert plan_id("shop", "node1", now) != plan_id("shop", "node1", before)
    assert any(line.startswith(told) for line in differences(before, now)), differences(before, now)


@pytest.fixture
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))


@pytest.mark.usefixtures("_own_state")
def test_a_kept_plan_is_private_good_for_ten_minutes_and_for_its_node_only() -> None:
    kept = keep("shop", "node1", {"a": "b"}, NOW)
    path = paths.state_dir() / "plans" / f"{kept.id}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert recall(kept.id, "node1", "shop", NOW + VALID) == kept
    for given, node, late, words in (
        (kept.id, "node1", timedelta(seconds=1), "a plan is good for 10 minutes"),
        (kept.id, "node2", timedelta(0), "is for node1 of cluster shop"),
        ("../x", "node1", timedelta(0), "there is no plan '../x' here"),
    ):
        with pytest.raises(ConsoleError, match=words) as refused:
            recall(given, node, "shop", NOW + VALID + late)
        assert refused.value.exit_code == 10
        assert "--plan" in refused.value.remedy
    keep("shop", "node1", {"a": "c"}, NOW + 2 * VALID)
    assert not path.exists(), "a plan that is too old is not kept"
