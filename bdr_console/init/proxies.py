"""Which HAProxy server stands for which node, before there is a configuration that says so."""

from collections.abc import Mapping
from dataclasses import dataclass

from bdr_console.config import ClusterSettings
from bdr_console.engines.probe import ShippedReader
from bdr_console.links.addresses import AddressBook
from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links
from bdr_console.links.haproxy import HaproxyReader, read_proxy

_DEADLINE = 5.0


@dataclass(frozen=True, slots=True)
class Fronted:
    """What the proxies say of the nodes."""

    servers: Mapping[str, str]
    """Node -> HAProxy's name for it, where its address does not tell."""
    notes: tuple[str, ...]
    """What fits nobody, and what could not be read."""


async def fronted(settings: ClusterSettings) -> Fronted:
    """Every proxy read once; raises nothing for one that cannot be."""
    links = Links(settings, application_name="bdr-console init", deadline=_DEADLINE)
    readers = links.nodes(ShippedReader)
    addresses = AddressBook(settings, readers)
    by_name = {name: name for name in settings.nodes}
    servers: dict[str, str] = {}
    served: set[str] = set()
    notes, read = [], 0
    await addresses.learn()
    try:
        for name, link in links.proxies(HaproxyReader).items():
            by_address = addresses.node_of(name)
            try:
                facts = await read_proxy(
                    link,
                    settings.proxies[name].backends,
                    lambda backend, server, address, find=by_address: (
                        find(backend, server, address)  # type: ignore[misc]
                        or by_name.get(server)
                    ),
                )
            except LinkError as error:
                notes.append(f"{name}: {error.reason}")
                continue
            read += 1
            for server in facts.servers:
                place = (
                    f"{name}: server {server.backend}/{server.name} ({server.address or 'address not known'})"
                )
                if server.node is None:
                    notes.append(
                        f"{place} is none of the nodes; if it is one, give that node `server: {server.name}`"
                    )
                    continue
                served.add(server.node)
                if by_address(server.backend, server.name, server.address) is None:
                    servers[server.node] = server.name
    finally:
        for reader in readers.values():
            await reader.close()
        await links.close()
    if read:
        notes += [f"{node}: no HAProxy server stands for it" for node in settings.nodes if node not in served]
    return Fronted(servers, tuple(notes))
