"""What holds apply up on a node: a lock, or a slot that is no more. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from bdr_console.cluster.activity import BlockedWorker, LockHolder
from bdr_console.cluster.findings import Finding, Level, Thresholds
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.reach import listed, read_lately
from bdr_console.cluster.replication import Link
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import format_seconds

Blocked = Mapping[tuple[str, str], tuple[BlockedWorker, NodeFacts]]
"""By link: the worker that waits for a lock, and what is known of its node."""


def blocked_links(snapshot: Snapshot, links: Iterable[Link], now: datetime) -> Blocked:
    """The links whose apply worker, or one that helps it, waits for a lock; the longest wait counts."""
    waiting = {node.name: facts for node, facts in read_lately(snapshot, now) if facts.blocked_workers}
    found = {}
    for link in links if waiting else ():
        facts = waiting.get(link.target)
        pid = link.subscription.apply_pid if link.subscription else None
        if facts is None or pid is None:
            continue
        mine = [worker for worker in facts.blocked_workers if pid in (worker.pid, worker.leader_pid)]
        if mine:
            found[link.key] = max(mine, key=lambda worker: worker.seconds), facts
    return found


def blocked_findings(
    snapshot: Snapshot, by_link: Blocked, limits: Thresholds, now: datetime
) -> list[Finding]:
    """Workers that wait for a lock and belong to no link that is known, such as the first copy of a table."""
    known = {(target, worker.pid) for (_, target), (worker, _) in by_link.items()}
    found = []
    for node, facts in read_lately(snapshot, now):
        for worker in facts.blocked_workers:
            if (node.name, worker.pid) in known or worker.seconds < limits.lock_wait_warn:
                continue
            level = Level.CRIT if worker.seconds >= limits.lock_wait_crit else Level.WARN
            text = blocked_words(worker, facts, "a replication worker")
            remedy = blocked_remedy(worker, facts, "{at}")
            found.append(Finding(level, node.name, text, f"apply.blocked:{worker.pid}", remedy))
    return found


def blocked_words(worker: BlockedWorker, facts: NodeFacts, what: str) -> str:
    """`apply on node2 (pid 7) waits 14 s for a lock of pid 9 (report, user bob, idle in transaction for 18 s:
    LOCK TABLE ledger)`."""
    holders = listed([_holder(holder, facts) for holder in worker.holders])
    return f"{what} (pid {worker.pid}) waits {format_seconds(worker.seconds)} for a lock of {holders}"


def _holder(holder: LockHolder, facts: NodeFacts) -> str:
    if not holder.pid:
        prepared = facts.prepared
        if len(prepared) == 1:
            return f"prepared transaction '{prepared[0].gid}', {format_seconds(prepared[0].age)} old"
        return "a prepared transaction"
    who = [holder.application or "", f"user {holder.user}" if holder.user else ""]
    open_for = f" for {format_seconds(holder.age)}" if holder.age is not None else ""
    who += [f"{holder.state}{open_for}" if holder.state else ""]
    told = ", ".join(part for part in who if part)
    told += f": {holder.query}" if holder.query else ""
    return f"pid {holder.pid}" + (f" ({told})" if told else "")


def blocked_remedy(worker: BlockedWorker, facts: NodeFacts, at: str) -> str:
    """The statement that lets apply go on; `at` is where, or the place in braces for it."""
    pids = [holder.pid for holder in worker.holders if holder.pid]
    if pids:
        return f"on {at}: SELECT pg_terminate_backend({pids[0]}), or wait for its end"
    if facts.prepared:
        return prepared_remedy(facts.prepared[0].gid, facts.prepared[0].database, at)
    return f"on {at}: pg_prepared_xacts lists it; end it with ROLLBACK PREPARED or COMMIT PREPARED"


def prepared_remedy(gid: str, database: str, at: str) -> str:
    """How a prepared transaction is ended."""
    quoted = "'" + gid.replace("'", "''") + "'"
    return (
        f"in database {database} on {at}: ROLLBACK PREPARED {quoted}, or COMMIT PREPARED {quoted} if its"
        " coordinator has committed"
    )


def worker_findings(snapshot: Snapshot, now: datetime) -> list[Finding]:
    """Subscriptions that are enabled, have no apply worker, and lead to no node that is known by a slot.

    Nothing is said while a node of the configuration does not answer: it may be that one's.
    """
    fresh = read_lately(snapshot, now)
    if len(fresh) < len(snapshot.nodes):
        return []
    found = []
    for node, facts in fresh:
        for one in facts.subscriptions:
            if one.origin != "unknown" or not one.enabled or one.status != "down":
                continue
            text = f"subscription {one.name} has no apply worker"
            text += f", and its slot {one.slot_name} is on no configured node" if one.slot_name else ""
            text += f" ({one.last_error})" if one.last_error else ""
            found.append(Finding(Level.CRIT, node.name, text, f"subscription.down:{one.name}"))
    return found
