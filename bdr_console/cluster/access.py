"""Whether the application's users can log in on a node: its roles and databases. Pure.

Most engines do not replicate roles and their limits: a node may be a ready member and refuse everybody.
"""

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
