"""The steps of a quiesce: every client waits once, for a moment, and nothing is written in two places.

PAUSE on every PgBouncer; disable the server on every HAProxy meanwhile; when no transaction is left, wait
until every peer has applied the leaving node's last commit (barrier.py); RESUME. An answer to PAUSE is no
proof: after any WAIT_CLOSE PgBouncer answers at once, with another command's tag. SHOW POOLS decides.
"""

import time
from dataclasses import replace

from bdr_console.runbooks.reading import Part, Reading
from bdr_console.runbooks.run import Command
from bdr_console.runbooks.seen import Subject, error_of, usable_others
from bdr_console.runbooks.step import Act, Observation, Proof, Step, StepPlan, World
from bdr_console.runbooks.switchover_out import Disable

_SETTLED_FOR = 3.0
"""Seconds without a login and with the same number of server connections before a PAUSE."""
_NOT_PAUSED = "is not paused"


class Setting(Step):
    """A setting has its wanted value on every PgBouncer. Acts read `SET key = 'value'`."""

    def __init__(self, plan: StepPlan) -> None:
        super().__init__(plan)
        self._open: list[Act] = list(plan.acts)

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Part.SETTINGS)
        return self._judge(reading, {act: act.command for act in self.plan.acts})

    async def undone(self, world: World) -> Observation:
        reading = await world.read(Part.SETTINGS)
        return self._judge(reading, {act: act.undo for act in self.taken})

    def _judge(self, reading: Reading, wanted: dict[Act, Command | None]) -> Observation:
        lines, states = [], []
        self._open = []
        for act, command in wanted.items():
            key, value = assignment(command) if command else ("", "")
            now = reading.settings.get(act.target)
            if now is None:
                states.append(Proof.UNKNOWN)
                lines.append(f"{act.target}: no answer to SHOW CONFIG")
                self._open.append(act)
                continue
            lines.append(f"{act.target}: {key} is {now.get(key, '?')}")
            if now.get(key) != value:
                states.append(Proof.UNMET)
                self._open.append(act)
        proof = (
            Proof.UNMET if Proof.UNMET in states else Proof.UNKNOWN if Proof.UNKNOWN in states else Proof.MET
        )
        return Observation(proof, tuple(lines))

    def needed(self) -> tuple[Act, ...]:
        return tuple(self._open)

    def left_undone(self) -> tuple[Act, ...]:
        return tuple(self._open)


def assignment(command: Command) -> tuple[str, str]:
    """`SET server_login_retry = '0'` -> its key and value."""
    _, key, _, value = command.text.split(" ", 3)
    return key, value.strip("'")


class Prepare(Setting):
    """No login can rest a pool, and every pool is settled: the moment to send PAUSE.

    A PAUSE that meets a server connection at its login drops clients and blocks the pool for
    server_login_retry (15 s). What helps is not to provoke it; retry 0 is the net.
    """

    def __init__(self, plan: StepPlan, pausing: StepPlan) -> None:
        super().__init__(plan)
        self._pools = tuple((act.target, act.subject) for act in pausing.acts)
        self._counts: dict[Subject, int] = {}
        self._steady_since = 0.0

    def begin(self) -> None:
        self._counts, self._steady_since = {}, time.monotonic()

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Part.SETTINGS | Part.LOADS)
        set_up = self._judge(reading, {act: act.command for act in self.plan.acts})
        silent = [name for name, database in self._pools if reading.load(name, database) is None]
        if silent:
            return Observation(Proof.UNKNOWN, (f"{', '.join(silent)}: no answer", *set_up.evidence))
        loads = {pool: load for pool in self._pools if (load := reading.load(*pool))}
        counts = {pool: load.servers for pool, load in loads.items()}
        logins = sum(load.logins for load in loads.values())
        if logins or counts != self._counts:
            self._counts, self._steady_since = counts, time.monotonic()
        steady = time.monotonic() - self._steady_since
        line = f"{sum(counts.values())} server connections, {logins} logging in, unchanged for {steady:.1f} s"
        if set_up.proof is not Proof.MET:
            return replace(set_up, evidence=(*set_up.evidence, line))
        settled = steady >= _SETTLED_FOR
        return Observation(Proof.MET if settled else Proof.UNMET, (line, *set_up.evidence))

    async def guard(self, world: World) -> tuple[str, ...]:
        return ()


class Pause(Step):
    """PAUSE is in force on every PgBouncer that leads here, though its clients may still finish.

    In force is what SHOW DATABASES shows, or where it does not list the database, what was answered.
    """

    def __init__(self, plan: StepPlan, leaving: tuple[Subject, ...], node: str, barrier: StepPlan) -> None:
        super().__init__(plan)
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

    def heard(self, act: Act, *, undo: bool, error: str = "") -> bool:
        if undo:
            if not error or _NOT_PAUSED in error:
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
        reading = await world.read(Part.LOADS)
        lines, states = [], []
        for act in self.plan.acts:
            load = reading.load(act.target, act.subject)
            told = act in self._answered
            known = told or bool(load and load.paused)
            states.append(known)
            told_ = "paused" if known else "PAUSE is not answered yet"
            waits = f", {load.busy} server connections still in use" if load and load.busy else ""
            lines.append(f"{act.target}: {act.subject} {told_}{waits}")
        return Observation(Proof.MET if all(states) else Proof.UNMET, tuple(lines))

    async def guard(self, world: World) -> tuple[str, ...]:
        """Everything is asked, and every connection opened, while nobody waits yet."""
        await world.warm(
            frozenset(act.target for act in self.plan.acts),
            frozenset({self._node, *(act.target for act in self._barrier.acts)}),
        )
        self.known = reading = await world.read(Part.PROXIES | Part.NODES | Part.LOADS)
        reasons = [
            f"{subject[1]} is the last server that can take traffic in its backend on {subject[0]}"
            for subject in self._leaving
            if reading.proxy(subject[0]) and not usable_others(reading, subject, self._node)
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
            elif load.logins:
                reasons.append(f"{act.target}: a server connection of {act.subject} is logging in")
        return tuple(reasons)

    async def undone(self, world: World) -> Observation:
        if not self.in_force:
            return Observation(Proof.MET, ("clients go on",))
        reading = await world.read(Part.LOADS)
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


class Flip(Disable):
    """Disable while clients wait: quick, and put back quickly, because nothing goes on before that. Its guard
    judges by the look that came just before it."""

    def __init__(self, plan: StepPlan, node: str, pause: Pause) -> None:
        super().__init__(plan, node)
        self._pause = pause

    async def guard(self, world: World) -> tuple[str, ...]:
        reading = self.seen or await world.read(Part.PROXIES)
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
        reading = await world.read(Part.CONNECTIONS)
        left = False
        lines: list[str] = []
        for act in self.plan.acts:
            connections = reading.connections.get(act.target)
            if connections is None:
                return Observation(Proof.UNKNOWN, (f"{act.target}: no answer to SHOW SERVERS",))
            stay = sum(c.database == act.subject and not c.close_needed for c in connections)
            left = left or bool(stay)
            lines.append(f"{act.target}: {stay} server connections of {act.subject} are not flagged")
        return Observation(Proof.UNMET if left else Proof.MET, tuple(lines))


class Quiet(Step):
    """No transaction is left: under the PAUSE no server connection is in use any more."""

    def __init__(self, plan: StepPlan, pause: Pause) -> None:
        super().__init__(plan)
        self._pause = pause

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Part.LOADS)
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
                lines.append(f"{act.target}: {load.busy} server connections of {act.subject} are in use")
        if busy:
            return Observation(Proof.UNMET, tuple(lines))
        return Observation(Proof.MET, ("no server connection is in use",))


class Resume(Step):
    """RESUME was answered on every PgBouncer: what no list shows for sure is asked for every time."""

    def __init__(self, plan: StepPlan, pause: Pause) -> None:
        super().__init__(plan)
        self._pause = pause
        self._done: set[Act] = set()

    def begin(self) -> None:
        self._done = set()

    def heard(self, act: Act, *, undo: bool, error: str = "") -> bool:
        if not error or _NOT_PAUSED in error:
            self._done.add(act)
            self._pause.resumed(act.target, act.subject)
            return False
        return True

    async def observe(self, world: World) -> Observation:
        open_ = self.needed()
        if open_ and self.taken:
            # An answer was lost: where the list shows the database, it tells.
            reading = await world.read(Part.LOADS)
            for act in open_:
                load = reading.load(act.target, act.subject)
                if load is not None and load.paused is False:
                    self.heard(act, undo=False)
        if open_ := self.needed():
            return Observation(
                Proof.UNMET, tuple(f"{act.target}: {act.subject} is not resumed yet" for act in open_)
            )
        return Observation(Proof.MET, ("every PgBouncer goes on",))

    def needed(self) -> tuple[Act, ...]:
        return tuple(act for act in self.plan.acts if act not in self._done)
