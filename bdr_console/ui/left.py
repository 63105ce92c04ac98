"""What was left in maintenance and by whom: by a journal of this host, or by what is seen alone. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from bdr_console.cluster.proxies import ProxyServer
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.runbooks.orphans import orphans
from bdr_console.runbooks.run import RunStatus, RunView
from bdr_console.ui.desk import LockHolder
from bdr_console.ui.text.words import coarse

_SETTLED = 10.0
"""Seconds for which a server must have been in maintenance before nobody seems to be at it."""
WITHOUT_JOURNAL = "no journal on this host tells by whom"


@dataclass(frozen=True, slots=True)
class Left:
    """A node whose servers are in maintenance while nobody carries its run on."""

    node: str
    run: RunView | None
    """Whose it is; None when no journal of this host tells."""
    since: float | None
    """Seconds that the first of its servers has been in maintenance; None when HAProxy does not tell."""

    @property
    def text(self) -> str:
        """`node2 is in maintenance for 12m, left by alice@bastion, run ..., at step hold`."""
        since = f" for {coarse(self.since)}" if self.since is not None else ""
        said = f"{self.node} is in maintenance{since}"
        if self.run is None:
            return f"{said}, {WITHOUT_JOURNAL}"
        at = next((step.key for step in reversed(self.run.steps) if step.began_at is not None), "")
        return f"{said}, left by {self.run.who}, run {self.run.run_id}" + (f", at step {at}" if at else "")


def left_behind(
    recent: Iterable[RunView], snapshot: Snapshot | None, lock: LockHolder | None
) -> tuple[Left, ...]:
    """The nodes that an unfinished run left in maintenance, then those that nobody known here is at.

    None while another operator holds the lock: what is in maintenance may be that operator's.
    """
    if snapshot is None or lock is not None:
        return ()
    known = tuple(recent)
    journaled = orphans(known, snapshot)
    found = [
        Left(orphan.run.node, orphan.run, _since(_held(snapshot, orphan.run.node)))
        for orphan in journaled
        if orphan.run.status in (RunStatus.LOST, RunStatus.STOPPED)
    ]
    busy = {run.node for run in known if not run.status.over} | {left.node for left in found}
    for node in (target.name for target in snapshot.nodes):
        held = _held(snapshot, node)
        since = _since(held)
        if held and node not in busy and (since is None or since >= _SETTLED):
            found.append(Left(node, None, since))
    return tuple(found)


def _held(snapshot: Snapshot, node: str) -> tuple[ProxyServer, ...]:
    return tuple(server for _, server in snapshot.servers_of(node) if server.in_maintenance)


def _since(held: tuple[ProxyServer, ...]) -> float | None:
    return max((float(server.since) for server in held if server.since is not None), default=None)
