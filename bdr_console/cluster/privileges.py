"""What a role needs to log in, and to see or end the sessions of others. Pure."""

import re

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
