"""The live cluster of a run: it reads like any survey, and it is the only place that sends commands."""

from bdr_console.config import ClusterSettings
from bdr_console.links.haproxy import HaproxyAdmin
from bdr_console.links.pgbouncer import PgBouncerAdmin
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
        self._proxies = self._actors
        self._poolers = self._consoles

    async def send(self, kind: TargetKind, target: str, text: str) -> str:
        """Send one command; raises ConsoleError (LinkError) when it was refused or not answered.

        A tag that is not the command's own is no error here: PgBouncer answers waiting commands out of
        turn once a WAIT_CLOSE was used. The proof decides.
        """
        if kind == "haproxy":
            await self._actors[target].act(text)
            return "\n"  # all that HAProxy answers to a change it made; the link raises for anything else
        return await self._consoles[target].act(text)

    async def send_waiting(self, target: str, text: str) -> str:
        """Send a command that may wait for ever; cancelling the task closes its connection."""
        return await self._consoles[target].act_waiting(text)
