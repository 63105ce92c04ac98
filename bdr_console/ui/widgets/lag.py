"""The pane of replication lag: how far behind, which way it goes, and what it costs in WAL."""

from collections.abc import Callable, Sequence

from bdr_console.cluster.history import sparkline
from bdr_console.cluster.lag import Heading, heading, lag_level, lag_state
from bdr_console.cluster.replication import Link
from bdr_console.cluster.text import format_bytes
from bdr_console.cluster.verdict import Finding, Level
from bdr_console.ui.moment import Moment
from bdr_console.ui.subject import Kind, Subject
from bdr_console.ui.text.cells import QUESTION, Cell, Column, Row, Tone
from bdr_console.ui.text.words import coarse, level_symbol, level_tone
from bdr_console.ui.widgets.connections import LAGGING
from bdr_console.ui.widgets.connections import state as connection_state
from bdr_console.ui.widgets.link_pane import LinkPane

_SAMPLES = 60

_LINK = Column("link", "From -> to", 14, fits_names=True)
_STATE = Column("state", "State", 16)
_BYTES = Column("bytes", "Lag", 8, "right")
_TIME = Column("time", "Time", 7, "right")
_TREND = Column("trend", "Trend", 7)
_SPARK = Column("spark", "Recent", 9, keep_end=True)
_RETAINED = Column("retained", "WAL kept", 9, "right")
_LONG_SPARK = Column("spark", "Recent", 20, keep_end=True)


class Lag(LinkPane):
    """Each direction between two nodes: bytes and seconds behind, trend, and the WAL its slot keeps."""

    NUMBER, TITLE, SHORT = 3, "Replication lag", "Lag"
    COLUMNS = (
        (_LINK, _STATE, _BYTES, _TIME, Column("trend", "Trend", 20), _RETAINED, _LONG_SPARK),
        (_LINK, _STATE, _BYTES, _TIME, _TREND, _RETAINED, _SPARK),
        (_LINK, _STATE, _BYTES, _TIME, _TREND, _SPARK),
        (_LINK, _STATE, _BYTES, _TIME, _TREND),
        (_LINK, _STATE, _BYTES, _TIME),
    )

    def row(self, link: Link, moment: Moment) -> Row:
        """One direction as a row."""
        return row(link, moment)

    def findings(self, moment: Moment) -> Sequence[Finding]:
        """Links that lag more than the thresholds allow."""
        return [
            finding
            for finding in moment.verdict.findings
            if (link := moment.link_of(finding.subject)) is not None and link.state in LAGGING
        ]


def row(link: Link, moment: Moment) -> Row:
    """One direction as a row."""
    going = heading(link, moment.history)
    samples = moment.history.last(link.key, _SAMPLES)
    level = lag_level(link, moment.thresholds)
    cells = {
        "link": Cell(f"{link.origin} -> {link.target}"),
        "state": _state(link, moment, level),
        "bytes": _known(link.lag_bytes, format_bytes, level)
        if link.pending_rows is None
        else Cell(f"{link.pending_rows} rows", rank=link.pending_rows),
        "time": _time(link, level),
        "trend": QUESTION if going is None else _trend(going),
        "spark": Cell(sparkline(samples, _SAMPLES, ascii_only=moment.glyphs.ascii_only)),
        "retained": _known(link.retained_bytes, format_bytes, Level.OK),
    }
    behind = "lag is not known" if link.lag_bytes is None else f"{format_bytes(link.lag_bytes)} behind"
    kept = (
        "" if link.retained_bytes is None else f", its slot keeps {format_bytes(link.retained_bytes)} of WAL"
    )
    figures = f"{behind}{kept}; " if link.pending_rows is None else ""  # else the reason tells of its rows
    detail = f"{link.origin} -> {link.target}: {figures}{link.reason}"
    found = Row(" ".join(link.key), cells, detail, link.target, Subject(Kind.LINK, link.key))
    return found if link.fresh else found.aged("state")


def _state(link: Link, moment: Moment, level: Level) -> Cell:
    if not link.fresh or link.state not in LAGGING:
        return connection_state(link, moment)
    word = lag_state(link, moment.thresholds)
    if word == "measuring":  # it looks well, and nothing has proved it yet
        level = Level.UNKNOWN
    return Cell(f"{level_symbol(level, moment.glyphs)} {word}", level_tone(level))


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
