"""`bdr-console lab`: the rehearsal cluster from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bdr_console.cluster.text import format_clock, format_seconds
from bdr_console.commands.options import FILE
from bdr_console.errors import ConsoleError
from bdr_console.lab import layout, lifecycle, meshes, pgbench
from bdr_console.lab.faults import FAULTS
from bdr_console.lab.programs import Wanted
from bdr_console.lab.running_lab import Lab
from bdr_console.lab.running_lab import up as bring_up
from bdr_console.lab.workload import LoadResult

_in_directory: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--directory",
    "-d",
    type=FILE,
    default=layout.default_directory,
    help="Where the lab lives.",
    show_default="below the state directory; for root /var/tmp/bdr-console-lab, unless BDR_CONSOLE_STATE",
)


@click.group()
def lab() -> None:
    """A rehearsal cluster of real PostgreSQL, HAProxy and PgBouncer on this machine."""


@lab.command()
@_in_directory
@click.option("--nodes", default=3, show_default=True, help="How many PostgreSQL nodes (1 to 9).")
@click.option("--proxies", default=1, show_default=True, help="How many HAProxies, each with two PgBouncers.")
@click.option("--environment", default="lab", show_default=True, help="The label that the console shows.")
@click.option(
    "--engine",
    type=click.Choice(list(meshes.MESHES)),
    default="bdr3",
    show_default=True,
    help="What replicates: bdr3 and bdr1 are stand-ins over pglogical, the others are the real thing.",
)
@click.option(
    "--postgres",
    metavar="DIR",
    type=FILE,
    help="The PostgreSQL to run (13 to 18): the directory of its programs, or its parent."
    " Default: the newest that is found and has what the engine needs.",
)
@click.option("--haproxy", metavar="FILE", type=FILE, help="The HAProxy to run; else from PATH.")
@click.option(
    "--pgbouncer",
    metavar="FILE",
    type=FILE,
    help="The PgBouncer to run; else from PATH.",
)
def up(
    directory: Path,
    nodes: int,
    proxies: int,
    environment: str,
    engine: str,
    postgres: Path | None,
    haproxy: Path | None,
    pgbouncer: Path | None,
) -> None:
    """Start a lab: nodes in a multi-master mesh, HAProxies, two PgBouncers in front of each."""
    fronts = "HAProxy and two" if proxies == 1 else f"{proxies} HAProxies and {2 * proxies}"
    click.echo(f"Starting {nodes} nodes ({meshes.MESHES[engine].name}), {fronts} PgBouncers ...", err=True)
    made = bring_up(directory, nodes, environment, engine, proxies, Wanted(postgres, haproxy, pgbouncer))
    click.echo(f"The nodes run {made.layout.programs.postgres.described}.", err=True)
    _show(made)
    where = "" if directory == layout.default_directory() else f" --directory {directory}"
    click.echo(
        f"\nOpen it:    bdr-console --config {made.config}\n"
        f"Add load:   bdr-console lab load start{where}\n"
        f"Stop it:    bdr-console lab down{where}"
    )


@lab.command()
@_in_directory
def down(directory: Path) -> None:
    """Stop everything that belongs to the lab and remove its directory."""
    lifecycle.down(directory)
    click.echo(f"The lab in {directory} is gone.")


@lab.command()
@_in_directory
def status(directory: Path) -> None:
    """Show every server of the lab, and whether it runs; fails when none does, as after a reboot."""
    shown = Lab.load(directory)
    _show(shown)
    if all(line.state == "stopped" for line in shown.status()):
        raise ConsoleError(f"nothing of the lab in {directory} runs", "Start it afresh: bdr-console lab up.")


@lab.command()
@_in_directory
def config(directory: Path) -> None:
    """Print the path of the console's configuration file for the lab."""
    click.echo(Lab.load(directory).config)


@lab.group()
def load() -> None:
    """Clients that write through the PgBouncers, and the count of what they wrote."""


@load.command("start")
@_in_directory
@click.option(
    "--clients", type=click.IntRange(1, 1000), default=16, show_default=True, help="Concurrent clients."
)
@click.option(
    "--rate",
    type=click.IntRange(1, 1_000_000),
    default=200,
    show_default=True,
    help="Transactions per second, of all clients together.",
)
@click.option("--unthrottled", is_flag=True, help="As many transactions as go, instead of a rate.")
@click.option(
    "--protocol",
    type=click.Choice(["simple", "extended", "prepared"]),
    default="simple",
    show_default=True,
    help="pgbench's query protocol; prepared needs the session pool.",
)
@click.option(
    "--pooler",
    metavar="NAME",
    help="The PgBouncer it goes through; by default it is spread over the transaction pool of every HAProxy.",
)
@click.option(
    "--seconds",
    type=click.IntRange(1, 4 * 3600),
    help="End after so many seconds; else when stopped, at most 4 hours.",
)
def load_start(
    directory: Path,
    clients: int,
    rate: int,
    unthrottled: bool,
    protocol: str,
    pooler: str | None,
    seconds: int | None,
) -> None:
    """Start the load and return when its first transactions are done."""
    pace = None if unthrottled else rate
    parts = Lab.load(directory).start_load(clients, pace, protocol, pooler, seconds).parts
    speed = f"{pace} transactions/s" if pace else "unthrottled"
    number = f"{clients} client{'s write' if clients > 1 else ' writes'}"
    through = " and ".join(part.pooler for part in parts)
    click.echo(f"{number} through {through} ({protocol} protocol, {speed}).")


@load.command("stop")
@_in_directory
def load_stop(directory: Path) -> None:
    """End the load and count what arrived on every node. Exits with 1 when anything failed or was lost."""
    _report(Lab.load(directory).stop_load())


@load.command("show")
@_in_directory
def load_show(directory: Path) -> None:
    """Show what the load has done so far, or how it ended. Exits with 1 when anything failed or was lost."""
    _report(Lab.load(directory).load_result())


@lab.command("break", epilog="Faults: " + "; ".join(f"{f.name} {f.target}".strip() for f in FAULTS.values()))
@_in_directory
@click.argument("fault", type=click.Choice(list(FAULTS)))
@click.argument("target", required=False)
def break_(directory: Path, fault: str, target: str | None) -> None:
    """Make a fault on purpose, for example: lab break freeze node2."""
    Lab.load(directory).break_(fault, target)
    again = "" if directory == layout.default_directory() else f" --directory {directory}"
    text = FAULTS[fault].text
    click.echo(f"{text[0].upper()}{text[1:]}.\nBack to normal: bdr-console lab mend{again}")


@lab.command()
@_in_directory
@click.argument("fault", type=click.Choice(list(FAULTS)), required=False)
@click.argument("target", required=False)
def mend(directory: Path, fault: str | None, target: str | None) -> None:
    """End one fault; without a name, put the whole lab back as it was after `up`."""
    if fault:
        Lab.load(directory).mend(fault, target)
        click.echo(f"{fault} is mended.")
    else:
        Lab.load(directory).mend_all()
        click.echo("Everything runs, replicates and takes traffic again.")


def _show(shown: Lab) -> None:
    lines = shown.status()
    width = max(len(line.what) for line in lines)
    for line in lines:
        click.echo(f"  {line.name:<16}  {line.what:<{width}}  {line.state}")


def _report(result: LoadResult) -> None:
    click.echo(f"{result.transactions} transactions done, {result.failed} failed")
    if result.aborted_clients:
        click.echo(
            f"{result.aborted_clients} of {result.order.clients} clients lost their connection and gave up"
        )
    if result.longest_stall:
        click.echo(f"Longest stall of a client: {_stall(result.longest_stall)}")
    for count in result.counts:
        click.echo(f"  {count.node}: {count.increments} increments found, {count.lost} lost")
    for node, why in result.unread.items():
        click.echo(f"  {node}: not counted: {why}")
    if result.failed or result.lost:
        raise click.exceptions.Exit(1)


def _stall(stall: pgbench.Stall) -> str:
    return f"{format_seconds(stall.seconds)}, from {format_clock(stall.began)} on"
