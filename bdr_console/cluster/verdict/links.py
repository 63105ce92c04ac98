"""What holds apply up on a node: a lock, or a slot that is no more. Pure."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime

from bdr_console.cluster.access import is_refused_login
from bdr_console.cluster.activity import BlockedWorker, LockHolder
from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import Membership, NodeFacts, Slot
from bdr_console.cluster.replication import NO_WORKER, Link, LinkState
from bdr_console.cluster.snapshot import Snapshot, read_lately
from bdr_console.cluster.text import format_bytes, format_seconds, listed
from bdr_console.cluster.verdict.findings import Finding, Level, Thresholds
from bdr_console.cluster.verdict.history_keys import active_key, confirmed_key, disabled_key, errors_key
from bdr_console.cluster.verdict.lag import heading, heading_text, lag_level, lag_text

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


_WINDOW = 30.0
"""Seconds looked back for an apply that is stuck: engines try again every five seconds or so."""
_STARTING = 10.0
"""Seconds that an apply worker may take to start once it is enabled."""


def link_findings(
    link: Link,
    limits: Thresholds,
    history: History,
    blocked: tuple[BlockedWorker, NodeFacts] | None = None,
) -> list[Finding]:
    """One direction. A broken link also tells how far behind it is, once that is much. `blocked`: its apply
    worker, if that waits for a lock, with its node."""
    subject = f"{link.origin} -> {link.target}"
    if link.state is LinkState.ABSENT:
        return []
    if link.state is LinkState.UNKNOWN:
        return [Finding(Level.UNKNOWN, subject, link.reason, "link.unknown")]
    found = _wal_at_risk(link, subject)
    if unsettled := _unsettled(link, history):
        return [*found, Finding(unsettled[0], subject, unsettled[1], "link.unknown")]
    lag = _lag(link, limits, history)
    if blocked and (held := _held(link, subject, blocked, lag, limits)):
        return [*found, held]
    if stuck := _stuck(link, history):
        return [*found, Finding(Level.CRIT, subject, stuck, "link.stuck")]
    if link.state in (LinkState.DOWN, LinkState.PAUSED):
        level = Level.CRIT if link.state is LinkState.DOWN else Level.WARN
        level, text = _with_lag(level, link.reason, lag)
        if link.slot_gone:
            return [*found, Finding(level, subject, text, "link.lost", _begin_anew(link))]
        return [*found, Finding(level, subject, text, f"link.{link.state.name.lower()}", _remedy(link))]
    return [*found, Finding(lag[0], subject, lag[1], "link.lag")] if lag else found


def _held(
    link: Link,
    subject: str,
    blocked: tuple[BlockedWorker, NodeFacts],
    lag: tuple[Level, str] | None,
    limits: Thresholds,
) -> Finding | None:
    """Apply that waits for a lock: the sender gives up on it after its wal_sender_timeout, and then its slot
    looks as if nobody were there."""
    worker, facts = blocked
    down = link.state is LinkState.DOWN
    if not down and lag is None and worker.seconds < limits.lock_wait_warn:
        return None
    level = Level.CRIT if down or worker.seconds >= limits.lock_wait_crit else Level.WARN
    text = blocked_words(worker, facts, f"apply on {link.target}")
    if link.slot is not None and not link.slot.active:
        text += f"; {link.origin} has ended the connection (wal_sender_timeout)"
    level, text = _with_lag(level, text, lag)
    return Finding(level, subject, text, "link.blocked", blocked_remedy(worker, facts, "{target_at}"))


def _with_lag(level: Level, text: str, lag: tuple[Level, str] | None) -> tuple[Level, str]:
    """Add how far behind a link is that is held up; of what is critical already only a lag that is known."""
    if lag is None or (lag[0] is Level.UNKNOWN and level is Level.CRIT):
        return level, text
    return max(level, lag[0]), f"{text}; {lag[1]}"


def _unsettled(link: Link, history: History) -> tuple[Level, str] | None:
    """A link that was just disabled or enabled: its two ends were read at different moments, or its worker is
    about to start. Shown as what it is, not as an outage."""
    slot, there = link.slot, link.subscription
    if link.state is not LinkState.DOWN or there is None or link.receiver_seen_at is None or there.is_off:
        return None
    if slot is not None and not slot.active and there.status == "replicating":
        began = _inactive_since(link, history)
        if began is not None and began > link.receiver_seen_at:
            return Level.UNKNOWN, f"slot inactive; {link.target} has not been read since"
    was_off = any(off for _, off in history.window(disabled_key(link.key), _STARTING))
    if was_off and there.status in ("down", NO_WORKER):
        return Level.WARN, f"apply on {link.target} was just enabled, and its worker has not started yet"
    return None


def _inactive_since(link: Link, history: History) -> datetime | None:
    """When the slot was first read as inactive, if it was active just before."""
    began, was_active = None, False
    for at, active in reversed(history.window(active_key(link.key), _WINDOW)):
        if active:
            was_active = True
            break
        began = at
    return began if was_active else None


def _remedy(link: Link) -> str:
    """The engine's own statement for apply that is disabled, and who does not let whom in; else nothing."""
    there = link.subscription
    if there is None:
        return ""
    if link.state is LinkState.PAUSED and there.enable:
        return f"if nobody meant that, on {{target_at}}: {there.enable}"
    if link.state is LinkState.DOWN and is_refused_login(there.last_error):
        return "let the replication role of {target} in on {origin_at} (role, password, pg_hba.conf)"
    return ""


def _begin_anew(link: Link) -> str:
    """The remedy for lost changes where the receiver is a subscription that names its slot, else nothing."""
    if link.subscription is None or link.subscription.slot_name is None:
        return ""
    return (
        f"changes of {link.origin} are lost to {link.target}: on {{target_at}} drop subscription"
        f" {link.subscription.name} and create it anew with a copy of the rows"
    )


def _lag(link: Link, limits: Thresholds, history: History) -> tuple[Level, str] | None:
    """How much of a lag it is, in words; None below the limits, and where nobody could measure it."""
    level = lag_level(link, limits)
    if level is Level.OK or link.lag_time is None:
        return None
    text = f"lags {lag_text(link)}{_delayed(link)}"
    if level is Level.UNKNOWN:
        return level, f"{text}: for how long is not known; the bytes are below the limit"
    return level, text + heading_text(heading(link, history))


def _delayed(link: Link) -> str:
    """The delay that somebody set, which is a reason of any lag."""
    delay = link.subscription.apply_delay if link.subscription else None
    return f" (apply_delay of {format_seconds(delay)} is set on {link.target})" if delay else ""


def _stuck(link: Link, history: History) -> str | None:
    """Apply that tries the same transaction again and again: few bytes behind, and not one of them moves.
    Seen when the confirmed position stands still while the slot flaps or failures are counted."""
    if not link.lag_bytes:
        return None
    match history.last(confirmed_key(link.key), 2):
        case (float(before), float(newest)) if before != newest:
            return None  # it moves: nearly every link at nearly every look
        case (*_, None):
            return None  # nobody could read it now
    confirmed = [value for _, value in history.window(confirmed_key(link.key), _WINDOW)]
    if len(confirmed) < 3 or len(set(confirmed)) > 1:
        return None
    errors = [value for _, value in history.window(errors_key(link.key), _WINDOW)]
    failed = round(errors[-1] - errors[0]) if errors else 0
    active = [value for _, value in history.window(active_key(link.key), _WINDOW)]
    flaps = sum(1 for before, after in itertools.pairwise(active) if before != after)
    if failed < 2 and flaps < 3:
        return None
    what = f"{failed} failures" if failed >= 2 else f"{flaps} changes of its slot"
    why = f" ({link.subscription.last_error})" if link.subscription and link.subscription.last_error else ""
    return (
        f"apply is stuck on {link.target}: {what} in {_WINDOW:.0f} s and nothing confirmed{why};"
        f" the cause is in {link.target}'s log"
    )


def _wal_at_risk(link: Link, subject: str) -> list[Finding]:
    if link.slot is None or link.slot.wal_status != "unreserved":
        return []
    text = f"slot {link.slot.name} is about to lose WAL that {link.target} needs (wal_status unreserved)"
    return [Finding(Level.CRIT, subject, text, "wal.unreserved")]


def slot_findings(snapshot: Snapshot, limits: Thresholds, now: datetime) -> list[Finding]:
    """Slots that no known node reads, or that were kept for a parted one: their WAL is kept for ever."""
    fresh = read_lately(snapshot, now)
    joining = any(member.membership is Membership.JOINING for _, facts in fresh for member in facts.members)
    found = []
    for node, facts in fresh:
        if facts.node_name is None and facts.meshed:
            continue  # its slots name no node at all
        for slot in facts.slots:
            if slot.active or not (why := _nobody(slot, facts)):
                continue
            kept = f"; it keeps {format_bytes(slot.retained_bytes)} of WAL"
            late = (slot.retained_bytes or 0) >= limits.orphan_slot_crit
            hint = " (a join is under way)" if joining and slot.target is None else ""
            text = f"slot {slot.name}: {why}{hint}{kept}"
            level = Level.CRIT if late else Level.WARN
            found.append(Finding(level, node.name, text, f"slot.orphan:{slot.name}"))
    return found


def _nobody(slot: Slot, facts: NodeFacts) -> str | None:
    if slot.target is None:
        return "no known node reads it"
    gone = any(
        member.name == slot.target and member.membership is Membership.PARTED for member in facts.members
    )
    return f"left from {slot.target}, which is parted" if gone else None
