"""Put a node's servers into maintenance, take that back, and count the sessions that HAProxy cuts at either.

No counter of HAProxy names sessions that it has cut itself: what ended is what was there, and came, and is
not there any more (scur and stot), from the last look before the command showed to the first one after it.
"""

import time
from collections.abc import Iterable, Iterator, Sequence

from bdr_console.cluster.proxies import ProxyFacts, ProxyServer
from bdr_console.cluster.text import counted
from bdr_console.cluster.traffic import chosen
from bdr_console.cluster.traffic import traffic as traffic_of
from bdr_console.runbooks.model.node_sessions import ClientRules, strays
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.reading_queries import (
    error_of,
    in_maintenance,
    last_server,
    moved,
    proof_of,
    state_lines,
    traffic,
    usable_others,
)
from bdr_console.runbooks.model.run import Command
from bdr_console.runbooks.model.step import (
    Act,
    CutSessions,
    Observation,
    Proof,
    Remainder,
    Step,
    StepPlan,
    TrafficBefore,
    World,
)


class SessionCount:
    """Compares each look at the HAProxies with the one before it."""

    def __init__(self) -> None:
        self._before: Reading | None = None
        self._found: list[CutSessions] = []

    def look(self, reading: Reading, acts: Iterable[Act]) -> None:
        """Count for each of these acts whose server has changed between in service and in maintenance."""
        before, self._before = self._before, reading
        if before is not None:
            self._found += (cut for act in acts for cut in _compare(before, reading, act))

    def take(self) -> tuple[CutSessions, ...]:
        """What was found since this was asked last."""
        found, self._found = tuple(self._found), []
        return found


def _compare(before: Reading, now: Reading, act: Act) -> Iterator[CutSessions]:
    proxy, subject = act.target, act.subject
    was, server = before.server(proxy, subject), now.server(proxy, subject)
    facts_before, facts = before.proxy(proxy), now.proxy(proxy)
    if was is None or server is None or facts is None or facts_before is None:
        return
    if was.in_maintenance == server.in_maintenance:
        return
    if server.in_maintenance:
        old, new = [was], [server]
    else:
        old, new = _others(facts_before, was), _others(facts, server)
    known = {one.name: one for one in new}
    pairs = [(one, known[one.name]) for one in old if one.name in known]
    if not pairs:
        return
    word = "disable" if server.in_maintenance else "enable"
    yield CutSessions(
        proxy,
        f"{word} server {subject}",
        ", ".join(f"{one.backend}/{one.name}" for one, _ in pairs),
        sum(one.sessions for one, _ in pairs),
        None if facts.replaces(facts_before.pid, facts_before.uptime) else _ended(pairs),
    )


def _others(facts: ProxyFacts, server: ProxyServer) -> list[ProxyServer]:
    return [
        one
        for one in facts.servers
        if one.backend == server.backend and one.name != server.name and not one.in_maintenance
    ]


def _ended(pairs: Sequence[tuple[ProxyServer, ProxyServer]]) -> int | None:
    came = [now.total_sessions - before.total_sessions for before, now in pairs]
    if any(count < 0 for count in came):
        return None  # `clear counters`
    return sum(before.sessions + more - now.sessions for (before, now), more in zip(pairs, came, strict=True))


_STAYS_CLEARED = 0.5
"""Seconds without a stick entry: a connection that was being made when it was cleared may write it anew."""


class Disable(Step):
    """The node's server is in maintenance on every HAProxy (the admin bits, not the word)."""

    def __init__(self, plan: StepPlan, node: str, before: tuple[TrafficBefore, ...] = ()) -> None:
        super().__init__(plan)
        self._node = node
        self._before = before
        self._open: tuple[Act, ...] = plan.acts
        self._left: tuple[Act, ...] = ()
        self.seen: Reading | None = None
        """What the last `observe` saw."""
        self.bring_clients_back = False
        """New connections must come back too when this is undone: nobody is served where they go now."""
        self._stuck_at = -_STAYS_CLEARED
        self._count = SessionCount()

    async def observe(self, world: World) -> Observation:
        self.seen = reading = await world.read(Area.PROXIES)
        self._count.look(reading, self.taken)
        states = {act: in_maintenance(reading, (act.target, act.subject)) for act in self.plan.acts}
        self._open = tuple(act for act, state in states.items() if state is False)
        return Observation(proof_of(list(states.values())), state_lines(reading, self.plan.acts))

    async def guard(self, world: World) -> tuple[str, ...]:
        reading = await world.read(Area.PROXIES | Area.NODES)
        self._count.look(reading, self.taken)
        return self.reasons(reading)

    def reasons(self, reading: Reading) -> tuple[str, ...]:
        """Why the servers must not be disabled, by this reading of HAProxies and nodes."""
        reasons = []
        for act in self.plan.acts:
            subject = (act.target, act.subject)
            if reading.proxy(act.target) is None:
                reasons.append(f"{act.target} does not answer ({error_of(reading, act.target)})")
            elif reading.server(*subject) is None:
                reasons.append(f"{act.target} has no server {act.subject}")
            elif last := last_server(reading, subject, self._node):
                reasons.append(last)
        return tuple(reasons)

    def needed(self) -> tuple[Act, ...]:
        return self._open

    async def undo_guard(self, world: World) -> str:
        """A node that does not answer stays out, unless there is no other server at all."""
        reading = await world.read(Area.PROXIES | Area.NODES)
        if reading.node(self._node) is not None:
            return ""
        if any(not usable_others(reading, (act.target, act.subject), self._node) for act in self._left):
            return ""
        return f"{self._node} does not answer ({error_of(reading, self._node)}), so it is left in maintenance"

    async def undone(self, world: World) -> Observation:
        reading = await world.read(Area.PROXIES)
        self._count.look(reading, self.taken)
        states = {act: in_maintenance(reading, (act.target, act.subject)) for act in self.taken}
        self._left = tuple(act for act, state in states.items() if state is not False)
        if self.bring_clients_back and not self._left and (stuck := self._stuck_elsewhere(reading)):
            self._left = stuck
            self._stuck_at = time.monotonic()
            where = ", ".join(act.command.text for act in stuck)
            return Observation(Proof.UNMET, (f"the stick table still leads elsewhere: {where}",))
        if not self._left and time.monotonic() - self._stuck_at < _STAYS_CLEARED:
            return Observation(Proof.UNMET, ("the stick table is cleared: whether it stays so is seen soon",))
        self.closing = traffic(reading, tuple((act.target, act.subject) for act in self.taken))
        proof = proof_of([None if state is None else not state for state in states.values()])
        return Observation(proof, state_lines(reading, self.taken))

    def _stuck_elsewhere(self, reading: Reading) -> tuple[Act, ...]:
        """For each stick entry that leads to another server although new connections would come to ours
        without it: the command that clears it, as what takes the entry back."""
        found = []
        for act in self.taken:
            facts, server = reading.proxy(act.target), reading.server(act.target, act.subject)
            if facts is None or server is None:
                continue
            beside = [other for other in facts.servers if other.backend == server.backend]
            if server.name not in {one.name for one in chosen(beside, ())}:
                continue
            for entry in facts.stick or ():
                if entry.table == server.backend and entry.server not in (None, server.name):
                    host = act.command.host
                    told = Command(host, f"{entry.key} sticks to {entry.table}/{entry.server}")
                    back = Command(host, f"clear table {entry.stored_in or entry.table} key {entry.key}")
                    found.append(Act("haproxy", act.target, act.subject, told, back))
        return tuple(found)

    async def remainder(self, world: World) -> Remainder:
        """New connections that go elsewhere than before the run, or to two nodes."""
        reading = await world.read(Area.PROXIES | Area.SESSIONS | Area.CONNECTIONS | Area.BACKENDS)
        found = moved(reading, self._before)
        routes = traffic_of(reading.snapshot, reading.snapshot.taken_at)
        # Where this run has brought new connections back by force, those that were served stay where they
        # are.
        lost = strays(reading, ClientRules(), routes, carried=self.bring_clients_back)
        if not lost:
            return found
        lines = (
            f"Writes are split: new connections go to {', '.join(routes.takers)}, but there are "
            f"{stray.text}. {stray.remedy}"
            for stray in lost
        )
        return Remainder((*lines, *found.lines), split=True)

    def left_undone(self) -> tuple[Act, ...]:
        return self._left

    def take_cuts(self) -> tuple[CutSessions, ...]:
        return self._count.take()


class DisableIdle(Disable):
    """The same where the plan rests on nobody being there: nothing after it moves anybody."""

    def reasons(self, reading: Reading) -> tuple[str, ...]:
        """Why not, and who has come since."""
        reasons = list(super().reasons(reading))
        for act in self.plan.acts:
            server = reading.server(act.target, act.subject)
            if server is not None and server.sessions:
                here = counted(server.sessions, "session")
                reasons.append(
                    f"{act.subject} on {act.target} has {here} since the plan was made: make it again"
                )
        return tuple(reasons)
