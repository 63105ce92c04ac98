"""Faults made on purpose, each with its mending."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.lab import pgbouncers, postgres_nodes, processes, proxy_faults, workload
from bdr_console.lab.layout import DATABASE, Layout
from bdr_console.lab.meshes import mesh_of

HOLD = "hold-transaction"
DIRECT = "direct-client"
CLIENTS = {
    HOLD: "pgbench, idle in transaction as 'billing'",
    DIRECT: "pgbench, idle in transaction as 'etl', past the PgBouncers",
}
"""The clients that faults start: the process of each, and what it is."""
_HOLD_SCRIPT = """\
BEGIN;
UPDATE counter SET n = n + 1 WHERE client = :held;
\\sleep 14400 s
ROLLBACK;
"""
_DEFAULT_DELAY_MS = 1000
_LONGEST_DELAY_MS = 60_000


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault."""

    name: str
    target: str
    """What it needs to be told: NODE, SERVER[@HAPROXY], ORIGIN:TARGET, POOLER, HAPROXY, or nothing. In
    brackets: may be left out where there is one only (of PgBouncers: the first is meant)."""
    text: str
    """What is the matter then."""
    strike: Callable[[Layout, str], None]
    mend: Callable[[Layout, str], None]


def find(name: str) -> Fault:
    """The fault of that name; raises ConsoleError that lists the known ones."""
    if name not in FAULTS:
        raise ConsoleError(f"there is no fault '{name}'", f"Known: {', '.join(FAULTS)}.")
    return FAULTS[name]


def strike(layout: Layout, name: str, target: str | None) -> None:
    """Make the fault and return when it has its effect; raises ConsoleError for a wrong target."""
    fault = find(name)
    fault.strike(layout, _target(layout, fault, target))


def mend(layout: Layout, name: str, target: str | None) -> None:
    """End the fault; harmless when there is none. Replication may still have to catch up afterwards."""
    fault = find(name)
    fault.mend(layout, _target(layout, fault, target))


def _target(layout: Layout, fault: Fault, target: str | None) -> str:
    if not fault.target:
        if target:
            raise ConsoleError(f"{fault.name} takes no target, but was given '{target}'")
        return ""
    if fault.target == "[POOLER]":
        return layout.pooler(target or layout.poolers[0].name).name
    if fault.target == "[HAPROXY]" and not target and len(layout.proxies) == 1:
        return layout.proxies[0].name
    if not target:
        raise ConsoleError(f"{fault.name} needs to be told where", f"Name it: {fault.name} {fault.target}.")
    match fault.target:
        case "NODE":
            return layout.node(target).name
        case "POOLER":
            return layout.pooler(target).name
        case "HAPROXY" | "[HAPROXY]":
            return layout.proxy(target).name
        case "NODE|HAPROXY":
            return (layout.proxy if target in {p.name for p in layout.proxies} else layout.node)(target).name
        case "SERVER[@HAPROXY]":
            proxy_faults.servers_meant(layout, target)
        case _:
            _link(layout, _link_and_delay(target)[0])
    return target


def _link_and_delay(target: str) -> tuple[str, int]:
    """`node1:node2=100` -> the link and the delay in milliseconds; 1000 when none is named."""
    link, equals, text = target.partition("=")
    if not equals:
        return link.strip(), _DEFAULT_DELAY_MS
    if not text.strip().isdigit() or not 0 < int(text) <= _LONGEST_DELAY_MS:
        raise ConsoleError(
            f"'{text.strip()}' is not a delay",
            f"Write milliseconds from 1 to {_LONGEST_DELAY_MS}: node1:node2=100.",
        )
    return link.strip(), int(text)


def _link(layout: Layout, target: str) -> tuple[str, str]:
    # An unquoted -> would be a redirection for the shell, so the colon is the form that is shown.
    origin, colon, receiver = target.replace("->", ":").partition(":")
    if not colon:
        raise ConsoleError(f"'{target}' is no link", "Write it as ORIGIN:TARGET, for example node1:node2.")
    return layout.node(origin.strip()).name, layout.node(receiver.strip()).name


def _freeze(layout: Layout, name: str) -> None:
    """Stop a server and all its children, parents first so that no new child escapes."""
    process = processes.running(layout, name)

    def all_frozen() -> bool:
        members = processes.family(process)
        for member in members:
            if not member.frozen:
                member.send(signal.SIGSTOP)
        return all(member.frozen for member in members)

    processes.wait(all_frozen, 10)


def thaw(layout: Layout, name: str) -> None:
    """Let a frozen server run on; harmless for one that is not."""
    if process := processes.find(layout, name):
        for member in processes.family(process):
            member.send(signal.SIGCONT)


def _stop_node(layout: Layout, name: str) -> None:
    postgres_nodes.stop(processes.running(layout, name))


def start_node(layout: Layout, name: str) -> None:
    """Start a stopped node and wait until it answers; harmless when it runs."""
    if processes.find(layout, name) is None:
        node = layout.node(name)
        postgres_nodes.wait_ready(layout, node, postgres_nodes.start(layout, node))


def _pause_apply(layout: Layout, target: str) -> None:
    mesh_of(layout.engine).pause(layout, *_link(layout, target))


def _resume_apply(layout: Layout, target: str) -> None:
    mesh_of(layout.engine).resume(layout, *_link(layout, target))


def _delay_apply(layout: Layout, target: str) -> None:
    link, milliseconds = _link_and_delay(target)
    mesh_of(layout.engine).set_delay(layout, *_link(layout, link), milliseconds)


def _end_delay(layout: Layout, target: str) -> None:
    mesh_of(layout.engine).set_delay(layout, *_link(layout, _link_and_delay(target)[0]), 0)


def _conflict(layout: Layout, target: str) -> None:
    """Change one row on both nodes while neither hears of the other, then let them meet."""
    first, second = _link(layout, target)
    mesh = mesh_of(layout.engine)
    both = ((first, second), (second, first))
    for origin, receiver in both:
        mesh.pause(layout, origin, receiver)
    for node in (first, second):
        with postgres_nodes.session(layout, layout.node(node)) as connection:
            connection.execute("UPDATE counter SET n = n + 1 WHERE client = %s", (workload.CONFLICT_CLIENT,))
    for origin, receiver in both:
        mesh.resume(layout, origin, receiver)


def _hold_transaction(layout: Layout, pooler: str) -> None:
    """A client that updates a row and then sits in its transaction: `billing`, idle in transaction."""
    _open_transaction(layout, HOLD, layout.pooler(pooler).port, pooler, "billing")


def _direct_client(layout: Layout, target: str) -> None:
    """A job that knows nothing of the PgBouncers: `etl`, idle in a transaction that has written."""
    proxy = next((proxy for proxy in layout.proxies if proxy.name == target), None)
    _open_transaction(layout, DIRECT, proxy.port if proxy else layout.node(target).port, target, "etl")


def _open_transaction(layout: Layout, name: str, port: int, through: str, application: str) -> None:
    if processes.find(layout, name):
        raise ConsoleError(
            "a transaction is held open already", f"End it first: bdr-console lab mend {name}."
        )
    directory = layout.data(name)
    if not directory.exists():
        layout.account.make_dir(directory)
    script = layout.account.write(directory / "hold.sql", _HOLD_SCRIPT)
    command: list[str | Path] = [
        layout.programs.pgbench.path,
        *("--no-vacuum", "--client", "1", "--transactions", "1", "--file", script),
        *("--define", f"held={workload.HELD_CLIENT if name == HOLD else workload.DIRECT_CLIENT}"),
        layout.dsn(port, "app"),
    ]
    process = processes.start(layout, name, command, cwd=directory, env={"PGAPPNAME": application})

    def held() -> bool:
        if not process.alive:
            raise ConsoleError(
                f"the client did not get through {through}: {processes.last_words(layout, name)}"
            )
        return any(_holds(layout, node.name, application) for node in layout.nodes)

    if not processes.wait(held, 20, pause=0.05):
        processes.stop([process], signal.SIGKILL)
        raise ConsoleError(f"no transaction could be opened through {through}")


def _holds(layout: Layout, node: str, application: str) -> bool:
    try:
        with postgres_nodes.session(layout, layout.node(node), timeout=5) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = %s AND state = 'idle in transaction'",
                (application,),
            ).fetchone()
    except ConsoleError:
        return False  # a frozen or stopped node cannot be the one
    return row is not None and row[0] > 0


def end_clients(layout: Layout, *names: str) -> None:
    """End the clients of these faults, all of them when none is named; harmless when there is none."""
    processes.stop(
        [process for name in names or CLIENTS if (process := processes.find(layout, name))], signal.SIGTERM
    )


def _other_names(layout: Layout, name: str) -> None:
    pooler = layout.pooler(name)
    port = layout.proxy(pooler.proxy).port
    pgbouncers.configure(
        layout,
        pooler,
        f"app_list = host=127.0.0.1,localhost port={port} dbname={DATABASE}",
        f"app_name = host=localhost port={port} dbname={DATABASE}",
    )


def _past_haproxy(layout: Layout, name: str) -> None:
    line = f"app_direct = host=127.0.0.1 port={layout.nodes[0].port} dbname={DATABASE}"
    pgbouncers.configure(layout, layout.pooler(name), line)


def _plain_databases(layout: Layout, name: str) -> None:
    pgbouncers.configure(layout, layout.pooler(name))


def _stop_pooler(layout: Layout, name: str) -> None:
    pgbouncers.stop(processes.running(layout, name))


def start_pooler(layout: Layout, name: str) -> None:
    """Start a PgBouncer when it does not run."""
    if processes.find(layout, name) is None:
        pgbouncers.start(layout, layout.pooler(name))


def _nothing(_layout: Layout, _target: str) -> None:
    """There is nothing to mend: the fault is over at once."""


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("freeze", "NODE", "the node accepts connections and answers nothing", _freeze, thaw),
        Fault("stop", "NODE", "the node is gone as after a crash", _stop_node, start_node),
        Fault(
            "pause-apply",
            "ORIGIN:TARGET",
            "nothing is applied on that link: its lag grows",
            _pause_apply,
            _resume_apply,
        ),
        Fault(
            "delay-apply",
            "ORIGIN:TARGET[=MS]",
            "that link applies everything a second late, or as late as named",
            _delay_apply,
            _end_delay,
        ),
        Fault("conflict", "NODE:NODE", "both nodes have changed the same row at once", _conflict, _nothing),
        Fault(
            "read-only",
            "NODE",
            "every new transaction there is read-only",
            postgres_nodes.read_only,
            postgres_nodes.let_in,
        ),
        Fault(
            "no-login",
            "NODE",
            "role app is not permitted to log in there",
            postgres_nodes.no_login,
            postgres_nodes.let_in,
        ),
        Fault(
            "reject-logins",
            "NODE",
            "pg_hba.conf rejects role app there, which no catalog shows",
            postgres_nodes.reject_logins,
            postgres_nodes.let_in,
        ),
        Fault(
            "login-limit",
            "NODE",
            "role app may have one session there",
            postgres_nodes.login_limit,
            postgres_nodes.let_in,
        ),
        Fault(
            "no-connections",
            "NODE",
            "database app accepts no connections there",
            postgres_nodes.no_connections,
            postgres_nodes.let_in,
        ),
        Fault(
            HOLD,
            "[POOLER]",
            "a client sits in an open transaction",
            _hold_transaction,
            lambda layout, _: end_clients(layout, HOLD),
        ),
        Fault(
            DIRECT,
            "NODE|HAPROXY",
            "a client that comes through no PgBouncer sits in an open transaction",
            _direct_client,
            lambda layout, _: end_clients(layout, DIRECT),
        ),
        Fault(
            "stop-haproxy",
            "[HAPROXY]",
            "that HAProxy is gone: every session is cut",
            proxy_faults.stop_haproxy,
            proxy_faults.start_haproxy,
        ),
        Fault("freeze-haproxy", "[HAPROXY]", "that HAProxy answers nothing", _freeze, thaw),
        Fault(
            "reload-haproxy",
            "[HAPROXY]",
            "that HAProxy was reloaded: it forgot maintenance, weights and stickiness,"
            " and its old process lives on as long as it has sessions",
            proxy_faults.reload_haproxy,
            _nothing,
        ),
        Fault(
            "weight0",
            "SERVER[@HAPROXY]",
            "that server has weight 0: it is UP and takes no new session but those that stick to it",
            proxy_faults.weight_0,
            lambda layout, target: proxy_faults.set_weight(layout, target, "100%"),
        ),
        Fault(
            "shutdown-sessions",
            "[HAPROXY]",
            "that HAProxy cuts the sessions of a server that is disabled,"
            " and those of the backup servers when the first one is enabled",
            proxy_faults.shutdown_sessions,
            proxy_faults.as_published,
        ),
        Fault(
            "stick-elsewhere",
            "[HAPROXY]",
            "the stick table of that HAProxy's backend is that of another section",
            proxy_faults.stick_elsewhere,
            proxy_faults.as_published,
        ),
        Fault(
            "split-traffic",
            "HAPROXY",
            "that HAProxy leads to the second node, the others to the first: both are written",
            proxy_faults.split_traffic,
            proxy_faults.join_traffic,
        ),
        Fault(
            "other-names",
            "POOLER",
            "databases app_list and app_name lead to HAProxy by a host list and by a name",
            _other_names,
            _plain_databases,
        ),
        Fault(
            "past-haproxy",
            "POOLER",
            "database app_direct leads to the first node itself, past HAProxy",
            _past_haproxy,
            _plain_databases,
        ),
        Fault(
            "stop-pooler", "POOLER", "that PgBouncer is gone: its clients are cut", _stop_pooler, start_pooler
        ),
        Fault("freeze-pooler", "POOLER", "that PgBouncer answers nothing: its clients wait", _freeze, thaw),
    )
}
