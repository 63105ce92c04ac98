"""The switchover runbook: take a node out of service behind HAProxy and PgBouncer, and bring it back.

Two ways out (see modes.py). Gradual is the published sequence: disable the server on every HAProxy,
RECONNECT and WAIT_CLOSE on every PgBouncer; clients move one by one, and updates may be lost within the
replication lag. Quiesce has every client wait once (see quiesce.py) and loses none. The way back is the same
for both.
"""

from collections.abc import Callable

from bdr_console.cluster.proxies import ProxyServer
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.traffic import chosen, traffic
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.node_sessions import client_rules
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.step import Act, OnTimeout, Plan, Step, StepPlan, TrafficBefore
from bdr_console.runbooks.plan.forecast import Forecast
from bdr_console.runbooks.plan.modes import choose, notes
from bdr_console.runbooks.plan.switchover_plans import (
    Parts,
    Remembered,
    barrier_act,
    direct,
    disable_act,
    enable_act,
    gradual,
    own_size_notes,
    quiesced,
    routes_of,
    set_up,
)
from bdr_console.runbooks.steps.barrier import Barrier, Rehearse
from bdr_console.runbooks.steps.disable import Disable, DisableIdle
from bdr_console.runbooks.steps.hold import Enable, Hold, HoldTerms, Ready
from bdr_console.runbooks.steps.move_clients import Drained, Reconnect, WaitClose
from bdr_console.runbooks.steps.pool_settings import Prepare, Setting, set_by
from bdr_console.runbooks.steps.quiesce import DisableWhilePaused, Flagged, Pause, Quiet, Resume
from bdr_console.runbooks.steps.served import Served

RUNBOOK = "switchover"


def plan(
    snapshot: Snapshot,
    settings: ClusterSettings,
    node: str,
    mode: str = "auto",
    *,
    session_pools: str = "wait",
    remembered: Remembered | None = None,
    seen: Forecast | None = None,
    everything: bool = False,
) -> Plan:
    """Every step of a switchover of `node`, with the exact command for each host. Pure.

    `mode` is quiesce, gradual or auto, `session_pools` wait or fast-close (see modes.py), `seen` what a pause
    would have to wait for. A setting that is not `remembered` is not changed. Where nothing has to move, or
    nothing is connected to a database, there is nothing to do; with `everything` it is in the plan all the
    same, because an earlier run may have paused it. A target that did not answer contributes no command; the
    checks refuse such a plan. Raises ConsoleError when the configuration has no such node, or no HAProxy
    server stands for it.
    """
    if node not in settings.nodes:
        raise ConsoleError(
            f"cluster '{snapshot.cluster}' has no node named '{node}'",
            f"It has: {', '.join(settings.nodes)}.",
        )
    choice = choose(snapshot, settings, node, mode, session_pools, seen, everything=everything)
    servers = snapshot.servers_of(node)
    if not servers:
        raise _no_server(snapshot, node)
    hosts = {proxy.name: f"{proxy.name} ({proxy.address})" for proxy in snapshot.proxies}
    out = tuple(disable_act(hosts[proxy], proxy, server) for proxy, server in servers)
    back = tuple(
        enable_act(act) for act, (_, server) in zip(out, servers, strict=True) if not server.in_maintenance
    )
    names = ", ".join(dict.fromkeys(f"{server.backend}/{server.name}" for _, server in servers))
    known = routes_of(snapshot, settings)
    routes = known if everything else tuple(route for route in known if route.in_use or route.waiting)
    parts = Parts(
        node,
        names,
        out,
        routes,
        set_up(routes, choice, remembered or {}),
        barrier_act(snapshot, settings, node),
    )
    match choice.mode:
        case "disable":
            way_out = direct(parts)
        case "gradual":
            way_out = gradual(parts, choice)
        case "quiesce":
            way_out = quiesced(parts, settings)
    return Plan(
        RUNBOOK,
        snapshot.cluster,
        snapshot.environment,
        node,
        (*way_out, *_back(parts, back)),
        (
            *notes(choice, settings, node),
            *(own_size_notes(routes, remembered or {}) if choice.mode == "quiesce" else ()),
            *_notes(snapshot, node, servers),
        ),
        choice,
        tuple(dict.fromkeys(route.on_node for route in known if route.on_node)),
        _before(snapshot),
        tuple((route.pooler, route.database) for route in known if route not in routes),
    )


def _back(parts: Parts, back: tuple[Act, ...]) -> tuple[StepPlan, ...]:
    node = parts.node
    return (
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
            "enable",
            f"Enable {parts.names} on every HAProxy",
            back,
            deadline=30.0,
            on_timeout=OnTimeout.ASK,
        ),
    )


def steps(made: Plan, settings: ClusterSettings, terms: HoldTerms | None = None) -> tuple[Step, ...]:
    """The plan's steps as the engine runs them; `terms` say whose the hold is and until when."""
    by_key = {step.key: step for step in made.steps}
    limits = settings.thresholds.thresholds()
    subjects = tuple((act.target, act.subject) for act in by_key["disable"].acts)
    out: tuple[Step, ...]
    disable: Disable

    def served(moving: StepPlan, before: Callable[[], Reading | None]) -> tuple[Step, ...]:
        pools = tuple((act.target, act.subject) for act in moving.acts)
        return (Served(by_key["served"], made.node, disable, pools, before),) if "served" in by_key else ()

    if "pause" in by_key:
        pause = Pause(by_key["pause"], subjects, made.node, by_key["barrier"], made.idle)
        disable = DisableWhilePaused(by_key["disable"], made.node, pause, made.before)
        flag = (Flagged(by_key["flag"]),) if "flag" in by_key else ()
        out = (
            *((Rehearse(by_key["rehearse"], made.node),) if "rehearse" in by_key else ()),
            Prepare(by_key["prepare"], by_key["pause"]),
            pause,
            *flag,
            Quiet(by_key["quiet"], pause),
            disable,
            Barrier(by_key["barrier"], made.node, pause),
            Resume(by_key["resume"], pause, subjects, set_by(by_key["prepare"].acts)),
            *served(by_key["pause"], lambda: pause.known),
            Setting(by_key["restore"], set_by(by_key["prepare"].acts)),
        )
    elif "reconnect" not in by_key:
        disable = DisableIdle(by_key["disable"], made.node, made.before)
        out = (disable,)
    else:
        disable = Disable(by_key["disable"], made.node, made.before)
        reconnect = Reconnect(by_key["reconnect"], subjects)
        set_up = (Setting(by_key["prepare"]),) if "prepare" in by_key else ()
        put_back = (
            (Setting(by_key["restore"], set_by(by_key["prepare"].acts)),) if "restore" in by_key else ()
        )
        out = (
            *set_up,
            disable,
            reconnect,
            WaitClose(by_key["wait_close"], reconnect),
            *served(by_key["reconnect"], lambda: reconnect.known),
            *put_back,
        )
    return (
        *out,
        Drained(by_key["drained"], made.node, subjects, client_rules(settings, made.databases)),
        Hold(by_key["hold"], made.node, subjects, terms or HoldTerms()),
        Ready(by_key["ready"], made.node, limits),
        Enable(by_key["enable"], made.node, disable, had_traffic=made.had_traffic),
    )


def _before(snapshot: Snapshot) -> tuple[TrafficBefore, ...]:
    seen = traffic(snapshot, snapshot.taken_at)
    return tuple(
        TrafficBefore(proxy, backend, seen.takers_of(f"{proxy}/{backend}"))
        for proxy, backend in (way.split("/", 1) for way in seen.ways)
    )


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
        takers = ", ".join(taker.name for taker in chosen(beside, stick, without=server.name)) or "nobody"
        notes.append(f"{proxy}: new connections to {server.backend} will go to {takers}.")
        if server.in_maintenance:
            notes.append(
                f"{proxy}: {server.backend}/{server.name} is in maintenance already, not by this run: "
                "it will be left so at the end."
            )
    return tuple(notes)
