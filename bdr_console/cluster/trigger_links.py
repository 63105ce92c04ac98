"""Links where triggers capture changes for a daemon to carry: rows that wait, and who carries them. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.text import format_seconds

_STUCK = 5.0
"""Seconds that a captured row may wait for a node that does not answer before the link counts as down."""


State = Literal["streaming", "paused", "down", "unknown"]
"""Values of LinkState."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one direction shows."""

    state: State
    reason: str
    rows: int | None
    """Rows that wait; None when they could not be counted."""
    oldest: float | None
    """Seconds that the oldest waits: 0 when none does, None when unknown."""


def judge(
    origin: Observed[NodeFacts],
    target: Observed[NodeFacts],
    control: Observed[NodeFacts] | None,
    refresh: float,
    now: datetime,
) -> Waiting:
    """One direction, from the rows that wait at its origin and from the workers that are connected there.

    What `control` says is what somebody asked for (an inactive sync), never a proof that it works.
    """
    facts = origin.facts
    if facts is None or not origin.is_fresh(now, refresh):
        return Waiting("unknown", f"{origin.name} does not answer", None, None)
    if why := facts.why_unread("pending"):
        reason = f"what waits on {origin.name} could not be read: {why}"
        return Waiting("unknown", reason, None, None)
    rows, oldest, waits = _waiting(facts)
    state, reason = _state(facts, target, control, refresh, now, oldest)
    return Waiting(state, f"{reason}; {waits}", rows, oldest)


def _waiting(facts: NodeFacts) -> tuple[int, float | None, str]:
    """The worst over the tables: changes of one row are counted once for each target."""
    pending = facts.pending or ()
    by_target: dict[str | None, int] = {}
    for part in pending:
        by_target[part.target] = by_target.get(part.target, 0) + part.rows
    rows = max(by_target.values(), default=0)
    ages = [part.oldest for part in pending if part.oldest is not None]
    if not rows:
        return 0, 0.0, "nothing waits"
    least = " or more" if any(part.more for part in pending) else ""
    since = f", the oldest for {format_seconds(max(ages))}" if ages else ""
    verb = "waits" if rows == 1 and not least else "wait"
    return rows, max(ages, default=None), f"{rows} row{'' if rows == 1 else 's'}{least} {verb}{since}"


def _state(
    facts: NodeFacts,
    target: Observed[NodeFacts],
    control: Observed[NodeFacts] | None,
    refresh: float,
    now: datetime,
    oldest: float | None,
) -> tuple[State, str]:
    asked = (
        {sync.name: sync for sync in control.facts.subscriptions}
        if control and control.facts and control.is_fresh(now, refresh)
        else {}
    )
    if off := [sync.name for sync in asked.values() if not sync.enabled and _carries(facts, sync.name)]:
        return "paused", f"sync {', '.join(off)} is not active"
    without = [
        sync.name
        for sync in facts.subscriptions
        if sync.status == "down" and not (sync.name in asked and asked[sync.name].status == "idle")
    ]
    if without:
        return "down", f"no KID of sync {', '.join(without)} is connected"
    if not target.is_fresh(now, refresh):
        stuck = oldest is not None and oldest >= _STUCK
        return "down" if stuck else "unknown", f"{target.name} does not answer"
    if why := facts.why_unread("daemons"):
        return "unknown", f"who carries the rows could not be read: {why}"
    if not facts.subscriptions:
        return "unknown", "who carries the rows is not known"
    carried = ", ".join(sync.name for sync in facts.subscriptions)
    return "streaming", f"sync {carried} runs"


def _carries(facts: NodeFacts, sync: str) -> bool:
    return any(own.name == sync for own in facts.subscriptions)
