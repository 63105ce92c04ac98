"""The emergency isolation of a node that is dead already: nothing is waited for that only it could tell.

Its servers are disabled, its sessions are shut down (their clients get `server conn crashed?`; the node would
not have answered them any more), and every PgBouncer replaces what connections are left. Nobody asks the
node, and nothing is proved about its last writes: what its peers had not received is missing there until it
is back. The one rule that stays: never the last server that can take traffic.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import Any

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.checks.nodes import taking
from bdr_console.runbooks.checks.proxies import servers
from bdr_console.runbooks.model.reading import Part, Reading
from bdr_console.runbooks.model.reading_queries import Subject, error_of, last_server, pooler_of, state_line
from bdr_console.runbooks.model.run import ISOLATE, Check, Command, Outcome
from bdr_console.runbooks.model.step import Act, Observation, OnTimeout, Plan, Proof, Step, StepPlan, World
from bdr_console.runbooks.plan.switchover import plan as plan_switchover
from bdr_console.runbooks.plan.switchover_plans import Remembered, changes, routes_of
from bdr_console.runbooks.steps.disable import Disable
from bdr_console.runbooks.steps.hold import Enable, Hold, HoldTerms, Ready
from bdr_console.runbooks.steps.move_clients import Reconnect
from bdr_console.runbooks.steps.pool_settings import AT_ONCE, Setting, set_by

RUNBOOK = ISOLATE
PARTS = Part.NODES | Part.PROXIES | Part.POOLERS | Part.SETTINGS
"""What plan and checks need to have been read: nothing that could take long."""
_GO_ON = OnTimeout.GO_ON
_DEAD_WITHIN = 0.25
"""Seconds for which a run looks whether the node that it isolates answers."""
_SERVED_WITHIN = 5.0
"""Seconds until the pools should have found another node, before they get their settings back."""


def unasked(request: Mapping[str, Any], seconds: float = _DEAD_WITHIN) -> dict[str, float]:
    """The node that an isolation waits for no longer than so many seconds; empty for any other run."""
    return {request["node"]: seconds} if request.get("runbook") == RUNBOOK else {}


def plan(
    snapshot: Snapshot, settings: ClusterSettings, node: str, *, remembered: Remembered | None = None
) -> Plan:
    """Every step of an isolation of `node`, with the exact command for each host. Pure.

    Raises ConsoleError as a switchover does.
    """
    whole = plan_switchover(snapshot, settings, node, "gradual", everything=True)
    disable = whole.step("disable")
    # A pool whose server died rests for 15 s (server_login_retry).
    quick = changes(routes_of(snapshot, settings), AT_ONCE, remembered or {})
    back = tuple(Act(a.kind, a.target, a.subject, a.undo) for a in quick if a.undo)
    steps = (
        StepPlan(
            "disable",
            disable.title,
            disable.acts,
            deadline=3.0,
            on_timeout=_GO_ON,
            together=True,
        ),
        StepPlan(
            "cut",
            f"Shut down every session on {node}",
            tuple(_shutdown(act) for act in disable.acts),
            deadline=3.0,
            on_timeout=_GO_ON,
            together=True,
            no_return=True,
            repeat=1.0,
        ),
        StepPlan(
            "prepare",
            "Have every PgBouncer try again at once where a login fails",
            quick,
            deadline=3.0,
            on_timeout=_GO_ON,
            together=True,
        ),
        StepPlan(
            "reconnect",
            whole.step("reconnect").title,
            whole.step("reconnect").acts,
            deadline=5.0,
            on_timeout=_GO_ON,
            together=True,
        ),
        StepPlan(
            "restore",
            "Put the settings of every PgBouncer back",
            back,
            deadline=5.0,
            on_timeout=_GO_ON,
            together=True,
        ),
        StepPlan("hold", f"{node} is isolated: repair it, then go on", holds=True),
        whole.step("ready"),
        whole.step("enable"),
    )
    routes = tuple(note for note in whole.notes if "new connections" in note or "left so" in note)
    lost = f"Writes of {node} that its peers have not received are missing there until it is back."
    return Plan(RUNBOOK, whole.cluster, whole.environment, node, steps, (lost, *routes), before=whole.before)


def steps(made: Plan, settings: ClusterSettings, terms: HoldTerms | None = None) -> tuple[Step, ...]:
    """The plan's steps as the engine runs them."""
    disable = DisableDead(made.step("disable"), made.node, made.before)
    subjects = tuple((act.target, act.subject) for act in disable.plan.acts)
    return (
        disable,
        Cut(made.step("cut"), subjects),
        Setting(made.step("prepare")),
        Reconnect(made.step("reconnect"), subjects, patience=1.0),
        PutBack(made.step("restore"), set_by(made.step("prepare").acts)),
        Hold(made.step("hold"), made.node, subjects, terms or HoldTerms()),
        Ready(made.step("ready"), made.node, settings.thresholds.thresholds()),
        Enable(made.step("enable"), made.node, disable, had_traffic=made.had_traffic),
    )


def checks(reading: Reading, made: Plan) -> tuple[Check, ...]:
    """The few that count in an emergency: somebody else takes the traffic. What does not answer is a warning,
    because every second counts and the others can be commanded."""
    title = f"{made.node} is dead"
    if reading.node(made.node) is None:
        alive = Check(title, Outcome.PASS, f"it does not answer ({error_of(reading, made.node)})")
    else:
        why = (
            "Its clients are cut in the middle of their transactions, and nothing waits for its last writes."
        )
        alive = Check(title, Outcome.WARN, "it answers", why, "A switchover fails and loses nothing.")
    return (alive, *_proxies(reading, made), *taking(reading, made), *_poolers(reading))


def _proxies(reading: Reading, made: Plan) -> Iterator[Check]:
    for proxy in reading.snapshot.proxies:
        facts = reading.proxy(proxy.name)
        if facts is not None:
            yield from servers(reading, made, proxy.name, facts)
            continue
        yield Check(
            f"HAProxy {proxy.name} can be commanded",
            Outcome.WARN,
            proxy.error or "not read",
            f"What it carries to {made.node} stays there.",
            "If it serves clients, stop it or take its address away from them.",
        )


def _poolers(reading: Reading) -> Iterator[Check]:
    for pooler in reading.snapshot.poolers:
        if pooler.error or pooler.facts is None:
            yield Check(
                f"PgBouncer {pooler.name} can be commanded",
                Outcome.WARN,
                pooler.error or "not read",
                "HAProxy cuts its connections; it may rest for server_login_retry before it tries again.",
                "Nothing: the others are not held up by it.",
            )


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


class Cut(Step):
    """No session that still has a client is left on the node's servers, on every HAProxy.

    HAProxy keeps sessions whose client has gone while the server hangs (PgBouncer's logins that timed out),
    and no command ends them: they hurt nobody.
    """

    def __init__(self, plan: StepPlan, leaving: tuple[Subject, ...]) -> None:
        super().__init__(plan)
        self._leaving = leaving
        self._open: tuple[Act, ...] = plan.acts

    async def observe(self, world: World) -> Observation:
        parts = Part.PROXIES | (Part.SESSIONS | Part.CONNECTIONS if self.taken else Part(0))
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
            reading = await world.read(Part.LOADS)
            if not any(load.unserved for loads in reading.loads.values() for load in loads.values()):
                break
            await asyncio.sleep(0.1)
        return ()


def _shutdown(disable: Act) -> Act:
    text = f"shutdown sessions server {disable.subject}"
    return Act("haproxy", disable.target, disable.subject, Command(disable.command.host, text))
