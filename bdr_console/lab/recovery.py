"""Putting a whole lab back as it was after `up`, whatever was done to it."""

import time
from contextlib import suppress

from bdr_console.errors import ConsoleError
from bdr_console.lab import faults, haproxies, pgbouncers, postgres_nodes, processes, proxy_faults
from bdr_console.lab.layout import DATABASE, Layout, PoolerLayout
from bdr_console.lab.meshes import mesh_of

_RESTART_EVERY = 12.0
"""Seconds that links are given to come up before those that are down are started once more."""


def mend_all(layout: Layout, patience: float = 60) -> None:
    """End every fault and every leftover of a switchover, and return when the lab is as after `up`.

    Everything runs, every link replicates and has caught up, HAProxy offers every server and sends new
    connections to the first, the PgBouncers are not paused and reach it. A running load goes on. Raises
    ConsoleError when that does not come about within `patience` seconds.
    """
    deadline = time.monotonic() + patience
    servers = (s.name for s in layout.servers)
    for name in (*servers, *(p.name for p in layout.proxies), *(p.name for p in layout.poolers)):
        faults.thaw(layout, name)
    faults.end_clients(layout)
    for node in layout.servers:
        faults.start_node(layout, node.name)
    for proxy in layout.proxies:
        haproxies.configure(layout, proxy.name)
        proxy_faults.start_haproxy(layout, proxy.name)
    for pooler in layout.poolers:
        faults.start_pooler(layout, pooler.name)
    postgres_nodes.let_in_everywhere(layout)
    _wait_replicating(layout, deadline)
    mesh_of(layout.engine).end_delays(layout)
    for proxy in layout.proxies:
        _offer_every_server(layout, proxy.name, deadline)
    for pooler in layout.poolers:
        _lead_to_first(layout, pooler, deadline)
    mesh_of(layout.engine).forget_conflicts(layout)


def _wait_replicating(layout: Layout, deadline: float) -> None:
    mesh = mesh_of(layout.engine)

    def replicates() -> bool:
        return all(mesh.caught_up(layout, node) for node in layout.nodes)

    while (left := deadline - time.monotonic()) > 0:
        # Again and again: a worker may go down, or not come up, after it was told to start.
        mesh.restart(layout)
        if processes.wait(replicates, min(left, _RESTART_EVERY), pause=0.05):
            return
    raise ConsoleError(f"replication does not recover: {mesh.troubles(layout) or 'it has not caught up'}")


def _offer_every_server(layout: Layout, proxy: str, deadline: float) -> None:
    for node in layout.nodes:
        for wanted in ("state ready", "weight 100%"):
            haproxies.command(layout, f"set server {haproxies.BACKEND}/{node.server} {wanted}", name=proxy)
    proxy_faults.wait_up(layout, proxy, deadline - time.monotonic())
    haproxies.command(layout, f"clear table {haproxies.BACKEND}", name=proxy)


def _lead_to_first(layout: Layout, pooler: PoolerLayout, deadline: float) -> None:
    """Lift every pause, let server connections to other nodes end, and forget settings made by command."""
    pgbouncers.admin(layout, pooler, "SET server_login_retry = '0'")  # else a cut pool rests for 15 s
    # Without asking SHOW DATABASES first: it does not list a database made by `*` while nobody is connected
    # to it, and a paused one stays paused.
    for command in ("RESUME", f"RESUME {DATABASE}"):
        with suppress(ConsoleError):  # it says so when nothing is paused
            pgbouncers.admin(layout, pooler, command)

    def reaches() -> bool:
        query = ("-XAtc", "SELECT current_setting('cluster_name')", layout.dsn(pooler.port, "app"))
        try:
            output = processes.run(
                layout.account,
                [layout.programs.psql.path, *query],
                cwd=layout.directory,
                timeout=5,
            )
        except ConsoleError:
            return False
        return output.strip() == layout.nodes[0].name

    # Also where it leads to the first node already: a new connection brings HAProxy's stick entry back, and
    # after a reload sessions to another node live on in HAProxy's old process, which nobody counts.
    pgbouncers.admin(layout, pooler, f"RECONNECT {DATABASE}")
    if not processes.wait(reaches, deadline - time.monotonic(), pause=0.2):
        raise ConsoleError(f"{pooler.name} does not lead to {layout.nodes[0].name} again")
    pgbouncers.configure(layout, pooler)
