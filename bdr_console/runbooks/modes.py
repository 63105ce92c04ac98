"""Quiesce or gradual: which one fits the cluster as it is, what it costs, and why. Pure.

Gradual moves clients one by one and fails nothing, but a client that has moved reads rows that its own last
write has not reached yet and writes on top of them: the later write wins, the earlier is lost, nobody is
told. Measured: 28-40 updates lost at 100 ms of lag and 400 transactions a second, about 390 at 1 s. Quiesce
has every client wait once, for the oldest transaction and the lag, and loses none.
"""

from collections.abc import Iterator
from typing import Literal, cast

from bdr_console.cluster.poolers import Pool
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_seconds
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.routes import routed_databases
from bdr_console.runbooks.run import Check, Outcome
from bdr_console.runbooks.step import Choice, Plan
from bdr_console.runbooks.terms import MODES, SESSION_POOLS

FAST_CLOSE_TEXT = "FATAL: database configuration changed"
"""What each client of a session pool gets once, at its next statement outside a transaction."""

_NO_LAG_BELOW = 1024**2
"""Bytes of WAL below which a lag that cannot be told in seconds counts as none: the node was idle."""


def choose(
    snapshot: Snapshot, settings: ClusterSettings, node: str, asked: str, session_pools: str = "wait"
) -> Choice:
    """The mode for a switchover of `node`: the one that was asked for, or for `auto` quiesce unless something
    speaks against it. Raises ConsoleError for a word that is no mode."""
    if asked not in MODES:
        raise ConsoleError(f"there is no mode '{asked}'", f"Choose one of: {', '.join(MODES)}.")
    if session_pools not in SESSION_POOLS:
        raise ConsoleError(
            f"'{session_pools}' is nothing to do with session pools",
            f"Choose one of: {', '.join(SESSION_POOLS)}.",
        )
    stall, basis, blind = predicted_stall(snapshot, node)
    against = [*blind, *_unreachable(snapshot, node)]
    if session_pools == "wait":
        against += [
            f"{pool.database} on {pooler} is session-pooled with {_clients(pool)}: a pause would wait until "
            "they disconnect"
            for pooler, pool in session_clients(snapshot, settings)
        ]
    limit = settings.quiesce.max_stall
    if stall is not None and stall > limit:
        against.append(
            f"clients would wait about {format_seconds(stall)} ({basis}), more than {format_seconds(limit)}"
        )
    if not settings.poolers:
        against.append("no PgBouncer is configured: clients of HAProxy itself cannot be paused")
    mode = ("gradual" if against else "quiesce") if asked == "auto" else asked
    return Choice(
        asked, cast(Literal["quiesce", "gradual"], mode), stall, basis, tuple(against), session_pools
    )


def predicted_stall(snapshot: Snapshot, node: str) -> tuple[float | None, str, tuple[str, ...]]:
    """(seconds that clients would wait, what that is made of, why it cannot be told)."""
    observed = snapshot.node(node)
    facts = observed.facts if observed and not observed.error else None
    if facts is None:
        return None, "", (f"{node} does not answer",)
    blind = []
    if facts.sessions is None:
        blind.append(f"the transactions of {node} cannot be seen ({facts.why_unread('sessions')})")
    oldest = (facts.sessions.oldest_transaction if facts.sessions else None) or 0.0
    lag = 0.0
    for slot in facts.slots:
        if not slot.active:
            continue
        if slot.lag_seconds is not None:
            lag = max(lag, slot.lag_seconds)
        elif slot.lag_bytes is None or slot.lag_bytes > _NO_LAG_BELOW:
            blind.append(f"the lag of {slot.target or slot.name} cannot be told in seconds")
    basis = f"oldest transaction {format_seconds(oldest)}, lag {format_seconds(lag)}"
    return (None if blind else oldest + lag), basis, tuple(blind)


def _unreachable(snapshot: Snapshot, node: str) -> Iterator[str]:
    for peer in snapshot.nodes:
        if peer.name != node and (peer.facts is None or peer.error):
            yield f"{peer.name} does not answer: whether it has everything cannot be proved"
    for pooler in snapshot.poolers:
        if pooler.facts is None or pooler.error:
            yield f"{pooler.name} does not answer: its clients cannot be paused"


def session_clients(snapshot: Snapshot, settings: ClusterSettings) -> tuple[tuple[str, Pool], ...]:
    """The session pools that lead here and have clients, each with its PgBouncer's name."""
    return tuple(
        (pooler.name, pool)
        for pooler in snapshot.poolers
        if pooler.facts
        for pool in pooler.facts.pools
        if pool.mode == "session"
        and pool.clients_active + pool.clients_waiting
        and pool.database in {database.name for database in routed_databases(pooler.facts, settings)}
    )


def notes(choice: Choice, settings: ClusterSettings, node: str) -> tuple[str, ...]:
    """What the plan says of its mode."""
    told = []
    if choice.mode == "quiesce":
        wait = f"about {format_seconds(choice.stall)}" if choice.stall is not None else "an unknown time"
        told.append(
            f"Quiesce: every client waits once, for {wait} ({choice.basis or 'nothing could be read'}); no "
            f"update is lost. After {settings.quiesce.pause_deadline:g} s at the latest clients go on, at "
            f"{node} as before."
        )
        told += [f"Against a quiesce now: {reason}." for reason in choice.against]
    else:
        why = "; ".join(choice.against)
        told.append(
            "Gradual: clients move one by one and no transaction fails, but updates may be lost: about as "
            "many as there are writes to the same rows within the replication lag"
            + (f" ({choice.basis})." if choice.basis else ".")
        )
        if choice.asked == "auto" and why:
            told.append(f"Not quiesce, because: {why}.")
    if choice.session_pools == "fast-close":
        told.append(
            "Session pools: server_fast_close ends each session between two transactions; its client gets "
            f"'{FAST_CLOSE_TEXT}' once, at its next statement. A session that is never idle stays."
        )
    return tuple(told)


def mode_checks(made: Plan, settings: ClusterSettings) -> tuple[Check, ...]:
    """What the operator must see of the mode before the run."""
    choice = made.choice
    if choice is None:
        return ()
    title = "how the clients move is chosen"
    wait = f"about {format_seconds(choice.stall)}" if choice.stall is not None else "a time nobody can tell"
    lost = (
        "A client that has moved does not see its own last write until that is applied there, and overwrites "
        "it: the update is lost, without an error."
    )
    if choice.mode == "gradual":
        if choice.asked == "auto":
            seen = "not quiesce by itself, you choose: " + "; ".join(choice.against)
            return (Check(title, Outcome.FAIL, seen, f"Gradual: {lost}", _choices(made, wait)),)
        seen = f"gradual: updates may be lost ({choice.basis or 'the lag is not known'})"
        return (Check(title, Outcome.WARN, seen, lost, f"quiesce loses none; clients wait {wait}."),)
    stuck = session_clients_of(made)
    seen = f"quiesce: every client waits once, {wait} ({choice.basis}); no update is lost"
    if choice.session_pools == "wait" and stuck:
        why = "The pause would not end by itself."
        return (Check(title, Outcome.FAIL, "; ".join(stuck), why, _choices(made, wait)),)
    if choice.against:
        why = (
            f"After {settings.quiesce.pause_deadline:g} s clients go on where they were, nothing is changed."
        )
        return (Check(title, Outcome.WARN, f"{seen}. {'; '.join(choice.against)}", why, "Or wait."),)
    return (Check(title, Outcome.PASS, seen),)


def _choices(made: Plan, wait: str) -> str:
    """What the operator may choose where a quiesce does not fit by itself, each with its price."""
    if session_clients_of(made):
        quiesce = f"session pools fast-close: their clients get '{FAST_CLOSE_TEXT}' once, no update is lost"
    else:
        quiesce = f"mode quiesce: clients wait {wait}, no update is lost"
    return f"Choose {quiesce}; or mode gradual: nobody gets an error, updates may be lost. Or try later."


def _clients(pool: Pool) -> str:
    count = pool.clients_active + pool.clients_waiting
    return f"{count} client{'' if count == 1 else 's'}"


def session_clients_of(made: Plan) -> tuple[str, ...]:
    """The reasons of the plan that speak of session pools."""
    against = made.choice.against if made.choice else ()
    return tuple(reason for reason in against if "is session-pooled" in reason)
