"""The settings that a run changes on every PgBouncer, and how it brings pools to rest before a PAUSE.

A PAUSE closes server connections that are just logging in and counts them as failed logins: clients that
send a statement meanwhile are cut (`server login has been failing`), and the pool rests for
server_login_retry. So no login may be under way: with default_pool_size 1 PgBouncer starts none in a pool
that has a connection. It then closes idle ones beyond the first, which the PAUSE would do a moment later.
"""

import time
from collections.abc import Mapping
from dataclasses import replace

from bdr_console.cluster.poolers import looks_quiesced
from bdr_console.cluster.text import counted
from bdr_console.runbooks.model.reading import Area, Load, Reading
from bdr_console.runbooks.model.reading_queries import Subject
from bdr_console.runbooks.model.run import Command
from bdr_console.runbooks.model.step import Act, Observation, Proof, Step, StepPlan, World

Wanted = Mapping[str, str]
PoolKey = tuple[str, str, str]
"""PgBouncer, database, user."""

AT_ONCE: Wanted = {"server_login_retry": "0"}
"""A pool whose login failed tries again at once."""
NO_LOGIN: Wanted = {"default_pool_size": "1", "reserve_pool_size": "0"}
"""No pool that has a connection starts another login (a database with a pool_size of its own may)."""

RELOAD = "RELOAD"
"""Puts back what nobody remembers: PgBouncer reads its file anew."""
FROM_FILE = ""
"""The value before of a setting that nobody remembers."""

_FULL_FOR = 0.1
"""Seconds without a login once none may begin. One that was under way takes milliseconds to end."""
_FAILS_FOR = 1.0
"""Seconds that a pool tries to log in without success before its logins count as failing."""
_SETTLED_FOR = 3.0
"""Seconds without a login and with the same number of server connections, where one may begin any time."""


Ours = Mapping[Subject, str]
"""By (PgBouncer, setting): the value that this run gave it."""


class Setting(Step):
    """A setting has its wanted value on every PgBouncer. Acts read `SET key = 'value'`.

    A step that puts back what another one set is given that one's values: where somebody has changed a
    setting in between, it is no longer ours, and stays as it is.
    """

    def __init__(self, plan: StepPlan, ours: Ours | None = None) -> None:
        super().__init__(plan)
        self._ours = ours
        self._open: list[Act] = list(plan.acts)
        self._reloaded: set[str] = set()
        """PgBouncers that have read their files anew."""

    def answered(self, act: Act, *, undo: bool, error: str = "") -> bool:
        command = act.undo if undo else act.command
        if command is not None and command.text == RELOAD and not error:
            self._reloaded.add(act.target)
        return bool(error)

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Area.SETTINGS)
        return self._judge(reading, {act: act.command for act in self.plan.acts}, self._ours)

    async def undone(self, world: World) -> Observation:
        reading = await world.read(Area.SETTINGS)
        return self._judge(reading, {act: act.undo for act in self.taken}, set_by(tuple(self.taken)))

    def _judge(
        self, reading: Reading, wanted: dict[Act, Command | None], ours: Ours | None = None
    ) -> Observation:
        lines, states = [], []
        self._open = []
        for act, command in wanted.items():
            now = reading.settings.get(act.target)
            if command is not None and command.text == RELOAD:
                done = act.target in self._reloaded
                states.append(Proof.MET if done else Proof.UNMET)
                lines.append(f"{act.target}: its file was {'read anew' if done else 'not read anew yet'}")
                self._open += () if done else (act,)
                continue
            key, value = assignment(command) if command else ("", "")
            if now is None:
                states.append(Proof.UNKNOWN)
                lines.append(f"{act.target}: no answer to SHOW CONFIG")
                self._open.append(act)
                continue
            if is_foreign(reading, act, value, ours):
                lines.append(f"{act.target}: {key} is {now[key]}, changed by somebody else: left so")
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


def set_by(acts: tuple[Act, ...]) -> Ours:
    """The values that these acts give."""
    return {(act.target, key): value for act in acts for key, value in (assignment(act.command),)}


def is_foreign(reading: Reading, act: Act, value: str, ours: Ours | None) -> bool:
    """Whether somebody else has changed the setting of that act since the run set it: it has neither the
    value that the run gave it nor the one that it is to have."""
    now = reading.settings.get(act.target, {}).get(act.subject)
    given = (ours or {}).get((act.target, act.subject))
    return now is not None and given is not None and now not in (given, value)


def assignment(command: Command) -> tuple[str, str]:
    """`SET server_login_retry = '0'` -> its key and value."""
    _, key, _, value = command.text.split(" ", 3)
    return key, value.strip("'")


class FailingLogins:
    """Finds the pools whose logins fail again and again: nothing rests them, and no move can make it worse.

    One client that tries for ever would otherwise keep every other pool from coming to rest.
    """

    def __init__(self) -> None:
        self._since: dict[PoolKey, float] = {}
        self._served: set[PoolKey] = set()

    def look(self, loads: Mapping[Subject, Load]) -> tuple[PoolKey, ...]:
        """Those that have been trying for a while, and have never been seen with a connection."""
        now = time.monotonic()
        for subject, load in loads.items():
            for pool in load.pools:
                key = (*subject, pool.user)
                if pool.established:
                    self._served.add(key)
                    self._since.pop(key, None)
                elif key not in self._served and (pool.logins or pool.waiting):
                    self._since.setdefault(key, now)
        return tuple(sorted(key for key, since in self._since.items() if now - since >= _FAILS_FOR))


def without_failing(load: Load, subject: Subject, failing: tuple[PoolKey, ...]) -> Load:
    """What that database does besides the logins that keep failing."""
    return load.without({user for *where, user in failing if tuple(where) == subject})


def failing_words(failing: tuple[PoolKey, ...]) -> tuple[str, ...]:
    """A line for each, for the evidence."""
    return tuple(
        f"{pooler}: the logins of {user} to {database} keep failing: not waited for"
        for pooler, database, user in failing
    )


class Prepare(Setting):
    """No login can rest a pool, none is under way, and none begins: the moment to send PAUSE.

    Where none may begin (NO_LOGIN is in force) a short look is enough. Where a database has a pool_size of
    its own, which no SET reaches, its pools must not have changed for a while.
    """

    def __init__(self, plan: StepPlan, pausing: StepPlan) -> None:
        super().__init__(plan)
        self._pools = tuple((act.target, act.subject) for act in pausing.acts)
        self._growing: dict[Subject, int] = {}
        self._calm_since = 0.0
        self._failing = FailingLogins()

    def begin(self) -> None:
        self._growing, self._calm_since = {}, time.monotonic()
        self._failing = FailingLogins()

    async def observe(self, world: World) -> Observation:
        reading = await world.read(Area.SETTINGS | Area.LOADS)
        set_up = self._judge(reading, {act: act.command for act in self.plan.acts})
        silent = [name for name, database in self._pools if reading.load(name, database) is None]
        if silent:
            return Observation(Proof.UNKNOWN, (f"{', '.join(silent)}: no answer", *set_up.evidence))
        known = {pool: load for pool in self._pools if (load := reading.load(*pool))}
        failing = self._failing.look(known)
        loads = {pool: without_failing(load, pool, failing) for pool, load in known.items()}
        growing = {pool: load.servers for pool, load in loads.items() if may_grow(load)}
        logins = sum(load.logins for load in loads.values())
        unserved = sum(load.unserved for load in loads.values())
        if set_up.proof is not Proof.MET or logins or unserved or growing != self._growing:
            self._growing, self._calm_since = growing, time.monotonic()
        calm = time.monotonic() - self._calm_since
        servers = sum(load.servers for load in loads.values())
        line = f"{counted(servers, 'server connection')}, {logins} logging in, at rest for {calm:.1f} s"
        own = tuple(f"{name}: {database} has a pool_size of its own" for name, database in growing)
        own += failing_words(failing)
        own += () if failing else _logging_in(loads)
        if set_up.proof is not Proof.MET:
            return replace(set_up, evidence=(*set_up.evidence, line))
        at_rest = calm >= (_SETTLED_FOR if growing else _FULL_FOR)
        return Observation(Proof.MET if at_rest else Proof.UNMET, (line, *own, *set_up.evidence))

    async def guard(self, world: World) -> tuple[str, ...]:
        return ()


def _logging_in(loads: Mapping[Subject, Load]) -> tuple[str, ...]:
    """Whose logins keep the pools from resting now."""
    return tuple(
        f"{pooler}: {pool.user} logs in to {database}"
        for (pooler, database), load in loads.items()
        for pool in load.pools
        if pool.logins or (pool.waiting and not pool.established)
    )


def may_grow(load: Load) -> bool:
    """Whether a login may begin any moment in a pool of that database although it has a connection."""
    return load.pool_size is not None and load.pool_size > int(NO_LOGIN["default_pool_size"])


def remembered(now: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    """The settings to put back, by PgBouncer. Where a run that died has left its own, nobody remembers what
    was there before: the file says it."""
    lost = dict.fromkeys((*AT_ONCE, *NO_LOGIN), FROM_FILE)
    return {name: {**values, **lost} if looks_quiesced(values) else values for name, values in now.items()}
