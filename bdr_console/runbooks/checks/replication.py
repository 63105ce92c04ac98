"""The preflight of replication: the links of the leaving node both ways, and every slot. Pure."""

from collections.abc import Iterator

from bdr_console.cluster.replication import Link, LinkState, links
from bdr_console.cluster.text import format_bytes
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.lag import lag_level, lag_text
from bdr_console.config import ClusterSettings
from bdr_console.runbooks.model.node_sessions import client_rules, describe_session, sessions_on
from bdr_console.runbooks.model.pool_holders import how_to_end, session_holders
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.reading_queries import error_of
from bdr_console.runbooks.model.run import Check, Outcome
from bdr_console.runbooks.model.step import Plan


def replication(reading: Reading, made: Plan, settings: ClusterSettings) -> Iterator[Check]:
    """Every link from and to the leaving node, then the slots of all nodes."""
    leaving = reading.snapshot.node(made.node)
    if leaving is None or leaving.facts is None or leaving.error:
        yield Check(
            f"{made.node} answers",
            Outcome.FAIL,
            (leaving.error if leaving else None) or "not read",
            "Without it nobody can tell whether its last writes have reached the others.",
            "If it is dead, isolate it: ctrl+e here, `i` on the overview, or --isolate.",
        )
        return
    limits = settings.thresholds.thresholds()
    now = max(node.seen_at for node in reading.snapshot.nodes if node.seen_at)
    for link in links(reading.snapshot, now):
        if made.node not in link.key:
            continue
        peer = link.target if link.origin == made.node else link.origin
        title = f"{link.origin} -> {link.target} streams and has caught up"
        why = "Writes that have not arrived yet can be overwritten by clients that already moved."
        if reading.node(peer) is None:
            seen = f"{peer} does not answer ({error_of(reading, peer)})"
            remedy = "It will miss the node's last writes until it is back: best bring it up first."
            yield Check(title, Outcome.WARN, seen, why, remedy)
        else:
            yield _link(link, title, why, limits)
    yield from _blocked(reading, made, settings)
    yield _slots(reading)


def _blocked(reading: Reading, made: Plan, settings: ClusterSettings) -> Iterator[Check]:
    """Sessions whose locks keep a peer from applying; many a lock is held for a moment, so they count only
    where the peers have not applied in time."""
    caught_up = reading.catch_up.get(made.node)
    if caught_up is None or caught_up.seconds is not None:
        return
    pauses = made.choice is not None and made.choice.mode == "quiesce"
    rules = client_rules(settings, made.databases)
    for node, found in reading.obstacles.items():
        if node == made.node or not found.blockers:
            continue
        sessions = sessions_on(reading, node, rules) or ()
        held = [one for one in sessions if one.backend.pid in found.blockers]
        seen = [f"{describe_session(one)}: apply on {node} waits for its lock" for one in held]
        known = {one.backend.pid for one in held}
        seen += [
            f"apply on {node} waits for a lock of " + (f"pid {pid}" if pid else "a prepared transaction")
            for pid in found.blockers
            if pid not in known
        ]
        yield Check(
            f"no lock holds up apply on {node}",
            Outcome.FAIL if pauses else Outcome.WARN,
            "; ".join(seen),
            f"What is written on {made.node} does not arrive at {node} until that lock is released.",
            how_to_end(reading, held[0].backend)
            if held
            else f"Find out on {node} who holds it, and end that.",
            session_holders(reading, held),
        )


def _link(link: Link, title: str, why: str, limits: Thresholds) -> Check:
    if link.state is LinkState.UNKNOWN:
        return Check(title, Outcome.UNKNOWN, link.reason, why, "Try again.")
    if link.state is LinkState.ABSENT:
        remedy = "Leave it alone until that is settled, or go on without it."
        return Check(title, Outcome.WARN, f"no link: {link.reason}", why, remedy)
    if link.state is not LinkState.STREAMING:
        return Check(
            title, Outcome.FAIL, f"{link.state.value}: {link.reason}", why, "Repair replication first."
        )
    if link.lag_bytes is None:
        return Check(title, Outcome.UNKNOWN, "streaming, but its lag could not be read", why, "Try again.")
    seen = f"{link.reason}; lag {lag_text(link)}"
    if lag_level(link, limits) >= Level.WARN:
        return Check(title, Outcome.FAIL, seen, why, "Wait until it has caught up.")
    return Check(title, Outcome.PASS, seen, why)


def _slots(reading: Reading) -> Check:
    """Also those between the other nodes, and those that no node reads."""
    title = "every replication slot is active"
    why = "What an inactive slot sends does not arrive, and its WAL is kept until the disk is full."
    inactive, unread, count = [], [], 0
    for node in reading.snapshot.nodes:
        facts = reading.node(node.name)
        if facts is None:
            continue
        if problem := facts.why_unread("slots"):
            unread.append(f"{node.name}: {problem}")
        count += len(facts.slots)
        inactive += [
            f"{slot.name} on {node.name} (for {slot.target or 'no known node'}, "
            f"keeps {format_bytes(slot.retained_bytes)})"
            for slot in facts.slots
            if not slot.active
        ]
    if inactive:
        remedy = "Have its reader connect again, or drop a slot that nobody reads."
        return Check(title, Outcome.WARN, "; ".join(inactive), why, remedy)
    if unread:
        remedy = "`bdr-console grants` prints what the console's role needs."
        return Check(title, Outcome.WARN, f"could not be read: {'; '.join(unread)}", why, remedy)
    return Check(title, Outcome.PASS, f"{count} slots, all active", why)
