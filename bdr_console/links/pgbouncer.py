"""PgBouncer's admin console: simple queries on the database `pgbouncer`, one at a time.

No cancel request ever leaves here: it would not end a waiting command, and it lifts anybody's PAUSE.
A command that is waited for no longer is left by closing its connection.
"""

import asyncio
import re
from dataclasses import replace

import psycopg
from psycopg import pq

from bdr_console.cluster.poolers import CHANGED_SETTINGS, PoolerFacts
from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.links import conninfo
from bdr_console.links.errors import LinkError, NotReached, no_answer, postgres_reason, remedy_for
from bdr_console.links.pgbouncer_names import NAME
from bdr_console.links.pgbouncer_rows import CONSOLE, Row, pooler_facts
from bdr_console.links.secret import PasswordSource
from bdr_console.links.sentry import Sentry, why_none
from bdr_console.links.session import Session, SessionLost
from bdr_console.links.ssh_route import SshRoute

__all__ = ["PgBouncerAdmin", "PgBouncerReader", "read_pooler"]

_SHOWS = frozenset(
    (
        *("POOLS", "SERVERS", "CLIENTS", "DATABASES", "USERS", "VERSION", "STATE", "CONFIG", "LISTS", "MEM"),
        *("STATS", "STATS_TOTALS", "STATS_AVERAGES", "TOTALS", "PEERS", "PEER_POOLS"),
    )
)
"""SHOW FDS is left out for good: it blocks PgBouncer and its rows carry passwords."""

_SENTRY_WITHIN = 5.0
"""Seconds: a login shell may be slow, and this is before the pause."""
_ACTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(PAUSE|RESUME|RECONNECT|WAIT_CLOSE|KILL|DISABLE|ENABLE) {NAME}",
        r"KILL_CLIENT [0-9]{1,20}",
        r"SET [a-z_]+ = '[A-Za-z0-9_.]*'",
        r"RELOAD",
    )
)


class PgBouncerReader:
    """One PgBouncer to be read. Nothing but SHOW goes out; connects on demand, again after a loss."""

    def __init__(
        self,
        name: str,
        dsn: str,
        *,
        application_name: str = "bdr-console",
        deadline: float = 2.0,
        through: SshRoute | None = None,
        password: PasswordSource | None = None,
    ) -> None:
        self.name = name
        self.deadline = deadline
        words = conninfo.parse(name, dsn)
        self._through = through
        self.address = through.shown(conninfo.address(words)) if through else conninfo.address(words)
        self.on_socket = conninfo.endpoints(words)[0][0].startswith(("/", "@"))
        """Whether it is reached on its UNIX socket, which belongs to one process for sure."""
        self.user = words.get("user", "")
        """As the DSN names it; empty when libpq chooses."""
        self._words = {
            "dbname": CONSOLE,
            **words,
            **conninfo.limits(deadline),
            "application_name": application_name,
            "options": "",  # PgBouncer refuses any, also from $PGOPTIONS
            "target_session_attrs": "any",  # anything else makes libpq ask what the console does not know
        }
        self._password = password
        self._session: Session | None = None
        self._turn = asyncio.Lock()
        self.server_version = 0
        """11800 for 1.18.0; 0 until connected for the first time."""
        self.version = ""
        """`1.18.0`; empty until connected for the first time."""

    async def why_no_sentry(self) -> str | None:
        """Why no watchdog can be posted on the SSH host that leads here; empty when one can, None without
        a host on the way."""
        return None if self._through is None else await why_none(self._through, _SENTRY_WITHIN)

    @property
    def password_in_clear(self) -> bool:
        """Whether the password of the open console went over a network without TLS."""
        return self._session is not None and self._session.alive and self._session.password_in_clear

    async def show(self, what: str) -> list[dict[str, str]]:
        """The rows of `SHOW what`, every value as text (NULL is ""); raises LinkError."""
        if what.upper() not in _SHOWS:
            raise ConsoleError(
                f"`SHOW {clean(what, 100)}` is not asked of PgBouncer", f"Known: {', '.join(sorted(_SHOWS))}."
            )
        async with self._turn:
            session = await self._open()
            result = await self._ask(session, f"SHOW {what.upper()}", self.deadline)
        return _rows(result)

    async def connect(self) -> None:
        """Connect now, if not connected: afterwards `version` is known."""
        async with self._turn:
            await self._open()

    async def renew(self) -> None:
        """Connect anew to the same address, in place of this connection: where several processes share the
        port another one may answer. Raises LinkError."""
        async with self._turn:
            self._drop()
            await self._open()

    async def close(self) -> None:
        """Close the console at once."""
        self._drop()

    def _drop(self) -> None:
        if self._session:
            self._session.close()
            self._session = None

    async def _open(self) -> Session:
        if self._session is None or not self._session.alive:
            self._session = None
            self._session = await self._connect()
        return self._session

    async def _connect(self) -> Session:
        try:
            session = await Session.open(self._words, self.deadline, self._through, self._password)
        except NotReached as error:
            raise LinkError(self.name, self.address, "connecting", error.reason, error.remedy) from None
        except (TimeoutError, psycopg.errors.ConnectionTimeout):
            raise no_answer(self.name, self.address, "connecting", self.deadline) from None
        except psycopg.Error as error:
            raise self._lost("connecting", str(error)) from None
        except OSError as error:
            raise self._lost("connecting", error.strerror or str(error)) from None
        said = session.parameter("server_version")
        if not said.endswith("/bouncer"):
            session.close()
            reason = f"this is no PgBouncer console (it calls itself {clean(said, 60) or 'nothing'})"
            raise LinkError(
                self.name,
                self.address,
                "connecting",
                reason,
                "Let the DSN lead to PgBouncer's own port or socket.",
            )
        self.version, self.server_version = clean(said.removesuffix("/bouncer"), 40), session.server_version
        return session

    async def _ask(self, session: Session, command: str, deadline: float | None) -> pq.abc.PGresult:
        try:
            result = await session.simple(command, deadline)
        except TimeoutError:
            raise no_answer(self.name, self.address, f"`{command}`", self.deadline) from None
        except SessionLost as error:
            raise self._lost(f"`{command}`", str(error)) from None
        if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            message = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message
            reason = clean(message, 300)
            raise LinkError(self.name, self.address, f"`{command}`", reason, _remedy(reason))
        return result

    def _lost(self, tried: str, message: str) -> LinkError:
        reason = postgres_reason(message)
        return LinkError(self.name, self.address, tried, reason, remedy_for(reason))


class PgBouncerAdmin(PgBouncerReader):
    """One PgBouncer to act on, for runbooks; its user must be in admin_users."""

    _spare: Session | None = None
    """Opened beforehand for the next waiting command."""

    async def warm(self) -> None:
        """Open now what the next `act` and `act_waiting` will use, so that they cost one round trip."""
        await self.connect()
        if self._spare is None or not self._spare.alive:
            self._spare = await self._connect()

    async def close(self) -> None:
        """Close every console at once."""
        spare, self._spare = self._spare, None
        if spare:
            spare.close()
        await super().close()

    async def act(self, command: str) -> str:
        """Send one command and return the tag that came back.

        After any WAIT_CLOSE that tag may be another command's: judge by SHOW, not by the tag.

        Raises LinkError when it is refused or not answered in time; in the last case whether it took
        effect is not known.
        """
        _check(self.name, command)
        async with self._turn:
            session = await self._open()
            result = await self._ask(session, command, self.deadline)
        return clean(result.command_status or b"", 200)

    async def post_sentry(self) -> Sentry | None:
        """A watchdog on the SSH host that leads here; None without one on the way. Raises LinkError."""
        if self._through is None:
            return None
        try:
            words = self._words
            if self._password is not None:
                words = {**words, "password": await self._password.password()}
            return await Sentry.post(self._through, words, _SENTRY_WITHIN)
        except NotReached as error:
            tried = "starting a watchdog beside it"
            raise LinkError(self.name, self.address, tried, error.reason, error.remedy) from None

    async def act_waiting(self, command: str) -> str:
        """The same over a connection of its own and without a deadline, for WAIT_CLOSE and PAUSE.

        Cancelling the task closes the connection, which is the only clean way out.
        """
        _check(self.name, command)
        session, self._spare = self._spare, None
        if session is None or not session.alive:
            session = await self._connect()
        try:
            result = await self._ask(session, command, None)
        finally:
            session.close()
        return clean(result.command_status or b"", 200)


def _check(name: str, command: str) -> None:
    if not any(pattern.fullmatch(command) for pattern in _ACTS):
        raise ConsoleError(
            f"{name}: `{clean(command, 200)}` is not a command the console sends to PgBouncer",
            "A database is named by letters, digits and _, or in quotes; without a name it would reach all.",
        )


def _remedy(reason: str) -> str:
    if "admin access needed" in reason:
        return "Name the user in admin_users of PgBouncer's configuration and reload."
    if "invalid command" in reason:
        return "This PgBouncer does not know the command: RECONNECT and WAIT_CLOSE need 1.9 or later."
    return "PgBouncer refused the command, so it changed nothing."


def _rows(result: pq.abc.PGresult) -> list[dict[str, str]]:
    names = [(result.fname(i) or b"").decode("utf-8", "backslashreplace") for i in range(result.nfields)]
    return [
        {
            name: (result.get_value(line, i) or b"").decode("utf-8", "backslashreplace")
            for i, name in enumerate(names)
        }
        for line in range(result.ntuples)
    ]


async def read_pooler(reader: PgBouncerReader) -> PoolerFacts:
    """One reading of pools, server connections and databases; raises LinkError."""
    pool_rows: list[Row] = [*await reader.show("POOLS")]
    server_rows: list[Row] = [*await reader.show("SERVERS")]
    database_rows: list[Row] = [*await reader.show("DATABASES")]
    facts = pooler_facts(
        reader.version, reader.server_version >= 10900, pool_rows, server_rows, database_rows
    )
    return replace(facts, settings=await changed_settings(reader))


async def changed_settings(reader: PgBouncerReader) -> tuple[tuple[str, str], ...]:
    """The settings that a switchover changes and puts back, as they are now; raises LinkError."""
    rows = await reader.show("CONFIG")
    return tuple((row["key"], clean(row["value"], 40)) for row in rows if row.get("key") in CHANGED_SETTINGS)
