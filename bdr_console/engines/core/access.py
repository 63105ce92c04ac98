"""Rows of `access` -> types, and the statement for the accounts in question. Pure."""

from collections.abc import Collection

from bdr_console.cluster.access import Access, Account
from bdr_console.cluster.nodes import Unread
from bdr_console.cluster.text import clean
from bdr_console.engines.core.statements import CORE, statement
from bdr_console.links.postgres import Rows, Unreadable

_EXAMPLE = "ARRAY['app'], ARRAY['app']"
"""What stands in access.sql, so that it runs in psql as it is."""


def access_statement(wanted: Collection[Account], server_version: int) -> str:
    """The statement that asks for these accounts, in an order that keeps its text the same."""
    roles, databases = zip(*sorted(wanted), strict=True)
    arrays = f"ARRAY[{', '.join(map(_literal, roles))}], ARRAY[{', '.join(map(_literal, databases))}]"
    return statement(CORE, "access", server_version).replace(_EXAMPLE, arrays)


def _literal(text: str) -> str:
    doubled = text.replace("'", "''").replace("\\", "\\\\")
    return f"E'{doubled}'" if "\\" in text else f"'{doubled}'"


def accesses(answer: Rows | Unreadable) -> tuple[tuple[Access, ...], tuple[Unread, ...]]:
    """The rows, and why they could not be read."""
    if isinstance(answer, Unreadable):
        return (), (Unread("logins", answer.why),)
    return tuple(
        Access(
            role=clean(row["role"], 200),
            database=clean(row["database"], 200),
            role_exists=row["role_exists"],
            can_login=row["can_login"],
            superuser=row["superuser"],
            role_limit=row["role_limit"],
            role_used=row["role_used"],
            database_exists=row["database_exists"],
            allows=row["allows"],
            database_limit=row["database_limit"],
            database_used=row["database_used"],
            may_connect=row["may_connect"] or not (row["role_exists"] and row["database_exists"]),
            read_only=row["read_only"],
        )
        for row in answer
    ), ()
