"""The two ways out of service as steps with their commands: gradual, and quiesced. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bdr_console.cluster.proxies import ProxyServer
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.engines import barrier_statement
from bdr_console.links import conninfo
from bdr_console.links.pgbouncer_names import command_name
from bdr_console.runbooks.model.reading_queries import routed_databases
from bdr_console.runbooks.model.run import Command
from bdr_console.runbooks.model.step import Act, Choice, OnTimeout, StepPlan
from bdr_console.runbooks.plan.modes import session_clients
from bdr_console.runbooks.steps.pool_settings import AT_ONCE, FROM_FILE, NO_LOGIN, RELOAD, Wanted

Remembered = Mapping[str, Mapping[str, str]]
"""By PgBouncer: the settings that a run changes and puts back, as they are now (`Reading.settings`)."""


@dataclass(frozen=True, slots=True)
class PoolRoute:
    """One database of one PgBouncer that leads to the HAProxies."""

    pooler: str
    host: str
    database: str
    in_use: bool
    """It has server connections now."""
    waiting: bool
    """Clients wait for a server connection."""
    session_clients: bool
    """Clients are connected that keep their server connection until they leave."""
    pool_size: int = 0
    """As SHOW DATABASES has it: its own, or the default; 0 when the database is not listed."""
    on_node: str = ""
    """The database's name on the nodes; empty when it was not read."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What both ways out are built from."""

    node: str
    names: str
    """The node's servers in HAProxy, for the titles."""
    out: tuple[Act, ...]
    routes: tuple[PoolRoute, ...]
    settings: tuple[Act, ...]
    """SET on the PgBouncers, each with the SET that puts the value back."""
    emit: Act | None


_SERVED = StepPlan(
    "served",
    "Prove that clients are served by another node; if none is, go back by itself",
    deadline=6.0,
    on_timeout=OnTimeout.ASK,
)


def gradual(parts: Parts, choice: Choice) -> tuple[StepPlan, ...]:
    used = tuple(route for route in parts.routes if route.in_use)
    before, put_back = _settings_steps(parts, "Have session pools let go of clients between transactions")
    with_settings = choice.session_pools == "fast-close" and bool(parts.settings)
    return (
        *((before,) if with_settings else ()),
        StepPlan("disable", f"Put {parts.names} into maintenance on every HAProxy", parts.out, deadline=10.0),
        StepPlan(
            "reconnect",
            "Have every PgBouncer replace its server connections",
            tuple(_pooler_act("RECONNECT", route) for route in used),
            deadline=15.0,
            no_return=True,
        ),
        StepPlan(
            "wait_close",
            "Wait until the old server connections are closed",
            tuple(_pooler_act("WAIT_CLOSE", route, waits=True) for route in used),
            deadline=60.0,
            on_timeout=OnTimeout.ASK,
        ),
        _SERVED,
        *((put_back,) if with_settings else ()),
    )


def direct(parts: Parts) -> tuple[StepPlan, ...]:
    """Where nothing has to move: the server goes out, and nobody waits for anything."""
    return (
        StepPlan("disable", f"Put {parts.names} into maintenance on every HAProxy", parts.out, deadline=10.0),
    )


def quiesced(parts: Parts, settings: ClusterSettings) -> tuple[StepPlan, ...]:
    most = settings.quiesce.pause_deadline
    held = tuple(route for route in parts.routes if route.session_clients)
    before, put_back = _settings_steps(parts, "Let every pool come to rest, so that the pause meets no login")
    grow = tuple(act for act in put_back.acts if act.subject in NO_LOGIN)
    paused = tuple(_pooler_act("PAUSE", route, undo="RESUME", waits=True) for route in parts.routes)
    flag = StepPlan(
        "flag",
        "Close the server connections of session pools between two transactions",
        tuple(_pooler_act("RECONNECT", route) for route in held),
        deadline=most,
        together=True,
        pause=most,
    )
    return (
        StepPlan(
            "rehearse",
            "Measure how long the other nodes need to apply what is written now",
            (parts.emit,) if parts.emit else (),
            deadline=most,
            repeat=0.1,
        ),
        before,
        StepPlan(
            "pause",
            "Pause every PgBouncer: clients wait from here on, none is refused",
            paused,
            deadline=most,
            together=True,
            watched=True,
            pause=most,
        ),
        *((flag,) if held else ()),
        # Before `disable`: with `on-marked-down shutdown-sessions` that cuts whoever has a transaction open.
        StepPlan("quiet", "Wait until no transaction is left", deadline=most, pause=most),
        StepPlan(
            "disable",
            f"Put {parts.names} into maintenance on every HAProxy",
            parts.out,
            deadline=most,
            together=True,
            pause=most,
        ),
        StepPlan(
            "barrier",
            f"Wait until every other node has applied the last commit of {parts.node}",
            (parts.emit,) if parts.emit else (),
            deadline=most,
            pause=most,
            repeat=0.1,
        ),
        StepPlan(
            "resume",
            "Resume every PgBouncer: clients go on at another node",
            (*(_pooler_act("RESUME", route) for route in parts.routes), *grow),
            deadline=most,
            on_timeout=OnTimeout.ASK,
            together=True,
            pause=most,
            no_return=True,
            pause_ends=True,
        ),
        _SERVED,
        put_back,
    )


def _settings_steps(parts: Parts, title: str) -> tuple[StepPlan, StepPlan]:
    before = StepPlan("prepare", title, parts.settings, deadline=15.0, together=True, watched=True)
    back = tuple(
        Act(act.kind, act.target, act.subject, act.undo) for act in parts.settings if act.undo is not None
    )
    put_back = StepPlan(
        "restore",
        "Put the settings of every PgBouncer back",
        back,
        deadline=10.0,
        on_timeout=OnTimeout.ASK,
        together=True,
        watch_ends=True,
    )
    return before, put_back


def routes_of(snapshot: Snapshot, settings: ClusterSettings) -> tuple[PoolRoute, ...]:
    held = {(pooler, pool.database) for pooler, pool in session_clients(snapshot, settings)}
    return tuple(
        PoolRoute(
            pooler.name,
            f"{pooler.name} ({_as_user(settings, pooler.name)}{pooler.address})",
            database.name,
            any(pool.database == database.name and pool.servers for pool in pooler.facts.pools),
            any(pool.database == database.name and pool.clients_waiting for pool in pooler.facts.pools),
            (pooler.name, database.name) in held,
            database.pool_size,
            database.database,
        )
        for pooler in snapshot.poolers
        if pooler.facts
        for database in routed_databases(pooler.facts, settings)
    )


def set_up(routes: tuple[PoolRoute, ...], choice: Choice, remembered: Remembered) -> tuple[Act, ...]:
    """For a quiesce: a failed login is tried again at once, and none begins from now on. Where session pools
    are to let clients go: server_fast_close."""
    acts: tuple[Act, ...] = ()
    for pooler in dict.fromkeys(route.pooler for route in routes):
        own = tuple(route for route in routes if route.pooler == pooler)
        wanted: dict[str, str] = {}
        if choice.mode == "quiesce":
            wanted |= AT_ONCE
            if len(_own_size(own, remembered)) < len(own):
                wanted |= NO_LOGIN
        if choice.session_pools == "fast-close" and any(route.session_clients for route in own):
            wanted["server_fast_close"] = "1"
        acts += changes(own, wanted, remembered)
    return acts


def changes(routes: tuple[PoolRoute, ...], wanted: Wanted, remembered: Remembered) -> tuple[Act, ...]:
    """A SET for each setting on each PgBouncer of the routes that is not so yet; what was not read stays."""
    return tuple(
        act
        for pooler, host in dict.fromkeys((route.pooler, route.host) for route in routes)
        for act in _changes(pooler, host, wanted, remembered.get(pooler, {}))
    )


def _changes(pooler: str, host: str, wanted: Wanted, known: Mapping[str, str]) -> Iterator[Act]:
    reloads = False
    for key, value in wanted.items():
        before = known.get(key)
        if before is None or before == value:
            continue
        put_back = f"SET {key} = '{before}'"
        if before == FROM_FILE:
            if reloads:
                continue  # one RELOAD puts all of them back
            reloads, put_back = True, RELOAD
        yield Act("pgbouncer", pooler, key, Command(host, f"SET {key} = '{value}'"), Command(host, put_back))


def own_size_notes(routes: tuple[PoolRoute, ...], remembered: Remembered) -> tuple[str, ...]:
    """What the plan says of databases that cannot be kept from opening server connections."""
    return tuple(
        f"{route.database} on {route.pooler} has a pool_size of its own, which no command changes: the pause "
        "waits until its pools have not grown for a while; a login at that very moment can still cost a "
        "client its connection."
        for route in _own_size(routes, remembered)
    )


def _own_size(routes: tuple[PoolRoute, ...], remembered: Remembered) -> tuple[PoolRoute, ...]:
    return tuple(
        route
        for route in routes
        if route.pool_size
        and (default := remembered.get(route.pooler, {}).get("default_pool_size")) is not None
        and str(route.pool_size) != default
    )


def barrier_act(snapshot: Snapshot, settings: ClusterSettings, node: str) -> Act | None:
    observed = snapshot.node(node)
    if observed is None:
        return None
    words = conninfo.parse(node, settings.nodes[node].dsn)
    database = f"/{words['dbname']}" if words.get("dbname") else ""
    user = f"{words['user']}@" if words.get("user") else ""
    place, via, host = observed.address.partition(" via ")
    text = barrier_statement(observed.facts.server_version if observed.facts else "")
    return Act("node", node, "WAL", Command(f"{node} ({user}{place}{database}{via}{host})", text))


def _as_user(settings: ClusterSettings, pooler: str) -> str:
    """`dba@`: who the console is at a PgBouncer, for the announced command."""
    words = conninfo.parse(pooler, settings.poolers[pooler].dsn) if pooler in settings.poolers else {}
    return f"{words['user']}@" if words.get("user") else ""


def disable_act(host: str, proxy: str, server: ProxyServer) -> Act:
    subject = f"{server.backend}/{server.name}"
    take_back = Command(host, f"enable server {subject}")
    return Act("haproxy", proxy, subject, Command(host, f"disable server {subject}"), take_back)


def enable_act(disable: Act) -> Act:
    command = Command(disable.command.host, f"enable server {disable.subject}")
    return Act("haproxy", disable.target, disable.subject, command)


def _pooler_act(word: str, route: PoolRoute, *, undo: str = "", waits: bool = False) -> Act:
    name = command_name(route.database) or route.database  # the checks refuse a plan with such a name
    take_back = Command(route.host, f"{undo} {name}") if undo else None
    command = Command(route.host, f"{word} {name}")
    return Act("pgbouncer", route.pooler, route.database, command, take_back, waits=waits)
