"""The maintenance hold: what raises an alarm in it, and what it says of itself."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bdr_console.cluster.proxies import ProxyFacts, ServerState
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.step import Observation, StepPlan
from bdr_console.runbooks.steps.hold import Hold, HoldTerms, expected_end
from tests.runbooks.world import FakeWorld

LEAVING = (("haproxy1", "bk_db/bdr_initial_node"), ("haproxy2", "bk_db/bdr_initial_node"))


class Reloads(FakeWorld):
    """The second HAProxy can be another process."""

    pid = 1
    failing = False

    async def read(self, parts: Area) -> Reading:
        reading = await super().read(parts)
        proxies = tuple(
            replace(proxy, facts=self._changed(proxy.facts)) if proxy.facts else proxy
            for proxy in reading.snapshot.proxies
        )
        return replace(reading, snapshot=replace(reading.snapshot, proxies=proxies))

    def _changed(self, facts: ProxyFacts) -> ProxyFacts:
        servers = facts.servers
        if self.failing:
            servers = tuple(
                replace(s, state=ServerState.FAILING, status="UP 1/3") if s.name != "bdr_initial_node" else s
                for s in servers
            )
        return replace(facts, pid=self.pid, servers=servers)


def held(until: datetime | None = None) -> tuple[Hold, Reloads]:
    world = Reloads()
    for out in world.maintenance.values():
        out.add("bdr_initial_node")
    terms = HoldTerms("dba@bastion", "kernel update", until)
    return Hold(StepPlan("hold", "hold", holds=True), "node1", LEAVING, terms), world


def look(hold: Hold, world: FakeWorld) -> Observation:
    return asyncio.run(hold.observe(world))


def test_the_hold_says_whose_it_is_and_why() -> None:
    hold, world = held(datetime.now(UTC) + timedelta(hours=1))
    seen = look(hold, world)
    assert seen.alarm == ""
    assert "dba@bastion" in seen.evidence[0]
    assert "kernel update" in seen.evidence[0]


def test_a_hold_past_its_end_raises_the_alarm() -> None:
    hold, world = held(datetime.now(UTC) - timedelta(minutes=1))
    assert "should have ended" in look(hold, world).alarm


def test_maintenance_lost_by_a_reload_and_by_a_command_are_told_apart() -> None:
    hold, world = held()
    look(hold, world)
    world.maintenance["haproxy2"].clear()
    assert "somebody enabled it" in look(hold, world).alarm
    world.pid = 2
    assert "HAProxy was reloaded" in look(hold, world).alarm


def test_the_other_servers_getting_weaker_raises_the_alarm() -> None:
    hold, world = held()
    world.failing = True
    assert "fails its checks" in look(hold, world).alarm
    world.down = {"bdr_next_node", "bdr_node3"}
    world.failing = False
    assert "no other server" in look(hold, world).alarm


NOW = datetime(2026, 11, 22, 3, 0, 30, tzinfo=UTC)


def test_the_expected_end_is_written_as_a_while_a_clock_time_or_a_moment() -> None:
    assert expected_end("2h", NOW) == NOW + timedelta(hours=2)
    local = NOW.astimezone()
    later, earlier = local + timedelta(minutes=5), local - timedelta(minutes=5)
    assert expected_end(f"{later:%H:%M}", NOW) == later.replace(second=0)
    assert expected_end(f"{earlier:%H:%M}", NOW) == earlier.replace(second=0) + timedelta(days=1)
    assert expected_end("2026-11-22T04:30:00+00:00", NOW) == datetime(2026, 11, 22, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["soon", "25:00", "04:75", "2026-13-01", "", "-1h"])
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ConsoleError, match="is no time"):
        expected_end(text, NOW)


def test_an_end_that_is_over_already_is_refused() -> None:
    with pytest.raises(ConsoleError, match="is over already"):
        expected_end("2026-11-22T02:00+00:00", NOW)
