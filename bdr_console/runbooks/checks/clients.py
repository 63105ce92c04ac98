"""The preflight of the clients: those of PgBouncer and how they move, and who is really on the nodes. Pure.

Pooled connections that the plan would leave behind, clients past every PgBouncer, writes on two nodes.
"""

from collections.abc import Iterator

from bdr_console.cluster.access import sees_sessions
from bdr_console.cluster.poolers import PoolDatabase
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.cluster.traffic import split_words, traffic
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.checks.nodes import free_connections, moving, takers
from bdr_console.runbooks.model.node_sessions import (
    NodeSession,
    Way,
    client_rules,
    describe_session,
    sessions_on,
    strays,
)
from bdr_console.runbooks.model.pool_holders import how_to_end, session_holders, why_not_ended
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.reading_queries import error_of, routed_databases, unpooled
from bdr_console.runbooks.model.run import Check, Outcome
from bdr_console.runbooks.model.step import Plan


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
            named = f"; {_some(names, ', ')}" if names else ""
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


def node_sessions(reading: Reading, made: Plan, settings: ClusterSettings) -> Iterator[Check]:
    """Everybody on the leaving node is known, and the plan moves them; nobody writes on another one."""
    rules = client_rules(settings, made.databases)
    found = sessions_on(reading, made.node, rules)
    yield _left_behind(reading, made, settings, found)
    yield _past_poolers(reading, made, found)
    yield from _split(reading, made, settings)


def _silent(reading: Reading, made: Plan, sessions: tuple[NodeSession, ...] | None) -> str:
    """Why sessions could not be compared; empty when they could."""
    proxies = dict.fromkeys(act.target for act in made.step("disable").acts)
    silent = [name for name in proxies if name not in reading.sessions]
    silent += [pooler.name for pooler in reading.snapshot.poolers if pooler.name not in reading.connections]
    if sessions is None:
        silent.append(f"{made.node} ({error_of(reading, made.node)})")
    return f"sessions could not be compared: no answer from {', '.join(silent)}" if silent else ""


def _left_behind(
    reading: Reading, made: Plan, settings: ClusterSettings, sessions: tuple[NodeSession, ...] | None
) -> Check:
    """A pooler's own connection on the leaving node whose database is not in the plan: it would write on."""
    title = f"the plan moves every pooled connection of {made.node}"
    why = "Clients of a database that is not in the plan would go on writing there."
    if silent := _silent(reading, made, sessions):
        return Check(title, Outcome.UNKNOWN, silent, why, "Make them answer, then try again.")
    databases = {
        pooler.name: {database.name: database for database in pooler.facts.databases}
        for pooler in reading.snapshot.poolers
        if pooler.facts
    }
    planned = {
        (pooler.name, database.name)
        for pooler in reading.snapshot.poolers
        if pooler.facts
        for database in routed_databases(pooler.facts, settings)
    }
    left: dict[tuple[str, str], int] = {}
    pooled = [one for one in sessions or () if one.way is Way.POOLER and one.connection]
    for one in pooled:
        if one.connection and (key := (one.pooler, one.connection.database)) not in planned:
            left[key] = left.get(key, 0) + 1
    if not left:
        return Check(
            title, Outcome.PASS, f"{counted(len(pooled), 'pooled connection')}, all in the plan", why
        )
    seen = "; ".join(
        f"{database} on {pooler}: {counted(count, 'server connection')} there"
        for (pooler, database), count in left.items()
    )
    remedies = [_remedy(databases.get(pooler, {}).get(name), name, pooler) for pooler, name in left]
    return Check(title, Outcome.FAIL, seen, why, " ".join(dict.fromkeys(remedies)))


def _remedy(database: PoolDatabase | None, name: str, pooler: str) -> str:
    if database is None or database.host is None:
        return f"Find out where {name} on {pooler} leads, and add that address to listen: of its HAProxy."
    if database.nodes:
        return f"{name} on {pooler} leads to {database.nodes[0]} itself: have it lead to HAProxy, or stop it."
    return f'Add "{database.host.partition(",")[0]}:{database.port}" to listen: of its HAProxy.'


def _past_poolers(reading: Reading, made: Plan, sessions: tuple[NodeSession, ...] | None) -> Check:
    """Sessions on the node that come through no known PgBouncer: no RECONNECT or PAUSE reaches them."""
    title = f"every client of {made.node} comes through a known PgBouncer"
    why = "They stay until they disconnect by themselves, and no PAUSE stops their writes."
    if silent := _silent(reading, made, sessions):
        return Check(title, Outcome.UNKNOWN, silent, why, "Make them answer, then try again.")
    others = [one for one in sessions or () if one.way is Way.OTHER]
    if any(one.backend.hidden for one in others):
        seen = f"{counted(len(others), 'session')} that the console's role may not see"
        facts = reading.node(made.node)
        remedy = sees_sessions(facts.server_version if facts else None)
        return Check(title, Outcome.UNKNOWN, seen, why, remedy)
    subjects = tuple((act.target, act.subject) for act in made.step("disable").acts)
    through = list(unpooled(reading, subjects))
    if not others and not through:
        return Check(title, Outcome.PASS, "no other session in its databases", why)
    seen = _some([describe_session(one) for one in others], "; ")
    if through:
        seen += ("; " if seen else "") + f"HAProxy carries {_some(through, ', ')}"
    remedy = (
        "Have them disconnect, or let the run come to its proof of draining: there they can be waited for, "
        "ended (x), or left with a reason."
    )
    denied = [why_not_ended(reading, one.backend) for one in others]
    remedy = " ".join(dict.fromkeys([remedy, *filter(None, denied)]))
    return Check(title, Outcome.WARN, seen, why, remedy, session_holders(reading, others))


def _split(reading: Reading, made: Plan, settings: ClusterSettings) -> Iterator[Check]:
    """Pooled clients on two nodes: two HAProxies disagree, or a reloaded one's old process has sessions."""
    if not settings.thresholds.single_writer:
        return
    title = "all writes go to one node"
    why = "Rows that are written on two nodes conflict; one of the two updates is lost, without an error."
    now = reading.snapshot.taken_at
    routes = traffic(reading.snapshot, now)
    if routes.split:
        remedy = "Make the HAProxies agree: `set table` or `disable server` on those that send elsewhere."
        yield Check(title, Outcome.FAIL, split_words(routes), why, remedy)
        return
    lost = strays(reading, client_rules(settings, made.databases), routes)
    if lost:
        there = "; ".join(stray.text for stray in lost)
        seen = f"new connections go to {', '.join(routes.takers)}, but {there}"
        remedy = " ".join(dict.fromkeys(stray.remedy for stray in lost))
        yield Check(title, Outcome.FAIL, seen, why, remedy)
    elif routes.takers:
        yield Check(title, Outcome.PASS, f"new connections go to {', '.join(routes.takers)}", why)


def _some(items: list[str], separator: str, most: int = 5) -> str:
    return separator.join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
