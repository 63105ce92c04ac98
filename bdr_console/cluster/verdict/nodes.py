"""How far the nodes' clocks are apart, as far as one round trip can tell. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from statistics import median_low

from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import Membership, NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot, read_lately
from bdr_console.cluster.text import format_bytes, format_seconds
from bdr_console.cluster.verdict.findings import Finding, Level, Thresholds
from bdr_console.cluster.verdict.history_keys import paused_key
from bdr_console.cluster.verdict.links import prepared_remedy
from bdr_console.cluster.verdict.unreachable import unreached

_STEP = 0.1
"""Seconds; less is of no use to a reader, and would change at every look."""


@dataclass(frozen=True, slots=True)
class Skew:
    """One node's clock against another's."""

    seconds: float
    """Positive when it is ahead."""
    uncertainty: float
    """Seconds by which the figure may be wrong either way: a clock is read somewhere within a round trip."""
    against: str
    """The node it is measured against: the one with the middle clock."""

    @property
    def words(self) -> str:
        """`clock 1.2 s ahead of node1's (give or take 3 ms)`, or `clock in step`."""
        if abs(self.seconds) - self.uncertainty < _STEP:
            return "clock in step"
        way = "ahead of" if self.seconds > 0 else "behind"
        doubt = format_seconds(self.uncertainty)
        return f"clock {format_seconds(abs(self.seconds))} {way} {self.against}'s (give or take {doubt})"


def skews(snapshot: Snapshot, now: datetime) -> dict[str, Skew]:
    """Every node that was read lately, by configured name, against the one in the middle (which is left out).

    Each clock is compared with ours at the middle of the reading, so that ours falls out of the difference.
    """
    offsets: dict[str, tuple[float, float]] = {}
    for node, facts in read_lately(snapshot, now):
        if facts.clock is None or node.seen_at is None or node.took_ms is None:
            continue
        half = node.took_ms / 2000
        offsets[node.name] = ((facts.clock - node.seen_at).total_seconds() + half, half)
    if len(offsets) < 2:
        return {}
    middle = median_low(offset for offset, _ in offsets.values())
    against = next(name for name, (offset, _) in offsets.items() if offset == middle)
    doubt = offsets[against][1]
    return {
        name: Skew(offset - middle, half + doubt, against)
        for name, (offset, half) in offsets.items()
        if name != against
    }


_FIGURES = re.compile(r"[0-9]+")
_PAUSE = 30.0
"""Seconds, half of the usual wal_sender_timeout: what is paused for longer will look like an outage."""


def node_findings(
    node: Observed[NodeFacts], snapshot: Snapshot, limits: Thresholds, now: datetime, history: History
) -> list[Finding]:
    """One node by its own readings alone."""
    facts = node.facts
    if (stale := unreached("node", node, snapshot, now)) or facts is None:
        return [stale] if stale else []
    found = [
        Finding(
            Level.CRIT if caveat.severe else Level.WARN,
            node.name,
            caveat.text,
            f"node.caveat:{_FIGURES.sub('', caveat.text)[:40]}",
        )
        for caveat in facts.caveats
    ]
    if facts.apply_paused:
        since = history.since(paused_key(node.name))
        lasting = 0.0 if since is None else (now - since).total_seconds()
        text = "apply is paused: nothing that its peers write is applied here"
        if lasting >= _PAUSE:
            text += f", for {format_seconds(lasting)}; its peers give up on it after their wal_sender_timeout"
        level = Level.CRIT if lasting >= _PAUSE else Level.WARN
        remedy = f"if nobody meant that, on {{at}}: {facts.resume_apply}" if facts.resume_apply else ""
        found.append(Finding(level, node.name, text, "apply.paused", remedy))
    found += _read_only(node.name, facts)
    found += _sessions(node.name, facts, limits)
    found += _prepared(node.name, facts, limits)
    for share in facts.sequences:
        left = "" if share.left is None else f" has {share.left} values left"
        note = f" ({share.note})" if share.note else ""
        found.append(
            Finding(Level.WARN, node.name, f"sequence {share.name}{left}{note}", f"sequence:{share.name}")
        )
    found += [
        Finding(Level.UNKNOWN, node.name, f"{u.what} could not be read: {u.why}", f"node.unread:{u.what}")
        for u in facts.unread
        if u.judged
    ]
    return found


def same_database_findings(snapshot: Snapshot, now: datetime) -> list[Finding]:
    """Configured nodes that are one database of one server: the start of a server, to the microsecond, is
    that of no other one."""
    first: dict[tuple[datetime, str], str] = {}
    found = []
    for node, facts in read_lately(snapshot, now):
        if facts.started_at is None or facts.database is None:
            continue
        other = first.setdefault((facts.started_at, facts.database), node.name)
        if other != node.name:
            text = f"is the same server and database as {other}: one of the two is watched by nobody"
            found.append(Finding(Level.CRIT, node.name, text, "node.same"))
    return found


def _read_only(name: str, facts: NodeFacts) -> list[Finding]:
    found = []
    own = next((member for member in facts.members if member.is_local), None)
    if own is not None and own.read_only and own.membership is not Membership.JOINING:
        found.append(Finding(Level.WARN, name, "is marked read-only in the group", "node.read_only:group"))
    if facts.read_only:
        found.append(
            Finding(
                Level.WARN,
                name,
                "is set read-only (default_transaction_read_only)",
                "node.read_only:default",
            )
        )
    return found


def _sessions(name: str, facts: NodeFacts, limits: Thresholds) -> list[Finding]:
    sessions, found = facts.sessions, []
    if sessions is None:
        return []
    oldest = sessions.oldest_transaction
    if oldest is not None and oldest >= limits.transaction_age_warn:
        text = f"oldest transaction open for {format_seconds(oldest)}"
        if sessions.oldest_transaction_pid is not None:
            text += f" (pid {sessions.oldest_transaction_pid})"
        found.append(Finding(Level.WARN, name, text, "node.transaction"))
    if sessions.total >= limits.connections_warn * sessions.max_connections:
        text = f"{sessions.total} of {sessions.max_connections} connections in use"
        found.append(Finding(Level.WARN, name, text, "node.connections"))
    return found


def _prepared(name: str, facts: NodeFacts, limits: Thresholds) -> list[Finding]:
    """Prepared transactions that nobody has ended: critical once the WAL that they hold back is much."""
    old = [one for one in facts.prepared if one.age >= limits.transaction_age_warn]
    if not old:
        return []
    first = max(old, key=lambda one: one.age)
    text = f"prepared transaction '{first.gid}' of {first.owner} in database {first.database}"
    text += f" is open for {format_seconds(first.age)}"
    text += f", and {len(old) - 1} more" if len(old) > 1 else ""
    kept = max((slot.retained_bytes or 0 for slot in facts.slots), default=0)
    text += "; it keeps its locks and holds back vacuum"
    text += f" and {format_bytes(kept)} of WAL for the slots" if kept else ""
    level = Level.CRIT if kept >= limits.orphan_slot_crit else Level.WARN
    remedy = prepared_remedy(first.gid, first.database, "{at}")
    return [Finding(level, name, text, "node.prepared", remedy)]


def clock_findings(snapshot: Snapshot, limits: Thresholds, now: datetime) -> list[Finding]:
    """Clocks that differ by more than the limits, and by more than they can be measured."""
    found = []
    for name, skew in skews(snapshot, now).items():
        sure = abs(skew.seconds) - skew.uncertainty
        if sure < limits.clock_skew_warn:
            continue
        level = Level.CRIT if sure >= limits.clock_skew_crit else Level.WARN
        text = f"{skew.words}: where the last update wins, an older one may"
        found.append(Finding(level, name, text, "clock.skew"))
    return found
