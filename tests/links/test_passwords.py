"""Passwords are found for the real host, as libpq would find them."""

from pathlib import Path

import pytest

from bdr_console.links.passwords import password_for

FILE = r"""# a comment
10.0.0.1:5432:app:dba:exact
10.0.0.1:*:*:dba:any database
fd00\:\:1:5432:app:dba:six
back\\slash:5432:app:dba:two\\one\:
\*:5432:app:dba:a literal star
*:6432:pgbouncer:*:pooler
localhost:5432:app:dba:socket
too:few:fields
"""


@pytest.fixture
def passfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A password file that only its owner may read, and no other source of a password."""
    path = tmp_path / "pass"
    path.write_text(FILE)
    path.chmod(0o600)
    for name in ("PGPASSWORD", "PGPASSFILE", "PGUSER", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.mark.parametrize(
    ("host", "port", "database", "password"),
    [
        ("10.0.0.1", "5432", "app", "exact"),
        ("10.0.0.1", "5433", "other", "any database"),
        ("fd00::1", "5432", "app", "six"),
        ("back\\slash", "5432", "app", "two\\one:"),
        ("*", "5432", "app", "a literal star"),
        ("10.0.0.9", "5432", "app", None),
        ("10.0.0.9", "6432", "pgbouncer", "pooler"),
        ("/var/run/postgresql", "5432", "app", "socket"),
        ("too", "few", "fields", None),
    ],
)
def test_the_first_line_that_fits_counts(
    passfile: Path, host: str, port: str, database: str, password: str | None
) -> None:
    words = {"user": "dba", "dbname": database, "passfile": str(passfile)}
    assert password_for(words, host, port) == password


def test_a_file_that_others_may_read_is_passed_over(passfile: Path) -> None:
    passfile.chmod(0o640)
    assert (
        password_for({"user": "dba", "dbname": "app", "passfile": str(passfile)}, "10.0.0.1", "5432") is None
    )


def test_what_libpq_finds_itself_is_left_to_it(passfile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    words = {"user": "dba", "dbname": "app"}
    assert password_for(words, "10.0.0.1", "5432") == "exact"
    assert password_for({**words, "password": "x"}, "10.0.0.1", "5432") is None
    monkeypatch.setenv("PGPASSWORD", "x")
    assert password_for(words, "10.0.0.1", "5432") is None
