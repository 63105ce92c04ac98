"""Hosts that are gone with everything on them, and the network in front of all. Pure."""

from collections.abc import Mapping, Sequence

from bdr_console.cluster.addresses import machine_of, split
from bdr_console.cluster.findings import Finding, Impact, Key, Level
from bdr_console.cluster.reach import listed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted

_ANSWERED = ("refused", "No such file", "no such file", "password", "authentication", "permission", "FATAL")
"""Words of an error that a living host gave."""


def hosts_gone(found: Sequence[Finding], snapshot: Snapshot) -> Mapping[Key, Finding]:
    """By the key of each unreachable target: the finding about its host, or about the way to it, where
    nothing else there answers either. Two at least must be silent: one alone says nothing of its host."""
    silent = {
        (f.code, f.subject): f for f in found if f.code.endswith(".unreachable") and f.level is Level.CRIT
    }
    if len(silent) < 2:
        return {}
    places: dict[str, list[tuple[str, str]]] = {}
    targets = 0
    for code, kind in (
        ("node.unreachable", snapshot.nodes),
        ("proxy.unreachable", snapshot.proxies),
        ("pooler.unreachable", snapshot.poolers),
    ):
        for target in kind:
            targets += 1
            for place in _places(target.address):
                places.setdefault(place, []).append((code, target.name))
    gone: dict[Key, Finding] = {}
    if len(silent) == targets > 2 and len(places) > 1 and not any(_answered(f) for f in silent.values()):
        kinds = (
            counted(len(snapshot.nodes), "node"),
            counted(len(snapshot.proxies), "HAProxy").replace("HAProxys", "HAProxies"),
            counted(len(snapshot.poolers), "PgBouncer"),
        )
        text = f"nothing answers, {listed(kinds)}: this host may be cut off from all of them"
        network = Finding(Level.CRIT, "network", text, "network.unreachable", impact=Impact.OTHER)
        return {finding.key: network for finding in silent.values()}
    for place, there in places.items():
        if len(there) < 2 or not all(one in silent and not _answered(silent[one]) for one in there):
            continue
        text = f"does not answer: {listed([name for _, name in there])} cannot be reached"
        host = Finding(Level.CRIT, f"host {place}", text, "host.unreachable")
        for one in there:
            gone.setdefault(silent[one].key, host)
    return gone


def _places(address: str) -> list[str]:
    """The machines that a target is not reached without; none where that is this one."""
    direct, _, via = address.partition(" via ")
    host = "" if direct.startswith("/") else split(direct)[0]
    return [place for place in dict.fromkeys((via, machine_of(host, via))) if place]


def _answered(finding: Finding) -> bool:
    return any(word in finding.text for word in _ANSWERED)
