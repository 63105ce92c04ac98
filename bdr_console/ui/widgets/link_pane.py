"""What the panes of links share: a row for each direction, and of very many the worst only."""

import itertools
from collections.abc import Sequence

from bdr_console.cluster.replication import Link
from bdr_console.cluster.verdict import Level
from bdr_console.ui.moment import Moment
from bdr_console.ui.text.cells import Cell, Row, Tone
from bdr_console.ui.widgets.pane import Pane, empty_row

MOST = 250
"""Rows of a table of links. A mesh of 50 nodes has 2450, which nobody reads and every paint would build."""


class LinkPane(Pane):
    """One row for each ordered pair of nodes; where they are too many, the worst, or the first as sorted and
    filtered, and a last row that says how many are left out."""

    def row(self, link: Link, moment: Moment) -> Row:
        """One direction as a row."""
        raise NotImplementedError

    def rows(self, moment: Moment) -> Sequence[Row]:
        """One row for each ordered pair of nodes."""
        found = [self.row(link, moment) for link in moment.links]
        return found or [empty_row("link", "one node only: nothing to replicate")]

    @property
    def shown(self) -> tuple[Row, ...]:
        """As many rows as a table bears."""
        moment = self._frozen or self._moment
        if moment is None or len(moment.links) <= MOST:
            return self.listed
        if self._order is None and not self._wanted:
            rows = tuple(self.row(link, moment) for link in worst(moment, MOST))
            return (*rows, _more(len(moment.links) - MOST, "no worse than these"))
        rows = self.listed
        return rows if len(rows) <= MOST else (*rows[:MOST], _more(len(rows) - MOST, "further down"))


def worst(moment: Moment, most: int) -> list[Link]:
    """The `most` links to be looked at first: those with the worst findings, of these the furthest behind,
    then the others in the order of the mesh."""
    told: dict[tuple[str, str], Level] = {}
    for finding in moment.verdict.findings:
        if (link := moment.link_of(finding.subject)) is not None:
            told[link.key] = max(finding.level, told.get(link.key, Level.OK))
    ill = sorted((moment.by_key[key] for key in told), key=lambda link: (-told[link.key], -_magnitude(link)))
    others = (link for link in moment.links if link.key not in told)
    return list(itertools.islice(itertools.chain(ill, others), most))


def _magnitude(link: Link) -> int:
    """How far behind, in powers of four: rows must not change places at every look."""
    return (link.lag_bytes or link.pending_rows or 0).bit_length() // 2


def _more(count: int, where: str) -> Row:
    cells = {"link": Cell(f"{count} more", Tone.STALE), "state": Cell("/ finds them", Tone.STALE)}
    detail = f"{count} more links, {where}: / shows those that match, > sorts, Y writes all of them to a file"
    return Row("more", cells, detail)
