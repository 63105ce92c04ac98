"""The mesh as a matrix, from row to column: what stands in each cell, and what fits where. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from bdr_console.cluster.history import sparkline
from bdr_console.cluster.replication import Link, LinkState
from bdr_console.cluster.text import format_bytes
from bdr_console.cluster.verdict.findings import Level
from bdr_console.cluster.verdict.lag import lag_level, lag_state, lag_text
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import Cell
from bdr_console.ui.text.words import LAGGING, coarse, level_symbol, level_tone, state, unseen
from bdr_console.ui.theming.styles import Tone

_WIDEST, _NARROWEST = 22, 3
_TALL_FROM = 12
"""Cells from this width on may have lines of their own for the figures and the sparkline."""
_LONGEST_NAME = 18


@dataclass(frozen=True, slots=True)
class MeshCell:
    """One cell, the same in every size."""

    forms: tuple[str, ...]
    """What it says, the longest first; the last is the symbol alone."""
    tone: Tone
    heat: int = 0
    """0 nothing to tell, 1 some lag, 2 too much, 3 far too much, or broken."""
    figures: str = ""
    spark: str = ""
    old: bool = False
    """Whether the figures come from an old reading."""

    def line(self, number: int, width: int) -> str:
        """That line of the cell, in `width` cells."""
        if number == 0:
            return next((form for form in self.forms if cell_len(form) <= width), self.forms[-1])
        text = self.figures if number == 1 else self.spark[-(width - 1) :] if number == 2 else ""
        return text if cell_len(text) <= width else ""


@dataclass(frozen=True, slots=True)
class MeshPlan:
    """How a matrix lies in a given room; widths and heights in terminal cells, each cell with its gap."""

    head: int
    width: int
    lines: int
    height: int
    columns: int
    """How many of them are in sight."""
    rows: int
    numbered: bool
    """Whether columns are headed by numbers, which the rows then explain."""

    def row_head(self, names: Sequence[str], row: int) -> str:
        """What stands before a row."""
        number = f"{row + 1:>{len(str(len(names)))}} " if self.numbered else ""
        return number + names[row]

    def column_head(self, names: Sequence[str], column: int) -> str:
        """What stands above a column."""
        return str(column + 1) if self.numbered else names[column]


def plan(names: Sequence[str], width: int, height: int) -> MeshPlan:
    """The roomiest matrix of `names` that `width` x `height` holds; where not all fit, it scrolls."""
    count = max(1, len(names))
    longest = max((min(cell_len(name), _LONGEST_NAME) for name in names), default=1)
    head = max(longest, 9 if width >= 40 else 0) + 2
    room = (width - head) // count
    numbered = room <= longest
    if numbered:
        head = longest + len(str(count)) + 3
        room = (width - head) // count
    wide = max(_NARROWEST, min(_WIDEST, room))
    tall = (height - 1) // count
    lines = min(3, tall) if wide >= _TALL_FROM and tall >= 2 else 1
    step = lines + 1 if lines > 1 and tall > lines else lines
    columns = max(1, min(count, (width - head) // wide))
    return MeshPlan(head, wide, lines, step, columns, max(1, min(count, (height - 1) // step)), numbered)


def link_cell(link: Link, judged: JudgedSnapshot) -> MeshCell:
    """One direction: in step, lagging by so much, or what is wrong with it."""
    level = judged.level_of(f"{link.origin} -> {link.target}")
    if not link.fresh or link.state not in LAGGING:
        return _other(state(link, judged), link, level)
    if link.lag_bytes is None and link.pending_rows is None:
        symbol = judged.glyphs.unknown
        return MeshCell((f"{symbol} lag unknown", f"{symbol} ?", symbol), Tone.UNKNOWN)
    return _lag(link, max(level, lag_level(link, judged.thresholds)), judged)


def node_cell(name: str, judged: JudgedSnapshot) -> MeshCell:
    """A node's own state, on the diagonal."""
    node = judged.snapshot.node(name)
    old = unseen(node, judged.now, judged.snapshot.refresh, judged.glyphs) if node else None
    if old is not None:
        return MeshCell((old.text, f"{old.text.split()[0]} node", old.text.split()[0]), old.tone)
    level = judged.level_of(name)
    symbol = level_symbol(level, judged.glyphs)
    return MeshCell((f"{symbol} node up", f"{symbol} up", symbol), level_tone(level))


def sentence(link: Link, judged: JudgedSnapshot) -> str:
    """Everything about one direction in one sentence."""
    subject = f"{link.origin} -> {link.target}"
    told = judged.reasons(subject) or link.reason
    if link.lag_bytes is not None and "lags " not in told:
        told += f"; lags {lag_text(link)}" if link.lag_bytes else "; nothing behind"
    kept = f"; its slot keeps {format_bytes(link.retained_bytes)} of WAL" if link.retained_bytes else ""
    return f"{subject}: {told}{kept}"


def short_bytes(count: int) -> str:
    """1536 -> `2K`, 50331648 -> `48M`; at most five cells."""
    size = float(count)
    for unit in ("B", "K", "M", "G"):
        if size < 999.5:
            return f"{size:.1f}{unit}" if unit == "G" and size < 9.95 else f"{size:.0f}{unit}"
        size /= 1024
    return f"{size:.0f}T"


def legend(judged: JudgedSnapshot) -> str:
    """What the symbols mean."""
    glyphs = judged.glyphs
    return (
        f"{glyphs.up} in step  {glyphs.lag} lagging  {glyphs.bad} critical  {glyphs.held} paused  "
        f"{glyphs.down} down/silent  {glyphs.unknown} unknown  - no link"
    )


def _other(shown: Cell, link: Link, level: Level) -> MeshCell:
    symbol, _, words = shown.text.partition(" ")
    short = "silent" if words.startswith("no answer") else words.split(" ")[0]
    heat = 3 if link.state is LinkState.DOWN or level is Level.CRIT else 2 if shown.tone is Tone.LAG else 0
    figures = "" if link.lag_bytes is None else f"{format_bytes(link.lag_bytes)} behind"
    return MeshCell(
        (shown.text, f"{symbol} {short}".rstrip(), symbol), shown.tone, heat, figures, old=not link.fresh
    )


def _lag(link: Link, level: Level, judged: JudgedSnapshot) -> MeshCell:
    symbol, tone = level_symbol(level, judged.glyphs), level_tone(level)
    samples = judged.history.last(link.key, _WIDEST)
    # Measured by the limit, so that the calm cells look calm beside one that lags.
    least = judged.thresholds.lag_bytes_warn / 2
    spark = sparkline(samples, _WIDEST, ascii_only=judged.glyphs.ascii_only, least=least)
    if link.lag_bytes is None:
        rows = f"{link.pending_rows} rows wait"
        word = lag_state(link, judged.thresholds)
        return MeshCell((f"{symbol} {word}", f"{symbol} {link.pending_rows}", symbol), tone, 0, rows)
    seconds = link.lag_time.proved if link.lag_time else 0.0
    figures = lag_text(link)
    if level in (Level.WARN, Level.CRIT):
        size = short_bytes(link.lag_bytes)
        late = f" {coarse(seconds).replace(' ', '')}" if seconds >= 1 else ""
        forms = (f"{symbol} lags {size}{late}", f"{symbol} {size}{late}", f"{symbol} {size}", symbol)
        return MeshCell(forms, tone, 3 if level is Level.CRIT else 2, figures, spark)
    limits = judged.thresholds
    some = link.lag_bytes * 10 >= limits.lag_bytes_warn or seconds * 10 >= limits.lag_seconds_warn
    # A figure in every cell would flicker all day and say nothing: it comes once there is something to see.
    extra = (f"{symbol} ok {short_bytes(link.lag_bytes)}",) if some else ()
    word = lag_state(link, limits)
    if word != "in step":  # nothing has proved it yet
        symbol = judged.glyphs.unknown
        return MeshCell((f"{symbol} {word}", f"{symbol} ?", symbol), Tone.UNKNOWN, 0, figures, spark)
    forms = (*extra, f"{symbol} in step", f"{symbol} ok", symbol)
    return MeshCell(forms, tone, int(some), figures, spark)
