"""How a database is named in a command to PgBouncer's console. Pure."""

import re

PLAIN = r"[A-Za-z0-9_]+"
QUOTED = r'"(?:[^"\\;\x00-\x1f\x7f…]|"")+"'
"""No backslash, no ellipsis: `clean` writes them for what it takes away, so the name is not the true one."""
NAME = f"(?:{PLAIN}|{QUOTED})"

_PLAIN, _QUOTED = re.compile(PLAIN), re.compile(QUOTED)


def command_name(database: str) -> str | None:
    """The name as a command takes it: letters, digits and _ as they are, anything else in quotes (PgBouncer
    answers `invalid command` to an unquoted my-app). None for a name that no command can be trusted with."""
    if _PLAIN.fullmatch(database):
        return database
    doubled = database.replace('"', '""')
    quoted = f'"{doubled}"'
    return quoted if _QUOTED.fullmatch(quoted) else None
