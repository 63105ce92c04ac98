"""A session on one node that holds an advisory lock: read-only, nothing to install, gone with its holder.

Advisory locks are per database: two holders that connect to different databases of one server would not
meet. So the locks of all its databases are looked at.
"""

import re
from dataclasses import dataclass

from bdr_console.cluster.text import clean
from bdr_console.links.errors import LinkError
from bdr_console.links.postgres import PostgresReader, Rows, Unreadable
from bdr_console.links.session import Session

_CLASS, _OBJECT = 0x42445243, 1
"""pg_try_advisory_lock(`BDRC`, 1). Never change it: versions must exclude each other."""
_OURS = f"locktype = 'advisory' AND classid = {_CLASS} AND objid = {_OBJECT} AND objsubid = 2 AND granted"

# OFFSET 0: looked at once, before the lock is tried. A second try in one session would stack.
_TAKE = f"""
SELECT m.already, pg_backend_pid() AS pid,
       CASE WHEN m.already THEN true ELSE pg_try_advisory_lock({_CLASS}, {_OBJECT}) END AS held
  FROM (SELECT EXISTS (SELECT 1 FROM pg_locks WHERE {_OURS} AND pid = pg_backend_pid()) AS already OFFSET 0) m
"""  # noqa: S608 - two numbers of ours
HOLDERS = f"""
SELECT l.pid, a.application_name, a.usename, coalesce(host(a.client_addr), 'the node itself') AS client,
       to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE {_OURS.replace("granted", "l.granted")} AND l.pid <> pg_backend_pid()
 ORDER BY a.backend_start
"""  # noqa: S608 - two numbers of ours


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock on one node, as pg_stat_activity shows it."""

    node: str
    pid: int
    application: str
    """What the holder says of itself: run, operator and step; empty when the role may not see it."""
    role: str
    client: str
    """The address it connects from."""
    since: str
    """When its session began, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Grip:
    """One look at the lock through our session."""

    held: bool
    already: bool
    """It was held before this look too, without a gap."""
    pid: int
    """Our backend on the node."""
    others: tuple[Holder, ...]


class AdvisoryLink(PostgresReader):
    """One node's lock. Its session is its own: nothing waits behind it, and closing it frees the lock."""

    def _settings(self) -> list[str]:
        # A bastion that dies without a word must not keep the lock for hours: the node looks for it itself.
        probes = ("tcp_keepalives_idle=10", "tcp_keepalives_interval=5", "tcp_keepalives_count=3")
        return [*super()._settings(), *(f"-c {probe}" for probe in probes)]

    async def _prepare(self, session: Session) -> None:
        await super()._prepare(session)
        if session.server_version >= 120000:
            await self._set_up(session, "SET tcp_user_timeout = 25000")

    async def grip(self, application: str) -> Grip:
        """Take the lock, or make sure that it is still held; `application` is what others see of us.

        Waits for nobody. Raises LinkError when the node does not answer or does not let us.
        """
        name = "SET application_name TO '" + re.sub(r"[^ -~]|['\\]", "_", application) + "'"
        answers = await self.fetch({"name": name, "take": _TAKE, "holders": HOLDERS})
        taken, holders = answers["take"], answers["holders"]
        if isinstance(taken, Unreadable) or isinstance(holders, Unreadable):
            why = (
                taken.why
                if isinstance(taken, Unreadable)
                else (holders.why if isinstance(holders, Unreadable) else "")
            )
            raise LinkError(self.name, self.address, "taking the operators' lock", why)
        row = taken[0]
        return Grip(bool(row["held"]), bool(row["already"]), int(row["pid"]), _holders(self.name, holders))

    async def holders(self) -> tuple[Holder, ...]:
        """Who holds the lock now; takes nothing. Raises LinkError."""
        return await holders_on(self)


async def holders_on(reader: PostgresReader) -> tuple[Holder, ...]:
    """Who holds the lock on that node, through a session that serves other reading too. Raises LinkError."""
    rows = (await reader.fetch({"holders": HOLDERS}))["holders"]
    if isinstance(rows, Unreadable):
        raise LinkError(reader.name, reader.address, "looking for the operators' lock", rows.why)
    return _holders(reader.name, rows)


def _holders(node: str, rows: Rows) -> tuple[Holder, ...]:
    return tuple(
        Holder(
            node,
            int(row["pid"]),
            clean(row["application_name"] or "", 100),
            clean(row["usename"] or "", 100),
            clean(row["client"], 100),
            clean(row["since"] or "", 40),
        )
        for row in rows
    )
