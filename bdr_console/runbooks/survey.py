"""One look at the live cluster, all targets at the same time. Builds only links that read."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from bdr_console.cluster.nodes import NodeFacts, WalPositions
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.config import ClusterSettings
from bdr_console.engines import Engine, read_node, read_positions
from bdr_console.errors import ConsoleError
from bdr_console.links import conninfo
from bdr_console.links.haproxy import HaproxyReader, read_proxy
from bdr_console.links.haproxy_text import ProxySession, parse_sessions
from bdr_console.links.pgbouncer import PgBouncerReader, read_pooler
from bdr_console.links.pgbouncer_rows import connections, databases, pools
from bdr_console.links.postgres import PostgresReader, Unreadable
from bdr_console.monitor import node_of
from bdr_console.runbooks.reading import Load, OpenTransaction, Part, Reading, Rights, ServerConnection

_Found = TypeVar("_Found")

_OPEN = """
SELECT pid, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age, state, application_name,
       coalesce(host(client_addr) || ':' || client_port, 'local') AS client
  FROM pg_catalog.pg_stat_activity
 WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND coalesce(client_port, 0) <> 0
"""


class Survey:
    """Reads every target of one cluster. `application_name` is what the servers see of it."""

    def __init__(
        self, cluster: str, settings: ClusterSettings, *, application_name: str = "bdr-console"
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._nodes = {
            name: PostgresReader(name, node.dsn, application_name=application_name)
            for name, node in settings.nodes.items()
        }
        self._proxies: Mapping[str, HaproxyReader] = {
            name: HaproxyReader(name, proxy.socket) for name, proxy in settings.proxies.items()
        }
        self._poolers: Mapping[str, PgBouncerReader] = {
            name: PgBouncerReader(name, pooler.dsn, application_name=application_name)
            for name, pooler in settings.poolers.items()
        }
        self._engines: dict[str, Engine] = {}
        self._node_of = node_of(settings, self._nodes)

    async def read(self, parts: Part) -> Reading:
        """One look at the named parts; a target that does not answer is in it with its error."""
        (
            (nodes, proxies, poolers),
            (sessions, (held, unheld), activity, rights, loads, config),
        ) = await asyncio.gather(
            asyncio.gather(
                self._observe(Part.NODES in parts, self._nodes, self._node),
                self._observe(Part.PROXIES in parts, self._proxies, self._proxy),
                self._observe(Part.POOLERS in parts, self._poolers, read_pooler),
            ),
            asyncio.gather(
                _each(self._proxies if Part.SESSIONS in parts else {}, _sessions),
                self._held(Part.CONNECTIONS in parts),
                _each(self._nodes if Part.ACTIVITY in parts else {}, _open_transactions),
                self._rights(Part.RIGHTS in parts),
                _each(self._poolers if Part.LOADS in parts else {}, _loads),
                _each(self._poolers if Part.SETTINGS in parts else {}, _settings),
            ),
        )
        snapshot = Snapshot(
            self._cluster,
            self._settings.environment,
            datetime.now(UTC),
            1.0,
            nodes,
            proxies,
            tuple(_with_error(pooler, unheld) for pooler in poolers),
        )
        return Reading(snapshot, sessions, held, activity, rights, loads, config)

    async def positions(self, node: str) -> WalPositions:
        """How far that node's WAL reaches and how far its peers have applied it; raises ConsoleError."""
        found, self._engines[node] = await read_positions(self._nodes[node], self._engines.get(node))
        return found

    async def close(self) -> None:
        """Close every link at once."""
        await asyncio.gather(
            *(node.close() for node in self._nodes.values()),
            *(pooler.close() for pooler in self._poolers.values()),
        )

    async def _observe(
        self, wanted: bool, links: Mapping[str, Any], read: Callable[[Any], Awaitable[_Found]]
    ) -> tuple[Observed[_Found], ...]:
        """Every target of one kind; without facts and error when it was not to be read."""
        if not wanted:
            return tuple(Observed(name, link.address) for name, link in links.items())

        async def one(name: str, link: Any) -> Observed[_Found]:
            try:
                facts = await read(link)
            except ConsoleError as error:
                return Observed(name, link.address, error=getattr(error, "reason", error.problem))
            return Observed(name, link.address, facts, datetime.now(UTC))

        return tuple(await asyncio.gather(*(one(name, link) for name, link in links.items())))

    async def _node(self, link: PostgresReader) -> NodeFacts:
        facts, self._engines[link.name] = await read_node(link, self._engines.get(link.name))
        return facts

    async def _proxy(self, link: HaproxyReader) -> ProxyFacts:
        return await read_proxy(link, self._settings.proxies[link.name].backends, self._node_of)

    async def _held(self, wanted: bool) -> tuple[dict[str, tuple[ServerConnection, ...]], dict[str, str]]:
        """Server connections by pooler, and why for those that did not answer."""
        found: dict[str, tuple[ServerConnection, ...]] = {}
        errors: dict[str, str] = {}

        async def one(name: str, link: PgBouncerReader) -> None:
            try:
                servers, clients = await link.show("SERVERS"), await link.show("CLIENTS")
            except ConsoleError as error:
                errors[name] = getattr(error, "reason", error.problem)
            else:
                found[name] = _joined(servers, clients)

        if wanted:
            await asyncio.gather(*(one(name, link) for name, link in self._poolers.items()))
        return found, errors

    async def _rights(self, wanted: bool) -> dict[str, Rights]:
        if not wanted:
            return {}
        proxies = await _each(self._proxies, _proxy_rights)
        poolers = await _each(
            self._poolers, lambda link: _pooler_rights(link, self._settings.poolers[link.name].dsn)
        )
        named = {f"haproxy/{name}": rights for name, rights in proxies.items()}
        return named | {f"pgbouncer/{name}": rights for name, rights in poolers.items()}


async def _each(
    links: Mapping[str, Any], read: Callable[[Any], Awaitable[_Found | None]]
) -> dict[str, _Found]:
    """What each link gave; those that failed, or had nothing to give, are left out."""

    async def one(link: Any) -> _Found | None:
        with contextlib.suppress(ConsoleError):
            return await read(link)
        return None

    answers = await asyncio.gather(*(one(link) for link in links.values()))
    return {name: answer for name, answer in zip(links, answers, strict=True) if answer is not None}


def _with_error(pooler: Observed[PoolerFacts], errors: Mapping[str, str]) -> Observed[PoolerFacts]:
    why = errors.get(pooler.name)
    return Observed(pooler.name, pooler.address, error=why) if why and not pooler.error else pooler


async def _sessions(link: HaproxyReader) -> tuple[ProxySession, ...] | None:
    return parse_sessions(await link.show("show sess"))


async def _loads(link: PgBouncerReader) -> dict[str, Load]:
    paused = {database.name: database.paused for database in databases(await link.show("DATABASES"))}
    found = pools(await link.show("POOLS"), ())  # after the question whether it is paused
    return {
        name: Load(
            sum(p.servers_active + p.servers_tested + p.servers_login for p in found if p.database == name),
            sum(p.servers_login for p in found if p.database == name),
            sum(p.servers for p in found if p.database == name),
            sum(p.clients_waiting for p in found if p.database == name),
            paused.get(name),
        )
        for name in {*paused, *(pool.database for pool in found)}
    }


async def _settings(link: PgBouncerReader) -> dict[str, str]:
    kept = ("server_login_retry", "server_fast_close")
    return {row["key"]: clean(row["value"], 40) for row in await link.show("CONFIG") if row["key"] in kept}


def _joined(servers: list[dict[str, str]], clients: list[dict[str, str]]) -> tuple[ServerConnection, ...]:
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
            )
        )
    return tuple(found)


async def _open_transactions(link: PostgresReader) -> tuple[OpenTransaction, ...] | None:
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


async def _proxy_rights(link: HaproxyReader) -> Rights:
    answer = clean((await link.show("show cli level")).strip().splitlines()[0], 100)
    if answer in ("admin", "operator", "user"):
        return Rights(answer == "admin", f"level {answer}")
    return Rights(None, "does not say its level (HAProxy before 2.0)")


async def _pooler_rights(link: PgBouncerReader, dsn: str) -> Rights:
    """From SHOW CONFIG, which a stats user may read too: no command is tried out."""
    config = {row["key"]: row["value"] for row in await link.show("CONFIG")}
    words = conninfo.parse(link.name, dsn)
    user = words.get("user", "")
    admins = [name.strip() for name in config.get("admin_users", "").split(",")]
    by_socket = user == "pgbouncer" and words.get("host", "").startswith("/")
    may = user in admins or by_socket or config.get("auth_type") == "any"
    named = f"user {user or '(default)'} is {'' if may else 'not '}an admin"
    return Rights(may if user else may or None, named, link.server_version)
