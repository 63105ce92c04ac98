"""The steps of a quiesce: every client waits once, for a moment, and nothing is written in two places.

PAUSE on every PgBouncer; when no transaction is left, disable the server on every HAProxy, which may cut what
sessions are there (`on-marked-down shutdown-sessions`); wait until every peer has applied the leaving node's
last commit (barrier.py); RESUME. An answer to PAUSE is no proof: after any WAIT_CLOSE PgBouncer answers at
once, with another command's tag. SHOW POOLS decides.
"""

import asyncio
import time
from dataclasses import replace

from bdr_console.cluster.poolers import nothing_paused
from bdr_console.cluster.text import counted
from bdr_console.runbooks.model.pool_holders import Chain, describe
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.reading_queries import Subject, error_of, in_maintenance, last_server
from bdr_console.runbooks.model.step import (
    Act,
    Intervention,
    Observation,
    Proof,
    Step,
    StepPlan,
    TrafficBefore,
    World,
)
from bdr_console.runbooks.steps.disable import Disable
from bdr_console.runbooks.steps.pool_settings import (
    FailingLogins,
    Ours,
    assignment,
    is_foreign,
    without_failing,
)

_LOGIN_ENDS = 2.0
"""Seconds to wait for a moment without a login before PAUSE."""


class Pause(Step):
    """PAUSE is in force on every PgBouncer that leads here, though its clients may still finish.

    In force is what SHOW DATABASES shows, or where it does not list the database, what was answered.
    """

    def __init__(
        self,
        plan: StepPlan,
        leaving: tuple[Subject, ...],
        node: str,
        barrier: StepPlan,
        idle: tuple[Subject, ...] = (),
    ) -> None:
        super().__init__(plan)
        self._idle = frozenset(idle)
        """What is not paused, because nothing was connected there when the plan was made."""
        self._leaving = leaving
        self._node = node
        self._barrier = barrier
        self._answered: set[Act] = set()
        self._refused: dict[Act, str] = {}
        self._resumed: set[Act] = set()
        self.known: Reading | None = None
        """The whole cluster as it was just before the pause."""

    def begin(self) -> None:
        self._answered, self._refused, self._resumed, self.known = set(), {}, set(), None

    @property
    def in_force(self) -> bool:
        """Whether clients may be waiting by this step's doing."""
        return any(act not in self._resumed for act in self.taken)

    def answered(self, act: Act, *, undo: bool, error: str = "") -> bool:
        if undo:
            if not error or nothing_paused(error):
                self.resumed(act.target, act.subject)
                return False
        elif error:
            self._refused[act] = error
        else:
            self._answered.add(act)
        return bool(error)

    def resumed(self, target: str, subject: str) -> None:
        """A RESUME was answered there: nobody waits by this step's doing any more."""
        self._resumed |= {act for act in self.plan.acts if (act.target, act.subject) == (target, subject)}

    async def observe(self, world: World) -> Observation:
        if not self.plan.acts:
            return Observation(Proof.MET, ("no database of a PgBouncer leads here: nobody has to wait",))
        if not self.taken:
            return Observation(Proof.UNMET, ("clients are served",))
        if self._refused:
            return Observation(Proof.UNMET, (), failed="; ".join(self._refused.values()))
        reading = await world.read(Area.LOADS)
        lines, states = [], []
        for act in self.plan.acts:
            load = reading.load(act.target, act.subject)
            told = act in self._answered
            known = told or bool(load and load.paused)
            states.append(known)
            told_ = "paused" if known else "PAUSE is not answered yet"
            waits = f", {counted(load.busy, 'server connection')} still in use" if load and load.busy else ""
            lines.append(f"{act.target}: {act.subject} {told_}{waits}")
        return Observation(Proof.MET if all(states) else Proof.UNMET, tuple(lines))

    async def guard(self, world: World) -> tuple[str, ...]:
        """Everything is asked, and every connection opened, while nobody waits yet."""
        await world.warm(
            frozenset(act.target for act in self.plan.acts),
            frozenset({self._node, *(act.target for act in self._barrier.acts)}),
        )
        until = time.monotonic() + _LOGIN_ENDS
        logins = FailingLogins()
        while True:
            self.known = await world.read(Area.PROXIES | Area.NODES | Area.POOLERS | Area.LOADS)
            reasons = self._reasons(self.known)
            loads = {
                (act.target, act.subject): load
                for act in self.plan.acts
                if (load := self.known.load(act.target, act.subject))
            }
            failing = logins.look(loads)
            logging_in = tuple(
                f"{pooler}: a server connection of {database} is logging in"
                for (pooler, database), load in loads.items()
                if without_failing(load, (pooler, database), failing).logins
            )
            if reasons or not logging_in or time.monotonic() > until:
                return (*reasons, *logging_in)
            await asyncio.sleep(0.02)

    def _reasons(self, reading: Reading) -> tuple[str, ...]:
        reasons = [
            last
            for subject in self._leaving
            if reading.proxy(subject[0]) and (last := last_server(reading, subject, self._node))
        ]
        reasons += [
            f"{proxy} does not answer ({error_of(reading, proxy)})"
            for proxy, _ in self._leaving
            if reading.proxy(proxy) is None
        ]
        for act in self.plan.acts:
            load = reading.load(act.target, act.subject)
            if load is None:
                reasons.append(f"{act.target} does not answer")
            elif load.paused:
                # Ours would end with a RESUME, and that would end somebody else's pause too.
                reasons.append(f"{act.subject} on {act.target} is paused already, not by this run")
        reasons += [
            f"{database} on {pooler} has come into use since the plan was made and would not be paused: "
            "make the plan again"
            for pooler, loads in reading.loads.items()
            for database, load in loads.items()
            if (pooler, database) in self._idle and load.servers
        ]
        return tuple(reasons)

    async def undone(self, world: World) -> Observation:
        if not self.in_force:
            return Observation(Proof.MET, ("clients go on",))
        reading = await world.read(Area.LOADS)
        for act in self.taken:
            load = reading.load(act.target, act.subject)
            # A database that is not listed may be paused all the same: only a RESUME is an answer then.
            if load is not None and load.paused is False and act in self._sent_back:
                self._resumed.add(act)
        lines = tuple(
            f"{act.target}: {'goes on' if act in self._resumed else 'RESUME is not answered yet'}"
            for act in self.taken
        )
        return Observation(Proof.UNMET if self.in_force else Proof.MET, lines)

    _sent_back: frozenset[Act] = frozenset()

    def left_undone(self) -> tuple[Act, ...]:
        left = tuple(act for act in self.taken if act not in self._resumed)
        self._sent_back |= frozenset(left)
        return left


class DisableWhilePaused(Disable):
    """Disable while clients wait and no transaction is open: quick, and put back quickly, because nobody goes
    on before that. Its guard judges by the look that came just before it."""

    def __init__(
        self, plan: StepPlan, node: str, pause: Pause, before: tuple[TrafficBefore, ...] = ()
    ) -> None:
        super().__init__(plan, node, before)
        self._pause = pause

    async def guard(self, world: World) -> tuple[str, ...]:
        reading = self.seen or await world.read(Area.PROXIES)
        self._count.look(reading, self.taken)
        if self._pause.known is not None:
            # The nodes answered just before the pause: asking them again would have the clients wait for it.
            nodes = self._pause.known.snapshot.nodes
            reading = replace(reading, snapshot=replace(reading.snapshot, nodes=nodes))
        return self.reasons(reading)

    def undo_patience(self) -> float:
        return 2.0 if self._pause.in_force else super().undo_patience()


class Flagged(Step):
    """Every server connection of the session pools is flagged: server_fast_close ends it between two
    transactions, and its client gets an error once. Only under the pause, so none is made anew."""

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Area.CONNECTIONS)
        left = False
        lines: list[str] = []
        for act in self.plan.acts:
            connections = reading.connections.get(act.target)
            if connections is None:
                return Observation(Proof.UNKNOWN, (f"{act.target}: no answer to SHOW SERVERS",))
            stay = sum(c.database == act.subject and not c.close_needed for c in connections)
            left = left or bool(stay)
            lines.append(f"{act.target}: {counted(stay, 'server connection')} of {act.subject} not flagged")
        return Observation(Proof.UNMET if left else Proof.MET, tuple(lines))


class Quiet(Step):
    """No transaction is left: under the PAUSE no server connection is in use any more."""

    def __init__(self, plan: StepPlan, pause: Pause) -> None:
        super().__init__(plan)
        self._pause = pause
        self._chain = Chain()

    def begin(self) -> None:
        self._chain = Chain()

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Area.LOADS)
        lines: list[str] = []
        busy = 0
        for act in self._pause.plan.acts:
            load = reading.load(act.target, act.subject)
            if load is None:
                return Observation(Proof.UNKNOWN, (f"{act.target}: no answer to SHOW POOLS",))
            if load.paused is False:
                return Observation(
                    Proof.UNMET, tuple(lines), failed=f"somebody resumed {act.subject} on {act.target}"
                )
            busy += load.busy
            if load.busy:
                lines.append(
                    f"{act.target}: {counted(load.busy, 'server connection')} of {act.subject} in use"
                )
        if not busy:
            self._chain.forget()
            return Observation(Proof.MET, ("no server connection is in use",))
        self._chain.look(world, tuple((act.target, act.subject) for act in self._pause.plan.acts))
        held = self._chain.holders
        named = tuple(describe(holder) for holder in held[:6])
        return Observation(Proof.UNMET, (*named, *lines), holders=held)

    def interventions(self) -> tuple[Intervention, ...]:
        return self._chain.interventions


class Resume(Step):
    """RESUME was answered on every PgBouncer: what no list shows for sure is asked for every time.

    The pools may grow again from here on: that SET goes out beside each RESUME, and `restore` proves it.
    Before the first command every HAProxy is proved once more: where one was reloaded, or somebody enabled
    the server, clients would go on at two nodes. Then the run goes back while everybody still waits.
    """

    def __init__(
        self, plan: StepPlan, pause: Pause, leaving: tuple[Subject, ...] = (), ours: Ours | None = None
    ) -> None:
        super().__init__(plan)
        self._pause = pause
        self._leaving = leaving
        self._ours = ours
        self._done: set[Act] = set()
        resumed = {(act.target, act.subject) for act in pause.plan.acts}
        self._besides = tuple(act for act in plan.acts if (act.target, act.subject) not in resumed)
        self._paused = tuple(act for act in plan.acts if act not in self._besides)

    def begin(self) -> None:
        self._done = set()

    def answered(self, act: Act, *, undo: bool, error: str = "") -> bool:
        if act not in self._paused:
            return False
        if not error or nothing_paused(error):
            self._done.add(act)
            self._pause.resumed(act.target, act.subject)
            return False
        return True

    async def observe(self, world: World) -> Observation:
        open_ = self._waiting()
        if open_ and not self.taken:
            reading = await world.read(Area.PROXIES | Area.SETTINGS)
            if why := self._not_out(reading):
                return Observation(Proof.UNMET, why, failed="; ".join(why))
            self._besides = tuple(
                act
                for act in self._besides
                if not is_foreign(reading, act, assignment(act.command)[1], self._ours)
            )
        if open_ and self.taken:
            # An answer was lost: where the list shows the database, it tells.
            reading = await world.read(Area.LOADS)
            for act in open_:
                load = reading.load(act.target, act.subject)
                if load is not None and load.paused is False:
                    self.answered(act, undo=False)
        if open_ := self._waiting():
            return Observation(
                Proof.UNMET, tuple(f"{act.target}: {act.subject} is not resumed yet" for act in open_)
            )
        return Observation(Proof.MET, ("every PgBouncer goes on",))

    def _not_out(self, reading: Reading) -> tuple[str, ...]:
        """Why new connections could still go to the leaving node, by the look just before RESUME."""
        known = self._pause.known
        reasons = []
        for proxy, name in self._leaving:
            facts, was = reading.proxy(proxy), known.proxy(proxy) if known else None
            if facts is None:
                reasons.append(f"{proxy} does not answer ({error_of(reading, proxy)})")
            elif was is not None and facts.replaces(was.pid, was.uptime):
                reasons.append(f"{proxy} was reloaded meanwhile")
            elif in_maintenance(reading, (proxy, name)) is not True:
                reasons.append(f"{name} is no longer in maintenance on {proxy}")
        return tuple(dict.fromkeys(reasons))

    def needed(self) -> tuple[Act, ...]:
        waiting = self._waiting()
        return (*waiting, *self._besides) if waiting else ()

    def _waiting(self) -> tuple[Act, ...]:
        return tuple(act for act in self._paused if act not in self._done)
