"""What went wrong between the console and one server, in words that name the server."""

import re

from bdr_console.cluster.access import is_refused_login
from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError


class LinkError(ConsoleError):
    """A server could not be asked, or its answer could not be used.

    `problem` names the target, its address, what was tried and what came back; `reason` is the last
    part alone, for a row that names the target already; `remedy` says what to do.
    """

    def __init__(self, target: str, address: str, tried: str, reason: str, remedy: str = "") -> None:
        super().__init__(f"{target} ({address}): {tried}: {reason}", remedy)
        self.target = target
        self.address = address
        self.reason = reason


class NotReached(Exception):  # noqa: N818 - links turn it into a LinkError that names the target
    """The way to a server is closed before the server is asked."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def no_answer(target: str, address: str, tried: str, deadline: float) -> LinkError:
    """The error for a server that said nothing in time."""
    remedy = "Look whether the host is up and the server is not frozen or overloaded"
    place = address.split(" via ", maxsplit=1)[0]
    remedy += "." if address.startswith("/") else f", and whether a firewall drops {place}."
    return LinkError(target, address, tried, f"timed out after {deadline:.1f} s", remedy)


_LIBPQ_PLACE = re.compile(
    r"^(connection (failed|is bad): )?(connection to server (at|on socket) .*? failed: )?", re.DOTALL
)
_LIBPQ_NOISE = re.compile(r"^(consuming input failed|sending query failed|flushing failed|[A-Z]+): +")
_PLAIN = (
    (
        re.compile(
            r"not in pipeline mode|no connection to the server|another command is already in progress"
            r"|the connection is (lost|closed|bad)|server closed the connection unexpectedly"
            r"|SSL connection has been closed|EOF detected|socket is closed|EOFError"
        ),
        "the server closed the connection",
    ),
    (re.compile(r"connection reset by peer", re.IGNORECASE), "connection reset by peer"),
    (re.compile(r"broken pipe", re.IGNORECASE), "the server closed the connection"),
    (
        re.compile(r"(could not (send|receive) data|connection) timed out", re.IGNORECASE),
        "connection timed out",
    ),
)
"""What libpq, OpenSSL and paramiko call what happened to a connection, and what happened."""
_REMEDIES = (
    (
        "connection refused",
        "Nothing listens there: start the server, or correct the address in the configuration.",
    ),
    (
        "no such file or directory",
        "There is no such socket: start the server, or correct the path in the configuration.",
    ),
    (
        "permission denied",
        "The user who runs the console may not open it: add the user to the socket's group.",
    ),
    ("could not translate host name", "The name does not resolve here: correct it, or write the address."),
    ("name or service not known", "The name does not resolve here: correct it, or write the address."),
    ("does not resolve", "The name does not resolve here: correct it, or write the address."),
    ("no route to host", "The network does not reach it: check routes, VPN and firewall."),
    ("network is unreachable", "The network does not reach it: check routes, VPN and firewall."),
    ("no password supplied", "Put the password into ~/.pgpass, or name a file with passfile= in the DSN."),
    ("fe_sendauth", "Put the password into ~/.pgpass, or name a file with passfile= in the DSN."),
    ("authentication failed", "Check the user in the DSN and its password in ~/.pgpass (or passfile=)."),
    (
        "no pg_hba.conf entry",
        "Add a line for this user, database and client address to pg_hba.conf and reload.",
    ),
    ("not allowed", "Name the user in admin_users or stats_users of PgBouncer's configuration and reload."),
    (
        "unsupported startup parameter",
        "This looks like a PgBouncer: a node's DSN must lead to PostgreSQL itself.",
    ),
    ("does not support ssl", "Set sslmode in the DSN to what the server offers."),
    ("too many clients", "The server has no connection left: end some, or raise max_connections."),
    ("remaining connection slots", "The server has no connection left: end some, or raise max_connections."),
    ("the database system is", "Wait until the server has finished starting or stopping."),
    ("does not exist", "Correct the database or user in the DSN, or create it."),
)


def postgres_reason(message: str) -> str:
    """libpq's message without the place, which the caller names itself: one line, cleaned."""
    text = _LIBPQ_NOISE.sub("", _LIBPQ_PLACE.sub("", message.strip()))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "the connection failed without a reason"
    reason = plain_words(clean(lines[0], 300))
    return f"login refused: {reason}" if is_refused_login(message) else reason


def plain_words(text: str) -> str:
    """A library's message about a lost connection in words that do not name the library's own states; any
    other text as it is."""
    return next((plain for mark, plain in _PLAIN if mark.search(text)), text)


def remedy_for(reason: str) -> str:
    """What to do about a reason that a server or the system gave."""
    low = reason.lower()
    return next(
        (remedy for mark, remedy in _REMEDIES if mark in low), "Check the address and the server's own log."
    )
