"""What single targets are asked beyond their facts: one question each, its rows made into types here."""

from collections.abc import Iterable, Mapping
from typing import Any

from bdr_console.cluster.poolers import Pool
from bdr_console.cluster.text import clean, query_text
from bdr_console.engines.core.activity import prepared_transactions
from bdr_console.engines.core.facts import backends_statement, obstacle_statements
from bdr_console.links.haproxy import HaproxyReader
from bdr_console.links.haproxy_text import ProxySession, parse_sessions
from bdr_console.links.pgbouncer import PgBouncerReader, changed_settings
from bdr_console.links.pgbouncer_rows import connections, databases, pools
from bdr_console.links.postgres import PostgresReader, Unreadable
from bdr_console.runbooks.model.reading import (
    Backend,
    Load,
    Obstacles,
    OpenTransaction,
    PoolerSetup,
    PoolLoad,
    Rights,
    ServerConnection,
)

_SHOWS_STATE_SINCE = 11900
_IDENTITY = ("pidfile", "unix_socket_dir", "logfile", "conffile", "peer_id", "listen_port")
"""SHOW CONFIG keys that tell two PgBouncer processes apart; its console shows no pid."""
_TRIES = 2
"""Further connections to the same address, to see whether the same process answers."""

_OPEN = """
SELECT pid, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age, state, application_name,
       coalesce(host(client_addr) || ':' || client_port, 'local') AS client
  FROM pg_catalog.pg_stat_activity
 WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND coalesce(client_port, 0) <> 0
"""


async def proxy_sessions(link: HaproxyReader) -> tuple[ProxySession, ...] | None:
    """The sessions that HAProxy carries; None where the socket's level does not allow to see them."""
    return parse_sessions(await link.show("show sess"))


async def pooler_connections(link: PgBouncerReader) -> tuple[ServerConnection, ...]:
    """The server connections of a PgBouncer, each with the client that holds it."""
    return joined(await link.show("SERVERS"), await link.show("CLIENTS"))


def joined(
    servers: Iterable[Mapping[str, str]], clients: Iterable[Mapping[str, str]]
) -> tuple[ServerConnection, ...]:
    """SHOW SERVERS with the client behind each `link`. Pure."""
    by_ptr = {client.ptr: client for client in connections(clients)}
    found = []
    for server in connections(servers):
        client = by_ptr.get(server.link)
        application = (client.application if client else "") or server.application
        found.append(
            ServerConnection(
                server.database,
                server.user,
                server.state,
                server.local_address,
                server.close_needed,
                server.pid,
                application,
                client.address if client else None,
                server.requested,
                server.address,
                (client.id or None) if client else None,
            )
        )
    return tuple(found)


async def open_transactions(link: PostgresReader) -> tuple[OpenTransaction, ...] | None:
    """The open transactions of a node; None when they could not be read."""
    rows = (await link.fetch({"open": _OPEN}))["open"]
    if isinstance(rows, Unreadable):
        return None
    return tuple(
        OpenTransaction(
            link.name,
            int(row["pid"]),
            float(row["age"]),
            clean(row["state"] or "unknown state"),
            clean(row["application_name"] or ""),
            clean(row["client"]),
        )
        for row in rows
    )


async def backends(link: PostgresReader) -> tuple[Backend, ...] | None:
    """Every client backend of a node; None when they could not be read."""
    rows = (await link.fetch({"backends": backends_statement(await link.connect())}))["backends"]
    return None if isinstance(rows, Unreadable) else tuple(backend(link.name, row) for row in rows)


def backend(node: str, row: Mapping[str, Any]) -> Backend:
    """One row of backends.sql. Pure."""
    return Backend(
        node,
        int(row["pid"]),
        row["started"],
        clean(row["usename"] or "", 200),
        clean(row["application_name"] or "", 200),
        clean(row["client"], 200),
        clean(row["state"] or "unknown state", 60),
        row["transaction_age"],
        query_text(row["query"]),
        clean(row["datname"] or "", 200),
        bool(row["hidden"]),
        bool(row["may_signal"]),
        bool(row["of_superuser"]),
    )


async def obstacles(link: PostgresReader) -> Obstacles:
    """Prepared transactions and reserved connections of a node, and who blocks its apply workers."""
    answers = await link.fetch(obstacle_statements(await link.connect()))
    prepared, reserved, blockers = (answers[name] for name in ("prepared", "reserved", "apply_blockers"))
    unread = [f"{name}: {answer.why}" for name, answer in answers.items() if isinstance(answer, Unreadable)]
    return Obstacles(
        None if isinstance(prepared, Unreadable) else prepared_transactions(prepared),
        0 if isinstance(reserved, Unreadable) or not reserved else reserved[0]["reserved"],
        "; ".join(unread),
        () if isinstance(blockers, Unreadable) else tuple(row["pid"] for row in blockers),
    )


async def proxy_rights(link: HaproxyReader) -> Rights:
    """The level of a runtime socket, by its own word."""
    answer = clean((await link.show("show cli level")).strip().partition("\n")[0], 100)
    if answer in ("admin", "operator", "user"):
        return Rights(answer == "admin", f"level {answer}")
    return Rights(None, "does not say its level (HAProxy before 2.0)")


async def pooler_rights(link: PgBouncerReader) -> tuple[Rights, PoolerSetup]:
    """From SHOW CONFIG and SHOW STATE, which a stats user may read too: no command is tried out."""
    config = await _config(link)
    user = link.user
    admins = [name.strip() for name in config.get("admin_users", "").split(",")]
    may = user in admins or (user == "pgbouncer" and link.on_socket) or config.get("auth_type") == "any"
    named = f"user {user or '(default)'} is {'' if may else 'not '}an admin"
    rights = Rights(may if user else may or None, named, link.server_version)
    identities = {_identity(config)}
    if not link.on_socket:
        for _ in range(_TRIES):
            await link.renew()
            identities.add(_identity(await _config(link)))
    paused = None
    if link.server_version >= _SHOWS_STATE_SINCE:
        state = {row.get("key", ""): row.get("value", "") for row in await link.show("STATE")}
        paused = state.get("paused") == "yes" or state.get("suspended") == "yes"
    return rights, PoolerSetup(
        config.get("so_reuseport", "0") not in ("", "0"), link.on_socket, len(identities), paused
    )


async def _config(link: PgBouncerReader) -> dict[str, str]:
    return {row["key"]: row["value"] for row in await link.show("CONFIG")}


def _identity(config: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(config.get(key, "") for key in _IDENTITY)


async def pooler_loads(link: PgBouncerReader) -> dict[str, Load]:
    """What each database of a PgBouncer is doing now, and whether it is paused."""
    listed = {database.name: database for database in databases(await link.show("DATABASES"))}
    found: dict[str, list[Pool]] = {name: [] for name in listed}
    for pool in pools(await link.show("POOLS"), ()):  # after the question whether it is paused
        found.setdefault(pool.database, []).append(pool)
    return {
        name: Load(
            sum(p.servers_active + p.servers_tested + p.servers_login for p in own),
            sum(p.servers_login for p in own),
            sum(p.servers for p in own),
            sum(p.clients_waiting for p in own),
            listed[name].paused if name in listed else None,
            listed[name].pool_size if name in listed else None,
            sum(p.clients_waiting for p in own if not p.servers),
            tuple(
                PoolLoad(p.user, p.servers - p.servers_login, p.servers_login, p.clients_waiting) for p in own
            ),
        )
        for name, own in found.items()
    }


async def pooler_settings(link: PgBouncerReader) -> dict[str, str]:
    """The settings that a run changes and puts back."""
    return dict(await changed_settings(link))
