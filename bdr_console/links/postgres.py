"""PostgreSQL nodes: one read-only session each, many statements in one round trip."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import pq

from bdr_console.cluster.text import clean
from bdr_console.links import conninfo
from bdr_console.links.errors import LinkError, NotReached, no_answer, postgres_reason, remedy_for
from bdr_console.links.secret import PasswordSource
from bdr_console.links.session import Rows, Session, SessionLost
from bdr_console.links.session_settings import (
    READ_ONLY,
    READ_WRITE,
    STARTING_ENCODING,
    first_statements,
    startup_options,
)
from bdr_console.links.ssh_route import SshRoute

__all__ = ["PostgresReader", "PostgresWriter", "Rows", "Unreadable"]

_SOON, _LATE = 2.0, 600.0
"""Seconds before a statement is sent again that failed for want of a privilege, relation or function: soon at
first, because some rights come to be within seconds of a server's start; then twice as long each time, for
each failure is a line in the server's log."""
_WAITS_FOR_A_DBA = ("42501", "42P01", "42883", "42703", "3F000", "0A000")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why one statement gave no rows."""

    why: str
    sqlstate: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A statement that the server refused, and that is not sent again for a while."""

    until: float
    """On the monotonic clock."""
    pause: float
    answer: Unreadable

    @classmethod
    def after(cls, before: "Refusal | None", now: float, answer: Unreadable) -> "Refusal":
        """The next one, with twice the pause of the one before."""
        pause = min(before.pause * 2, _LATE) if before else _SOON
        return cls(now + pause, pause, answer)


class PostgresReader:
    """A node to be read: connects on demand, again after a loss; every wait ends at the deadline.

    The session is read-only and autocommits, looks names up in pg_catalog only, and gives up by
    itself on a lock or a slow statement shortly before the deadline would close it.
    """

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
        self.endpoints = conninfo.endpoints(words)
        self._words = {
            **words,
            **conninfo.limits(deadline),
            "client_encoding": STARTING_ENCODING,
            "application_name": application_name,
            "options": " ".join([words.get("options", ""), *self._settings()]).strip(),
        }
        self._password = password
        self._session: Session | None = None
        self._turn = asyncio.Lock()
        self._refused: dict[str, Refusal] = {}

    def _settings(self) -> list[str]:
        return startup_options(self.deadline)

    @property
    def server_version(self) -> int:
        """The connected server's number (150020); 0 while not connected."""
        return self._session.server_version if self._session and self._session.alive else 0

    async def connect(self) -> int:
        """Connect unless that is done, and return the server's number: what to ask depends on it.

        Raises LinkError as `fetch` does.
        """
        async with self._turn:
            return (await self._open()).server_version

    @property
    def version_text(self) -> str:
        """The connected server's version as people write it: `15.20`, `9.4`; empty while not connected."""
        number = self.server_version
        if not number:
            return ""
        return f"{number // 10000}.{number // 100 % 100 if number < 100000 else number % 100}"

    @property
    def peer(self) -> tuple[str, str] | None:
        """(IP address, port) of the server reached last; None while not connected or on a UNIX socket."""
        if not self._session or not self._session.alive:
            return None
        info = self._session.connection.info
        return (info.hostaddr, str(info.port)) if info.hostaddr else None

    @property
    def password_in_clear(self) -> bool:
        """Whether the password of the open session went over a network without TLS."""
        return self._session is not None and self._session.alive and self._session.password_in_clear

    async def fetch(self, statements: Mapping[str, str]) -> dict[str, Rows | Unreadable]:
        """All statements in one round trip; one that fails spoils no other.

        Raises LinkError when the server cannot be reached, does not answer in time or breaks off.
        """
        async with self._turn:
            session = await self._open()
            now = time.monotonic()
            kept = {sql: refusal for sql, refusal in self._refused.items() if refusal.until > now}
            ask = {key: sql for key, sql in statements.items() if sql not in kept}
            try:
                results = await session.pipeline(list(ask.values()), self.deadline, again=True) if ask else []
            except TimeoutError:
                raise no_answer(self.name, self.address, "reading", self.deadline) from None
            except SessionLost as error:
                raise self._lost("reading", str(error)) from None
            answers = {key: _answer(session, result) for key, result in zip(ask, results, strict=True)}
            for key, answer in answers.items():
                before = self._refused.pop(statements[key], None)
                if isinstance(answer, Unreadable) and answer.sqlstate in _WAITS_FOR_A_DBA:
                    self._refused[statements[key]] = Refusal.after(before, now, answer)
            return {
                key: answers[key] if key in answers else kept[sql].answer for key, sql in statements.items()
            }

    def ask_again(self) -> None:
        """Send at the next reading what was refused before: the operator may have granted it meanwhile."""
        self._refused.clear()

    async def close(self) -> None:
        """Close the session at once, whatever it is waiting for; a later fetch would open a new one."""
        if self._session:
            self._session.close()
            self._session = None

    async def _open(self) -> Session:
        if self._session and self._session.alive:
            return self._session
        self._session = None
        self._refused.clear()
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
        try:
            await self._prepare(session)
        except TimeoutError:
            raise no_answer(self.name, self.address, "starting the session", self.deadline) from None
        except SessionLost as error:
            raise self._lost("starting the session", str(error)) from None
        self._session = session
        return session

    async def _prepare(self, session: Session) -> None:
        """Make the session ready for statements of ours; it is read-only before anything else runs in it."""
        await self._set_up(session, *first_statements(session.server_version, session.parameter))

    async def _set_up(self, session: Session, *statements: str) -> None:
        for result in await session.pipeline(statements, self.deadline):
            if result.status != pq.ExecStatus.COMMAND_OK:
                message = session.text(result.error_message)
                session.close()
                raise SessionLost(message)

    def _lost(self, tried: str, message: str) -> LinkError:
        reason = postgres_reason(message)
        return LinkError(self.name, self.address, tried, reason, remedy_for(reason))


class PostgresWriter(PostgresReader):
    """The same, for runbooks: it may change things too, so nothing that only watches builds one.

    It reads and changes through one session, which is read-only but for the statement that `execute` sends.
    Names outside pg_catalog must be written with their schema here too.
    """

    async def execute(self, sql: str, params: Sequence[object] | Mapping[str, object] | None = None) -> Rows:
        """One statement in a transaction of its own; its rows, if it gives any.

        It waits for what is being read just then, which is at most one deadline. Raises LinkError when the
        server refuses it, is not reached or does not answer in time; in the last case whether it took
        effect is not known.
        """
        async with self._turn:
            session = await self._open()
            statement = psycopg.AsyncClientCursor(session.connection).mogrify(sql, params) if params else sql
            try:
                _, result, again = await session.pipeline([READ_WRITE, statement, READ_ONLY], self.deadline)
            except TimeoutError:
                raise no_answer(
                    self.name, self.address, f"running `{clean(sql, 200)}`", self.deadline
                ) from None
            except SessionLost as error:
                raise self._lost(f"running `{clean(sql, 200)}`", str(error)) from None
            if again.status != pq.ExecStatus.COMMAND_OK:
                session.close()  # it will be opened anew, read-only
            answer = _answer(session, result)
            if isinstance(answer, Unreadable):
                remedy = "The server refused the statement, so it changed nothing: look at the role's rights."
                raise LinkError(self.name, self.address, f"running `{clean(sql, 200)}`", answer.why, remedy)
            return answer


def _answer(session: Session, result: pq.abc.PGresult) -> Rows | Unreadable:
    if result.status == pq.ExecStatus.TUPLES_OK:
        try:
            return session.rows(result)
        except psycopg.Error as error:
            return Unreadable(f"a value cannot be shown: {clean(error, 300)}")
    if result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.EMPTY_QUERY):
        return []
    state = result.error_field(pq.DiagnosticField.SQLSTATE) or b""
    message = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"the server gave no reason"
    return Unreadable(clean(session.text(message), 300), state.decode("ascii", "replace"))
