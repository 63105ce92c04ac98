"""The preflight of the pooled clients: how many move, and who cannot. Pure."""

from collections.abc import Iterator

from bdr_console.cluster.privileges import sees_sessions
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.checks_nodes import free_connections, moving, takers
from bdr_console.runbooks.holders import how_to_end, session_holders
from bdr_console.runbooks.node_sessions import Way, client_rules, describe_session, sessions_on
from bdr_console.runbooks.reading import Reading
from bdr_console.runbooks.run import Check, Outcome
from bdr_console.runbooks.step import Plan
from bdr_console.runbooks.switchover import routed_databases


def clients(reading: Reading, made: Plan, settings: ClusterSettings) -> Iterator[Check]:
    """Session pools and long transactions."""
    yield from _session_pools(reading, settings)
    yield from _transactions(reading, made, settings)


def _session_pools(reading: Reading, settings: ClusterSettings) -> Iterator[Check]:
    for pooler in reading.snapshot.poolers:
        if pooler.facts is None:
            continue
        routed = {database.name for database in routed_databases(pooler.facts, settings)}
        sessions = [p for p in pooler.facts.pools if p.mode == "session" and p.database in routed]
        count = sum(pool.clients_active + pool.clients_waiting for pool in sessions)
        title = f"the clients of {pooler.name} can move between transactions"
        if sessions and count:
            who = ", ".join(
                f"{p.database} as {p.user}: {p.clients_active} clients" for p in sessions if p.clients_active
            )
            keys = {(pool.database, pool.user) for pool in sessions}
            names = [
                f"{connection.application or '(unnamed)'} from {connection.client}"
                for connection in reading.connections.get(pooler.name, ())
                if (connection.database, connection.user) in keys and connection.client
            ]
            named = f"; {_some(names)}" if names else ""
            yield Check(
                title,
                Outcome.WARN,
                f"session-pooled, {count} clients connected ({who or 'all waiting'}{named})",
                "A session stays on its server until its client disconnects: WAIT_CLOSE waits for it.",
                "Have these clients reconnect when WAIT_CLOSE waits, or end their sessions then, or abort.",
            )
        else:
            seen = "no client in a session pool" if sessions else "no session pool leads here"
            yield Check(title, Outcome.PASS, seen)


def _transactions(reading: Reading, made: Plan, settings: ClusterSettings) -> Iterator[Check]:
    limit, most = settings.thresholds.transaction_age_warn, settings.quiesce.pause_deadline
    pauses = made.choice is not None and made.choice.mode == "quiesce"
    declined = made.choice is not None and (made.choice.asked, made.choice.mode) == ("auto", "gradual")
    title = f"no pooled transaction is open for long on {made.node}"
    found = sessions_on(reading, made.node, client_rules(settings, made.databases))
    if found is None:
        if (facts := reading.node(made.node)) is not None:
            remedy = sees_sessions(facts.server_version)
            yield Check(title, Outcome.WARN, f"pg_stat_activity of {made.node} could not be read", "", remedy)
        return
    # Those past every PgBouncer hold up no pause and no WAIT_CLOSE; they are named where sessions are.
    held = [one for one in found if one.way is Way.POOLER and one.backend.transaction_age is not None]
    ages = {one.backend.pid: one.backend.transaction_age or 0.0 for one in held}
    holding = [one for one in held if pauses and ages[one.backend.pid] >= most]
    long = [one for one in held if ages[one.backend.pid] >= limit]
    if holding:
        yield Check(
            f"the pause can end within {most:g} s",
            Outcome.FAIL,
            "; ".join(map(describe_session, holding[:5])),
            "Every client would wait for it until the deadline, and then go on where it was.",
            how_to_end(reading, holding[0].backend),
            session_holders(reading, holding),
        )
    elif declined and (slow := [one for one in held if ages[one.backend.pid] > settings.quiesce.max_stall]):
        yield Check(
            f"a pause would end within {settings.quiesce.max_stall:g} s",
            Outcome.WARN,
            "; ".join(map(describe_session, slow[:5])),
            "It keeps quiesce from being chosen: every client would wait until it ends.",
            how_to_end(reading, slow[0].backend),
            session_holders(reading, slow),
        )
    if long:
        why = "WAIT_CLOSE waits until it ends." if not pauses else "The pause waits until it ends."
        remedy = how_to_end(reading, long[0].backend)
        seen = "; ".join(map(describe_session, long[:5]))
        yield Check(title, Outcome.WARN, seen, why, remedy, session_holders(reading, long))
    elif not holding:
        oldest = f"the oldest of {len(held)} is {format_seconds(max(ages.values()))} old" if held else ""
        yield Check(title, Outcome.PASS, oldest or "none is open")


def blast_radius(reading: Reading, made: Plan, settings: ClusterSettings) -> Check:
    """How much a switchover touches: never a reason against it by itself."""
    count, unheard = 0, 0
    for pooler in reading.snapshot.poolers:
        if pooler.facts is None:
            unheard += 1
            continue
        routed = {database.name for database in routed_databases(pooler.facts, settings)}
        count += sum(p.clients_active + p.clients_waiting for p in pooler.facts.pools if p.database in routed)
    told = [f"{counted(count, 'client')} in {counted(len(reading.snapshot.poolers) - unheard, 'PgBouncer')}"]
    if unheard:
        told.append(f"and those of {unheard} that did not answer")
    told.append(f"{counted(moving(reading, made), 'session')} on {made.node}")
    held = reading.activity.get(made.node)
    if held is None:
        told.append("open transactions unknown")
    elif held:
        oldest = format_seconds(max(item.age for item in held))
        told.append(f"{counted(len(held), 'transaction')} open, the oldest {oldest}")
    else:
        told.append("no transaction open")
    for node in dict.fromkeys(node for node in takers(reading, made).values() if node):
        free = free_connections(reading, node)
        told.append(f"{'unknown' if free is None else free} connections free on {node}")
    return Check("what moves", Outcome.PASS, ", ".join(told))


def _some(items: list[str], most: int = 5) -> str:
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
