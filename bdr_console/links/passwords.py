"""Passwords from a libpq password file, for connections whose real host libpq is not told."""

import getpass
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from bdr_console.links.conninfo import Words
from bdr_console.links.secret import Secret

_ESCAPED = re.compile(r"\\(.)")
_FIELD = re.compile(r"((?:\\.|[^:\\])*):")
"""Up to a colon that no backslash stands before."""


def password_for(words: Words, host: str, port: str) -> Secret | None:
    """The password that libpq itself would have found for a connection to host:port with these keywords.

    None when there is none, or libpq finds it without us (in the keywords, in PGPASSWORD). A file that
    others may read is passed over, as libpq does.
    """
    if words.get("password") or os.environ.get("PGPASSWORD"):
        return None
    user = words.get("user") or os.environ.get("PGUSER") or getpass.getuser()
    database = words.get("dbname") or os.environ.get("PGDATABASE") or user
    named = words.get("passfile") or os.environ.get("PGPASSFILE")
    path = Path(named) if named else Path.home() / ".pgpass"
    at = "localhost" if host in ("/var/run/postgresql", "/run/postgresql", "/tmp") else host  # noqa: S108
    for fields in _entries(path):
        wanted = (at, port, database, user)
        if all(field in (None, value) for field, value in zip(fields, wanted, strict=False)):
            return Secret(fields[4] or "")
    return None


def _entries(path: Path) -> Iterator[list[str | None]]:
    """host, port, database, user and password of each line; None for a `*` that means anything."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
            return
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        fields = _FIELD.findall(line)[:4]
        if line.startswith("#") or len(fields) < 4:
            continue
        rest = line[sum(len(field) + 1 for field in fields) :]
        yield [
            *(None if field == "*" else _ESCAPED.sub(r"\1", field) for field in fields),
            _ESCAPED.sub(r"\1", rest),
        ]
