"""What the client sessions of a node do. Pure."""

from bdr_console.cluster.activity import Transaction
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.ui.details.block import Field, Part, Table, Words
from bdr_console.ui.details.shared import span
from bdr_console.ui.moment import Moment
from bdr_console.ui.text.cells import BLANK, QUESTION, Cell, Tone


def applications(facts: NodeFacts, _moment: Moment) -> tuple[Part, ...]:
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


def transactions(facts: NodeFacts, moment: Moment) -> tuple[Part, ...]:
    """Transactions of more than a second, the oldest first, each with its statement."""
    if facts.activity is None:
        return (Words(Cell("not read", Tone.UNKNOWN)),)
    if not facts.activity.transactions:
        return (Words(Cell("none older than a second")),)
    rows = tuple(_row(one, moment) for one in facts.activity.transactions)
    return (Table(("pid", "age", "state", "application", "waits for / statement"), rows, frozenset((0, 1))),)


def _row(one: Transaction, moment: Moment) -> tuple[Cell, ...]:
    late = one.age >= moment.thresholds.transaction_age_warn
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
