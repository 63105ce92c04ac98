"""The maintenance hold: what raises an alarm in it, and what it says of itself."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bdr_console.cluster.proxies import ProxyFacts, ServerState
from bdr_console.runbooks.hold import Hold, HoldTerms
from bdr_console.runbooks.reading import Part, Reading
from bdr_console.runbooks.step import Observation, StepPlan
from tests.runbooks.world import FakeWorld

LEAVING = (("haproxy1", "bk_db/bdr_initial_node"), ("haproxy2", "bk_db/bdr_initial_node"))


class Reloads(FakeWorld):
    """The second HAProxy can be another process."""

    pid = 1
    failing = False

    async def read(self, parts: Part) -> Reading:
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
