"""What one console costs a node: statements, round trips and the server's time for each refresh."""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
import psycopg

from bdr_console.config import load
from bdr_console.engines import Probe
from bdr_console.lab import Lab
from bdr_console.links.postgres import PostgresReader, Rows, Unreadable
from script.benches.labs import bench_lab


class CountingReader(PostgresReader):
    """A reader that keeps count of what it sends; each fetch is one round trip."""

    def __init__(self, name: str, dsn: str) -> None:
        super().__init__(name, dsn)
        self.round_trips = 0
        self.sent: Counter[tuple[str, str]] = Counter()
        """How often each statement was sent, by name and text."""

    async def fetch(self, statements: Mapping[str, str]) -> dict[str, Rows | Unreadable]:
        self.round_trips += 1
        self.sent.update(statements.items())
        return await super().fetch(statements)


def cpu(pid: int) -> float:
    """Seconds of processor that a process has used; nanoseconds fine where the kernel counts so."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, IndexError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def refreshes(dsn: str, wanted: str | None, count: int, pace: float) -> Counter[tuple[str, str]]:
    """Read the node `count` times as the monitor does, print what that took; returns what was sent."""
    reader = CountingReader("node1", dsn)
    probe = Probe(reader, wanted)
    try:
        await probe.read()  # recognises the engine, and fills the server's caches
        told = (await reader.fetch({"pid": "SELECT pg_backend_pid() AS pid"}))["pid"]
        assert not isinstance(told, Unreadable)
        pid = int(told[0]["pid"])
        reader.round_trips = 0
        reader.sent.clear()
        waits, used, most = [], cpu(pid), 0
        for _ in range(count):
            began, before = time.perf_counter(), reader.sent.total()
            facts = await probe.read()
            waits.append(time.perf_counter() - began)
            most = max(most, reader.sent.total() - before)
            await asyncio.sleep(max(0.0, pace - waits[-1]))
        spent = (cpu(pid) - used) / count
    finally:
        await reader.close()
    click.echo(f"{facts.engine}, PostgreSQL {facts.server_version}: {count} refreshes, one every {pace:g} s")
    for part in facts.unread:
        click.echo(f"  NOT READ: {part.what}: {part.why}")
    click.echo(f"  statements each refresh     {reader.sent.total() / count:6.1f}    (at most {most})")
    click.echo(f"  round trips each refresh    {reader.round_trips / count:6.1f}    (aim: 1)")
    click.echo(f"  answer, seen by the console {statistics.median(waits) * 1000:6.1f} ms (median)")
    click.echo(f"  server's processor time     {spent * 1000:6.2f} ms each refresh (aim: < 2 ms)")
    click.echo(f"  share of the node's core    {spent / pace:6.2%}")
    return reader.sent


def each_statement(dsn: str, sent: Counter[tuple[str, str]], count: int, rounds: int) -> None:
    """What every statement costs by itself, the costliest first: the server's processor time for one that it
    keeps prepared, as from the third refresh on, and what EXPLAIN tells of planning and execution."""
    figures = []
    with psycopg.connect(
        dsn, autocommit=True, options="-c search_path=pg_catalog -c jit=off", prepare_threshold=None
    ) as connection:
        for (name, text), times in sent.items():
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {text}".encode()
            plans = [row[0][0] for _ in range(rounds) for row in connection.execute(explain)]
            planned = statistics.median(plan["Planning Time"] for plan in plans)
            executed = statistics.median(plan["Execution Time"] for plan in plans)
            connection.execute(text.encode(), prepare=True)
            used = cpu(connection.info.backend_pid)
            for _ in range(rounds * 5):
                connection.execute(text.encode(), prepare=True)
            spent = (cpu(connection.info.backend_pid) - used) / (rounds * 5) * 1000
            figures.append((spent * times / count, spent, planned, executed, name, times / count))
    click.echo("  prepared ms  planned ms  executed ms  statement")
    for _, spent, planned, executed, name, share in sorted(figures, reverse=True):
        often = "" if share > 0.9 else f"  (in {share:.0%} of the refreshes)"
        click.echo(f"  {spent:11.3f} {planned:11.2f} {executed:12.2f}  {name}{often}")


def measure(lab: Lab, count: int, pace: float, rounds: int) -> None:
    """The first node of a lab."""
    _, cluster = load(lab.config).cluster(None)
    node = next(iter(cluster.nodes.values()))
    sent = asyncio.run(refreshes(node.dsn, node.engine, count, pace))
    each_statement(node.dsn, sent, count, rounds)


@click.command()
@click.option("--engine", "engines", multiple=True, default=("bdr3",), help="May be said more than once.")
@click.option("--refreshes", "count", default=30, show_default=True)
@click.option("--pace", default=1.0, show_default=True, help="Seconds from one refresh to the next.")
@click.option("--rounds", default=20, show_default=True, help="Times that each statement is explained.")
@click.option("--rate", default=50, show_default=True, help="Transactions a second meanwhile; 0 for none.")
def main(engines: tuple[str, ...], count: int, pace: float, rounds: int, rate: int) -> None:
    """Read node1 of a lab as the console does, and say what that costs the server, statement by statement."""
    for engine in engines:
        with bench_lab(engine) as lab:
            if rate:
                lab.start_load(clients=4, rate=rate)
            measure(lab, count, pace, rounds)


if __name__ == "__main__":
    main()
