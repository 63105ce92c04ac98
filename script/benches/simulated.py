"""The console on a cluster that is made up: more nodes than any lab has, some figures new every second.

python -m script.benches.simulated --nodes 50 --servers 200 --poolers 20
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import click

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from tests.ui.large import large

_CHANGING = 10
"""One slot in so many has another figure each second."""


class _MadeUp:
    """A snapshot a second; the silent ones say nothing from the tenth on."""

    def __init__(self, shown: Snapshot, silent: int) -> None:
        self._shown, self._silent = shown, {node.name for node in shown.nodes[-silent:]} if silent else set()
        self._began = datetime.now(UTC)

    async def updates(self) -> AsyncIterator[Snapshot]:
        """One each second."""
        number = 0
        while True:
            yield self._at(number)
            number += 1
            await asyncio.sleep(1.0)

    def _at(self, number: int) -> Snapshot:
        now, shown = datetime.now(UTC), self._shown
        return replace(
            shown,
            taken_at=now,
            nodes=tuple(self._node(node, place, number, now) for place, node in enumerate(shown.nodes)),
            proxies=tuple(replace(proxy, seen_at=now) for proxy in shown.proxies),
            poolers=tuple(replace(pooler, seen_at=now) for pooler in shown.poolers),
        )

    def _node(self, node: Observed[NodeFacts], place: int, number: int, now: datetime) -> Observed[NodeFacts]:
        if node.name in self._silent:
            return replace(node, seen_at=self._began - timedelta(seconds=30), error="timed out after 2.0 s")
        if node.facts is None:
            return node
        slots = tuple(
            replace(slot, lag_bytes=4096 + number * 1024 % 90_000)
            if (i + place + number) % _CHANGING == 0
            else slot
            for i, slot in enumerate(node.facts.slots)
        )
        return replace(node, seen_at=now, facts=replace(node.facts, slots=slots))

    def refresh_now(self) -> None:
        """Nothing to read."""

    def set_refresh(self, seconds: float) -> None:
        """The pace is fixed."""

    async def close(self) -> None:
        """Nothing is open."""


@click.command()
@click.option("--nodes", default=50)
@click.option("--servers", default=200)
@click.option("--poolers", default=20)
@click.option("--silent", default=0, help="How many nodes do not answer.")
def main(nodes: int, servers: int, poolers: int, silent: int) -> None:
    """Open the console on it."""
    ConsoleApp(ClusterParts(_MadeUp(large(nodes, servers, poolers), silent), "simulated")).run()


if __name__ == "__main__":
    main()
