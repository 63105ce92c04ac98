"""Quiesce or gradual: which one fits the cluster as it is, what it costs, and why. Pure.

Gradual moves clients one by one and fails nothing (unless HAProxy cuts sessions, see cut_risk.py), but a
client that has moved reads rows that its own last write has not reached yet and writes on top of them: the
later write wins, the earlier is lost, nobody is told. Measured: 28-40 updates lost at 100 ms of lag and 400
transactions a second, about 390 at 1 s. Quiesce has every client wait once, for the oldest transaction and
the lag, and loses none.
"""

import re
from collections.abc import Iterator
from typing import Literal, cast

from bdr_console.cluster.poolers import Pool
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_seconds
from bdr_console.cluster.traffic import chosen
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.reading_queries import routed_databases
from bdr_console.runbooks.model.run import MODES, SESSION_POOLS, Check, Outcome
from bdr_console.runbooks.model.step import Choice, Plan
from bdr_console.runbooks.plan.forecast import Forecast, expected_wait

FAST_CLOSE_TEXT = "FATAL: database configuration changed"
"""What each client of a session pool gets once, at its next statement outside a transaction."""
_IDLE = "disable"
"""What a plan is applied as in which nothing had to move; nobody asks for it by name."""
_RECONNECT_SINCE = 9
"""The second part of PgBouncer's version."""


def choose(
    snapshot: Snapshot,
    settings: ClusterSettings,
    node: str,
    asked: str,
    session_pools: str = "wait",
    seen: Forecast | None = None,
    *,
    everything: bool = False,
) -> Choice:
    """The mode for a switchover of `node`: the one that was asked for, or for `auto` quiesce unless something
    speaks against it; where nothing has to move (and not `everything` is asked for) the server is only
    disabled. Raises ConsoleError for a word that is no mode."""
    seen = seen or Forecast()
    if asked not in (*MODES, _IDLE):
        raise ConsoleError(f"there is no mode '{asked}'", f"Choose one of: {', '.join(MODES)}.")
    if session_pools not in SESSION_POOLS:
        raise ConsoleError(
            f"'{session_pools}' is nothing to do with session pools",
            f"Choose one of: {', '.join(SESSION_POOLS)}.",
        )
    wait = expected_wait(snapshot, node, seen, settings.quiesce.pause_deadline)
    impossible = tuple(_impossible(snapshot, settings))
    against = [*impossible, *wait.blind, *_unreachable(snapshot, node)]
    if session_pools == "wait":
        against += [
            f"{pool.database} on {pooler} is session-pooled with {_clients(pool)}: a pause would wait until "
            "they disconnect"
            for pooler, pool in session_clients(snapshot, settings)
        ]
    limit = settings.quiesce.max_stall
    if wait.seconds is not None and wait.seconds > limit:
        against.append(
            f"clients would wait about {format_seconds(wait.seconds)} ({wait.basis}), more than "
            f"{format_seconds(limit)}"
        )
    mode = ("gradual" if against else "quiesce") if asked == "auto" else asked
    if asked == _IDLE:
        against = [f"sessions are on {node} now"] if has_to_move(snapshot, settings, node, seen) else []
    elif not everything and not has_to_move(snapshot, settings, node, seen):
        mode, against = _IDLE, []
    return Choice(
        asked,
        cast(Literal["quiesce", "gradual", "disable"], mode),
        wait.seconds,
        wait.basis,
        tuple(against),
        impossible,
        wait.endless,
        seen.cut_at_disable,
        session_pools,
    )


def has_to_move(snapshot: Snapshot, settings: ClusterSettings, node: str, seen: Forecast) -> bool:
    """Whether anybody is on the node, or is about to be; also when a HAProxy or PgBouncer does not answer."""
    if any(proxy.facts is None or proxy.error for proxy in snapshot.proxies):
        return True
    if any(pooler.facts is None or pooler.error for pooler in snapshot.poolers):
        return True
    if seen.occupied or any(server.sessions for _, server in snapshot.servers_of(node)):
        return True
    waiting = any(
        pool.clients_waiting and pool.database in {d.name for d in routed_databases(pooler.facts, settings)}
        for pooler in snapshot.poolers
        if pooler.facts
        for pool in pooler.facts.pools
    )
    return waiting and any(
        server.node == node
        for proxy in snapshot.proxies
        if proxy.facts
        for backend in proxy.facts.backends()
        for server in chosen(
            [server for server in proxy.facts.servers if server.backend == backend],
            [entry for entry in proxy.facts.stick or () if entry.table == backend],
        )
    )


def _impossible(snapshot: Snapshot, settings: ClusterSettings) -> Iterator[str]:
    """Why nobody could be paused, however long one waits."""
    if not settings.poolers:
        yield "no PgBouncer is configured: clients of HAProxy itself cannot be paused"
        return
    for pooler in snapshot.poolers:
        version = re.match(r"1\.(\d+)", pooler.facts.version) if pooler.facts else None
        if version and int(version[1]) < _RECONNECT_SINCE:
            yield f"{pooler.name} is PgBouncer {version[0]}: RECONNECT and what it shows came with 1.9"
    if all(pooler.facts and not routed_databases(pooler.facts, settings) for pooler in snapshot.poolers):
        yield "no database of a PgBouncer leads to a HAProxy of this cluster: nobody there can be paused"


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
    if choice.mode == "disable":
        return (f"Nothing has to move: no session is on {node}. It is only disabled; nobody waits.",)
    told = []
    if choice.mode == "quiesce" and choice.impossible:
        told.append(f"Quiesce is not possible: {'; '.join(choice.impossible)}.")
    elif choice.mode == "quiesce" and choice.endless:
        told.append(f"Quiesce would not end in time: {choice.endless}.")
    elif choice.mode == "quiesce":
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
            "Gradual: PgBouncer moves clients one by one, each between two transactions, but updates may be "
            "lost: about as many as there are writes to the same rows within the replication lag"
            + (f" ({choice.basis})." if choice.basis else ".")
        )
        told += [f"{cut}: open transactions fail." for cut in choice.cut_at_disable]
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
    if choice.mode == "disable" and choice.against:
        why = "The plan was made for a node that nobody is on: it pauses and moves nobody."
        return (Check(title, Outcome.FAIL, "; ".join(choice.against), why, "Make the plan again."),)
    if choice.mode == "disable":
        return (Check(title, Outcome.PASS, f"nothing has to move: no session is on {made.node}"),)
    wait = f"about {format_seconds(choice.stall)}" if choice.stall is not None else "an unknown time"
    lost = (
        "A client that has moved does not see its own last write until that is applied there, and overwrites "
        "it: the update is lost, without an error."
    )
    other = _choices(made, wait)
    if choice.mode == "gradual":
        if choice.asked == "auto":
            seen = "not quiesce by itself, you choose: " + "; ".join(choice.against)
            return (Check(title, Outcome.FAIL, seen, f"Gradual: {lost}", other),)
        seen = f"gradual: updates may be lost ({choice.basis or 'the lag is not known'})"
        offer = "" if choice.impossible or choice.endless else f"quiesce loses none; clients wait {wait}."
        return (Check(title, Outcome.WARN, seen, lost, offer or "Quiesce is not possible now."),)
    if choice.impossible:
        why = "Clients that cannot be paused write on both nodes meanwhile."
        return (Check(title, Outcome.FAIL, "; ".join(choice.impossible), why, other),)
    stuck = session_clients_of(made)
    seen = f"quiesce: every client waits once, {wait} ({choice.basis}); no update is lost"
    if choice.session_pools == "wait" and stuck:
        why = "The pause would not end by itself."
        return (Check(title, Outcome.FAIL, "; ".join(stuck), why, other),)
    if choice.endless:
        why = "Every client would stand still until the deadline, and then nothing would have been gained."
        seen = f"the pause would not end in time: {choice.endless}"
        return (Check(title, Outcome.FAIL, seen, why, f"{other}"),)
    if choice.against:
        why = (
            f"After {settings.quiesce.pause_deadline:g} s clients go on where they were, nothing is changed."
        )
        remedy = "Or try later."
        return (Check(title, Outcome.WARN, f"{seen}. {'; '.join(choice.against)}", why, remedy),)
    return (Check(title, Outcome.PASS, seen),)


def _choices(made: Plan, wait: str) -> str:
    """What the operator may choose where a quiesce does not fit by itself, each with its price."""
    cut = "HAProxy cuts open transactions" if made.choice and made.choice.cut_at_disable else ""
    gradual = f"mode gradual: {cut or 'nobody gets an error'}, updates may be lost"
    if made.choice and made.choice.impossible:
        return f"Choose {gradual}."
    if made.choice and made.choice.endless:
        return f"Choose {gradual}. Or end what a pause would wait for, and make the plan again."
    if session_clients_of(made):
        quiesce = f"session pools fast-close: their clients get '{FAST_CLOSE_TEXT}' once, no update is lost"
    else:
        quiesce = f"mode quiesce: clients wait {wait}, no update is lost"
    return f"Choose {quiesce}; or {gradual}. Or try later."


def _clients(pool: Pool) -> str:
    count = pool.clients_active + pool.clients_waiting
    return f"{count} client{'' if count == 1 else 's'}"


def session_clients_of(made: Plan) -> tuple[str, ...]:
    """The reasons of the plan that speak of session pools."""
    against = made.choice.against if made.choice else ()
    return tuple(reason for reason in against if "is session-pooled" in reason)
