"""The preflight of who is really on the nodes. Pure.

Pooled connections that the plan would leave behind, clients past every PgBouncer, writes on two nodes.
"""

from collections.abc import Iterator

from bdr_console.cluster.poolers import PoolDatabase
from bdr_console.cluster.privileges import sees_sessions
from bdr_console.cluster.text import counted
from bdr_console.cluster.traffic import split_words, traffic
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.holders import session_holders, why_not_ended
from bdr_console.runbooks.node_sessions import (
    NodeSession,
    Way,
    client_rules,
    describe_session,
    sessions_on,
    strays,
)
from bdr_console.runbooks.reading import Reading
from bdr_console.runbooks.routes import routed_databases
from bdr_console.runbooks.run import Check, Outcome
from bdr_console.runbooks.seen import error_of, unpooled
from bdr_console.runbooks.step import Plan


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
