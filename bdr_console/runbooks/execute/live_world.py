"""The live cluster of a run: it reads like any survey, and it is the only place that sends commands."""

import asyncio
import re
from collections.abc import Mapping
from typing import Literal

from bdr_console.cluster.access import ends_sessions
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.links.errors import LinkError
from bdr_console.links.haproxy import HaproxyAdmin
from bdr_console.links.pgbouncer import PgBouncerAdmin
from bdr_console.links.postgres import PostgresWriter
from bdr_console.runbooks.execute.cluster_reader import ClusterReader
from bdr_console.runbooks.model.pool_holders import signal_sql
from bdr_console.runbooks.model.step import TargetKind

_FORBIDDEN = re.compile(r"must be|permission denied", re.IGNORECASE)


class LiveWorld(ClusterReader):
    """A survey with links that may act, for the runner alone.

    It reads and acts through the same links, so that a run bears two connections to a target at most: this
    one and the operators' lock on a node, this one and a waiting command's on a PgBouncer, one reading and
    one command on HAProxy. The watchdog of a pause adds its own to PgBouncer while clients wait: it must be
    connected before the run dies, and be another process than the run.
    """

    def __init__(
        self,
        cluster: str,
        settings: ClusterSettings,
        *,
        application_name: str,
        hurried: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(cluster, settings, application_name=application_name, hurried=hurried)
        self._actors = self._links.proxies(HaproxyAdmin)
        self._consoles = self._links.poolers(PgBouncerAdmin)
        self._writers = self._links.nodes(PostgresWriter)
        self._read_through(self._writers, self._actors, self._consoles)

    async def send(self, kind: TargetKind, target: str, text: str) -> str:
        """Send one command; raises ConsoleError (LinkError) when it was refused or not answered.

        A tag that is not the command's own is no error here: PgBouncer answers waiting commands out of
        turn once a WAIT_CLOSE was used. The proof decides.
        """
        if kind == "haproxy":
            await self._actors[target].act(text)
            return "\n"  # all that HAProxy answers to a change it made; the link raises for anything else
        if kind == "node":
            rows = await self._writers[target].execute(text)
            return "; ".join(", ".join(f"{value}" for value in row.values()) for row in rows)
        return await self._consoles[target].act(text)

    async def send_waiting(self, target: str, text: str) -> str:
        """Send a command that may wait for ever; cancelling the task closes its connection."""
        return await self._consoles[target].act_waiting(text)

    async def signal(self, node: str, how: Literal["cancel", "terminate"], pid: int, started: str) -> bool:
        """Cancel or end one backend by pid and backend_start; False when it is gone.

        Raises ConsoleError (LinkError) when the role may not, or the node did not answer.
        """
        try:
            rows = await self._writers[node].execute(signal_sql(how, pid, started))
        except LinkError as error:
            if not _FORBIDDEN.search(error.reason):
                raise
            remedy = f"{node}: {ends_sessions(self._writers[node].version_text)}"
            raise ConsoleError(error.problem, remedy) from None
        return any(value is True for row in rows for value in row.values())

    async def warm(self, poolers: frozenset[str], nodes: frozenset[str]) -> None:
        """Open now what will be used while clients wait: a second console on each PgBouncer (the first one
        cannot be read while a PAUSE waits on it), and a session on each node. Raises ConsoleError."""
        await asyncio.gather(
            *(self._consoles[name].warm() for name in poolers),
            *(self.positions(name) for name in nodes),
        )
