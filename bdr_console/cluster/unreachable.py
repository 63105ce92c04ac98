"""Nodes that do not answer although HAProxy sends them clients: what an emergency begins with. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bdr_console.cluster.privileges import is_refused_login
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, format_seconds

_SETTLED = 4.0
"""Seconds without a word after which a node counts as dead: one lost reading is none."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A node that does not answer while HAProxy has it in service."""

    node: str
    since: float | None
    """Seconds since it was read last; None when it never was."""
    sessions: int
    """Of HAProxy, to its servers."""

    @property
    def text(self) -> str:
        """`node1 does not answer for 12 s: 16 sessions stuck`."""
        since = f" for {format_seconds(round(self.since))}" if self.since is not None else ""
        return f"{self.node} does not answer{since}: {counted(self.sessions, 'session')} stuck"


def unreachable(snapshot: Snapshot, now: datetime) -> tuple[Unreachable, ...]:
    """Nodes that do not answer and have sessions through a HAProxy that answers; the busiest first."""
    return tuple(sorted(_unreachable(snapshot, now), key=lambda found: -found.sessions))


def _unreachable(snapshot: Snapshot, now: datetime) -> Iterator[Unreachable]:
    fresh = {proxy.name for proxy in snapshot.proxies if proxy.error is None}
    for node in snapshot.nodes:
        age = node.age(now)
        if node.error is None or is_refused_login(node.error) or (age is not None and age < _SETTLED):
            continue
        servers = [
            server
            for proxy, server in snapshot.servers_of(node.name)
            if proxy in fresh and not server.in_maintenance
        ]
        if sessions := sum(server.sessions for server in servers):
            yield Unreachable(node.name, age, sessions)
