"""What is wrong with membership: nodes not ready, nodes that disagree about one, mixed versions. Pure."""

from collections import Counter
from datetime import datetime

from bdr_console.cluster.history import History
from bdr_console.cluster.nodes import Member, Membership, NodeFacts, engine_name
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot, read_lately
from bdr_console.cluster.text import format_seconds, listed
from bdr_console.cluster.unconfigured import links_to_unconfigured, unconfigured
from bdr_console.cluster.verdict.findings import Finding, Level, Thresholds
from bdr_console.cluster.verdict.history_keys import unready_key
from bdr_console.cluster.verdict.links import link_findings

_SLOW, _STUCK = 300.0, 1800.0
"""Seconds after which a node that is neither ready nor gone is shown with its time, and is critical."""

Told = tuple[tuple[str, Member | None], ...]
"""What each other node that was read lately and calls itself ready says of one: (configured name, row)."""


def member_findings(snapshot: Snapshot, now: datetime, history: History) -> list[Finding]:
    """Every node by its own word and by that of the others; then the versions."""
    fresh = read_lately(snapshot, now)
    rows = {other.name: {member.name: member for member in reversed(seen.members)} for other, seen in fresh}
    found = []
    for node, facts in fresh:
        if facts.is_control:
            continue  # it is meant to be no member
        name = engine_name(node)
        told = tuple(
            (other.name, rows[other.name].get(name))
            for other, seen in fresh
            # Where links are made by hand, a node knows those alone that it subscribes to.
            # Who does not know its own name in the engine does not know the others by theirs.
            if other is not node
            and seen.membership is Membership.READY
            and seen.meshed
            and seen.node_name is not None
        )
        found += _member(node, facts, told, now, history)
    return found + _versions(fresh)


def unconfigured_findings(
    snapshot: Snapshot, limits: Thresholds, now: datetime, history: History
) -> list[Finding]:
    """Members that the configuration does not name, and what their peers' slots and workers show of them."""
    known = unconfigured(snapshot, now)
    sure = known.members if not known.unidentified else ()
    return lacking_findings(snapshot, now) + [
        finding
        for link in links_to_unconfigured(sure, snapshot, now, history)
        for finding in link_findings(link, limits, history)
    ]


def lacking_findings(snapshot: Snapshot, now: datetime) -> list[Finding]:
    """Members that the configuration does not name."""
    known = unconfigured(snapshot, now)
    more = len(known.members) - known.unidentified
    if more <= 0:
        return []  # each may be a configured node that was never read, under another name
    if known.unidentified:
        names = listed([one.name for one in known.members])
        text = f"lacks {more} of the members {names}: nobody watches {'it' if more == 1 else 'them'}"
        remedy = "`bdr-console init` finds every member and where it is"
        return [Finding(Level.WARN, "the configuration", text, "member.unconfigured", remedy)]
    return [
        Finding(
            Level.WARN,
            one.name,
            f"is a member of the group ({_say(list(one.known_to))} {one.member.raw_state}), but not in the"
            " configuration: nobody watches it",
            "member.unconfigured",
        )
        for one in known.members
    ]


def _member(
    node: Observed[NodeFacts], facts: NodeFacts, told: Told, now: datetime, history: History
) -> list[Finding]:
    parted = [name for name, row in told if row and row.membership is Membership.PARTED]
    ready = [name for name, row in told if row and row.membership is Membership.READY]
    joining = [name for name, row in told if row and row.membership is Membership.JOINING]
    unknown = [name for name, row in told if row is None]
    own = facts.membership

    def one(level: Level, text: str) -> list[Finding]:
        return [Finding(level, node.name, text, "member.state")]

    if own is Membership.UNKNOWN and facts.why_unread("members"):
        return []
    if own is Membership.UNKNOWN:
        if ready:
            return one(Level.CRIT, f"is no member by its own word, but {_say(ready)} it is ready")
        if parted:
            return one(Level.WARN, f"is parted ({_say(parted)} so)")
        return one(Level.UNKNOWN, "says nothing of its membership in a group")
    if own is Membership.JOINING and parted:
        return one(
            Level.CRIT,
            f"cannot finish its join ({_raw(facts)}): {listed(parted)} still {_has(parted)} a parted row of"
            " its name; delete that row, drop the orphan slot, join again with a clean instance",
        )
    if own is Membership.READY:
        if parted:
            return one(
                Level.CRIT,
                f"was parted ({_say(parted)} so) but calls itself ready: it gets no changes, and what is"
                " written to it stays there; keep clients off it",
            )
        if joining:
            return one(Level.WARN, f"calls itself ready, but {_say(joining)} it is still joining")
        if unknown and len(unknown) == len(told):
            return one(
                Level.CRIT, f"calls itself ready, but {listed(unknown)} {_know(unknown)} no such member"
            )
        return one(Level.WARN, f"is not known to {listed(unknown)}") if unknown else []
    return one(*_unready(node.name, facts, now, history))


def _unready(name: str, facts: NodeFacts, now: datetime, history: History) -> tuple[Level, str]:
    """A node on its way in or out, and since when as far as we watched."""
    text = f"is {facts.membership.value}, not ready ({_raw(facts)})"
    since = history.since(unready_key(name))
    lasting = 0.0 if since is None else (now - since).total_seconds()
    if lasting < _SLOW or facts.membership in (Membership.PARTED, Membership.STANDBY):
        return Level.WARN, text
    text += f" for {format_seconds(lasting)} at least"
    return (Level.CRIT, f"{text}: it looks stuck") if lasting >= _STUCK else (Level.WARN, text)


def _versions(fresh: tuple[tuple[Observed[NodeFacts], NodeFacts], ...]) -> list[Finding]:
    """Nodes that run something else than most; the first node's version breaks a tie."""
    running = {
        node.name: f"{facts.engine} on {facts.server_version}"
        for node, facts in fresh
        if not facts.is_control
    }
    if len(set(running.values())) < 2:
        return []
    usual, _ = Counter(running.values()).most_common(1)[0]
    return [
        Finding(Level.WARN, name, f"runs {what}, others {usual}", "member.version")
        for name, what in running.items()
        if what != usual
    ]


def _raw(facts: NodeFacts) -> str:
    return next((member.raw_state for member in facts.members if member.is_local), "no state")


def _say(names: list[str]) -> str:
    return f"{listed(names)} {'says' if len(names) == 1 else 'say'}"


def _has(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _know(names: list[str]) -> str:
    return "knows" if len(names) == 1 else "know"
