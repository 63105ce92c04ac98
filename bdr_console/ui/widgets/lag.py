"""Panes of links: a row for each direction; and the pane of replication lag."""

import itertools
from collections.abc import Callable, Sequence

from bdr_console.cluster.history import sparkline
from bdr_console.cluster.replication import Link
from bdr_console.cluster.text import format_bytes
from bdr_console.cluster.verdict.findings import Finding, Level
from bdr_console.cluster.verdict.lag import Heading, heading, lag_level, lag_state
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import QUESTION, Cell, PaneColumn, Row, Subject, SubjectKind
from bdr_console.ui.text.words import LAGGING, coarse, level_symbol, level_tone
from bdr_console.ui.text.words import state as connection_state
from bdr_console.ui.theming.styles import Tone
from bdr_console.ui.widgets.pane import Pane, empty_row

MOST = 250
"""Rows of a table of links. A mesh of 50 nodes has 2450, which nobody reads and every paint would build."""


class LinkPane(Pane):
    """One row for each ordered pair of nodes; where they are too many, the worst, or the first as sorted and
    filtered, and a last row that says how many are left out."""

    def row(self, link: Link, judged: JudgedSnapshot) -> Row:
        """One direction as a row."""
        raise NotImplementedError

    def rows(self, judged: JudgedSnapshot) -> Sequence[Row]:
        """One row for each ordered pair of nodes."""
        found = [self.row(link, judged) for link in judged.links]
        return found or [empty_row("link", "one node only: nothing to replicate")]

    @property
    def shown(self) -> tuple[Row, ...]:
        """As many rows as a table bears."""
        judged = self._frozen or self._snapshot_shown
        if judged is None or len(judged.links) <= MOST:
            return self.listed
        if self._order is None and not self._wanted:
            rows = tuple(self.row(link, judged) for link in worst(judged, MOST))
            return (*rows, _more(len(judged.links) - MOST, "no worse than these"))
        rows = self.listed
        return rows if len(rows) <= MOST else (*rows[:MOST], _more(len(rows) - MOST, "further down"))


def worst(judged: JudgedSnapshot, most: int) -> list[Link]:
    """The `most` links to be looked at first: those with the worst findings, of these the furthest behind,
    then the others in the order of the mesh."""
    told: dict[tuple[str, str], Level] = {}
    for finding in judged.verdict.findings:
        if (link := judged.link_of(finding.subject)) is not None:
            told[link.key] = max(finding.level, told.get(link.key, Level.OK))
    ill = sorted((judged.by_key[key] for key in told), key=lambda link: (-told[link.key], -_magnitude(link)))
    others = (link for link in judged.links if link.key not in told)
    return list(itertools.islice(itertools.chain(ill, others), most))


def _magnitude(link: Link) -> int:
    """How far behind, in powers of four: rows must not change places at every look."""
    return (link.lag_bytes or link.pending_rows or 0).bit_length() // 2


def _more(count: int, where: str) -> Row:
    cells = {"link": Cell(f"{count} more", Tone.STALE), "state": Cell("/ finds them", Tone.STALE)}
    detail = f"{count} more links, {where}: / shows those that match, > sorts, Y writes all of them to a file"
    return Row("more", cells, detail)


_SAMPLES = 60

_LINK = PaneColumn("link", "From -> to", 14, fits_names=True)
_STATE = PaneColumn("state", "State", 16)
_BYTES = PaneColumn("bytes", "Lag", 8, "right")
_TIME = PaneColumn("time", "Time", 7, "right")
_TREND = PaneColumn("trend", "Trend", 7)
_SPARK = PaneColumn("spark", "Recent", 9, keep_end=True)
_RETAINED = PaneColumn("retained", "WAL kept", 9, "right")
_LONG_SPARK = PaneColumn("spark", "Recent", 20, keep_end=True)


class Lag(LinkPane):
    """Each direction between two nodes: bytes and seconds behind, trend, and the WAL its slot keeps."""

    NUMBER, TITLE, SHORT = 3, "Replication lag", "Lag"
    COLUMNS = (
        (_LINK, _STATE, _BYTES, _TIME, PaneColumn("trend", "Trend", 20), _RETAINED, _LONG_SPARK),
        (_LINK, _STATE, _BYTES, _TIME, _TREND, _RETAINED, _SPARK),
        (_LINK, _STATE, _BYTES, _TIME, _TREND, _SPARK),
        (_LINK, _STATE, _BYTES, _TIME, _TREND),
        (_LINK, _STATE, _BYTES, _TIME),
    )

    def row(self, link: Link, judged: JudgedSnapshot) -> Row:
        """One direction as a row."""
        return row(link, judged)

    def findings(self, judged: JudgedSnapshot) -> Sequence[Finding]:
        """Links that lag more than the thresholds allow."""
        return [
            finding
            for finding in judged.verdict.findings
            if (link := judged.link_of(finding.subject)) is not None and link.state in LAGGING
        ]


def row(link: Link, judged: JudgedSnapshot) -> Row:
    """One direction as a row."""
    going = heading(link, judged.history)
    samples = judged.history.last(link.key, _SAMPLES)
    level = lag_level(link, judged.thresholds)
    cells = {
        "link": Cell(f"{link.origin} -> {link.target}"),
        "state": _state(link, judged, level),
        "bytes": _known(link.lag_bytes, format_bytes, level)
        if link.pending_rows is None
        else Cell(f"{link.pending_rows} rows", rank=link.pending_rows),
        "time": _time(link, level),
        "trend": QUESTION if going is None else _trend(going),
        "spark": Cell(sparkline(samples, _SAMPLES, ascii_only=judged.glyphs.ascii_only)),
        "retained": _known(link.retained_bytes, format_bytes, Level.OK),
    }
    behind = "lag is not known" if link.lag_bytes is None else f"{format_bytes(link.lag_bytes)} behind"
    kept = (
        "" if link.retained_bytes is None else f", its slot keeps {format_bytes(link.retained_bytes)} of WAL"
    )
    figures = f"{behind}{kept}; " if link.pending_rows is None else ""  # else the reason tells of its rows
    detail = f"{link.origin} -> {link.target}: {figures}{link.reason}"
    found = Row(" ".join(link.key), cells, detail, link.target, Subject(SubjectKind.LINK, link.key))
    return found if link.fresh else found.aged("state")


def _state(link: Link, judged: JudgedSnapshot, level: Level) -> Cell:
    if not link.fresh or link.state not in LAGGING:
        return connection_state(link, judged)
    word = lag_state(link, judged.thresholds)
    if word == "measuring":  # it looks well, and nothing has proved it yet
        level = Level.UNKNOWN
    return Cell(f"{level_symbol(level, judged.glyphs)} {word}", level_tone(level))


def _time(link: Link, level: Level) -> Cell:
    if link.lag_time is None or link.lag_time.text == "unknown":
        return QUESTION
    tone = level_tone(level) if level in (Level.WARN, Level.CRIT) else Tone.PLAIN
    return Cell(link.lag_time.text, tone, link.lag_time.at_least)


def _trend(going: Heading) -> Cell:
    until = f", done in {coarse(going.done)}" if going.done is not None else ""
    return Cell(f"{going.word}{until}", Tone.LAG if going.word == "growing" else Tone.PLAIN, going.rate)


def _known(value: float | None, form: Callable[[float], str], level: Level) -> Cell:
    if value is None:
        return QUESTION
    return Cell(form(value), level_tone(level) if level in (Level.WARN, Level.CRIT) else Tone.PLAIN, value)
