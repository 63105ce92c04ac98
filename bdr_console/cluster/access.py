"""Who may get in: users of PgBouncers at the nodes, and what the console's own role needs. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bdr_console.cluster.poolers import PoolerFacts

Account = tuple[str, str]
"""A role and the database that it is logged in to, by their names on the node."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one node says of one account (pg_roles, pg_database)."""

    role: str
    database: str
    role_exists: bool = True
    can_login: bool = True
    superuser: bool = False
    role_limit: int = -1
    """rolconnlimit; -1 for none."""
    role_used: int = 0
    """Client sessions of that role now."""
    database_exists: bool = True
    allows: bool = True
    """datallowconn."""
    database_limit: int = -1
    database_used: int = 0
    may_connect: bool = True
    """The role has CONNECT on the database."""
    read_only: bool = False
    """ALTER ROLE or ALTER DATABASE has made its sessions read-only by default."""

    @property
    def account(self) -> Account:
        """Its role and database."""
        return (self.role, self.database)

    @property
    def refusal(self) -> str:
        """Why that role cannot log in or write, however many sessions there are; empty when it can."""
        role, database = f'role "{self.role}"', f'database "{self.database}"'
        limited = not self.superuser
        for is_so, text in (
            (not self.database_exists, f"{database} does not exist"),
            (not self.role_exists, f"{role} does not exist"),
            (not self.can_login, f"{role} is not permitted to log in (NOLOGIN)"),
            (not self.allows, f"{database} accepts no connections (datallowconn is false)"),
            (limited and self.role_limit == 0, f"{role} has the connection limit 0"),
            (limited and self.database_limit == 0, f"{database} has the connection limit 0"),
            (not self.may_connect, f"{role} lacks CONNECT on {database}"),
            (self.read_only, f"{role} is read-only in {database} (default_transaction_read_only)"),
        ):
            if is_so:
                return text
        return ""

    @property
    def room(self) -> tuple[int, str] | None:
        """How many more sessions its limits admit, and which limit says so; None without any limit."""
        if self.superuser:
            return None
        free = [
            (max(0, limit - used), text)
            for limit, used, text in (
                (self.role_limit, self.role_used, f'connection limit of role "{self.role}"'),
                (self.database_limit, self.database_used, f'connection limit of database "{self.database}"'),
            )
            if limit >= 0
        ]
        return min(free) if free else None


def accounts(poolers: Iterable[PoolerFacts | None]) -> dict[Account, int]:
    """What the PgBouncers log in as, each with its server connections now: the users of pools in use, and the
    databases behind their names."""
    found: dict[Account, int] = {}
    for facts in poolers:
        behind = {database.name: database.database for database in facts.databases} if facts else {}
        for pool in facts.pools if facts else ():
            if pool.servers or pool.clients_active or pool.clients_waiting:
                account = (pool.user, behind.get(pool.database) or pool.database)
                found[account] = found.get(account, 0) + pool.servers
    return found


_REFUSED_LOGIN = re.compile(
    r"^login refused|authentication failed|is not permitted to log in|FATAL: +role .* does not exist"
    r"|no pg_hba.conf entry|pg_hba.conf rejects|FATAL: +permission denied for database"
    r"|no password supplied|fe_sendauth"
)
"""How PostgreSQL and libpq say that a role does not get in: libpq keeps no SQLSTATE of that. A role that is
missing in a statement is another matter."""

UNINHERITED = {
    "grant": "the role does not inherit pg_monitor, which it has: GRANT pg_monitor to it WITH INHERIT TRUE",
    "role": "the role does not inherit pg_monitor, which it has: ALTER ROLE ... INHERIT",
}
"""Why sessions are hidden from a member of pg_monitor: by the grant (PostgreSQL 16), by the role (before)."""


def is_refused_login(message: str | None) -> bool:
    """Return whether the server answers, and only lets a role not in."""
    return message is not None and _REFUSED_LOGIN.search(message) is not None


def sees_sessions(server_version: str | None) -> str:
    """Say how the console's role comes to see other roles' sessions; `server_version` as 15.4, None where it
    is not known."""
    if _before(server_version, 10):
        return "PostgreSQL before 10 shows other roles' sessions to superusers only."
    return f"Grant pg_monitor to the console's role{_inherited(server_version)}."


def ends_sessions(server_version: str | None) -> str:
    """Say how the console's role may come to cancel or end other roles' statements and sessions."""
    if _before(server_version, 9.6):
        return "PostgreSQL before 9.6 lets only superusers do this to other roles' sessions."
    return (
        f"Grant pg_signal_backend to the console's role{_inherited(server_version)}."
        " Only a superuser may do this to a superuser's session."
    )


def _inherited(server_version: str | None) -> str:
    """What makes a grant count from PostgreSQL 16 on, whatever the role and an earlier grant say."""
    return "" if not server_version or _before(server_version, 16) else " WITH INHERIT TRUE"


def _before(server_version: str | None, first: float) -> bool:
    """Whether the server is older than the major version `first`."""
    major, _, minor = (server_version or "").partition(".")
    if not major.isdigit():
        return False
    number = int(major) if int(major) >= 10 else float(f"{major}.{minor.partition('.')[0] or 0}")
    return number < first
