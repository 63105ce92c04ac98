"""One look at the live cluster, all targets at the same time. Builds only links that read."""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from bdr_console import logs
from bdr_console.cluster.access import Account, accounts
from bdr_console.cluster.nodes import NodeFacts, WalPositions
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ProxyFile
from bdr_console.cluster.slot_owners import with_slot_owners
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.engines import Probe
from bdr_console.errors import ConsoleError, described
from bdr_console.links.addresses import AddressBook
from bdr_console.links.factory import Links
from bdr_console.links.haproxy import HaproxyReader, read_proxy
from bdr_console.links.pgbouncer import PgBouncerReader, read_pooler
from bdr_console.links.postgres import PostgresReader
from bdr_console.runbooks.execute import target_queries
from bdr_console.runbooks.model.reading import (
    Area,
    Backend,
    CatchUp,
    PoolerSetup,
    Reading,
    Rights,
    ServerConnection,
)
from bdr_console.runbooks.model.run import Proof
from bdr_console.runbooks.steps.barrier import rehearsed

_Found = TypeVar("_Found")
_WATCHED_FOR = 3.0
"""Seconds that a plan waits for peers to apply what is written now."""


class ClusterReader:
    """Reads every target of one cluster. `application_name` is what the servers see of it."""

    def __init__(
        self,
        cluster: str,
        settings: ClusterSettings,
        *,
        application_name: str = "bdr-console",
        hurried: Mapping[str, float] | None = None,
    ) -> None:
        """`hurried` are nodes that are waited for that many seconds only: one that is dead must not hold up
        what is done about it."""
        self._hurried = hurried or {}
        self._outstanding: dict[str, asyncio.Task[NodeFacts]] = {}
        self._cluster = cluster
        self._settings = settings
        self._links = Links(settings, application_name=application_name)
        self._read_through(
            self._links.nodes(PostgresReader),
            self._links.proxies(HaproxyReader),
            self._links.poolers(PgBouncerReader),
        )

    def _read_through(
        self,
        nodes: Mapping[str, PostgresReader],
        proxies: Mapping[str, HaproxyReader],
        poolers: Mapping[str, PgBouncerReader],
    ) -> None:
        self._nodes, self._proxies, self._poolers = nodes, proxies, poolers
        self._addresses = AddressBook(self._settings, nodes)
        self._accounts: frozenset[Account] = frozenset()
        """What the PgBouncers log in as, by their last reading."""
        self._probes = {name: Probe(link, self._settings.nodes[name].engine) for name, link in nodes.items()}

    @property
    def consoles(self) -> Mapping[str, PgBouncerReader]:
        """The console of each PgBouncer; others in this process read through it, so that a PgBouncer bears
        no second one."""
        return self._poolers

    async def read(self, parts: Area) -> Reading:
        """One look at the named parts; a target that does not answer is in it with its error."""
        # The nodes are asked whether the users of the PgBouncers get in: so these are asked first.
        poolers = await self._observe(Area.POOLERS in parts, self._poolers, self._pooler)
        if Area.POOLERS in parts:
            self._accounts = frozenset(accounts(pooler.facts for pooler in poolers))
        (nodes, proxies), told, (loads, config, unguarded) = await asyncio.gather(
            asyncio.gather(
                self._observe(Area.NODES in parts, self._nodes, partial(self._node, Area.RIGHTS in parts)),
                self._observe(Area.PROXIES in parts, self._proxies, self._proxy),
            ),
            asyncio.gather(
                _each(self._proxies if Area.SESSIONS in parts else {}, target_queries.proxy_sessions),
                self._backends_and_connections(parts),
                _each(self._nodes if Area.ACTIVITY in parts else {}, target_queries.open_transactions),
                self._rights(Area.RIGHTS in parts),
                _each(self._nodes if Area.OBSTACLES in parts else {}, target_queries.obstacles),
            ),
            asyncio.gather(
                _each(self._poolers if Area.LOADS in parts else {}, target_queries.pooler_loads),
                _each(self._poolers if Area.SETTINGS in parts else {}, target_queries.pooler_settings),
                _each(self._poolers if Area.RIGHTS in parts else {}, lambda link: link.why_no_sentry()),
            ),
        )
        sessions, (backends, (held, unheld)), activity, (rights, setups), obstacles = told
        snapshot = Snapshot(
            self._cluster,
            self._settings.environment,
            datetime.now(UTC),
            1.0,
            with_slot_owners(nodes, self._addresses.node_places(), self._addresses.names),
            proxies,
            tuple(_with_error(pooler, unheld) for pooler in poolers),
        )
        return Reading(
            snapshot,
            sessions=sessions,
            connections=held,
            activity=activity,
            rights=rights,
            backends=backends,
            obstacles=obstacles,
            setups=setups,
            places=self._addresses.node_places(),
            loads=loads,
            settings=config,
            names=self._addresses.names,
            machines={name: self._addresses.machine(name) for name in self._proxies},
            logins=self._links.logins(),
            unguarded=unguarded,
            files=await self._files(proxies) if Area.FILES in parts else {},
        )

    async def positions(self, node: str) -> WalPositions:
        """How far that node's WAL reaches and how far its peers have applied it; raises ConsoleError."""
        return await self._probes[node].positions()

    async def catch_up(self, node: str, known: Reading) -> CatchUp | None:
        """How long the peers of `node` need to apply what it has written by now; nothing is written for this.
        None when the positions cannot be read."""
        if node not in self._probes:
            return None
        began, mark = time.monotonic(), ""
        while True:
            try:
                now = await self.positions(node)
            except ConsoleError:
                return None
            mark = mark or now.insert_lsn
            proof, lines = rehearsed(now, mark, node, known)
            took = time.monotonic() - began
            if proof is Proof.MET:
                return CatchUp(took)
            if took > _WATCHED_FOR:
                return CatchUp(None, f"not applied within {_WATCHED_FOR:g} s: {'; '.join(lines)}")
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Close every link at once."""
        for task in self._outstanding.values():
            task.cancel()
        await asyncio.gather(*self._outstanding.values(), return_exceptions=True)
        await asyncio.gather(
            *(node.close() for node in self._nodes.values()),
            *(pooler.close() for pooler in self._poolers.values()),
        )
        await self._links.close()

    async def _observe(
        self, wanted: bool, links: Mapping[str, Any], read: Callable[[Any], Awaitable[_Found]]
    ) -> tuple[Observed[_Found], ...]:
        """Every target of one kind; without facts and error when it was not to be read."""
        if not wanted:
            return tuple(Observed(name, link.address) for name, link in links.items())

        async def one(name: str, link: Any) -> Observed[_Found]:
            try:
                facts = await read(link)
            except Exception as error:
                logs.swallowed(error, "reading the cluster")
                return Observed(name, link.address, error=_why(error))
            return Observed(name, link.address, facts, datetime.now(UTC))

        return tuple(await asyncio.gather(*(one(name, link) for name, link in links.items())))

    async def _node(self, fresh: bool, link: PostgresReader) -> NodeFacts:
        """`fresh` where a plan is made: no check rests on what was read for an earlier one."""
        patience = self._hurried.get(link.name)
        if patience is None:
            return await self._probes[link.name].read(self._accounts, fresh=fresh)
        # What comes late is taken by the next look.
        task = self._outstanding.pop(link.name, None)
        task = task or asyncio.create_task(self._probes[link.name].read(self._accounts, fresh=fresh))
        await asyncio.wait({task}, timeout=patience)
        if task.done():
            return task.result()
        self._outstanding[link.name] = task
        raise ConsoleError(f"no answer within {patience:g} s")

    async def _proxy(self, link: HaproxyReader) -> ProxyFacts:
        await self._addresses.learn()
        find = self._addresses.node_of(link.name)
        return await read_proxy(link, self._settings.proxies[link.name].backends, find)

    async def _pooler(self, link: PgBouncerReader) -> PoolerFacts:
        return await self._addresses.routed(link.name, await read_pooler(link))

    async def _backends_and_connections(
        self, parts: Area
    ) -> tuple[
        dict[str, tuple[Backend, ...]], tuple[dict[str, tuple[ServerConnection, ...]], dict[str, str]]
    ]:
        """First the backends: the connection of a pool that grows meanwhile would else be nobody's."""
        backends = await _each(self._nodes if Area.BACKENDS in parts else {}, target_queries.backends)
        return backends, await self._held(Area.CONNECTIONS in parts)

    async def _files(self, proxies: Iterable[Observed[ProxyFacts]]) -> dict[str, ProxyFile]:
        """The configuration file of each HAProxy that answers and has one in the console's configuration."""
        found: dict[str, ProxyFile] = {}

        async def one(name: str, path: str, uptime: int) -> None:
            found[name] = await self._links.proxy_file(name, path, uptime)

        wanted = [
            one(proxy.name, path, proxy.facts.uptime)
            for proxy in proxies
            if proxy.facts and (path := self._settings.proxies[proxy.name].config_file)
        ]
        await asyncio.gather(*wanted)
        return found

    async def _held(self, wanted: bool) -> tuple[dict[str, tuple[ServerConnection, ...]], dict[str, str]]:
        """Server connections by pooler, and why for those that did not answer."""
        found: dict[str, tuple[ServerConnection, ...]] = {}
        errors: dict[str, str] = {}

        async def one(name: str, link: PgBouncerReader) -> None:
            try:
                found[name] = await target_queries.pooler_connections(link)
            except Exception as error:
                logs.swallowed(error, "reading the cluster")
                errors[name] = _why(error)

        if wanted:
            await asyncio.gather(*(one(name, link) for name, link in self._poolers.items()))
        return found, errors

    async def _rights(self, wanted: bool) -> tuple[dict[str, Rights], dict[str, PoolerSetup]]:
        if not wanted:
            return {}, {}
        proxies, poolers = await asyncio.gather(
            _each(self._proxies, target_queries.proxy_rights),
            _each(self._poolers, target_queries.pooler_rights),
        )
        rights = {f"haproxy/{name}": found for name, found in proxies.items()}
        rights |= {f"pgbouncer/{name}": found for name, (found, _) in poolers.items()}
        return rights, {name: setup for name, (_, setup) in poolers.items()}


async def _each(
    links: Mapping[str, Any], read: Callable[[Any], Awaitable[_Found | None]]
) -> dict[str, _Found]:
    """What each link gave; those that failed, or had nothing to give, are left out."""

    async def one(link: Any) -> _Found | None:
        try:
            return await read(link)
        except Exception as error:
            logs.swallowed(error, "reading the cluster")
            _why(error)
            return None

    answers = await asyncio.gather(*(one(link) for link in links.values()))
    return {name: answer for name, answer in zip(links, answers, strict=True) if answer is not None}


def _why(error: Exception) -> str:
    """Why a target could not be read. An answer that nobody has expected is that target's own fault: the
    others are read all the same."""
    if isinstance(error, ConsoleError):
        return str(getattr(error, "reason", error.problem))
    traceback.print_exception(error)
    return f"its answer is not understood: {described(error)}"


def _with_error(pooler: Observed[PoolerFacts], errors: Mapping[str, str]) -> Observed[PoolerFacts]:
    why = errors.get(pooler.name)
    return Observed(pooler.name, pooler.address, error=why) if why and not pooler.error else pooler
