"""Everything known about one PostgreSQL node. Pure."""

from bdr_console.cluster.clocks import skews
from bdr_console.cluster.lag import lag_text
from bdr_console.cluster.nodes import NodeFacts, Slot
from bdr_console.cluster.observed import Observed
from bdr_console.ui.details.block import Block, Field, Goto, Part, Table, Words
from bdr_console.ui.details.node_activity import applications, transactions
from bdr_console.ui.details.node_settings import differences
from bdr_console.ui.details.room import room_words
from bdr_console.ui.details.shared import (
    answers,
    faded,
    findings_block,
    gone_block,
    seconds_since,
    size,
    span,
    stamp,
    unseen_block,
)
from bdr_console.ui.moment import Moment
from bdr_console.ui.subject import Kind, Subject
from bdr_console.ui.text.cells import BLANK, QUESTION, Cell, Tone
from bdr_console.ui.text.words import figure, link_cell, server_cell

_CONFLICTS = 3
"""Conflicts that get a number to be reached by; there are only nine numbers."""


def node_blocks(key: tuple[str, ...], moment: Moment, _width: int) -> tuple[Block, ...]:
    """State, findings, sessions, transactions, slots, workers, locks, conflicts, settings, ways there."""
    name = key[0]
    node = moment.snapshot.node(name)
    if node is None:
        return (gone_block(f"node {name}"),)
    if node.facts is None:
        return unseen_block(node, moment), findings_block(moment, name)
    age, facts = node.age(moment.now), node.facts
    seldom = seconds_since(facts.seldom_at, moment.now)
    read = (
        Block("Sessions", applications(facts, moment), "sessions.sql, applications.sql", age),
        Block("Open transactions", transactions(facts, moment), "transactions.sql", age),
        Block("Slots: what it sends", _slots(node, facts, moment), "slots.sql, slot_room.sql", age),
        Block("Workers: what it receives", _workers(facts, moment), "subscriptions.sql", age),
        Block("Global locks", _locks(facts), "locks.sql", age),
        Block("Conflicts", _conflicts(name, facts, moment), "conflicts.sql", seldom),
        Block("Settings unlike its peers'", differences(name, moment), "parameters.sql", seldom),
    )
    old = not node.is_fresh(moment.now, moment.snapshot.refresh)
    return (
        Block("State", _state(node, facts, moment), "server.sql, members.sql", age),
        findings_block(moment, name),
        Block("Ways there", _ways(name, moment)),
        *(faded(read) if old else read),
    )


def _state(node: Observed[NodeFacts], facts: NodeFacts, moment: Moment) -> tuple[Part, ...]:
    own = next((member for member in facts.members if member.is_local), None)
    engine = facts.engine + (f" {facts.edition}" if facts.edition else "")
    told: list[Part] = [
        Field("address", Cell(node.address)),
        Field("contact", answers(node, moment)),
        Field("engine", Cell(f"{engine}, PostgreSQL {facts.server_version}")),
        Field(
            "membership",
            Cell(f"{facts.membership.value} ({own.raw_state})" if own else facts.membership.value),
        ),
    ]
    if facts.node_name and facts.node_name != node.name:
        told.append(Field("name there", Cell(facts.node_name)))
    if facts.group:
        told.append(Field("group", Cell(facts.group)))
    marks = [
        *(["in recovery"] if facts.in_recovery else []),
        *(["read-only"] if facts.read_only else []),
        *(["apply paused"] if facts.apply_paused else []),
    ]
    if marks:
        told.append(Field("marked", Cell(", ".join(marks), Tone.LAG)))
    told.append(Field("started", stamp(facts.started_at, moment.now)))
    told.append(Field("WAL position", Cell(facts.wal_lsn) if facts.wal_lsn else QUESTION))
    if skew := skews(moment.snapshot, moment.now).get(node.name):
        told.append(Field("clock", Cell(skew.words)))
    if node.warning:
        told.append(Field("note", Cell(node.warning, Tone.LAG)))
    told += [Field("not read", Cell(f"{part.what}: {part.why}", Tone.UNKNOWN)) for part in facts.unread]
    return tuple(told)


def _slots(node: Observed[NodeFacts], facts: NodeFacts, moment: Moment) -> tuple[Part, ...]:
    if why := facts.why_unread("slots"):
        return (Words(Cell(f"could not be read: {why}", Tone.UNKNOWN)),)
    if not facts.slots:
        return (Words(Cell("none")),)
    rows = tuple(
        (
            Cell(slot.name),
            Cell(slot.target) if slot.target else QUESTION,
            _slot_state(slot),
            size(slot.lag_bytes),
            size(slot.retained_bytes),
            room_words(node.name, slot, facts, moment),
        )
        for slot in facts.slots
    )
    return (Table(("slot", "for", "state", "lag", "WAL kept", "room"), rows, frozenset((3, 4))),)


def _slot_state(slot: Slot) -> Cell:
    if not slot.active:
        return Cell(slot.state or "inactive", Tone.BAD)
    return Cell(f"{slot.state or 'active'}" + (f" {slot.pid}" if slot.pid else ""))


def _workers(facts: NodeFacts, moment: Moment) -> tuple[Part, ...]:
    if why := facts.why_unread("subscriptions"):
        return (Words(Cell(f"could not be read: {why}", Tone.UNKNOWN)),)
    if not facts.subscriptions:
        return (Words(Cell("none")),)
    rows = []
    for one in facts.subscriptions:
        ago = seconds_since(one.last_commit_at, moment.now)
        said = [f"{one.errors} failures" if one.errors else "", one.last_error or ""]
        rows.append(
            (
                Cell(one.origin),
                Cell(one.status if one.enabled else "disabled", Tone.PLAIN if one.enabled else Tone.LAG),
                figure(one.apply_pid) if one.apply_pid else BLANK,
                span(ago),
                Cell(": ".join(part for part in said if part), Tone.LAG),
            )
        )
    return (Table(("from", "state", "apply pid", "last commit", "failures"), tuple(rows), frozenset((2, 3))),)


def _locks(facts: NodeFacts) -> tuple[Part, ...]:
    if why := facts.why_unread("locks"):
        return (Words(Cell(f"could not be read: {why}", Tone.UNKNOWN)),)
    if not facts.locks:
        return (Words(Cell("none")),)
    rows = tuple(
        (
            Cell(lock.kind, Tone.BAD if lock.blocks_writes else Tone.LAG),
            Cell(lock.origin),
            span(lock.age),
            Cell(" ".join(part for part in (lock.stage, lock.relation, lock.confirmed or "") if part)),
        )
        for lock in facts.locks
    )
    return (Table(("lock", "asked by", "age", "what"), rows, frozenset((2,))),)


def _conflicts(name: str, facts: NodeFacts, moment: Moment) -> tuple[Part, ...]:
    if why := facts.why_unread("conflicts"):
        return (Words(Cell(f"could not be read: {why}", Tone.UNKNOWN)),)
    counts = tuple(
        (Cell(c.origin), Cell(c.kind), Cell(str(c.count))) for c in facts.conflict_counts if c.count
    )
    parts: list[Part] = [Table(("from", "kind", "since reset"), counts)] if counts else []
    for conflict in facts.conflicts[:_CONFLICTS]:
        text = (
            f"{conflict.at.astimezone():%H:%M:%S} {conflict.kind} on {conflict.table}: {conflict.resolution}"
        )
        parts.append(Goto(Subject(Kind.CONFLICT, (name, conflict.key)), Cell(text, Tone.LAG)))
    if more := len(facts.conflicts) - _CONFLICTS:
        parts += [Words(Cell(f"and {more} more in the last hour"))] if more > 0 else []
    return tuple(parts) or (Words(Cell("none in the last hour")),)


def _ways(name: str, moment: Moment) -> tuple[Part, ...]:
    found: list[Part] = []
    for proxy, server in moment.snapshot.servers_of(name):
        state = server_cell(server.state, moment.glyphs)
        text = f"{proxy}/{server.backend}/{server.name}: {state.text}, {server.sessions} sessions"
        found.append(Goto(Subject(Kind.SERVER, (proxy, server.backend, server.name)), Cell(text, state.tone)))
    for link in moment.links:
        if name in link.key:
            state = link_cell(link.state, moment.glyphs)
            behind = "" if link.lag_bytes is None else f", lags {lag_text(link)}"
            text = f"{link.origin} -> {link.target}: {state.text}{behind}"
            found.append(Goto(Subject(Kind.LINK, link.key), Cell(text, state.tone)))
    return tuple(found) or (Words(Cell("no HAProxy server and no link is known")),)
