"""Faults of the lab's HAProxies, made on purpose, each with its mending."""

from bdr_console.errors import ConsoleError
from bdr_console.lab import haproxies, pgbouncers, postgres_nodes, processes
from bdr_console.lab.layout import DATABASE, Layout


def servers_meant(layout: Layout, target: str) -> tuple[str, tuple[str, ...]]:
    """HAProxy's name for a node (which may be named either way), and the HAProxies that are meant."""
    name, _, proxy = target.partition("@")
    node = next((node for node in layout.nodes if node.server == name), None) or layout.node(name)
    if not node.server:
        raise ConsoleError(f"{name} takes no clients: no HAProxy has it as a server")
    proxies = (layout.proxy(proxy).name,) if proxy else tuple(known.name for known in layout.proxies)
    return node.server, proxies


def stop_haproxy(layout: Layout, name: str) -> None:
    """Stop a HAProxy: every session is cut."""
    haproxies.stop(processes.running(layout, name))


def start_haproxy(layout: Layout, name: str) -> None:
    """Start a HAProxy when it does not run."""
    if processes.find(layout, name) is None:
        haproxies.start(layout, name)


def reload_haproxy(layout: Layout, name: str) -> None:
    """Reload a HAProxy, which forgets what was commanded."""
    haproxies.reload(layout, processes.running(layout, name), name)


def weight_0(layout: Layout, target: str) -> None:
    """As people drain a server by hand: it stays UP, keeps its sessions, and takes no new one but those that
    its stick table leads there (HAProxy's manual, `weight`)."""
    set_weight(layout, target, "0")


def set_weight(layout: Layout, target: str, weight: str) -> None:
    """Give a server that weight; raises ConsoleError when HAProxy refuses."""
    server, proxies = servers_meant(layout, target)
    for proxy in proxies:
        answer = haproxies.command(
            layout, f"set server {haproxies.BACKEND}/{server} weight {weight}", name=proxy
        ).strip()
        if answer:
            raise ConsoleError(f"{proxy}: {answer}")


def wait_up(layout: Layout, proxy: str, patience: float) -> None:
    """Wait until a HAProxy sees every node as UP; raises ConsoleError after `patience` seconds."""

    def up() -> bool:
        return all(state.status == "UP" for state in haproxies.servers(layout, proxy))

    if not processes.wait(up, patience, pause=0.1):
        raise ConsoleError(
            f"{proxy} does not see every node as UP", "See what it says: bdr-console lab status."
        )


def _configured(layout: Layout, name: str, variant: haproxies.Variant) -> None:
    """A HAProxy with that configuration, whose new process has every session: its PgBouncers connect anew."""
    if haproxies.configure(layout, name, variant):
        wait_up(layout, name, 20)
        _lead_anew(layout, name, layout.nodes[0].name)


def shutdown_sessions(layout: Layout, name: str) -> None:
    """As Patroni's template has it: sessions end with the server they are on, and when the first server is
    back, so do those of the others (HAProxy's manual, `on-marked-down` and `on-marked-up`)."""
    _configured(layout, name, haproxies.Variant.CUTS_SESSIONS)


def stick_elsewhere(layout: Layout, name: str) -> None:
    """`stick on dst table sticky`: the backend's own table is none."""
    _configured(layout, name, haproxies.Variant.STICKS_ELSEWHERE)


def as_published(layout: Layout, name: str) -> None:
    """The configuration that `up` wrote; harmless when it has it."""
    _configured(layout, name, haproxies.Variant.PLAIN)


def split_traffic(layout: Layout, proxy: str) -> None:
    """Every server is UP, and this HAProxy's stick entry leads to the second node: as after a reload in the
    middle of somebody's switchover."""
    if len(layout.nodes) < 2 or len(layout.proxies) < 2:
        raise ConsoleError(
            "only two HAProxies can send their sessions to two nodes",
            "Start such a lab: bdr-console lab up --proxies 2.",
        )
    first, second = layout.nodes[0], layout.nodes[1]
    haproxies.command(layout, f"disable server {haproxies.BACKEND}/{first.server}", name=proxy)
    haproxies.command(layout, f"clear table {haproxies.BACKEND}", name=proxy)
    _lead_anew(layout, proxy, second.name)
    haproxies.command(layout, f"enable server {haproxies.BACKEND}/{first.server}", name=proxy)
    wait_up(layout, proxy, 20)


def join_traffic(layout: Layout, proxy: str) -> None:
    """Have a HAProxy lead to the first node again."""
    haproxies.command(layout, f"clear table {haproxies.BACKEND}", name=proxy)
    _lead_anew(layout, proxy, layout.nodes[0].name)


def _lead_anew(layout: Layout, proxy: str, node: str) -> None:
    """Have the PgBouncers of a HAProxy connect again, and wait until new sessions come to `node`."""
    for pooler in layout.poolers_of(proxy):
        pgbouncers.admin(layout, pooler, f"RECONNECT {DATABASE}")
    if not processes.wait(lambda: _leads_to(layout, proxy) == node, 20, pause=0.1):
        raise ConsoleError(f"{proxy} does not lead to {node}")


def _leads_to(layout: Layout, proxy: str) -> str:
    try:
        with postgres_nodes.session(layout, layout.proxy(proxy), timeout=5) as connection:
            row = connection.execute("SELECT current_setting('cluster_name')").fetchone()
    except ConsoleError:
        return ""
    return str(row[0]) if row else ""
