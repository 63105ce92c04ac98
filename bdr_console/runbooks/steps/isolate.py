"""The steps of an isolation: what nobody waits for because the node is dead already."""

import asyncio
import time

from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.reading_queries import Subject, error_of, last_server, pooler_of, state_line
from bdr_console.runbooks.model.step import Act, Observation, Proof, Step, StepPlan, World
from bdr_console.runbooks.steps.disable import Disable
from bdr_console.runbooks.steps.pool_settings import Setting

_SERVED_WITHIN = 5.0
"""Seconds until the pools should have found another node, before they get their settings back."""


class DisableDead(Disable):
    """Disable without waiting for anything that only the dead node could say. A HAProxy that does not answer
    keeps nothing from the others; the rule of the last server holds on each that does."""

    def reasons(self, reading: Reading) -> tuple[str, ...]:
        there = [act for act in self.plan.acts if reading.server(act.target, act.subject) is not None]
        if not there:
            silent = ", ".join(f"{act.target} ({error_of(reading, act.target)})" for act in self.plan.acts)
            return (f"no HAProxy answers: {silent or 'none is known'}",)
        last = (last_server(reading, (act.target, act.subject), self._node) for act in there)
        return tuple(why for why in last if why)


class ShutDownSessions(Step):
    """No session that still has a client is left on the node's servers, on every HAProxy.

    HAProxy keeps sessions whose client has gone while the server hangs (PgBouncer's logins that timed out),
    and no command ends them: they hurt nobody.
    """

    def __init__(self, plan: StepPlan, leaving: tuple[Subject, ...]) -> None:
        super().__init__(plan)
        self._leaving = leaving
        self._open: tuple[Act, ...] = plan.acts

    async def observe(self, world: World) -> Observation:
        parts = Area.PROXIES | (Area.SESSIONS | Area.CONNECTIONS if self.taken else Area(0))
        reading = await world.read(parts)
        servers = {act: reading.server(act.target, act.subject) for act in self.plan.acts}
        self._open = tuple(act for act, server in servers.items() if server and server.sessions)
        lines = tuple(state_line(reading, subject) for subject in self._leaving)
        if not self._open:
            return Observation(Proof.UNKNOWN if None in servers.values() else Proof.MET, lines)
        if self.taken and self._without_clients(reading):
            left = "what is left was given up by its clients: HAProxy ends it later, and it hurts nobody"
            return Observation(Proof.MET, (left, *lines))
        return Observation(Proof.UNMET, lines)

    def _without_clients(self, reading: Reading) -> bool:
        """Whether every session that is left belongs to no connection that a PgBouncer still has."""
        silent = [p for p in reading.snapshot.poolers if p.name not in reading.connections]
        if silent or any(act.target not in reading.sessions for act in self._open):
            return False
        pooled = pooler_of(reading)
        return all(
            session.source not in pooled
            for proxy, sessions in reading.sessions.items()
            for session in sessions
            if (proxy, f"{session.backend}/{session.server}") in self._leaving
        )

    def needed(self) -> tuple[Act, ...]:
        return self._open


class PutBack(Setting):
    """The settings of every PgBouncer are as they were, once its pools have found another node: a pool that
    has not would rest for server_login_retry."""

    async def guard(self, world: World) -> tuple[str, ...]:
        until = time.monotonic() + _SERVED_WITHIN
        while time.monotonic() < until:
            reading = await world.read(Area.LOADS)
            if not any(load.unserved for loads in reading.loads.values() for load in loads.values()):
                break
            await asyncio.sleep(0.1)
        return ()
