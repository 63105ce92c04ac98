"""From one node to all of its cluster: each node that answers is asked for those it knows."""

from collections.abc import Callable
from dataclasses import dataclass, field

from psycopg.conninfo import make_conninfo

from bdr_console.cluster.nodes import Membership, NodeFacts
from bdr_console.config import ClusterSettings
from bdr_console.engines import Probe
from bdr_console.engines.probe import Peer, ShippedReader, peers
from bdr_console.links import conninfo
from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links
from bdr_console.links.postgres import Unreadable

_DEADLINE = 5.0
_MOST = 64
"""Nodes; catalogs that name more are not believed."""
_PLACE = ("host", "hostaddr", "port", "dbname", "service")
_SECRETS = ("password", "sslpassword", "oauth_client_secret")

Said = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node that goes into the configuration."""

    name: str
    dsn: str
    """Without any password."""
    facts: NodeFacts | None
    """None when it did not answer."""
    trouble: str = ""
    """Why it did not answer."""


@dataclass(slots=True)
class Found:
    """What is known of the cluster so far."""

    nodes: list[FoundNode] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)
    """Members that the catalogs name, but not where they are."""


def without_password(dsn: str) -> tuple[str, bool]:
    """The DSN as keywords without passwords, and whether there were any. Raises ConsoleError."""
    words = conninfo.parse("--node", dsn)
    kept = {key: value for key, value in words.items() if key not in _SECRETS}
    first = [key for key in (*_PLACE, "user") if key in kept]
    ordered = {key: kept[key] for key in [*first, *(key for key in kept if key not in first)]}
    return make_conninfo("", **ordered), len(kept) < len(words)


async def find_nodes(dsns: list[str], via: str | None, said: Said) -> Found:
    """The nodes of the given DSNs (without passwords), and those that they know. `said` hears of each step.

    The user and everything else of a found node's DSN is that of the node which knows it. Raises ConsoleError
    when none of the given nodes can be read.
    """
    found, seen = Found(), set[tuple[str, str, str]]()
    refused: LinkError | None = None
    queue: list[tuple[str | None, str, bool]] = [(None, dsn, True) for dsn in dsns]
    while queue and len(found.nodes) < _MOST:
        name, dsn, given = queue.pop(0)
        here = _place(dsn)
        if here in seen or (name and any(node.name == _plain(name) for node in found.nodes)):
            continue
        seen.add(here)
        try:
            facts, known, address = await _ask(dsn, via)
        except LinkError as error:
            refused = refused or error
            label = _free(_plain(name or f"node{len(found.nodes) + 1}"), found)
            whose = "given" if given else "named by its peers"
            said(f"{label}: {whose}, but not reached at {error.address}: {error.reason}")
            found.nodes.append(FoundNode(label, dsn, None, error.reason))
            continue
        own = facts.node_name or name
        if own and any(node.name == _plain(own) for node in found.nodes):
            continue  # the same node at another address
        label = _free(_plain(own or f"node{len(found.nodes) + 1}"), found)
        found.nodes.append(FoundNode(label, dsn, facts))
        said(f"{label}: {facts.engine} on PostgreSQL {facts.server_version}, at {address}")
        if isinstance(known, Unreadable):
            said(f"{label}: cannot read where its peers are ({known.why}); name them with --node")
            known = ()
        queue += [(peer.name, _beside(dsn, peer), False) for peer in known]
    if refused is not None and not any(node.facts for node in found.nodes):
        raise refused
    found.unplaced = _unplaced(found)
    return found


async def _ask(dsn: str, via: str | None) -> tuple[NodeFacts, tuple[Peer, ...] | Unreadable, str]:
    """One reading of a node, the nodes it knows, and its address."""
    settings = ClusterSettings.model_validate({"via": via, "nodes": {"node": {"dsn": dsn}}})
    links = Links(settings, application_name="bdr-console init", deadline=_DEADLINE)
    reader = links.nodes(ShippedReader)["node"]
    try:
        probe = Probe(reader)
        facts = await probe.read()
        return facts, await peers(reader, await probe.kind()), reader.address
    finally:
        await reader.close()
        await links.close()


def _beside(dsn: str, peer: Peer) -> str:
    """The DSN that leads to `peer` as `dsn` leads to the node that knows it."""
    words = conninfo.parse("node", dsn)
    kept = {key: value for key, value in words.items() if key not in (*_PLACE, *_SECRETS)}
    database = peer.database or words.get("dbname")
    place = {"host": peer.host, "port": peer.port} | ({"dbname": database} if database else {})
    return make_conninfo("", **place, **kept)


def _place(dsn: str) -> tuple[str, str, str]:
    words = conninfo.parse("node", dsn)
    host, port = conninfo.endpoints(words)[0]
    return host, port, words.get("dbname", "")


def _plain(name: str) -> str:
    """A name that the configuration takes."""
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "_" for letter in name
    )
    return kept if kept[:1].isalnum() or kept[:1] == "_" else f"n{kept}"


def _free(name: str, found: Found) -> str:
    taken = {node.name for node in found.nodes}
    return name if name not in taken else next(n for i in range(2, 999) if (n := f"{name}_{i}") not in taken)


def _unplaced(found: Found) -> list[str]:
    """Members of the group that no entry stands for."""
    have = {node.name for node in found.nodes}
    named = [
        _plain(member.name)
        for node in found.nodes
        if node.facts and node.facts.meshed
        for member in node.facts.members
        if member.membership is not Membership.PARTED
    ]
    return [name for name in dict.fromkeys(named) if name not in have]
