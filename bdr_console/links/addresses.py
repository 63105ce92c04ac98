"""Which HAProxy or node of a cluster an address leads to. Names are looked up here."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from bdr_console.cluster.addresses import (
    ANY_HOST,
    HERE,
    Names,
    Place,
    address_places,
    canonical_host,
    is_loopback_host,
    machine_of,
    meet,
    places,
    split,
)
from bdr_console.cluster.poolers import PoolDatabase, PoolerFacts
from bdr_console.config import ClusterSettings
from bdr_console.links import conninfo
from bdr_console.links.haproxy_facts import NodeOf
from bdr_console.links.postgres import PostgresReader
from bdr_console.links.resolve import addresses

_PATIENCE = 0.5
"""Seconds that a reading waits for names not known yet; an old answer is used meanwhile."""
_GOOD_FOR = 60.0
"""Seconds after which a name is looked up again."""
_AGAIN_AFTER = 10.0
"""The same for one that did not resolve."""


class AddressBook:
    """The addresses of one cluster's targets. `readers` add the addresses that nodes were reached at."""

    def __init__(self, settings: ClusterSettings, readers: Mapping[str, PostgresReader]) -> None:
        self._settings = settings
        self._readers = readers
        self._names: dict[str, tuple[str, ...]] = {HERE: ()}
        self._look_again: dict[str, float] = {}
        self._endpoints = {
            name: conninfo.endpoints(conninfo.parse(name, target.dsn))
            for name, target in {**settings.poolers, **settings.nodes}.items()
        }
        self._refreshing: set[asyncio.Task[None]] = set()
        self._known = frozenset(self._configured())

    def _configured(self) -> Iterable[str]:
        for ends in self._endpoints.values():
            yield from (host for host, _ in ends)
        for proxy in self._settings.proxies.values():
            yield from (split(address)[0] for address in (*proxy.listen, proxy.socket))
        yield from (ssh.host or name for name, ssh in self._settings.ssh.hosts.items())

    @property
    def names(self) -> Names:
        """The IP addresses of every name and machine known so far."""
        return dict(self._names)

    async def learn(self, hosts: Iterable[str | None] = ()) -> None:
        """Look up the names of this cluster's configuration and of `hosts` (also lists) that are not known.
        Raises nothing: a name that does not resolve is compared as it is written."""
        listed = (host for several in hosts for host in (several or "").split(","))
        wanted = {canonical_host(host) for host in (*self._known, *listed)}
        now = time.monotonic()
        due = {
            name: name not in self._look_again
            for name in wanted
            if name and not name.startswith(("/", "@", ANY_HOST)) and self._look_again.get(name, 0.0) <= now
        }
        for task in [asyncio.create_task(self._look_up(name)) for name, first in due.items() if not first]:
            self._refreshing.add(task)
            task.add_done_callback(self._refreshing.discard)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await asyncio.gather(*(self._look_up(name) for name, first in due.items() if first))

    async def _look_up(self, name: str) -> None:
        self._look_again[name] = time.monotonic() + _AGAIN_AFTER
        try:
            found = tuple(dict.fromkeys(canonical_host(address) for address in await addresses(name)))
        except OSError:
            return
        self._names[name] = found
        self._look_again[name] = time.monotonic() + _GOOD_FOR
        own = (*self._names[HERE], *(address for address in found if is_own(address)))
        self._names[HERE] = tuple(dict.fromkeys(own))
        for alias, ssh in self._settings.ssh.hosts.items():
            # One on a loopback address is a forwarded port: what is behind it is another machine.
            if canonical_host(ssh.host or alias) == name:
                self._names[alias] = tuple(a for a in found if not is_loopback_host(a))

    def machine(self, proxy: str) -> str:
        """The machine that a HAProxy runs on, as far as the way to its socket says."""
        settings = self._settings.proxies[proxy]
        via = self._settings.via_of(settings)
        return machine_of(split(settings.socket)[0], via)

    def node_places(self) -> dict[str, frozenset[Place]]:
        """Where each node is: as its DSN says, and the address that it was reached at."""
        found = {}
        for name, reader in self._readers.items():
            via = self._settings.via_of(self._settings.nodes[name])
            ends = [*self._endpoints[name], *([reader.peer] if reader.peer and not via else [])]
            found[name] = frozenset(
                place for host, port in ends for place in places(host, port, via or HERE, self._names)
            )
        return found

    def node_of(self, proxy: str) -> NodeOf:
        """Which configured node stands behind a server of that HAProxy: by its name, else by its address."""
        by_name = {node.server: name for name, node in self._settings.nodes.items() if node.server}
        machine = self.machine(proxy)

        def find(_backend: str, server: str, address: str | None) -> str | None:
            if server in by_name:
                return by_name[server]
            if address is None:
                return None
            here = address_places(address, machine, self._names)
            return next((name for name, there in self.node_places().items() if meet(here, there)), None)

        return find

    async def routed(self, pooler: str, facts: PoolerFacts) -> PoolerFacts:
        """The same facts with the HAProxies and nodes that each database leads to."""
        await self.learn(database.host for database in facts.databases)
        target = self._settings.poolers[pooler]
        machine = machine_of(self._endpoints[pooler][0][0], self._settings.via_of(target))
        nodes = self.node_places()
        fronts = {
            # `listen` says how poolers reach it, or what HAProxy's own configuration says: both are taken.
            name: frozenset(
                place
                for address in proxy.listen
                for on in (self.machine(name), machine)
                for place in address_places(address, on, self._names)
            )
            for name, proxy in self._settings.proxies.items()
        }

        def leads(database: PoolDatabase) -> PoolDatabase:
            there = places(database.host, database.port, machine, self._names)
            return replace(
                database,
                proxies=tuple(name for name, at in fronts.items() if meet(there, at)),
                nodes=tuple(name for name, at in nodes.items() if meet(there, at)),
            )

        return replace(facts, databases=tuple(map(leads, facts.databases)))


def is_own(address: str) -> bool:
    """Whether an IP address is one of this machine's, loopback left out: it would talk to itself from that
    very address. No packet is sent."""
    if is_loopback_host(address):
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return canonical_host(str(probe.getsockname()[0])) == address
    return False
