"""How long clients stall, and what they lose: the console next to the same commands sent by hand."""

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click

from bdr_console.config import load
from bdr_console.lab import Lab, up
from bdr_console.runbooks import launch
from bdr_console.runbooks.run import RunStatus

# What a DBA types, for one server and the database app; $1 is the server, the rest is in the environment.
BY_HAND = r"""
set -eu
proxy() { echo "$1 server bk_db/$server" | socat - "UNIX-CONNECT:$proxy_socket"; }
server=$1
proxy disable
for dsn in "$first_pooler" "$second_pooler"; do psql "$dsn dbname=pgbouncer" -qc "RECONNECT app"; done
for dsn in "$first_pooler" "$second_pooler"; do psql "$dsn dbname=pgbouncer" -qc "WAIT_CLOSE app"; done
sleep 1
proxy enable
"""


@dataclass
class Way:
    """One way to switch over, and what it cost each time."""

    name: str
    switch: Callable[[Lab, str], None]
    stalls: list[float] = field(default_factory=list)


def by_hand(lab: Lab, node: str) -> None:
    """The published commands from a shell script."""
    _, cluster = load(lab.config).cluster(None)
    poolers = [pooler.dsn for pooler in cluster.poolers.values()]
    environment = {
        **os.environ,
        "proxy_socket": next(iter(cluster.proxies.values())).socket,
        "first_pooler": poolers[0],
        "second_pooler": poolers[-1],
    }
    command = ["sh", "-c", BY_HAND, "by-hand", str(cluster.nodes[node].server)]
    subprocess.run(command, env=environment, timeout=60, check=True, stdout=subprocess.DEVNULL)


def by_console(lab: Lab, node: str) -> None:
    """The console's run, with `go` said as soon as it holds."""
    directory = launch.start(lab.config, "lab", node, "bench")
    follower = launch.follow(directory)
    said = False
    end = time.monotonic() + 90
    while time.monotonic() < end:
        view = follower.poll()
        if view and view.status is RunStatus.HOLDING and not said:
            time.sleep(1)  # the same pause as by hand, so that both keep the node out as long
            asyncio.run(launch.send(directory, "go"))
            said = True
        if view and view.status.over:
            if view.status is not RunStatus.DONE:
                raise click.ClickException(f"the run ended {view.status}: {view.message}")
            return
        time.sleep(0.02)
    raise click.ClickException("the run did not end within 90 s")


def summary(way: Way) -> str:
    """Longest client stall of each switch, in milliseconds."""
    figures = [stall * 1000 for stall in way.stalls]
    return f"{min(figures):6.0f} {statistics.median(figures):6.0f} {max(figures):6.0f}"


@click.command()
@click.option("--rounds", default=4, help="Switchovers there and back, for each way.")
@click.option("--rate", default=400, help="Transactions a second; 0 for as many as go.")
@click.option("--clients", default=16)
@click.option("--protocol", default="simple", type=click.Choice(["simple", "extended"]))
def main(rounds: int, rate: int, clients: int, protocol: str) -> None:
    """Switch over and back again under load, by hand and by the console in turn."""
    ways = [Way("by hand (sh, socat, psql)", by_hand), Way("bdr-console", by_console)]
    with tempfile.TemporaryDirectory() as state:
        os.environ["BDR_CONSOLE_STATE"] = state
        lab = up(Path(f"/var/tmp/bdr-bench-{os.getpid()}"))
        try:
            lab.start_load(clients=clients, rate=rate or None, protocol=protocol)
            time.sleep(3)
            for _ in range(rounds):
                for way in ways:
                    for node in ("node1", "node2"):
                        since = datetime.now(UTC)
                        way.switch(lab, node)
                        time.sleep(1)
                        if stall := lab.stall(since, datetime.now(UTC)):
                            way.stalls.append(stall.seconds)
            result = lab.stop_load()
        finally:
            lab.down()
    click.echo(f"{clients} clients, {rate or 'unthrottled'}/s, -M {protocol}, natural replication lag")
    click.echo("longest client stall of a switch (ms)      min median    max")
    for way in ways:
        click.echo(f"  {way.name:<38} {summary(way)}")
    ratio = statistics.median(ways[1].stalls) / statistics.median(ways[0].stalls)
    click.echo(f"  ratio of the medians, console to hand    {ratio:.2f}")
    click.echo(f"transactions {result.transactions}, failed {result.failed}, lost increments {result.lost}")


if __name__ == "__main__":
    main()
