"""The preflight: what must hold before a node is taken out, each line with what was seen. Pure."""

from collections.abc import Iterator

from bdr_console.cluster.nodes import Membership
from bdr_console.cluster.replication import Link, LinkState, links
from bdr_console.cluster.text import format_bytes, format_seconds
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.modes import mode_checks
from bdr_console.runbooks.reading import Part, Reading
from bdr_console.runbooks.run import Check, Outcome
from bdr_console.runbooks.seen import error_of, pooler_of, usable_others
from bdr_console.runbooks.step import Plan
from bdr_console.runbooks.switchover import routed_databases, successors

ALL_PARTS = (
    Part.NODES
    | Part.PROXIES
    | Part.SESSIONS
    | Part.POOLERS
    | Part.CONNECTIONS
    | Part.ACTIVITY
    | Part.RIGHTS
    | Part.SETTINGS
)
"""What `preflight` needs to have been read."""

_RECONNECT_SINCE = 10900


def refuses(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """The checks that forbid to start. What could not be told forbids it too: it is told at once by a second
    try, and a switchover is never urgent."""
    return tuple(check for check in checks if check.outcome in (Outcome.FAIL, Outcome.UNKNOWN))


def preflight(reading: Reading, made: Plan, settings: ClusterSettings) -> tuple[Check, ...]:
    """Every check of a switchover, in the order proxies, poolers, nodes, replication, clients."""
    return (
        *mode_checks(made, settings),
        *_proxies(reading, made),
        *_poolers(reading, settings),
        *_takers(reading, made),
        *_replication(reading, made, settings),
        *_clients(reading, made, settings),
    )


def emergency(reading: Reading, made: Plan) -> tuple[Check, ...]:
    """What counts when a dead node is isolated: HAProxy can be commanded, and somebody takes the traffic."""
    return (*_proxies(reading, made), *_takers(reading, made))


def _proxies(reading: Reading, made: Plan) -> Iterator[Check]:
    for proxy in reading.snapshot.proxies:
        title = f"HAProxy {proxy.name} can be commanded"
        rights = reading.rights.get(f"haproxy/{proxy.name}")
        why = "A server is disabled on every HAProxy, or traffic still reaches the node through the others."
        if proxy.facts is None or proxy.error:
            remedy = "Make its runtime socket reachable."
            yield Check(title, Outcome.UNKNOWN, proxy.error or "not read", why, remedy)
            continue
        if rights is None:
            yield Check(title, Outcome.UNKNOWN, "did not say the socket's level", why, "Try again.")
        elif rights.may_act is False:
            remedy = f"Give `stats socket {proxy.address} level admin` in haproxy.cfg and reload."
            yield Check(title, Outcome.FAIL, rights.said, why, remedy)
        elif rights.may_act is None:
            yield Check(title, Outcome.WARN, rights.said, why, "The first command will show it.")
        else:
            yield Check(title, Outcome.PASS, f"{rights.said}, HAProxy {proxy.facts.version}", why)
        if proxy.facts.processes > 1:
            yield Check(
                f"HAProxy {proxy.name} is one process",
                Outcome.FAIL,
                f"nbproc {proxy.facts.processes}",
                "Each process has its own server states; one socket reaches one of them.",
                "Use threads (nbthread), or configure one socket per process as a proxy each.",
            )
        yield from _proxy_servers(reading, made, proxy.name)


def _proxy_servers(reading: Reading, made: Plan, proxy: str) -> Iterator[Check]:
    facts = reading.proxy(proxy)
    if facts is None:
        return
    subjects = [act.subject for act in made.step("disable").acts if act.target == proxy]
    if not subjects:
        shown = (
            ", ".join(f"{server.backend}/{server.name}" for server in facts.servers) or "no server of a node"
        )
        yield Check(
            f"{proxy} knows {made.node}",
            Outcome.FAIL,
            shown,
            "Traffic to the node through this HAProxy could not be stopped.",
            f"Name its server in the configuration: nodes.{made.node}.server.",
        )
    for subject in subjects:
        backend = subject.split("/")[0]
        others = usable_others(reading, (proxy, subject), made.node)
        why = "The last server that takes traffic is never disabled: every client would be refused."
        title = f"another server takes the traffic of {backend} on {proxy}"
        if others:
            seen = ", ".join(f"{other.name} is {other.status}" for other in others)
            yield Check(title, Outcome.PASS, seen, why)
        else:
            rest = [s for s in facts.servers if s.backend == backend and f"{backend}/{s.name}" != subject]
            seen = (
                ", ".join(_why_not(reading, s.name, s.status, s.node) for s in rest)
                or "there is no other server"
            )
            yield Check(title, Outcome.FAIL, seen, why, "Bring another server of this backend UP first.")
        server = reading.server(proxy, subject)
        if server is not None and server.in_maintenance:
            yield Check(
                f"{subject} is in service on {proxy}",
                Outcome.WARN,
                f"{server.status}: in maintenance already, by somebody else",
                "What this run did not disable it will not enable at the end, nor on abort.",
                f"To enable it afterwards: enable server {subject}",
            )


def _why_not(reading: Reading, server: str, status: str, node: str | None) -> str:
    if node is not None and reading.node(node) is None:
        return f"{server} is {status} but {node} does not answer ({error_of(reading, node)})"
    return f"{server} is {status}"


def _poolers(reading: Reading, settings: ClusterSettings) -> Iterator[Check]:
    for pooler in reading.snapshot.poolers:
        title = f"PgBouncer {pooler.name} can be commanded"
        why = "Its clients would stay on the node until they disconnect by themselves."
        rights = reading.rights.get(f"pgbouncer/{pooler.name}")
        if pooler.facts is None or pooler.error:
            yield Check(
                title, Outcome.UNKNOWN, pooler.error or "not read", why, "Make its console reachable."
            )
            continue
        if rights is None or rights.may_act is None:
            seen = rights.said if rights else "SHOW CONFIG was not answered"
            yield Check(title, Outcome.UNKNOWN, seen, why, "Name a user of admin_users in the DSN.")
        elif not rights.may_act:
            remedy = "Name the user in admin_users of its configuration and reload."
            yield Check(title, Outcome.FAIL, rights.said, why, remedy)
        elif rights.version < _RECONNECT_SINCE:
            remedy = "Upgrade PgBouncer to 1.9 or later."
            yield Check(
                title, Outcome.FAIL, f"PgBouncer {pooler.facts.version} has no RECONNECT", why, remedy
            )
        else:
            yield Check(title, Outcome.PASS, f"{rights.said}, PgBouncer {pooler.facts.version}", why)
        routed = routed_databases(pooler.facts, settings)
        stopped = [d.name for d in routed if d.paused or d.disabled]
        title = f"nothing is paused on {pooler.name}"
        if stopped:
            why = "A paused pool keeps its server connections, and its clients wait already."
            remedy = "RESUME (or ENABLE) it first, or ask who paused it."
            yield Check(title, Outcome.FAIL, f"paused or disabled: {', '.join(stopped)}", why, remedy)
        else:
            yield Check(title, Outcome.PASS, f"{len(routed)} databases lead here, none is paused")


def _takers(reading: Reading, made: Plan) -> Iterator[Check]:
    """The nodes that will get the traffic must be members that take writes."""
    names: dict[str, str] = {}
    for act in made.step("disable").acts:
        facts, server = reading.proxy(act.target), reading.server(act.target, act.subject)
        if facts is None or server is None:
            continue
        beside = [other for other in facts.servers if other.backend == server.backend]
        stick = [entry for entry in facts.stick or () if entry.table == server.backend]
        for taker in successors(beside, stick, server.name):
            node = next((other.node for other in beside if other.name == taker), None)
            names.setdefault(node or taker, taker)
            if node is None:
                yield Check(
                    f"{taker} is a ready member",
                    Outcome.WARN,
                    "no configured node stands behind it",
                    "It will get the traffic, and nothing is known of it.",
                    "Add its node to the configuration.",
                )
    for node, server_name in names.items():
        observed = reading.snapshot.node(node)
        if observed is None:
            continue
        title = f"{node} ({server_name}) can take the writes"
        why = "It gets all new connections."
        if observed.facts is None or observed.error:
            yield Check(title, Outcome.FAIL, observed.error or "not read", why, "Bring the node up first.")
            continue
        found = observed.facts
        problems = [
            text
            for bad, text in (
                (found.in_recovery, "is in recovery"),
                (found.read_only, "is read-only"),
                (
                    found.membership not in (Membership.READY, Membership.UNKNOWN),
                    f"is {found.membership.value}",
                ),
            )
            if bad
        ]
        if problems:
            yield Check(
                title, Outcome.FAIL, ", ".join(problems), why, "Choose a moment when it is a ready member."
            )
        elif found.membership is Membership.UNKNOWN:
            yield Check(
                title, Outcome.WARN, "its membership could not be read", why, "Look at the node itself."
            )
        else:
            sessions = found.sessions
            seen = "ready, writable"
            if sessions is not None:
                seen += f", {sessions.total} of {sessions.max_connections} connections in use"
            yield Check(title, Outcome.PASS, seen, why)


def _replication(reading: Reading, made: Plan, settings: ClusterSettings) -> Iterator[Check]:
    leaving = reading.snapshot.node(made.node)
    if leaving is None or leaving.facts is None or leaving.error:
        yield Check(
            f"{made.node} answers",
            Outcome.FAIL,
            (leaving.error if leaving else None) or "not read",
            "Without it nobody can tell whether its last writes have reached the others.",
            "A node that is down already needs a failover, not a switchover.",
        )
        return
    limits = settings.thresholds
    now = max(node.seen_at for node in reading.snapshot.nodes if node.seen_at)
    for link in links(reading.snapshot, now):
        if made.node not in link.key:
            continue
        peer = link.target if link.origin == made.node else link.origin
        title = f"{link.origin} -> {link.target} streams and has caught up"
        why = "Writes that have not arrived yet can be overwritten by clients that already moved."
        if reading.node(peer) is None:
            seen = f"{peer} does not answer ({error_of(reading, peer)})"
            remedy = "It will miss the node's last writes until it is back: best bring it up first."
            yield Check(title, Outcome.WARN, seen, why, remedy)
        else:
            yield _link(link, title, why, limits.lag_bytes_warn, limits.lag_seconds_warn)


def _link(link: Link, title: str, why: str, most_bytes: int, most_seconds: float) -> Check:
    if link.state is LinkState.UNKNOWN:
        return Check(title, Outcome.UNKNOWN, link.reason, why, "Try again.")
    if link.state is not LinkState.STREAMING:
        return Check(
            title, Outcome.FAIL, f"{link.state.value}: {link.reason}", why, "Repair replication first."
        )
    if link.lag_bytes is None:
        return Check(title, Outcome.UNKNOWN, "streaming, but its lag could not be read", why, "Try again.")
    seen = f"{link.reason}; lag {format_bytes(link.lag_bytes)}"
    if link.lag_seconds:
        seen += f", {format_seconds(link.lag_seconds)}"
    if link.lag_bytes >= most_bytes or (link.lag_seconds or 0.0) >= most_seconds:
        return Check(title, Outcome.FAIL, seen, why, "Wait until it has caught up.")
    return Check(title, Outcome.PASS, seen, why)


def _clients(reading: Reading, made: Plan, settings: ClusterSettings) -> Iterator[Check]:
    for pooler in reading.snapshot.poolers:
        if pooler.facts is None:
            continue
        routed = {database.name for database in routed_databases(pooler.facts, settings)}
        sessions = [p for p in pooler.facts.pools if p.mode == "session" and p.database in routed]
        clients = sum(pool.clients_active + pool.clients_waiting for pool in sessions)
        title = f"the clients of {pooler.name} can move between transactions"
        if sessions and clients:
            who = ", ".join(
                f"{p.database} as {p.user}: {p.clients_active} clients" for p in sessions if p.clients_active
            )
            yield Check(
                title,
                Outcome.WARN,
                f"session-pooled, {clients} clients connected ({who or 'all waiting'})",
                "A session stays on its server until its client disconnects: WAIT_CLOSE waits for it.",
                "Have these clients reconnect when WAIT_CLOSE waits, or abort.",
            )
        else:
            seen = "no client in a session pool" if sessions else "no session pool leads here"
            yield Check(title, Outcome.PASS, seen)
    limit = settings.thresholds.transaction_age_warn
    held = sorted(reading.activity.get(made.node, ()), key=lambda item: -item.age)
    long = [item for item in held if item.age >= limit]
    title = f"no long transaction is open on {made.node}"
    if made.node not in reading.activity:
        if reading.node(made.node) is not None:
            yield Check(title, Outcome.WARN, "pg_stat_activity could not be read", "", "Grant pg_monitor.")
    elif long:
        seen = "; ".join(
            f"pid {item.pid} ({item.application or 'unnamed'}, {item.client}): {item.state}, "
            f"{format_seconds(item.age)}"
            for item in long[:5]
        )
        why = "WAIT_CLOSE waits until it ends."
        yield Check(title, Outcome.WARN, seen, why, "Wait for it, or ask its owner to end it.")
    else:
        oldest = f"the oldest of {len(held)} is {format_seconds(held[0].age)} old" if held else "none is open"
        yield Check(title, Outcome.PASS, oldest)
    yield from _foreign(reading, made)


def _foreign(reading: Reading, made: Plan) -> Iterator[Check]:
    """Sessions on the node that come through no known PgBouncer: no RECONNECT reaches them."""
    known = pooler_of(reading)
    subjects = {(act.target, act.subject) for act in made.step("disable").acts}
    foreign = [
        f"{session.source} on {proxy}"
        for proxy, sessions in reading.sessions.items()
        for session in sessions
        if (proxy, f"{session.backend}/{session.server}") in subjects and session.source not in known
    ]
    title = f"every client of {made.node} comes through a known PgBouncer"
    if foreign:
        shown = ", ".join(foreign[:5]) + (f" and {len(foreign) - 5} more" if len(foreign) > 5 else "")
        remedy = "Have them reconnect once the server is disabled; the proof of draining waits for them."
        yield Check(title, Outcome.WARN, shown, "They stay until they disconnect by themselves.", remedy)
    else:
        yield Check(title, Outcome.PASS, "no other session on its servers")
