"""What judging a large cluster costs: from a snapshot to the verdict, no screen and no server."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

import click

from bdr_console.cli import GARBAGE_AFTER
from bdr_console.cluster.history import History
from bdr_console.cluster.replication import links
from bdr_console.cluster.slot_owners import with_slot_owners
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.cluster.verdict.history_keys import remember
from bdr_console.cluster.verdict.judge import judge
from tests.ui.large import large, native
from tests.ui.scenes import NOW

P = ParamSpec("P")
T = TypeVar("T")


def _at(snapshot: Snapshot, at: datetime) -> Snapshot:
    """The same, read again at `at`."""
    return replace(
        snapshot,
        taken_at=at,
        nodes=tuple(replace(node, seen_at=at) for node in snapshot.nodes),
        proxies=tuple(replace(proxy, seen_at=at) for proxy in snapshot.proxies),
        poolers=tuple(replace(pooler, seen_at=at) for pooler in snapshot.poolers),
    )


class _Clock:
    """The processor time that each part of the work took, in milliseconds."""

    def __init__(self) -> None:
        self.spent: dict[str, list[float]] = {}

    def run(self, part: str, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Do `work`, and add what it took to `part`."""
        began = time.process_time()
        result = work(*args, **options)
        self.spent.setdefault(part, []).append((time.process_time() - began) * 1000)
        return result


def _owned(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, nodes=with_slot_owners(snapshot.nodes))


def measure(snapshot: Snapshot, rounds: int) -> None:
    """Print the processor time of each part in milliseconds, over `rounds` readings a second apart."""
    history, limits, clock = History(), Thresholds(), _Clock()
    for number in range(rounds):
        now = NOW + timedelta(seconds=number)
        owned = clock.run("slot owners", _owned, _at(snapshot, now))
        clock.run("beside: history", remember, history, owned)
        known = clock.run("links, their lag", links, owned, now, history)
        verdict = clock.run("verdict", judge, owned, limits, now, history, known=known)
    beside = clock.spent.pop("beside: history")
    totals = [sum(parts) for parts in zip(*clock.spent.values(), strict=True)]
    figures = {"snapshot to verdict": totals, **clock.spent, "beside: history": beside}
    for part, times in figures.items():
        click.echo(f"  {part:<19} {statistics.median(times):7.1f} ms ({min(times):.1f} to {max(times):.1f})")
    click.echo(f"  {len(known)} links, {len(verdict.findings)} findings")


@click.command()
@click.option("--nodes", default=50, show_default=True)
@click.option("--rounds", default=20, show_default=True)
def main(nodes: int, rounds: int) -> None:
    """Judge made-up clusters again and again."""
    gc.set_threshold(*GARBAGE_AFTER)  # as the program does
    for name, snapshot in (("native", native(nodes)), ("BDR", large(nodes))):
        click.echo(f"{nodes} {name} nodes, {rounds} readings; processor time, median (aim: < 50 ms)")
        measure(snapshot, rounds)


if __name__ == "__main__":
    main()
