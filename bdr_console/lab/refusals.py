"""Circumstances in which a node is up and a ready member, and yet must not get the clients."""

from bdr_console.lab import postgres
from bdr_console.lab.layout import DATABASE, Layout

_REJECTS = "host all app 127.0.0.1/32 reject\n"
_MENDED = (
    "ALTER SYSTEM RESET default_transaction_read_only",
    "SELECT pg_reload_conf()",
    "ALTER ROLE app LOGIN CONNECTION LIMIT -1",
    f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true CONNECTION LIMIT -1",
)
"""Undo any of the statements below; harmless where there is nothing to undo."""


def read_only(layout: Layout, node: str) -> None:
    """Every new transaction of the node is read-only; what its peers write is applied."""
    _run(layout, node, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")


def no_login(layout: Layout, node: str) -> None:
    """The application's role may not log in there: roles are not replicated."""
    _run(layout, node, "ALTER ROLE app NOLOGIN")


def login_limit(layout: Layout, node: str) -> None:
    """The application's role may have one session there."""
    _run(layout, node, "ALTER ROLE app CONNECTION LIMIT 1")


def no_connections(layout: Layout, node: str) -> None:
    """The database accepts no connections any more."""
    _run(layout, node, f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false")


def reject_logins(layout: Layout, node: str) -> None:
    """pg_hba.conf rejects the application's role: no catalog that the console may read says so."""
    path = layout.data(node) / "pg_hba.conf"
    if not path.read_text(encoding="utf-8").startswith(_REJECTS):
        layout.account.write(path, _REJECTS + path.read_text(encoding="utf-8"))
    _run(layout, node, "SELECT pg_reload_conf()")


def let_in(layout: Layout, node: str) -> None:
    """Let the clients in again, whichever of these it was."""
    path = layout.data(node) / "pg_hba.conf"
    layout.account.write(path, path.read_text(encoding="utf-8").removeprefix(_REJECTS))
    _run(layout, node, *_MENDED)


def let_in_everywhere(layout: Layout) -> None:
    """The same on every node."""
    for node in layout.nodes:
        let_in(layout, node.name)


def _run(layout: Layout, node: str, *statements: str) -> None:
    """On the database that accepts connections in any case, in a transaction that may write."""
    with postgres.session(layout, layout.node(node), database="postgres") as connection:
        connection.execute("SET default_transaction_read_only = off")
        for text in statements:
            connection.execute(text.encode())
