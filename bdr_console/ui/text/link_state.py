"""The state of a link as every view of links shows it."""

from bdr_console.cluster.replication import Link, LinkState
from bdr_console.ui.moment import Moment
from bdr_console.ui.text.cells import Cell
from bdr_console.ui.text.words import link_cell, unseen_for

LAGGING = (LinkState.STREAMING, LinkState.CATCHUP)
"""Findings about a link in one of these states are about its lag; about any other, the connection itself."""


def state(link: Link, moment: Moment) -> Cell:
    """The link's state; how old the reading is where that is all that can be said."""
    if link.fresh or link.state is LinkState.PAUSED:
        return link_cell(link.state, moment.glyphs)
    origin = moment.snapshot.node(link.origin)
    failed = origin is not None and origin.error is not None
    age = None if link.seen_at is None else (moment.now - link.seen_at).total_seconds()
    return unseen_for(age, failed=failed, glyphs=moment.glyphs)
