"""Faults made on purpose, each with its mending."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bdr_console.errors import ConsoleError
from bdr_console.lab import delay, haproxy, pgbouncer, postgres, processes, programs, tables
from bdr_console.lab.layout import Layout
from bdr_console.lab.mesh import mesh_of
from bdr_console.lab.processes import Process

HOLD = "hold-transaction"
_HOLD_SCRIPT = """\
BEGIN;
UPDATE counter SET n = n + 1 WHERE client = :held;
\\sleep 14400 s
ROLLBACK;
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault."""

    name: str
    target: str
    """What it needs to be told: NODE, ORIGIN:TARGET, POOLER, or nothing."""
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
    if not target:
        raise ConsoleError(f"{fault.name} needs to be told where", f"Name it: {fault.name} {fault.target}.")
    if fault.target == "NODE":
        return layout.node(target).name
    if fault.target == "POOLER":
        return layout.pooler(target).name
    _link(layout, delay.parse(target)[0])
    return target


def _link(layout: Layout, target: str) -> tuple[str, str]:
    # An unquoted -> would be a redirection for the shell, so the colon is the form that is shown.
    origin, colon, receiver = target.replace("->", ":").partition(":")
    if not colon:
        raise ConsoleError(f"'{target}' is no link", "Write it as ORIGIN:TARGET, for example node1:node2.")
    return layout.node(origin.strip()).name, layout.node(receiver.strip()).name


def _running(layout: Layout, name: str) -> Process:
    process = processes.find(layout, name)
    if process is None:
        raise ConsoleError(f"{name} does not run", "See bdr-console lab status.")
    return process


def _freeze(layout: Layout, name: str) -> None:
    """Stop a server and all its children, parents first so that no new child escapes."""
    process = _running(layout, name)

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
    postgres.stop(_running(layout, name))


def start_node(layout: Layout, name: str) -> None:
    """Start a stopped node and wait until it answers; harmless when it runs."""
    if processes.find(layout, name) is None:
        node = layout.node(name)
        postgres.wait_ready(layout, node, postgres.start(layout, node))


def _pause_apply(layout: Layout, target: str) -> None:
    mesh_of(layout.engine).pause(layout, *_link(layout, target))


def _resume_apply(layout: Layout, target: str) -> None:
    mesh_of(layout.engine).resume(layout, *_link(layout, target))


def _delay_apply(layout: Layout, target: str) -> None:
    link, milliseconds = delay.parse(target)
    mesh_of(layout.engine).set_delay(layout, *_link(layout, link), milliseconds)


def _end_delay(layout: Layout, target: str) -> None:
    mesh_of(layout.engine).set_delay(layout, *_link(layout, delay.parse(target)[0]), 0)


def _conflict(layout: Layout, target: str) -> None:
    """Change one row on both nodes while neither hears of the other, then let them meet."""
    first, second = _link(layout, target)
    mesh = mesh_of(layout.engine)
    both = ((first, second), (second, first))
    for origin, receiver in both:
        mesh.pause(layout, origin, receiver)
    for node in (first, second):
        with postgres.session(layout, layout.node(node)) as connection:
            connection.execute("UPDATE counter SET n = n + 1 WHERE client = %s", (tables.CONFLICT_CLIENT,))
    for origin, receiver in both:
        mesh.resume(layout, origin, receiver)


def _hold_transaction(layout: Layout, pooler: str) -> None:
    """A client that updates a row and then sits in its transaction: `billing`, idle in transaction."""
    if processes.find(layout, HOLD):
        raise ConsoleError(
            "a transaction is held open already", f"End it first: bdr-console lab mend {HOLD}."
        )
    directory = layout.data(HOLD)
    if not directory.exists():
        layout.account.make_dir(directory)
    script = layout.account.write(directory / "hold.sql", _HOLD_SCRIPT)
    command: list[str | Path] = [
        programs.postgres_bin(layout.engine) / "pgbench",
        *("--no-vacuum", "--client", "1", "--transactions", "1", "--file", script),
        *("--define", f"held={tables.HELD_CLIENT}"),
        layout.dsn(layout.pooler(pooler).port, "app"),
    ]
    process = processes.start(layout, HOLD, command, cwd=directory, env={"PGAPPNAME": "billing"})

    def held() -> bool:
        if not process.alive:
            raise ConsoleError(
                f"the client did not get through {pooler}: {processes.last_words(layout, HOLD)}"
            )
        return any(_holds(layout, node.name) for node in layout.nodes)

    if not processes.wait(held, 20, pause=0.05):
        processes.stop([process], signal.SIGKILL)
        raise ConsoleError(f"no transaction could be opened through {pooler}")


def _holds(layout: Layout, node: str) -> bool:
    try:
        with postgres.session(layout, layout.node(node), timeout=5) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'billing' AND state = 'idle in transaction'"
            ).fetchone()
    except ConsoleError:
        return False  # a frozen or stopped node cannot be the one
    return row is not None and row[0] > 0


def end_held(layout: Layout, _pooler: str = "") -> None:
    """End the client that holds a transaction; harmless when there is none."""
    if process := processes.find(layout, HOLD):
        processes.stop([process], signal.SIGTERM)


def _stop_haproxy(layout: Layout, _target: str) -> None:
    haproxy.stop(_running(layout, haproxy.NAME))


def start_haproxy(layout: Layout, _target: str = "") -> None:
    """Start HAProxy when it does not run."""
    if processes.find(layout, haproxy.NAME) is None:
        haproxy.start(layout)


def _reload_haproxy(layout: Layout, _target: str) -> None:
    haproxy.reload(layout, _running(layout, haproxy.NAME))


def _stop_pooler(layout: Layout, name: str) -> None:
    pgbouncer.stop(_running(layout, name))


def start_pooler(layout: Layout, name: str) -> None:
    """Start a PgBouncer when it does not run."""
    if processes.find(layout, name) is None:
        pgbouncer.start(layout, layout.pooler(name))


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
        Fault(HOLD, "[POOLER]", "a client sits in an open transaction", _hold_transaction, end_held),
        Fault("stop-haproxy", "", "HAProxy is gone: every session is cut", _stop_haproxy, start_haproxy),
        Fault(
            "freeze-haproxy",
            "",
            "HAProxy answers nothing",
            lambda layout, _: _freeze(layout, haproxy.NAME),
            lambda layout, _: thaw(layout, haproxy.NAME),
        ),
        Fault(
            "reload-haproxy",
            "",
            "HAProxy was reloaded: it forgot maintenance and stickiness",
            _reload_haproxy,
            _nothing,
        ),
        Fault(
            "stop-pooler", "POOLER", "that PgBouncer is gone: its clients are cut", _stop_pooler, start_pooler
        ),
        Fault("freeze-pooler", "POOLER", "that PgBouncer answers nothing: its clients wait", _freeze, thaw),
    )
}
