"""The steps that move the clients of a node and prove that none is left, each by the live cluster."""

import asyncio
import time

from bdr_console.cluster.nodes import NodeFacts, engine_name
from bdr_console.cluster.text import counted
from bdr_console.runbooks.model.node_sessions import (
    ClientRules,
    NodeSession,
    Way,
    describe_session,
    sessions_on,
)
from bdr_console.runbooks.model.pool_holders import describe as describe_holder
from bdr_console.runbooks.model.pool_holders import (
    holder_id,
    holders,
    interventions,
    resumption,
    session_holders,
)
from bdr_console.runbooks.model.reading import Area, Reading, ServerConnection
from bdr_console.runbooks.model.reading_queries import (
    Subject,
    error_of,
    in_maintenance,
    lsn,
    paused,
    proof_of,
    server_behind,
    state_line,
)
from bdr_console.runbooks.model.step import (
    Act,
    Intervention,
    Observation,
    Proof,
    Step,
    StepPlan,
    World,
)

_SETTLE = 5.0
"""Seconds to wait for a moment without a login before RECONNECT."""
_SHOWN = 20
"""Holders that are told one by one."""


class Reconnect(Step):
    """No PgBouncer keeps a server connection to the leaving server that is not flagged to be closed.

    A second RECONNECT shortly after the first can block a pool for `server_login_retry` and drop clients
    (any PgBouncer): it is sent only while this condition is unmet, and only when no login is under way.
    """

    def __init__(self, plan: StepPlan, leaving: tuple[Subject, ...], patience: float | None = None) -> None:
        """`patience` is how long a moment without a login is waited for, in seconds."""
        super().__init__(plan)
        self._leaving = leaving
        self._patience = patience
        self._open: tuple[Act, ...] = plan.acts
        self.most = 0
        """The most server connections to the leaving server that were seen."""
        self.known: Reading | None = None
        """The pools as they were before anybody was moved."""

    async def observe(self, world: World) -> Observation:
        first = self.known is None
        pools = Area.POOLERS if first else Area(0)
        reading = await world.read(Area.SESSIONS | Area.CONNECTIONS | Area.PROXIES | pools)
        if first:
            self.known = reading
        behind = server_behind(reading)
        proxies_told = all(proxy in reading.sessions for proxy, _ in self._leaving)
        states: dict[Act, bool | None] = {}
        lines = []
        there = 0
        for act in self.plan.acts:
            connections = reading.connections.get(act.target)
            if connections is None:
                states[act] = None
                lines.append(f"{act.target}: no answer ({error_of(reading, act.target)})")
                continue
            ours = [c for c in connections if c.database == act.subject]
            stay = [c for c in ours if not c.close_needed and self._leads_there(c, behind, act, proxies_told)]
            flagged = sum(c.close_needed for c in ours)
            there += flagged + len(stay)
            states[act] = not stay
            lines.append(
                f"{act.target}: {act.subject}: server connections: {len(ours)} in all, {flagged} flagged "
                f"to be closed, {len(stay)} to the leaving server not flagged"
            )
        self.most = max(self.most, there)
        self._open = tuple(act for act, state in states.items() if state is False)
        return Observation(proof_of(list(states.values())), tuple(lines) or ("no PgBouncer leads here",))

    def _leads_there(
        self, connection: ServerConnection, behind: dict[str, Subject], act: Act, proxies_told: bool
    ) -> bool:
        """Whether it goes to the leaving server. One that no HAProxy session matches (an address translated
        on the way, a session just opened) counts until our RECONNECT went out, not after it."""
        where = behind.get(connection.local)
        if where is not None:
            return where in self._leaving
        return act not in self.taken or not proxies_told

    async def guard(self, world: World) -> tuple[str, ...]:
        until = time.monotonic() + (_SETTLE if self._patience is None else self._patience)
        while True:
            reading = await world.read(Area.POOLERS | Area.PROXIES)
            reasons = [
                f"{name} is no longer in maintenance on {proxy}"
                for proxy, name in self._leaving
                if in_maintenance(reading, (proxy, name)) is False
            ]
            reasons += [reason for act in self._open if (reason := _unready(reading, act))]
            logins = [act for act in self._open if _logins(reading, act)]
            if reasons or not logins:
                return tuple(reasons)
            if time.monotonic() > until:
                return tuple(
                    f"{act.target}: a server connection of {act.subject} is logging in all the time "
                    "(a RECONNECT now would block the pool)"
                    for act in logins
                )
            await asyncio.sleep(0.02)

    def needed(self) -> tuple[Act, ...]:
        return self._open


class WaitClose(Step):
    """No server connection flagged by RECONNECT is left (SHOW SERVERS; the command's own answer is not
    trusted: one WAIT_CLOSE waits for every database that was ever waited on)."""

    def __init__(self, plan: StepPlan, reconnect: Reconnect) -> None:
        super().__init__(plan)
        self._reconnect = reconnect
        self._most = 0
        self._open: tuple[Act, ...] = plan.acts
        self._left: tuple[Act, ...] = ()
        self._holders_at = 0.0
        self._known: Reading | None = None
        self._interventions: tuple[Intervention, ...] = ()

    def begin(self) -> None:
        self._most, self._known, self._interventions = 0, None, ()

    async def observe(self, world: World) -> Observation:
        # Whose transaction it is changes slowly and costs a query on each node: asked once a second.
        detail = self._most > 0 and time.monotonic() - self._holders_at >= 1.0
        chain = Area.SESSIONS | Area.PROXIES | Area.BACKENDS if detail else Area(0)
        reading = await world.read(Area.CONNECTIONS | chain)
        if detail:
            self._holders_at, self._known = time.monotonic(), reading
        left: list[tuple[str, ServerConnection]] = []
        silent = []
        self._open, self._interventions = (), ()
        for act in self.plan.acts:
            connections = reading.connections.get(act.target)
            if connections is None:
                silent.append(f"{act.target}: no answer ({error_of(reading, act.target)})")
                continue
            flagged = [(act.target, c) for c in connections if c.database == act.subject and c.close_needed]
            left += flagged
            if flagged:
                self._open += (act,)
        self._most = max(self._most, self._reconnect.most, len(left))
        if not left and (killed := tuple(act for act in self.taken if act.undo)):
            return await self._still_paused(world, killed)
        if not left:
            proof = Proof.UNKNOWN if silent else Proof.MET
            closed = (
                f"all {self._most} old server connections are closed"
                if self._most
                else "none is left to close"
            )
            return Observation(proof, (*silent, *(() if silent else (closed,))))
        # Idle ones are closed within a third of a second by themselves: nobody holds them.
        busy = [item for item in left if item[1].client or item[1].state == "active"] or left
        held = sorted(busy, key=lambda item: (item[1].since, item[1].local))
        told = self._known or reading
        waited_for = holders(told, held)
        self._interventions = interventions(told, waited_for, self.plan.acts)
        first = describe_holder(waited_for[0])
        evidence = [f"{len(left)} of {counted(self._most, 'server connection')} left; the oldest is {first}"]
        evidence += [describe_holder(holder) for holder in waited_for[1:6]]
        if len(held) > 6:
            evidence.append(f"and {len(held) - 6} more")
        return Observation(Proof.UNMET, (*evidence, *silent), holders=waited_for[:_SHOWN])

    def needed(self) -> tuple[Act, ...]:
        return self._open

    async def _still_paused(self, world: World, killed: tuple[Act, ...]) -> Observation:
        """A KILL whose RESUME was not confirmed: nothing goes on while clients may be left waiting."""
        reading = await world.read(Area.POOLERS)
        for act in killed:
            if paused(reading, act.target, act.subject) is False:
                self.taken.remove(act)  # somebody else has resumed it
        stuck = tuple(act for act in killed if act in self.taken)
        self._interventions = tuple(resumption(act) for act in stuck)
        lines = tuple(
            f"{act.subject} on {act.target} is paused since the KILL: its clients wait" for act in stuck
        )
        return Observation(Proof.UNMET, lines or ("the killed database takes clients again",))

    def interventions(self) -> tuple[Intervention, ...]:
        return self._interventions

    async def undone(self, world: World) -> Observation:
        """Whether every database that was killed on the operator's word takes clients again."""
        reading = await world.read(Area.POOLERS)
        states = {act: paused(reading, act.target, act.subject) for act in self.taken if act.undo}
        self._left = tuple(act for act, state in states.items() if state is not False)
        words = {True: "paused", False: "in service", None: "not shown"}
        lines = tuple(f"{act.target}: {act.subject} is {words[state]}" for act, state in states.items())
        return Observation(
            proof_of([None if state is None else not state for state in states.values()]), lines
        )

    def left_undone(self) -> tuple[Act, ...]:
        return self._left


class Drained(Step):
    """No client is left on the node, and every peer has confirmed all that the node wrote.

    Clients: by pg_stat_activity of the node. HAProxy knows neither those that connect to the node itself nor
    those of the old process of a HAProxy that was reloaded. Confirmed: by the slots of the node itself,
    because a peer that does not answer proves nothing.
    """

    def __init__(
        self, plan: StepPlan, node: str, leaving: tuple[Subject, ...], rules: ClientRules | None = None
    ) -> None:
        super().__init__(plan)
        self._node = node
        self._leaving = leaving
        self._rules = rules or ClientRules()
        self._empty = False
        self._mark: str | None = None
        self._totals: dict[Subject, int] = {}
        self._there: tuple[NodeSession, ...] = ()
        self._left: frozenset[str] = frozenset()
        """Sessions that the operator has left there, by the id of their backend."""
        self._interventions: tuple[Intervention, ...] = ()

    def begin(self) -> None:
        self._empty, self._mark, self._totals = False, None, {}
        self._there, self._interventions = (), ()

    async def observe(self, world: World) -> Observation:
        parts = Area.PROXIES | Area.SESSIONS | Area.CONNECTIONS | Area.NODES | Area.BACKENDS
        reading = await world.read(parts)
        servers = {subject: reading.server(*subject) for subject in self._leaving}
        alarm = self._arrivals(reading)
        lines = [state_line(reading, subject) for subject in self._leaving]
        self._there, self._interventions = (), ()
        if any(server is None for server in servers.values()):
            return Observation(Proof.UNKNOWN, tuple(lines), alarm)
        if any(server is not None and not server.in_maintenance for server in servers.values()):
            self._empty, self._mark = False, None
            return Observation(Proof.UNMET, tuple(lines), alarm)
        sessions = sessions_on(reading, self._node, self._rules)
        if sessions is None:
            why = f"{self._node}: who is connected could not be read ({error_of(reading, self._node)})"
            return Observation(Proof.UNKNOWN, (why, *lines), alarm)
        counting = tuple(one for one in sessions if one.counts)
        there = tuple(one for one in counting if holder_id(one.backend) not in self._left)
        if there:
            self._empty, self._mark = False, None
            return self._waiting(reading, there, lines, alarm)
        lines += [f"left there: {describe_session(one)}" for one in counting]
        facts = reading.node(self._node)
        if facts is None or facts.wal_lsn is None:
            why = error_of(reading, self._node) if facts is None else "it shows no WAL position"
            return Observation(Proof.UNKNOWN, (f"{self._node}: {why}", *lines), alarm)
        if not self._empty:
            # The WAL position must be read after the last session ended: the next look takes it.
            self._empty = True
            return Observation(Proof.UNMET, ("no session is left; reading the WAL position", *lines), alarm)
        self._mark = self._mark or facts.wal_lsn
        proof, confirmed, lacking = self._confirmed(reading, facts, self._mark)
        anyway = f"go on although {', '.join(lacking)} may lack writes of {self._node}" if lacking else ""
        return Observation(proof, (*confirmed, *lines), alarm, anyway=anyway)

    def _waiting(
        self, reading: Reading, there: tuple[NodeSession, ...], lines: list[str], alarm: str
    ) -> Observation:
        """Who is still on the node: those past every PgBouncer first, for nothing moves them."""
        ordered = sorted(there, key=lambda one: one.way is Way.POOLER)
        waited_for = session_holders(reading, ordered[:_SHOWN])
        self._interventions = interventions(reading, waited_for, ())
        others = tuple(one for one in ordered if one.way is Way.OTHER)
        self._there = others
        told = [describe_session(one) for one in ordered[:6]]
        told[0] = f"{counted(len(there), 'session')} left on {self._node}: {told[0]}"
        if len(ordered) > len(told):
            told.append(f"and {len(ordered) - len(told)} more")
        proof = Proof.UNKNOWN if all(one.backend.hidden for one in there) else Proof.UNMET
        leave = f"leave {counted(len(others), 'session')} there, with a reason" if others else ""
        return Observation(proof, (*told, *lines), alarm, holders=waited_for, leave=leave)

    def interventions(self) -> tuple[Intervention, ...]:
        return self._interventions

    def leave(self) -> str:
        """Wait no longer for the sessions that came past every PgBouncer; new ones count again."""
        self._left |= {holder_id(one.backend) for one in self._there}
        return "; ".join(map(describe_session, self._there))

    def _arrivals(self, reading: Reading) -> str:
        """HAProxy 1.8.0 shows MAINT and still sends sticky traffic there: new sessions give it away."""
        for subject in self._leaving:
            server = reading.server(*subject)
            if server is None:
                continue
            if not server.in_maintenance:
                return f"{subject[1]} is no longer in maintenance on {subject[0]}: clients may be sent there"
            before = self._totals.setdefault(subject, server.total_sessions)
            if server.total_sessions > before:
                new = server.total_sessions - before
                return f"{subject[0]} sent {new} new sessions to {subject[1]} although it is disabled"
        return ""

    def _confirmed(
        self, reading: Reading, facts: NodeFacts, mark: str
    ) -> tuple[Proof, list[str], tuple[str, ...]]:
        """Whether the peers have everything up to `mark`, by the slots of the leaving node; the lines; and
        the peers that do not answer and may lack something."""
        lines, done, states = [], [], [Proof.MET]
        peers = [peer for peer in reading.snapshot.nodes if peer.name != self._node]
        names = {peer.name: engine_name(peer) for peer in peers if reading.node(peer.name)}
        for peer, name in names.items():
            slot = next((s for s in facts.slots if s.target == name), None)
            if slot is None or slot.confirmed_lsn is None:
                states.append(Proof.UNKNOWN)
                lines.append(f"{peer}: {self._node} shows no slot position for it")
            elif lsn(slot.confirmed_lsn) < lsn(mark):
                states.append(Proof.UNMET)
                lines.append(f"{peer}: has confirmed {slot.confirmed_lsn}, waiting for {mark}")
            else:
                done.append(f"{peer}: has confirmed everything up to {mark}")
        silent = tuple(peer for peer in peers if peer.name not in names)
        theirs = [slot for slot in facts.slots if slot.target not in names.values()]
        behind = [s for s in theirs if s.confirmed_lsn is None or lsn(s.confirmed_lsn) < lsn(mark)]
        lacking = tuple(peer.name for peer in silent if behind or len(theirs) < len(silent))
        for mute in silent:
            if mute.name not in lacking:
                done.append(f"{mute.name}: does not answer, but by the slots of {self._node} it has all")
                continue
            shown = ", ".join(f"{s.name}: {s.confirmed_lsn or 'nothing'} of {mark}" for s in behind)
            states.append(Proof.UNKNOWN)
            lines.append(
                f"{mute.name}: does not answer ({mute.error}), and {self._node} shows "
                f"{f'in its own slots {shown} confirmed' if shown else 'no slot for it'}"
            )
        proof = (
            Proof.UNMET if Proof.UNMET in states else Proof.UNKNOWN if Proof.UNKNOWN in states else Proof.MET
        )
        return proof, [*lines, *done], lacking if proof is Proof.UNKNOWN else ()


def _unready(reading: Reading, act: Act) -> str:
    facts = reading.pooler(act.target)
    if facts is None:
        return f"{act.target} does not answer ({error_of(reading, act.target)})"
    # A pool outlives its line in SHOW DATABASES when `*` made the database.
    if act.subject not in {known.name for known in facts.databases} | {p.database for p in facts.pools}:
        return f"{act.target} has no database {act.subject} any more"
    return ""


def _logins(reading: Reading, act: Act) -> bool:
    facts = reading.pooler(act.target)
    return facts is not None and any(p.servers_login for p in facts.pools if p.database == act.subject)
