"""What every session on a node begins with. Pure.

No setting of a role, a database or a server may change how our statements are read, how the answers are
printed, or how long one may take.
"""

from collections.abc import Callable

_SINCE_90400 = (
    ("search_path", "pg_catalog"),
    # With it off a backslash in a literal is an escape: every regular expression would be another one.
    ("standard_conforming_strings", "on"),
    ("escape_string_warning", "off"),
    ("backslash_quote", "safe_encoding"),
    ("quote_all_identifiers", "off"),
    ("transform_null_equals", "off"),
    ("array_nulls", "on"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("xmlbinary", "base64"),
)
_LATER = (
    # A policy that hides rows is an error then, never a shorter list.
    (90500, "row_security = off"),
    (90600, "idle_in_transaction_session_timeout = 0"),
    (110000, "jit = off"),  # it costs more than small statements are worth
    (140000, "idle_session_timeout = 0"),
    (170000, "transaction_timeout = 0"),
)
STARTING_ENCODING = "SQL_ASCII"
"""The session's encoding until the server has named its own, and then that: nothing is converted. Names in
shared catalogs and texts of other databases' sessions may have any encoding: to convert one foreign byte
would cost the whole answer, and not every encoding of a server can be converted to UTF-8."""
# Not by `default_transaction_read_only`: its reset_val still tells whether the node itself is read-only.
_CHARACTERISTICS = "SET SESSION CHARACTERISTICS AS TRANSACTION"
READ_ONLY = f"{_CHARACTERISTICS} READ ONLY"
READ_WRITE = f"{_CHARACTERISTICS} READ WRITE"


def startup_options(deadline: float) -> list[str]:
    """Return the `-c` options that any server from 9.4 on takes when the session starts.

    `deadline` in seconds: a statement gives up by itself shortly before it, a lock within half a second."""
    statement_ms = max(100, int(deadline * 900))
    limits = (("statement_timeout", str(statement_ms)), ("lock_timeout", str(min(500, statement_ms))))
    return [f"-c {name}={value}" for name, value in (*_SINCE_90400, *limits)]


def first_statements(server_version: int, parameter: Callable[[str], str]) -> list[str]:
    """Return the statements that make the session ready: read-only before anything else, then what only some
    versions know.

    `parameter` gives what the server reported at the start, by name. A serializable, deferrable transaction
    would wait for others before it reads. Only a superuser may choose the language of messages; without that
    an error is known by its SQLSTATE."""
    found = [f"{READ_ONLY}, ISOLATION LEVEL READ COMMITTED, NOT DEFERRABLE"]
    found += [f"SET {text}" for since, text in _LATER if server_version >= since]
    if parameter("is_superuser") == "on":
        found.append("SET lc_messages = 'C'")
    own = parameter("server_encoding")
    if own != STARTING_ENCODING and own.isidentifier():
        found.append(f"SET client_encoding = '{own}'")
    return found
