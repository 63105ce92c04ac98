"""How long clients stall, and what they lose: the console next to the same commands sent by hand."""

import asyncio
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from bdr_console.config import load
from bdr_console.lab import Lab
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.journal.impact import measures
from bdr_console.runbooks.journal.journal_file import RUNNER_LOCK, read_events
from bdr_console.runbooks.locks import holder_of
from bdr_console.runbooks.model.run import RunStatus
from script.benches.labs import bench_lab

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
    switch: Callable[[Lab, str], tuple[float, float] | None]
    stalls: list[float] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    failed: int = 0
    waits: list[tuple[float, float]] = field(default_factory=list)
    """Of each pause: the wait that the plan named, and from PAUSE sent to RESUME answered; in seconds."""


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


def by_console(lab: Lab, node: str, mode: str) -> tuple[float, float] | None:
    """The console's run, with `go` said as soon as it holds; returns its pause as planned and as it was."""
    directory = launch.start(lab.config, "lab", node, "bench", mode=mode)
    try:
        _see_through(directory)
    except BaseException:  # a signal too: the runner is a process of its own and would go on without a lab
        if holder := holder_of(directory / RUNNER_LOCK):
            with suppress(ProcessLookupError):
                os.kill(int(holder["pid"]), signal.SIGKILL)
        raise
    return _pause(directory, node)


def _pause(directory: Path, node: str) -> tuple[float, float] | None:
    events = read_events(directory)
    notes = " ".join(note for event in events if event["event"] == "run" for note in event["notes"])
    planned = re.search(r"waits once, for about ([\d.]+) (ms|s) ", notes)
    took = [found.value for found in measures(events, node) if found.what == "took" and found.value]
    if planned is None or not took:
        return None
    return float(planned[1]) / (1000 if planned[2] == "ms" else 1), max(took)


def _see_through(directory: Path) -> None:
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


def once(lab: Lab, way: Way, node: str, lag: int, clients: int, rate: int, protocol: str) -> None:
    """One switchover of `node` under a load of its own, with every peer applying `lag` ms late."""
    for peer in lab.layout.nodes:
        if lag and peer.name != node:
            lab.break_("delay-apply", f"{node}:{peer.name}={lag}")
    lab.start_load(clients=clients, rate=rate or None, protocol=protocol)
    time.sleep(1 + lag / 1000)  # so that the lag is there before the switch
    since = datetime.now(UTC)
    if wait := way.switch(lab, node):
        way.waits.append(wait)
    time.sleep(0.5)
    stall = lab.stall(since, datetime.now(UTC))
    result = lab.stop_load()
    way.stalls.append(stall.seconds if stall else 0.0)
    way.lost.append(result.lost if result.lost is not None else -1)
    way.failed += result.failed
    lab.mend_all()


def ratio(way: Way, first: Way) -> str:
    """Median stall and all lost updates next to the first way's."""
    stalls = statistics.median(way.stalls) / (statistics.median(first.stalls) or 1)
    lost = f"{sum(way.lost) / sum(first.lost):.2f}" if sum(first.lost) else "-"
    return f"{stalls:6.2f} {lost:>6}"


@click.command()
@click.option("--rounds", default=3, help="Switchovers for each way and lag.")
@click.option("--rate", default=400, help="Transactions a second; 0 for as many as go.")
@click.option("--clients", default=16)
@click.option("--protocol", default="simple", type=click.Choice(["simple", "extended"]))
@click.option("--lag", "lags", multiple=True, type=int, default=(0, 100, 1000), help="Milliseconds.")
def main(rounds: int, rate: int, clients: int, protocol: str, lags: tuple[int, ...]) -> None:
    """Switch over under load: by hand, gradually, and quiesced; lost updates and longest client stall."""
    click.echo(f"{clients} clients, {rate or 'unthrottled'}/s, -M {protocol}, {rounds} rounds")
    click.echo(
        "lag ms  way                        lost updates    failed   longest stall ms     ratio to by hand"
    )
    click.echo("                                   each round               min    med    max   stall   lost")
    with tempfile.TemporaryDirectory() as state:
        os.environ["BDR_CONSOLE_STATE"] = state
        with bench_lab() as lab:
            for lag in lags:
                ways = [
                    Way("by hand (sh, socat, psql)", by_hand),
                    Way("bdr-console, gradual", partial(by_console, mode="gradual")),
                    Way("bdr-console, quiesce", partial(by_console, mode="quiesce")),
                ]
                for _ in range(rounds):
                    for way in ways:
                        once(lab, way, "node1", lag, clients, rate, protocol)
                for way in ways:
                    stalls = [1000 * stall for stall in way.stalls]
                    figures = f"{min(stalls):6.0f} {statistics.median(stalls):6.0f} {max(stalls):6.0f}"
                    lost = " ".join(str(count) for count in way.lost)
                    shown = f"{lag:>6}  {way.name:<26} {lost:<15} {way.failed:>6}  {figures}"
                    click.echo(f"{shown}  {ratio(way, ways[0])}")
                    if way.waits:
                        pauses = ", ".join(f"{1000 * was:.0f} ({1000 * plan:.0f})" for plan, was in way.waits)
                        click.echo(f"        pause ms, in brackets as planned: {pauses}")


if __name__ == "__main__":
    main()
