"""Everything known about one PostgreSQL node. Pure."""

from bdr_console.cluster.activity import Transaction
from bdr_console.cluster.nodes import NodeFacts, Slot
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.verdict.lag import lag_text
from bdr_console.cluster.verdict.nodes import skews
from bdr_console.ui.details.block import Block, Field, Goto, Part, Table, Words
from bdr_console.ui.details.shared import (
    answers,
    faded,
    findings_block,
    gone_block,
    room_words,
    seconds_since,
    size,
    span,
    stamp,
    unseen_block,
)
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import BLANK, QUESTION, Cell, Subject, SubjectKind
from bdr_console.ui.text.words import figure, link_cell, server_cell
from bdr_console.ui.theming.styles import Tone

_CONFLICTS = 3
"""Conflicts that get a number to be reached by; there are only nine numbers."""


def node_blocks(key: tuple[str, ...], judged: JudgedSnapshot, _width: int) -> tuple[Block, ...]:
    """State, findings, sessions, transactions, slots, workers, locks, conflicts, settings, ways there."""
    name = key[0]
    node = judged.snapshot.node(name)
    if node is None:
        return (gone_block(f"node {name}"),)
    if node.facts is None:
        return unseen_block(node, judged), findings_block(judged, name)
    age, facts = node.age(judged.now), node.facts
    seldom = seconds_since(facts.seldom_at, judged.now)
    read = (
        Block("Sessions", applications(facts, judged), "sessions.sql, applications.sql", age),
        Block("Open transactions", transactions(facts, judged), "transactions.sql", age),
        Block("Slots: what it sends", _slots(node, facts, judged), "slots.sql, slot_room.sql", age),
        Block("Workers: what it receives", _workers(facts, judged), "subscriptions.sql", age),
        Block("Global locks", _locks(facts), "locks.sql", age),
        Block("Conflicts", _conflicts(name, facts, judged), "conflicts.sql", seldom),
        Block("Settings unlike its peers'", differences(name, judged), "parameters.sql", seldom),
    )
    old = not node.is_fresh(judged.now, judged.snapshot.refresh)
    return (
        Block("State", _state(node, facts, judged), "server.sql, members.sql", age),
        findings_block(judged, name),
        Block("Ways there", _ways(name, judged)),
        *(faded(read) if old else read),
    )


def _state(node: Observed[NodeFacts], facts: NodeFacts, judged: JudgedSnapshot) -> tuple[Part, ...]:
    own = next((member for member in facts.members if member.is_local), None)
    engine = facts.engine + (f" {facts.edition}" if facts.edition else "")
    told: list[Part] = [
        Field("address", Cell(node.address)),
        Field("contact", answers(node, judged)),
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
    told.append(Field("started", stamp(facts.started_at, judged.now)))
    told.append(Field("WAL position", Cell(facts.wal_lsn) if facts.wal_lsn else QUESTION))
    if skew := skews(judged.snapshot, judged.now).get(node.name):
        told.append(Field("clock", Cell(skew.words)))
    if node.warning:
        told.append(Field("note", Cell(node.warning, Tone.LAG)))
    told += [Field("not read", Cell(f"{part.what}: {part.why}", Tone.UNKNOWN)) for part in facts.unread]
    return tuple(told)


def _slots(node: Observed[NodeFacts], facts: NodeFacts, judged: JudgedSnapshot) -> tuple[Part, ...]:
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
            room_words(node.name, slot, facts, judged),
        )
        for slot in facts.slots
    )
    return (Table(("slot", "for", "state", "lag", "WAL kept", "room"), rows, frozenset((3, 4))),)


def _slot_state(slot: Slot) -> Cell:
    if not slot.active:
        return Cell(slot.state or "inactive", Tone.BAD)
    return Cell(f"{slot.state or 'active'}" + (f" {slot.pid}" if slot.pid else ""))


def _workers(facts: NodeFacts, judged: JudgedSnapshot) -> tuple[Part, ...]:
    if why := facts.why_unread("subscriptions"):
        return (Words(Cell(f"could not be read: {why}", Tone.UNKNOWN)),)
    if not facts.subscriptions:
        return (Words(Cell("none")),)
    rows = []
    for one in facts.subscriptions:
        ago = seconds_since(one.last_commit_at, judged.now)
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


def _conflicts(name: str, facts: NodeFacts, judged: JudgedSnapshot) -> tuple[Part, ...]:
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
        parts.append(Goto(Subject(SubjectKind.CONFLICT, (name, conflict.key)), Cell(text, Tone.LAG)))
    if more := len(facts.conflicts) - _CONFLICTS:
        parts += [Words(Cell(f"and {more} more in the last hour"))] if more > 0 else []
    return tuple(parts) or (Words(Cell("none in the last hour")),)


def _ways(name: str, judged: JudgedSnapshot) -> tuple[Part, ...]:
    found: list[Part] = []
    for proxy, server in judged.snapshot.servers_of(name):
        state = server_cell(server.state, judged.glyphs)
        text = f"{proxy}/{server.backend}/{server.name}: {state.text}, {server.sessions} sessions"
        found.append(
            Goto(Subject(SubjectKind.SERVER, (proxy, server.backend, server.name)), Cell(text, state.tone))
        )
    for link in judged.links:
        if name in link.key:
            state = link_cell(link.state, judged.glyphs)
            behind = "" if link.lag_bytes is None else f", lags {lag_text(link)}"
            text = f"{link.origin} -> {link.target}: {state.text}{behind}"
            found.append(Goto(Subject(SubjectKind.LINK, link.key), Cell(text, state.tone)))
    return tuple(found) or (Words(Cell("no HAProxy server and no link is known")),)


def applications(facts: NodeFacts, _snapshot_shown: JudgedSnapshot) -> tuple[Part, ...]:
    """How many sessions there are, and whose, by what they do."""
    sessions = facts.sessions
    parts: list[Part] = []
    if sessions is None:
        parts.append(
            Words(Cell(f"not read: {facts.why_unread('sessions') or 'no reason is known'}", Tone.UNKNOWN))
        )
    else:
        total = f"{sessions.total} of {sessions.max_connections}: {sessions.active} active, "
        parts.append(Field("sessions", Cell(f"{total}{sessions.idle_in_transaction} idle in transaction")))
        if sessions.prepared_transactions:
            parts.append(
                Field("prepared", Cell(f"{sessions.prepared_transactions} prepared transactions", Tone.LAG))
            )
    if facts.activity is None:
        return tuple(parts)
    rows = tuple(
        (
            Cell(group.application or "(no name)"),
            Cell(str(group.count)),
            BLANK if group.longest is None else span(group.longest),
            Cell(group.state, Tone.LAG if group.state.startswith("idle in tr") else Tone.PLAIN)
            if group.state
            else QUESTION,
        )
        for group in facts.activity.applications
    )
    parts.append(Table(("application", "sessions", "oldest tx", "state"), rows, frozenset((1, 2))))
    return tuple(parts)


def transactions(facts: NodeFacts, judged: JudgedSnapshot) -> tuple[Part, ...]:
    """Transactions of more than a second, the oldest first, each with its statement."""
    if facts.activity is None:
        return (Words(Cell("not read", Tone.UNKNOWN)),)
    if not facts.activity.transactions:
        return (Words(Cell("none older than a second")),)
    rows = tuple(_row(one, judged) for one in facts.activity.transactions)
    return (Table(("pid", "age", "state", "application", "waits for / statement"), rows, frozenset((0, 1))),)


def _row(one: Transaction, judged: JudgedSnapshot) -> tuple[Cell, ...]:
    late = one.age >= judged.thresholds.transaction_age_warn
    blocked = f" held by {', '.join(map(str, one.blocked_by))}" if one.blocked_by else ""
    # Every idle client "waits": for its client. Only what holds up a statement is worth a word.
    waits = f"[{one.waits_for}{blocked}] " if one.waits_for and not one.waits_for.startswith("Client") else ""
    return (
        Cell(str(one.pid)),
        Cell(span(one.age).text, Tone.LAG if late else Tone.PLAIN),
        Cell(one.state) if one.state else QUESTION,
        Cell(one.application or "(no name)"),
        Cell(waits + one.query, Tone.BAD if one.blocked_by else Tone.PLAIN),
    )


_NOT_SET = "(none)"


def differences(name: str, judged: JudgedSnapshot) -> tuple[Part, ...]:
    """Each setting that some peer has otherwise, and each that waits for a restart."""
    told = {
        node.name: {parameter.name: parameter for parameter in node.facts.parameters}
        for node in judged.snapshot.nodes
        if node.facts and node.facts.parameters and not node.facts.is_control
    }
    own = told.pop(name, None)
    if own is None:
        return (Words(Cell("not read", Tone.UNKNOWN)),)
    rows = []
    for setting in sorted(set(own) | {setting for peer in told.values() for setting in peer}):
        here = own[setting].value if setting in own else _NOT_SET
        there = {
            peer: values[setting].value if setting in values else _NOT_SET for peer, values in told.items()
        }
        unlike = {peer: value for peer, value in there.items() if value != here}
        if setting in own and own[setting].restart:
            rows.append(
                (Cell(setting, Tone.LAG), Cell(here or "''"), Cell("another value waits for a restart"))
            )
        if unlike:
            said = ", ".join(f"{peer}: {value or _QUOTES}" for peer, value in unlike.items())
            rows.append((Cell(setting, Tone.LAG), Cell(here or _QUOTES), Cell(said)))
    if rows:
        return (Table(("setting", "here", "elsewhere"), tuple(rows)),)
    if not told:
        return (Words(Cell(f"{len(own)} settings read; there is no peer to compare with")),)
    return (Words(Cell(f"none: {len(own)} settings are the same on {', '.join(told)}", Tone.UP)),)


_QUOTES = "''"
