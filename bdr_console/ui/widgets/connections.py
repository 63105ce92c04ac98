"""The pane of replication connections: who replicates to whom, and whether both ends agree."""

from collections.abc import Sequence
from datetime import datetime

from bdr_console.cluster.replication import Link, LinkState
from bdr_console.cluster.text import format_seconds
from bdr_console.cluster.verdict import Finding
from bdr_console.ui.cells import BLANK, QUESTION, Cell, Column, Row, Tone
from bdr_console.ui.moment import Moment
from bdr_console.ui.subject import Kind, Subject
from bdr_console.ui.widgets.pane import Pane, empty_row
from bdr_console.ui.words import coarse, link_cell, unseen_for

_LINK = Column("link", "From -> to", 14, fits_names=True)
_STATE = Column("state", "State", 16)
_SLOT = Column("slot", "Slot", 6)
_SENDER = Column("sender", "Walsender", 9)
_RECEIVER = Column("receiver", "Receiver", 11)
_APPLIED = Column("applied", "Applied", 7, "right")
_SHORT_APPLIED = Column("applied", "Appl.", 5, "right")

LAGGING = (LinkState.STREAMING, LinkState.CATCHUP)
"""Findings about a link in one of these states are about its lag; about any other, the connection itself."""


class Connections(Pane):
    """Each direction between two nodes: the sender's slot and walsender, the receiver's subscription."""

    NUMBER, TITLE, SHORT = 2, "Connections", "Links"
    COLUMNS = (
        (
            _LINK,
            _STATE,
            _SLOT,
            Column("sender", "Walsender", 12),
            Column("receiver", "Receiver", 12),
            _APPLIED,
            Column("why", "Why", 30),
        ),
        (_LINK, _STATE, _SLOT, _SENDER, _RECEIVER, _APPLIED),
        (_LINK, _STATE, _SLOT, _SENDER, _RECEIVER, _SHORT_APPLIED),
        (_LINK, _STATE, _SLOT, _SENDER, _RECEIVER),
        (_LINK, _STATE, _SLOT, _RECEIVER),
        (_LINK, _STATE),
    )

    def rows(self, moment: Moment) -> Sequence[Row]:
        """One row for each ordered pair of nodes."""
        found = [row(link, moment) for link in moment.links]
        return found or [empty_row("link", "one node only: nothing to replicate")]

    def findings(self, moment: Moment) -> Sequence[Finding]:
        """Connections that are down, paused or not known."""
        broken = {f"{link.origin} -> {link.target}" for link in moment.links if link.state not in LAGGING}
        return [finding for finding in moment.verdict.findings if finding.subject in broken]


def row(link: Link, moment: Moment) -> Row:
    """One direction as a row."""
    slot, subscription = link.slot, link.subscription
    cells = {
        "link": Cell(f"{link.origin} -> {link.target}"),
        "state": state(link, moment),
        "slot": QUESTION if slot is None else Cell("active") if slot.active else Cell("off", Tone.BAD),
        "sender": QUESTION if slot is None else Cell(slot.state) if slot.state else BLANK,
        "receiver": QUESTION
        if subscription is None
        else _receiver(subscription.enabled, subscription.status),
        "applied": _applied(subscription.last_commit_at if subscription else None, moment.now),
        "why": Cell(link.reason),
    }
    detail = moment.glyphs.separator.join((f"{link.origin} -> {link.target}: {link.reason}", *_more(link)))
    found = Row(" ".join(link.key), cells, detail, link.target, Subject(Kind.LINK, link.key))
    return found if link.fresh else found.aged("state")


def _more(link: Link) -> list[str]:
    """What no column has room for: the two processes, the replication sets, what was set up otherwise."""
    slot, subscription = link.slot, link.subscription
    told = [f"walsender {slot.pid}"] if slot and slot.pid else []
    if subscription is None:
        return told
    if subscription.apply_pid:
        told.append(f"apply worker {subscription.apply_pid}")
    if subscription.replication_sets:
        told.append(f"sets {', '.join(subscription.replication_sets)}")
    if subscription.apply_delay:
        told.append(f"applied {format_seconds(subscription.apply_delay)} late on purpose")
    if subscription.unidirectional:
        told.append("one way only")
    if subscription.errors:
        told.append(f"{subscription.errors} failures counted")
    return told


def state(link: Link, moment: Moment) -> Cell:
    """The link's state; how old the reading is where that is all that can be said."""
    if link.fresh or link.state is LinkState.PAUSED:
        return link_cell(link.state, moment.glyphs)
    origin = moment.snapshot.node(link.origin)
    failed = origin is not None and origin.error is not None
    age = None if link.seen_at is None else (moment.now - link.seen_at).total_seconds()
    return unseen_for(age, failed=failed, glyphs=moment.glyphs)


def _receiver(enabled: bool, status: str) -> Cell:
    if not enabled:
        return Cell("disabled", Tone.LAG)
    return Cell(
        status, Tone.PLAIN if status == "replicating" else Tone.UNKNOWN if status == "unknown" else Tone.BAD
    )


def _applied(last_commit_at: datetime | None, now: datetime) -> Cell:
    """How long ago the last applied transaction was committed; it grows on an idle origin too."""
    if last_commit_at is None:
        return QUESTION
    age = max(0.0, (now - last_commit_at).total_seconds())
    return Cell("< 2 s" if age < 2 else coarse(age), rank=age)
