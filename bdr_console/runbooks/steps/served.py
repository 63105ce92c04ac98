"""After the move: whether clients are really served by the other node.

A login that the new node refuses shows in nothing that was proved before: HAProxy connects, RESUME is
answered, and PgBouncer hands every client the error. So the pools that had server connections before the move
must have some again, or have nobody who wants one. Where none has, the run goes back by itself.
"""

import time
from collections.abc import Callable, Iterable, Mapping

from bdr_console.cluster.poolers import Pool
from bdr_console.cluster.text import counted
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.reading_queries import Subject, others
from bdr_console.runbooks.model.step import Observation, Proof, Step, StepPlan, World
from bdr_console.runbooks.steps.disable import Disable
from bdr_console.runbooks.steps.quiesce import DisableWhilePaused

_LOOKED_FOR = 1.0
"""Seconds until a pool that nobody wants a connection of counts as served."""
_GOES_BACK_AFTER = 3.0
"""Seconds without a server connection in any pool after which the run goes back."""

PoolKey = tuple[str, str, str]
"""PgBouncer, database, user."""


class Served(Step):
    """Every pool that had server connections before the move has some again."""

    def __init__(
        self,
        plan: StepPlan,
        node: str,
        disable: Disable,
        subjects: Iterable[Subject],
        before: Callable[[], Reading | None],
    ) -> None:
        super().__init__(plan)
        self._node = node
        self._before = before
        self._subjects = frozenset(subjects)
        self._disable = disable
        self._since = 0.0

    def begin(self) -> None:
        self._since = time.monotonic()

    async def observe(self, world: World) -> Observation:
        known = self._before()
        had = {} if known is None else established(known, self._subjects)
        if not had:
            return Observation(Proof.MET, ("no pool had a server connection before",))
        reading = await world.read(Area.POOLERS)
        now = pools_of(reading, self._subjects)
        silent = sorted({pooler for pooler, _, _ in had if reading.pooler(pooler) is None})
        lasting = time.monotonic() - self._since
        unserved = {
            key: why
            for key, clients in had.items()
            if key[0] not in silent and (why := self._unserved(now.get(key), clients, lasting))
        }
        if not unserved:
            if silent:
                return Observation(Proof.UNKNOWN, (f"{', '.join(silent)}: no answer to SHOW POOLS",))
            return Observation(
                Proof.MET, _summary(sum(_has_connections(now.get(key)) for key in had), len(had))
            )
        lines = tuple(
            f"{pooler}: {database} as {user}: {why}" for (pooler, database, user), why in unserved.items()
        )
        if lasting < _GOES_BACK_AFTER:
            return Observation(Proof.UNMET, lines)
        self._disable.bring_clients_back = True
        told = await self._refusals(world)
        served = sum(_has_connections(now.get(key)) for key in had)
        if served:
            alarm = f"{counted(len(unserved), 'pool')} not served, {served} served: "
            alarm += "; ".join((*told, *lines))
            return Observation(Proof.UNMET, (*told, *lines), alarm)
        why = "; ".join(told) or f"no server connection has come up within {lasting:.0f} s"
        return Observation(Proof.UNMET, lines, failed=f"nobody is served after the move: {why}")

    def _unserved(self, pool: Pool | None, clients_before: int, lasting: float) -> str:
        """Why a pool is not served; empty when it is, or when nobody asks for it."""
        if _has_connections(pool):
            return ""
        if pool is not None and (pool.clients_waiting or pool.servers_login):
            return f"{counted(pool.clients_waiting, 'client')} waiting, no server connection"
        if clients_before and (pool is None or not pool.clients_active) and not self._may_leave():
            return "its clients are gone"
        return "" if lasting >= _LOOKED_FOR else "no server connection yet"

    def _may_leave(self) -> bool:
        """Whether clients may be gone: the operator ended some, or WAIT_CLOSE waited until they left. Under a
        pause they only wait, and one that was served leaves its server connection."""
        return self.clients_ended or not isinstance(self._disable, DisableWhilePaused)

    async def _refusals(self, world: World) -> tuple[str, ...]:
        """What is now known against the servers that could have the clients."""
        reading = await world.read(Area.NODES | Area.PROXIES)
        found = [
            other.why
            for act in self._disable.plan.acts
            for other in others(reading, (act.target, act.subject), self._node)
            if other.takes is False
        ]
        return tuple(dict.fromkeys(found))


def _summary(served: int, pools: int) -> tuple[str, ...]:
    """A pool that nobody asks for a connection proves nothing, and is not called served."""
    idle = pools - served
    lines = (f"{counted(served, 'pool')} served",) if served else ()
    return (*lines, f"{counted(idle, 'pool')} not tried: no client asks for a connection") if idle else lines


def _has_connections(pool: Pool | None) -> bool:
    return pool is not None and pool.servers > pool.servers_login


def pools_of(reading: Reading, subjects: frozenset[Subject]) -> Mapping[PoolKey, Pool]:
    """The pools of these databases of these PgBouncers."""
    return {
        (pooler.name, pool.database, pool.user): pool
        for pooler in reading.snapshot.poolers
        if pooler.facts and not pooler.error
        for pool in pooler.facts.pools
        if (pooler.name, pool.database) in subjects
    }


def established(reading: Reading, subjects: frozenset[Subject]) -> Mapping[PoolKey, int]:
    """Those that had clients, and server connections past their login: the number of clients. A pool that
    never got in is none of the move's doing, and one without clients asks for nothing."""
    return {
        key: pool.clients_active + pool.clients_waiting
        for key, pool in pools_of(reading, subjects).items()
        if _has_connections(pool) and pool.clients_active + pool.clients_waiting
    }
