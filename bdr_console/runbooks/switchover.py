"""The switchover runbook: take a node out of service behind HAProxy and PgBouncer, and bring it back.

The published sequence: disable the server on every HAProxy, RECONNECT and WAIT_CLOSE on every PgBouncer,
maintenance, enable. No transaction fails. Clients move one by one, so for the time between RECONNECT and the
end of WAIT_CLOSE some write to the leaving node and some to its successor; a row that both write within the
replication lag keeps only the later write. Keep the lag small, or the load light, when that matters.
"""

import re
from collections.abc import Iterable

from bdr_console.cluster.poolers import PoolDatabase, PoolerFacts
from bdr_console.cluster.proxies import ProxyServer, StickEntry
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.links import conninfo
from bdr_console.runbooks.run import Command
from bdr_console.runbooks.step import Act, OnTimeout, Plan, Step, StepPlan
from bdr_console.runbooks.switchover_back import Enable, Hold, Ready
from bdr_console.runbooks.switchover_out import Disable, Drained, Reconnect, WaitClose

RUNBOOK = "switchover"

_UNQUOTED = re.compile(r"^[A-Za-z0-9_]+$")


def plan(snapshot: Snapshot, settings: ClusterSettings, node: str) -> Plan:
    """Every step of a switchover of `node`, with the exact command for each host. Pure.

    A target that did not answer contributes no command; the checks refuse such a plan. Raises ConsoleError
    when the configuration has no such node, or no HAProxy server stands for it.
    """
    if node not in settings.nodes:
        raise ConsoleError(
            f"cluster '{snapshot.cluster}' has no node named '{node}'",
            f"It has: {', '.join(settings.nodes)}.",
        )
    servers = snapshot.servers_of(node)
    if not servers:
        raise _no_server(snapshot, node)
    hosts = {proxy.name: f"{proxy.name} ({proxy.address})" for proxy in snapshot.proxies}
    out = tuple(_disable(hosts[proxy], proxy, server) for proxy, server in servers)
    back = tuple(
        _enable(act) for act, (_, server) in zip(out, servers, strict=True) if not server.in_maintenance
    )
    routed = tuple(
        (pooler.name, f"{pooler.name} ({_as_user(settings, pooler.name)}{pooler.address})", database.name)
        for pooler in snapshot.poolers
        if pooler.facts
        for database in routed_databases(pooler.facts, settings)
        if any(pool.database == database.name and pool.servers for pool in pooler.facts.pools)
    )
    names = ", ".join(dict.fromkeys(f"{server.backend}/{server.name}" for _, server in servers))
    return Plan(
        RUNBOOK,
        snapshot.cluster,
        snapshot.environment,
        node,
        (
            StepPlan("disable", f"Put {names} into maintenance on every HAProxy", out, deadline=10.0),
            StepPlan(
                "reconnect",
                "Have every PgBouncer replace its server connections",
                tuple(_pooler_act("RECONNECT", *where) for where in routed),
                deadline=15.0,
            ),
            StepPlan(
                "wait_close",
                "Wait until the old server connections are closed",
                tuple(_pooler_act("WAIT_CLOSE", *where, waits=True) for where in routed),
                deadline=60.0,
                on_timeout=OnTimeout.ASK,
            ),
            StepPlan(
                "drained",
                f"Prove that {node} is drained and that its peers have all its writes",
                deadline=60.0,
                on_timeout=OnTimeout.ASK,
            ),
            StepPlan("hold", f"{node} is out of service: do the maintenance, then go on", holds=True),
            StepPlan(
                "ready",
                f"Check that {node} is up and replication has caught up both ways",
                deadline=300.0,
                on_timeout=OnTimeout.ASK,
            ),
            StepPlan(
                "enable", f"Enable {names} on every HAProxy", back, deadline=30.0, on_timeout=OnTimeout.ASK
            ),
        ),
        _notes(snapshot, node, servers),
    )


def steps(made: Plan, settings: ClusterSettings) -> tuple[Step, ...]:
    """The plan's steps as the engine runs them."""
    disable = Disable(made.step("disable"), made.node)
    subjects = tuple((act.target, act.subject) for act in disable.plan.acts)
    reconnect = Reconnect(made.step("reconnect"), subjects)
    return (
        disable,
        reconnect,
        WaitClose(made.step("wait_close"), reconnect),
        Drained(made.step("drained"), made.node, subjects),
        Hold(made.step("hold"), made.node, subjects),
        Ready(made.step("ready"), made.node, settings.thresholds.thresholds()),
        Enable(made.step("enable"), made.node, disable),
    )


def routed_databases(facts: PoolerFacts, settings: ClusterSettings) -> tuple[PoolDatabase, ...]:
    """The databases of a PgBouncer that lead to one of the HAProxies; all of them when no HAProxy says where
    it listens."""
    listen = {address for proxy in settings.proxies.values() for address in proxy.listen}
    return tuple(
        database
        for database in facts.databases
        if database.name != "pgbouncer" and (not listen or f"{database.host}:{database.port}" in listen)
    )


def successors(
    servers: Iterable[ProxyServer], stick: Iterable[StickEntry] | None, leaving: str
) -> tuple[str, ...]:
    """The servers of one backend that new connections go to once `leaving` (a server's name) is disabled:
    the sticky one when it is usable, else all active ones that are, else the first usable backup."""
    usable = [server for server in servers if server.name != leaving and server.state.accepts]
    stuck = {entry.server for entry in stick or ()}
    if sticky := tuple(server.name for server in usable if server.name in stuck):
        return sticky
    if active := tuple(server.name for server in usable if not server.backup):
        return active
    return tuple(server.name for server in usable)[:1]


def _as_user(settings: ClusterSettings, pooler: str) -> str:
    """`dba@`: who the console is at a PgBouncer, for the announced command."""
    words = conninfo.parse(pooler, settings.poolers[pooler].dsn) if pooler in settings.poolers else {}
    return f"{words['user']}@" if words.get("user") else ""


def _disable(host: str, proxy: str, server: ProxyServer) -> Act:
    subject = f"{server.backend}/{server.name}"
    take_back = Command(host, f"enable server {subject}")
    return Act("haproxy", proxy, subject, Command(host, f"disable server {subject}"), take_back)


def _enable(disable: Act) -> Act:
    command = Command(disable.command.host, f"enable server {disable.subject}")
    return Act("haproxy", disable.target, disable.subject, command)


def _pooler_act(word: str, pooler: str, host: str, database: str, *, waits: bool = False) -> Act:
    # PgBouncer takes only letters, digits and _ without quotes (`invalid command` for my-app).
    name = database if _UNQUOTED.match(database) else '"' + database.replace('"', '""') + '"'
    return Act("pgbouncer", pooler, database, Command(host, f"{word} {name}"), waits=waits)


def _no_server(snapshot: Snapshot, node: str) -> ConsoleError:
    silent = [
        f"{proxy.name} ({proxy.address}): {proxy.error or 'not read'}"
        for proxy in snapshot.proxies
        if not proxy.facts
    ]
    if silent:
        return ConsoleError(
            f"no HAProxy could be asked which server stands for {node} ({'; '.join(silent)})",
            "Make the runtime socket reachable for this user, then try again.",
        )
    if not snapshot.proxies:
        return ConsoleError(
            f"cluster '{snapshot.cluster}' has no HAProxy in its configuration",
            "A switchover needs the runtime socket of each HAProxy: add it under proxies.",
        )
    shown = ", ".join(f"{s.backend}/{s.name}" for p in snapshot.proxies if p.facts for s in p.facts.servers)
    return ConsoleError(
        f"no HAProxy server stands for {node} (HAProxy has: {shown or 'none in the watched backends'})",
        f"Name it in the configuration: nodes.{node}.server.",
    )


def _notes(snapshot: Snapshot, node: str, servers: tuple[tuple[str, ProxyServer], ...]) -> tuple[str, ...]:
    notes = []
    for proxy, server in servers:
        facts = next((p.facts for p in snapshot.proxies if p.name == proxy), None)
        if facts is None:
            continue
        beside = [other for other in facts.servers if other.backend == server.backend]
        stick = [entry for entry in facts.stick or () if entry.table == server.backend]
        takers = ", ".join(successors(beside, stick, server.name)) or "nobody"
        notes.append(f"{proxy}: new connections to {server.backend} will go to {takers}.")
        if server.in_maintenance:
            notes.append(
                f"{proxy}: {server.backend}/{server.name} is in maintenance already, not by this run: "
                "it will be left so at the end."
            )
    return tuple(notes)
