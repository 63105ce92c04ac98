"""After the move: clients that nobody serves bring the run back by itself, with the reason."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import Pool, PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, StickEntry
from bdr_console.runbooks.execute import engine as engine_module
from bdr_console.runbooks.model.reading import Area
from bdr_console.runbooks.model.run import RunStatus, StepStatus
from bdr_console.runbooks.model.step import Proof, StepPlan
from bdr_console.runbooks.steps import disable, pool_settings, quiesce, served
from bdr_console.runbooks.steps.disable import Disable
from bdr_console.runbooks.steps.quiesce import DisableWhilePaused
from bdr_console.runbooks.steps.served import Served
from tests.runbooks.test_engine import ENABLE, Run, acts
from tests.runbooks.world import FakeWorld

CLEAR = "clear table bk_db key 127.0.0.1"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_LOST_ANSWER_GRACE", 0.05)
    monkeypatch.setattr(pool_settings, "_SETTLED_FOR", 0.01)
    monkeypatch.setattr(pool_settings, "_FULL_FOR", 0.005)
    monkeypatch.setattr(quiesce, "_LOGIN_ENDS", 0.05)
    monkeypatch.setattr(served, "_LOOKED_FOR", 0.02)
    monkeypatch.setattr(disable, "_STAYS_CLEARED", 0.05)
    monkeypatch.setattr(served, "_GOES_BACK_AFTER", 0.05)


class Refusing(FakeWorld):
    """Once clients are sent elsewhere the pools of `refused` get no server connection, and the stick table
    keeps new connections there until its entry is cleared."""

    refused: tuple[str, ...] = ("app",)
    users: tuple[str, ...] = ("app",)
    after: Pool = Pool("app", "app", "transaction", 0, 3, 0, 0, 0, 0, 1, 1.0, 0)
    elsewhere = False

    def _obey(self, target: str, text: str) -> None:
        if text == "RESUME app" and self._takes() != "bdr_initial_node":
            self.elsewhere = True
        if text == CLEAR:
            self.elsewhere = False
            if self.refused == self.users:  # no connection has come up elsewhere: those there are are new
                for connection in self.connections:
                    connection.server = "bdr_initial_node"
        elif not text.startswith("clear"):
            super()._obey(target, text)

    def _pooler(self, logins: int) -> Observed[PoolerFacts]:
        seen = super()._pooler(logins)
        assert seen.facts is not None
        (pool,) = seen.facts.pools
        pools = tuple(
            replace(self.after if self.elsewhere and user in self.refused else pool, user=user)
            for user in self.users
        )
        return replace(seen, facts=replace(seen.facts, pools=pools))

    def _proxy(self, name: str) -> Observed[ProxyFacts]:
        seen = super()._proxy(name)
        if not self.elsewhere or seen.facts is None:
            return seen
        entry = StickEntry("bk_db", "127.0.0.1", "bdr_next_node")
        return replace(seen, facts=replace(seen.facts, stick=(entry,)))


WAITING = Refusing.after
GONE = replace(WAITING, clients_waiting=0, servers_login=0)


async def test_clients_that_left_while_wait_close_waited_for_them_are_no_fault() -> None:
    world = Refusing()
    world.after = GONE
    world.elsewhere = True
    before = await FakeWorld().read(Area.POOLERS)
    for kind, proof in ((Disable, Proof.MET), (DisableWhilePaused, Proof.UNMET)):
        step = Served(
            StepPlan("served", ""),
            "node1",
            Mock(kind, plan=StepPlan("disable", "")),
            [("pgb-tx", "app")],
            lambda: before,
        )
        assert (await step.observe(world)).proof is proof


async def test_clients_that_the_operator_has_ended_are_not_missed() -> None:
    world = Refusing()
    world.after = GONE
    world.elsewhere = True
    before = await FakeWorld().read(Area.POOLERS)
    step = Served(
        StepPlan("served", ""),
        "node1",
        Mock(DisableWhilePaused, plan=StepPlan("disable", "")),
        [("pgb-tx", "app")],
        lambda: before,
    )
    assert (await step.observe(world)).proof is Proof.UNMET
    step.clients_ended = True
    seen = await step.observe(world)
    assert (seen.proof, seen.evidence) == (
        Proof.MET,
        ("1 pool not tried: no client asks for a connection",),
    )


class StuckAgain(Refusing):
    """A connection that was being made when the stick entry was cleared writes it once more."""

    again = True

    def _obey(self, target: str, text: str) -> None:
        super()._obey(target, text)
        if text == CLEAR and self.again:
            self.again, self.elsewhere = False, True


async def test_a_stick_entry_that_comes_back_is_cleared_again(tmp_path: Path) -> None:
    world = StuckAgain()
    async with Run(world, tmp_path, "quiesce") as run:
        assert await run.end() is RunStatus.UNDONE
    assert acts(world).count(CLEAR) >= 2
    assert not world.elsewhere


@pytest.mark.parametrize("after", [WAITING, GONE], ids=["waiting", "gone"])
async def test_where_nobody_is_served_the_run_goes_back_and_clients_with_it(
    tmp_path: Path, after: Pool
) -> None:
    world = Refusing()
    world.after = after
    async with Run(world, tmp_path, "quiesce") as run:
        assert await run.end() is RunStatus.UNDONE
        assert "nobody is served after the move" in run.view.message
    sent = acts(world)
    assert sent.index(CLEAR) > sent.index(ENABLE), "the node takes clients before they are sent back"
    assert not world.elsewhere
    assert not world.paused
    assert world.settings == FakeWorld().settings


async def test_the_reason_is_named_where_a_catalog_tells_it(tmp_path: Path) -> None:
    class Late(Refusing):
        def _obey(self, target: str, text: str) -> None:
            super()._obey(target, text)
            self.no_login = {"node2", "node3"} if self.elsewhere else set()

    async with Run(Late(), tmp_path, "quiesce") as run:
        assert await run.end() is RunStatus.UNDONE
        assert 'node2 refuses clients: role "app" is not permitted to log in (NOLOGIN)' in run.view.message


async def test_where_some_are_served_the_operator_decides(tmp_path: Path) -> None:
    world = Refusing()
    world.users = ("app", "reports")
    async with Run(world, tmp_path, "quiesce") as run:
        await run.at("served", StepStatus.WAITING)
        await run.until(lambda view: "1 pool not served, 1 served" in view.message)
        assert {"wait", "abort"} <= {offer.word for offer in run.view.offers}
        assert not world.paused


async def test_a_gradual_move_goes_back_as_well(tmp_path: Path) -> None:
    class Gradual(Refusing):
        def _obey(self, target: str, text: str) -> None:
            super()._obey(target, text)
            self.elsewhere = self.elsewhere or text.startswith("RECONNECT")

    world = Gradual()
    async with Run(world, tmp_path, "gradual") as run:
        assert await run.end() is RunStatus.UNDONE
        assert "nobody is served after the move" in run.view.message
    assert CLEAR in acts(world)


async def test_an_abort_that_leaves_the_served_pools_elsewhere_says_that_two_nodes_are_written(
    tmp_path: Path,
) -> None:
    class Half(Refusing):
        refused = ("app",)
        users = ("app", "report")

    async with Run(Half(), tmp_path, "quiesce") as run:
        await run.until(lambda view: "1 pool not served, 1 served" in view.message)
        run.say("abort")
        assert await run.end() is RunStatus.STOPPED
    assert "clients write on two nodes" in run.view.message
    (left,) = run.view.leftovers
    assert left.startswith(
        "Writes are split: new connections go to node1, but there are 3 server connections"
    )
    assert left.endswith(
        "of pgb-tx on node2, which gets no new ones. They stay where they were made: RECONNECT on pgb-tx "
        "moves them between two transactions."
    )


async def test_a_pool_that_never_got_in_is_none_of_the_moves_doing(tmp_path: Path) -> None:
    class Looping(Refusing):
        def _pooler(self, logins: int) -> Observed[PoolerFacts]:
            seen = FakeWorld._pooler(self, logins)
            assert seen.facts is not None
            stranger: Any = replace(WAITING, user="stranger")
            return replace(seen, facts=replace(seen.facts, pools=(*seen.facts.pools, stranger)))

    async with Run(Looping(), tmp_path, "quiesce") as run:
        await run.at("hold", StepStatus.HOLDING)


async def test_an_idle_pool_without_clients_is_no_proof_that_others_are_served(tmp_path: Path) -> None:
    class WithIdle(Refusing):
        def _pooler(self, logins: int) -> Observed[PoolerFacts]:
            seen = super()._pooler(logins)
            assert seen.facts is not None
            idle = Pool("app", "idle", "transaction", 0, 0, 0, 1, 0, 0, 0, 0.0, 0)
            return replace(seen, facts=replace(seen.facts, pools=(*seen.facts.pools, idle)))

    async with Run(WithIdle(), tmp_path, "quiesce") as run:
        assert await run.end() is RunStatus.UNDONE
