"""The live cluster of a run: it reads like any survey, and it is the only place that sends commands."""

import asyncio

from bdr_console.config import ClusterSettings
from bdr_console.links.haproxy import HaproxyAdmin
from bdr_console.links.pgbouncer import PgBouncerAdmin
from bdr_console.links.postgres import PostgresWriter
from bdr_console.runbooks.step import TargetKind
from bdr_console.runbooks.survey import Survey


class LiveWorld(Survey):
    """A survey with links that may act, for the runner alone."""

    def __init__(self, cluster: str, settings: ClusterSettings, *, application_name: str) -> None:
        super().__init__(cluster, settings, application_name=application_name)
        self._actors = {name: HaproxyAdmin(name, proxy.socket) for name, proxy in settings.proxies.items()}
        self._consoles = {
            name: PgBouncerAdmin(name, pooler.dsn, application_name=application_name)
            for name, pooler in settings.poolers.items()
        }
        self._writers = {
            name: PostgresWriter(name, node.dsn, application_name=application_name)
            for name, node in settings.nodes.items()
        }
        self._proxies = self._actors
        self._poolers = self._consoles

    async def send(self, kind: TargetKind, target: str, text: str) -> str:
        """Send one command; raises ConsoleError (LinkError) when it was refused or not answered.

        A tag that is not the command's own is no error here: PgBouncer answers waiting commands out of
        turn once a WAIT_CLOSE was used. The proof decides.
        """
        if kind == "haproxy":
            await self._actors[target].act(text)
            return "(empty line: done)"
        if kind == "node":
            rows = await self._writers[target].execute(text)
            return "; ".join(", ".join(f"{value}" for value in row.values()) for row in rows)
        return await self._consoles[target].act(text)

    async def send_waiting(self, target: str, text: str) -> str:
        """Send a command that may wait for ever; cancelling the task closes its connection."""
        return await self._consoles[target].act_waiting(text)

    async def warm(self, poolers: frozenset[str], nodes: frozenset[str]) -> None:
        """Open now what will be used while clients wait: a second console on each PgBouncer (the first one
        cannot be read while a PAUSE waits on it), and a session on each node. Raises ConsoleError."""
        await asyncio.gather(
            *(self._consoles[name].warm() for name in poolers),
            *(self._writers[name].connect() for name in nodes),
            *(self.positions(name) for name in nodes),
        )

    async def close(self) -> None:
        """Close every link at once."""
        await super().close()
        await asyncio.gather(*(writer.close() for writer in self._writers.values()))
