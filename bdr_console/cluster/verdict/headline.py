"""What is proved of a cluster with nothing wrong, in one line: a green word alone proves nothing. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bdr_console.cluster.replication import Link, LinkState
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, format_bytes, format_seconds, listed
from bdr_console.cluster.traffic import traffic
from bdr_console.cluster.verdict.alarm import Alarm
from bdr_console.cluster.verdict.client_impact import with_client_words
from bdr_console.cluster.verdict.findings import Finding, Level, Verdict

_NAMED = 3
"""Nodes that are named as those that serve clients."""
_OWN = "pgbouncer"


def proof_words(snapshot: Snapshot, links: Sequence[Link], now: datetime) -> str:
    """`3 nodes, 6 links in step (worst 120 ms), node1 serves 14 clients`."""
    fresh = sum(node.facts is not None and node.is_fresh(now, snapshot.refresh) for node in snapshot.nodes)
    return ", ".join(
        part for part in (counted(fresh, "node"), _links(links), _clients(snapshot, now)) if part
    )


def _links(links: Sequence[Link]) -> str:
    working = [
        link for link in links if link.state in (LinkState.STREAMING, LinkState.CATCHUP) and link.fresh
    ]
    if not working:
        return ""
    times = [link.lag_seconds for link in working if link.lag_seconds is not None]
    sizes = [link.lag_bytes for link in working if link.lag_bytes is not None]
    if len(times) == len(working):
        worst = f"worst {format_seconds(max(times))}"
    elif len(sizes) == len(working):
        worst = f"worst {format_bytes(max(sizes))}"
    else:
        unknown = sum(link.lag_seconds is None and link.lag_bytes is None for link in working)
        worst = f"lag of {unknown or len(working) - len(times)} unknown"
    return f"{counted(len(working), 'link')} in step ({worst})"


def _clients(snapshot: Snapshot, now: datetime) -> str:
    """Who has the clients: those of the PgBouncers where one node has them all, else the sessions of each."""
    seen = traffic(snapshot, now)
    if not seen.takers:
        return ""
    pools = [
        pool
        for pooler in snapshot.poolers
        if pooler.facts and pooler.is_fresh(now, snapshot.refresh)
        for pool in pooler.facts.pools
        if pool.database != _OWN
    ]
    if len(seen.takers) == 1 and pools:
        clients = sum(pool.clients_active + pool.clients_waiting for pool in pools)
        return f"{seen.takers[0]} serves {counted(clients, 'client')}"
    if len(seen.takers) > _NAMED:
        sessions = sum(route.sessions for route in seen.routes)
        return f"{len(seen.takers)} nodes serve {counted(sessions, 'session')}"
    each = [
        f"{node} serves {counted(sum(route.sessions for route in seen.of(node)), 'session')}"
        for node in seen.takers
    ]
    return listed(each)


_WORTH_SAYING = 5.0
"""Seconds; of what has just come one need not say since when."""


def headline(verdict: Verdict, alarms: Sequence[Alarm], now: datetime, proof: str = "") -> str:
    """`DEGRADED: node2 -> node3 lags 48 MiB, since 12:03:10, 4m 02s (and 2 more)`; or `proof`,
    what is known to be well, with nothing wrong.

    What nobody has acknowledged goes first; the word stays that of the worst finding, and says where that one
    is acknowledged: `CRITICAL (acknowledged) and DEGRADED: ...`.
    """
    if not verdict.findings:
        return f"{verdict.level.word}: {proof}" if proof else verdict.level.word
    first, word = first_of(verdict, alarms)
    known = {alarm.key: alarm for alarm in alarms}
    more = f" (and {len(verdict.roots) - 1} more)" if len(verdict.roots) > 1 else ""
    return f"{word}: {sentence(first, known.get(first.key), now)}{more}"


def next_step(verdict: Verdict, alarms: Sequence[Alarm] = ()) -> str:
    """What to do about the root that the line is about; empty when there is none."""
    return first_of(verdict, alarms)[0].remedy if verdict.findings else ""


def first_of(verdict: Verdict, alarms: Sequence[Alarm]) -> tuple[Finding, str]:
    """The root that the line is about, and the word before it. The verdict must have a finding."""
    known = {alarm.key: alarm for alarm in alarms}
    least = min(Level.WARN, verdict.level)
    listed = [f for f in verdict.roots if f.level >= least]
    new = [f for f in listed if not is_acknowledged(f, known.get(f.key))]
    first = new[0] if new else verdict.roots[0]
    worst = max((f.level for f in new), default=Level.OK)
    word = verdict.level.word
    if worst < verdict.level:
        word += " (acknowledged)" + (f" and {worst.word}" if new else "")
    return first, word


def is_acknowledged(finding: Finding, alarm: Alarm | None) -> bool:
    """Whether somebody knows of it, as bad as it is."""
    return alarm is not None and alarm.ack is not None and finding.level <= alarm.ack.level


def sentence(finding: Finding, alarm: Alarm | None, now: datetime) -> str:
    """`node1 does not answer: timed out after 2.0 s: 16 clients hang, since 12:03:10, 4m 02s`."""
    colon = finding.sentence.removesuffix(finding.text)
    return f"{colon}{told(finding, alarm, now)}"


def told(finding: Finding, alarm: Alarm | None, now: datetime) -> str:
    """The finding's text, the clients that it hurts, since when, and who has acknowledged it."""
    text = with_client_words(finding)
    if alarm is None:
        return text
    if alarm.flaps:
        text = f"flapping: {alarm.flaps} times in 5 min: {text}"
    if alarm.lasting(now) >= _WORTH_SAYING:
        text += f", {alarm.since_words(now)}"
    return f"{text}; {alarm.ack.words}" if alarm.ack and is_acknowledged(finding, alarm) else text
