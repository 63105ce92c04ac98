"""The preflight of the nodes: who takes the writes, and what on the nodes stands in the way. Pure."""

import math
from collections.abc import Iterator

from bdr_console.cluster.access import Access, Account, accounts, sees_sessions
from bdr_console.cluster.groups import GlobalLock
from bdr_console.cluster.nodes import Membership, NodeFacts
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.cluster.traffic import chosen, member_refusal, refused_accounts
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.reading_queries import routed_databases
from bdr_console.runbooks.model.run import Check, Outcome
from bdr_console.runbooks.model.step import Plan


def nodes(reading: Reading, made: Plan, settings: ClusterSettings) -> Iterator[Check]:
    """Those that will get the traffic must be members that take writes; nothing may be half done."""
    names = takers(reading, made)
    yield from taking(reading, made)
    for node in dict.fromkeys(node for node in names.values() if node):
        yield from _room(reading, made, settings, node, len(set(names.values())))
    yield _group(reading)
    yield _locks(reading)
    yield from _prepared(reading, made.node)


def taking(reading: Reading, made: Plan) -> Iterator[Check]:
    """Whether the nodes that will get the new connections can take the writes."""
    names = takers(reading, made)
    for server, node in names.items():
        if node is None:
            yield Check(
                f"a node stands behind {server}",
                Outcome.FAIL,
                f"no configured node stands behind {server}",
                "It will get the traffic, and nothing is known of it.",
                "Add its node to the configuration.",
            )
    for node in dict.fromkeys(node for node in names.values() if node):
        shown = ", ".join(server for server, behind in names.items() if behind == node)
        yield _taker(reading, node, shown)
        if reading.node(node) is not None:
            yield _logins(reading, made.node, node)


def takers(reading: Reading, made: Plan) -> dict[str, str | None]:
    """The servers that will get the new connections, each with the configured node behind it."""
    found: dict[str, str | None] = {}
    for act in made.step("disable").acts:
        facts, server = reading.proxy(act.target), reading.server(act.target, act.subject)
        if facts is None or server is None:
            continue
        beside = [other for other in facts.servers if other.backend == server.backend]
        stick = [entry for entry in facts.stick or () if entry.table == server.backend]
        for taker in chosen(beside, stick, without=server.name):
            found.setdefault(taker.name, taker.node)
    return found


def _taker(reading: Reading, node: str, server: str) -> Check:
    title = f"{node} ({server}) can take the writes"
    why = "It gets all new connections."
    found = reading.node(node)
    if found is None:
        observed = reading.snapshot.node(node)
        seen = (observed.error if observed else None) or "not read"
        return Check(title, Outcome.FAIL, f"{node}: {seen}", why, "Bring the node up first.")
    if problem := member_refusal(node, reading.present()):
        remedy = "Choose a moment when it is a ready, writable member."
        return Check(title, Outcome.FAIL, f"{node} {problem}", why, remedy)
    if found.membership is Membership.UNKNOWN:
        seen = f"the membership of {node} could not be read"
        return Check(title, Outcome.WARN, seen, why, "Look at the node itself.")
    return Check(title, Outcome.PASS, "ready, writable", why)


def _logins(reading: Reading, leaving: str, node: str) -> Check:
    """Whether the users that the PgBouncers log in on the leaving node get in on the next one."""
    title = f"the application's users can log in on {node}"
    why = "After the move every server connection that is refused there costs its clients an error."
    nodes = reading.present()
    if unread := nodes[node].why_unread("logins"):
        return Check(title, Outcome.UNKNOWN, f"could not be read: {unread}", why, "Try again.")
    wanted = set(accounts(pooler.facts for pooler in reading.snapshot.poolers))
    known = {access.account for access in nodes[node].logins}
    if missing := sorted(wanted - known):
        seen = f"{counted(len(missing), 'user')} not looked at: {_accounts(missing)}"
        return Check(title, Outcome.UNKNOWN, seen, why, "Make the plan again.")
    if refused := refused_accounts(node, nodes):
        seen = "; ".join(access.refusal for access in refused[:5])
        seen += f" and {len(refused) - 5} more" if len(refused) > 5 else ""
        remedy = f"Make roles and databases on {node} as they are on {leaving}: they are not replicated."
        return Check(title, Outcome.FAIL, seen, why, remedy)
    nowhere = [access for access in nodes[node].logins if access.refusal]
    if not wanted:
        return Check(title, Outcome.PASS, "no PgBouncer has a pool in use", why)
    seen = f"{_accounts(sorted(wanted - {access.account for access in nowhere}))}; passwords are not compared"
    if nowhere:
        seen += f". Refused on every node: {'; '.join(access.refusal for access in nowhere[:3])}"
    return Check(title, Outcome.PASS, seen, why)


def _accounts(found: list[Account]) -> str:
    names = [f"{role} in {database}" for role, database in found[:5]]
    return ", ".join(names) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def free_connections(reading: Reading, node: str) -> int | None:
    """Connections that an ordinary role can still open there; None when it could not be told."""
    facts, obstacles = reading.node(node), reading.obstacles.get(node)
    if facts is None or facts.sessions is None:
        return None
    reserved = obstacles.reserved if obstacles else 0
    return max(0, facts.sessions.max_connections - reserved - facts.sessions.total)


def moving(reading: Reading, made: Plan) -> int:
    """Sessions on the leaving node's servers now, from all poolers and clients (scur)."""
    servers = (reading.server(act.target, act.subject) for act in made.step("disable").acts)
    return sum(server.sessions for server in servers if server)


def _room(
    reading: Reading, made: Plan, settings: ClusterSettings, node: str, shared_by: int
) -> Iterator[Check]:
    """The least of what PostgreSQL, HAProxy and the limits of roles and databases would admit."""
    title = f"{node} has room for what will move"
    why = "Server connections beyond its limit are refused, and their clients wait or fail."
    free, needed = free_connections(reading, node), math.ceil(moving(reading, made) / shared_by)
    remedy = "End idle sessions there, lower the pool sizes, or raise the limit."
    if free is None:
        if (facts := reading.node(node)) is not None:
            grant = sees_sessions(facts.server_version)
            yield Check(title, Outcome.WARN, "its sessions could not be read", why, grant)
        return
    limits = [(free, "max_connections"), *_proxy_room(reading, made, node)]
    least, limit = min(limits)
    most = sum(
        database.pool_size
        for pooler in reading.snapshot.poolers
        if pooler.facts
        for database in routed_databases(pooler.facts, settings)
        for pool in pooler.facts.pools
        if pool.database == database.name
    )
    tight = [
        f"{counted(used, 'session')} of {access.role} in {access.database} now, {room} admitted ({which})"
        for access, used in _in_use(reading, node)
        if access.room is not None
        for room, which in (access.room,)
        if room < math.ceil(used / shared_by)
    ]
    seen = f"{least} connections are free ({limit}), {needed} move now"
    if least < needed or tight:
        yield Check(title, Outcome.FAIL, "; ".join((seen, *tight)), why, remedy)
    elif least < most:
        yield Check(title, Outcome.WARN, f"{seen}, but the pools may grow to {most}", why, remedy)
    else:
        yield Check(title, Outcome.PASS, f"{seen}, at most {most} in full pools", why)


def _proxy_room(reading: Reading, made: Plan, node: str) -> Iterator[tuple[int, str]]:
    """What maxconn of the node's servers leaves, where they have one."""
    for act in made.step("disable").acts:
        facts, leaving = reading.proxy(act.target), reading.server(act.target, act.subject)
        for server in facts.servers if facts and leaving else ():
            limit = server.figures.sessions_limit if server.figures else None
            if server.node == node and leaving and server.backend == leaving.backend and limit:
                name = f"maxconn of {server.backend}/{server.name} on {act.target}"
                yield max(0, limit - server.sessions), name


def _in_use(reading: Reading, node: str) -> Iterator[tuple[Access, int]]:
    """What the node says of each account, with the server connections that PgBouncers have for it now."""
    used = accounts(pooler.facts for pooler in reading.snapshot.poolers)
    facts = reading.node(node)
    for access in facts.logins if facts else ():
        yield access, used.get(access.account, 0)


def _group(reading: Reading) -> Check:
    title = "no node is joining or leaving the group"
    why = "A join or part under way depends on the nodes staying as they are."
    found: dict[str, str] = {}
    unread = []
    for node, facts in _answering(reading):
        if problem := facts.why_unread("members"):
            unread.append(f"{node}: {problem}")
        for member in facts.members:
            if member.membership in (Membership.JOINING, Membership.PARTING):
                found.setdefault(
                    member.name, f"{member.name} is {member.membership.value} ({member.raw_state}) on {node}"
                )
    if found:
        return Check(title, Outcome.FAIL, "; ".join(found.values()), why, "Wait until it has finished.")
    if unread:
        remedy = "Grant the console's role the right to read the group's catalog."
        return Check(title, Outcome.WARN, f"could not be read: {'; '.join(unread)}", why, remedy)
    return Check(title, Outcome.PASS, "none", why)


def _locks(reading: Reading) -> Check:
    title = "no global lock is held or asked for"
    why = "DDL that waits for every node hangs when one goes out of service, and may block writes meanwhile."
    held: dict[GlobalLock, str] = {}
    unread = []
    for node, facts in _answering(reading):
        if why_unread := facts.why_unread("locks"):
            unread.append(f"{node}: {why_unread}")
        for lock in facts.locks:
            held.setdefault(lock, node)
    if held:
        seen = "; ".join(_lock(lock, node) for lock, node in held.items())
        serious = any("ADVISORY" not in lock.kind.upper() for lock in held)
        remedy = "Wait until it is released, or end the statement that holds it."
        return Check(title, Outcome.FAIL if serious else Outcome.WARN, seen, why, remedy)
    if unread:
        remedy = "Grant the console's role bdr_read_all_stats."
        return Check(title, Outcome.WARN, f"could not tell: {'; '.join(unread)}", why, remedy)
    return Check(title, Outcome.PASS, "none", why)


def _lock(lock: GlobalLock, node: str) -> str:
    parts = [lock.kind, f"by {lock.origin}"]
    if lock.relation:
        parts.append(f"on {lock.relation}")
    if lock.stage:
        parts.append(f"({lock.stage})")
    if lock.age is not None:
        parts.append(f"for {format_seconds(lock.age)}")
    return " ".join([*parts, f"as {node} sees it"])


def _prepared(reading: Reading, node: str) -> Iterator[Check]:
    title = f"no prepared transaction is left on {node}"
    why = (
        "It holds its locks until it is finished on this very node, where its client will not come any more."
    )
    obstacles = reading.obstacles.get(node)
    if reading.node(node) is None:
        return
    if obstacles is None or obstacles.prepared is None:
        seen = (obstacles.why if obstacles else "") or "pg_prepared_xacts could not be read"
        yield Check(title, Outcome.WARN, seen, why, "Look at pg_prepared_xacts on the node.")
    elif obstacles.prepared:
        first = obstacles.prepared[0]
        oldest = f"'{first.gid}' of {first.owner}, {format_seconds(first.age)}"
        seen = f"{len(obstacles.prepared)}, the oldest {oldest}"
        yield Check(title, Outcome.WARN, seen, why, "COMMIT PREPARED or ROLLBACK PREPARED it there first.")
    else:
        yield Check(title, Outcome.PASS, "none", why)


def _answering(reading: Reading) -> Iterator[tuple[str, NodeFacts]]:
    for node in reading.snapshot.nodes:
        facts = reading.node(node.name)
        if facts is not None:
            yield node.name, facts
