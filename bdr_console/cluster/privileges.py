"""What a role needs to see or end the sessions of others, by the server's version. Pure."""


def sees_sessions(server_version: str | None) -> str:
    """Say how the console's role comes to see other roles' sessions; `server_version` as 15.4, None where it
    is not known."""
    if _before(server_version, 10):
        return "PostgreSQL before 10 shows other roles' sessions to superusers only."
    return "Grant pg_monitor to the console's role."


def ends_sessions(server_version: str | None) -> str:
    """Say how the console's role may come to cancel or end other roles' statements and sessions."""
    if _before(server_version, 9.6):
        return "PostgreSQL before 9.6 lets only superusers do this to other roles' sessions."
    return (
        "Grant pg_signal_backend to the console's role."
        " Only a superuser may do this to a superuser's session."
    )


def _before(server_version: str | None, first: float) -> bool:
    """Whether the server is older than the major version `first`."""
    major, _, minor = (server_version or "").partition(".")
    if not major.isdigit():
        return False
    number = int(major) if int(major) >= 10 else float(f"{major}.{minor.partition('.')[0] or 0}")
    return number < first
