"""A cluster's states as words of plain text: what they mean never hangs on a symbol or a colour."""

from datetime import datetime
from typing import Literal

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import FactsT, Observed
from bdr_console.cluster.poolers import Pool, PoolDatabase
from bdr_console.cluster.replication import Link, LinkState
from bdr_console.cluster.text import format_seconds
from bdr_console.cluster.verdict.findings import Level

EXIT_CODES: dict[Level, Literal[0, 1, 2, 3]] = {Level.OK: 0, Level.WARN: 1, Level.CRIT: 2, Level.UNKNOWN: 3}
"""What a monitoring plugin ends with."""
WORDS = {Level.OK: "OK", Level.WARN: "WARN", Level.CRIT: "CRIT", Level.UNKNOWN: "UNKNOWN"}
UNKNOWN = 3
UNKEPT = "WAL positions of earlier looks are not kept, so a lag is not known to be older than this look"


def plain_age(seconds: float | None) -> str:
    """`< 1 s`, `12 s`, `4m 10s`; `never` for None."""
    if seconds is None:
        return "never"
    return "< 1 s" if seconds < 1 else f"{seconds:.0f} s" if seconds < 60 else format_seconds(seconds)


def contact(target: Observed[FactsT], now: datetime, refresh: float) -> str | None:
    """Why what is shown of a target is not the present: `no answer 12 s`, `stale 12 s`, `not read`; None
    when it is."""
    if target.is_fresh(now, refresh):
        return None
    age = target.age(now)
    since = "" if age is None else f" {plain_age(age)}"
    if target.error is not None:
        return f"no answer{since}"
    return f"stale{since}" if since else "not read"


def node_state(facts: NodeFacts | None) -> str:
    """A node that answers: `up`, or what it says of itself that is less."""
    return facts.state if facts else "unknown"


def link_state(link: Link, now: datetime) -> str:
    """The state of one direction; its age where it is not the present."""
    if link.fresh or link.state is LinkState.PAUSED:
        return link.state.value
    if link.seen_at is None:
        return LinkState.UNKNOWN.value
    return f"{link.state.value}, {plain_age((now - link.seen_at).total_seconds())} old"


def pool_state(pool: Pool, database: PoolDatabase | None) -> str:
    """What a pool is at: paused, disabled, clients wait, closing, ok."""
    if database is not None and database.paused:
        return "paused"
    if database is not None and database.disabled:
        return "disabled"
    if pool.clients_waiting:
        return "clients wait"
    return "closing" if pool.close_needed else "ok"
