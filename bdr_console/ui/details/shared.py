"""What details of every kind say alike. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bdr_console.cluster.observed import FactsT, Observed
from bdr_console.cluster.text import format_bytes, format_seconds
from bdr_console.cluster.verdict import Finding
from bdr_console.ui.details.block import Block, Field, Part, Table, Words
from bdr_console.ui.moment import Moment
from bdr_console.ui.subject import Kind, Subject
from bdr_console.ui.text.cells import QUESTION, Cell, Tone
from bdr_console.ui.text.words import coarse, level_cell


def findings_block(moment: Moment, *subjects: str) -> Block:
    """What is wrong with any of `subjects` now, since when; dimmed what somebody has acknowledged."""
    found = [finding for finding in moment.verdict.findings if finding.subject in subjects]
    rows = (
        tuple(cell.aged() for cell in row) if moment.is_acknowledged(finding) else row
        for finding in found
        for row in (_row(finding, moment.told(finding), moment), *_step(finding, moment))
    )
    return Block("Findings", _listed(rows))


def _step(finding: Finding, moment: Moment) -> tuple[tuple[Cell, ...], ...]:
    """What to do next; of what another finding causes, that one first."""
    roots = {root.key: root for root in moment.verdict.roots}
    root = roots.get(finding.root) if finding.root is not None else None
    cause = ((Cell(""), Cell("because", Tone.STALE), Cell(root.sentence)),) if root else ()
    step = (root or finding).remedy
    return (*cause, (Cell(""), Cell("next", Tone.STALE), Cell(step))) if step else cause


def finding_parts(found: Iterable[Finding], moment: Moment) -> tuple[Words | Table, ...]:
    """Findings of another moment as rows, or that there was none."""
    return _listed(_row(finding, finding.text, moment) for finding in found)


def _row(finding: Finding, said: str, moment: Moment) -> tuple[Cell, ...]:
    return level_cell(finding.level, moment.glyphs), Cell(finding.subject), Cell(said)


def _listed(found: Iterable[tuple[Cell, ...]]) -> tuple[Words | Table, ...]:
    rows = tuple(found)
    return (Table(("level", "about", "what"), rows),) if rows else (Words(Cell("none", Tone.UP)),)


def unseen_block(target: Observed[FactsT], moment: Moment) -> Block:
    """What there is to say of a target that was never read."""
    why = target.error or "it has not answered yet"
    parts = (Field("address", Cell(target.address)), Field("not read", Cell(why, Tone.BAD)))
    return Block(target.name, parts)


def gone_block(what: str) -> Block:
    """The thing itself is no longer there."""
    return Block("Not known", (Words(Cell(f"{what}: the latest reading does not show it", Tone.UNKNOWN)),))


def faded(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The same, dimmed: of a target whose reading is old."""
    return tuple(replace(block, parts=tuple(_faded(part) for part in block.parts)) for block in blocks)


def _faded(part: Part) -> Part:
    if isinstance(part, Field):
        return replace(part, value=part.value.aged())
    if isinstance(part, Words):
        return replace(part, text=part.text.aged())
    if isinstance(part, Table):
        return replace(part, rows=tuple(tuple(cell.aged() for cell in row) for row in part.rows))
    return part


def answers(target: Observed[FactsT], moment: Moment) -> Cell:
    """Whether it answers, how fast, or why not and since when."""
    if target.is_fresh(moment.now, moment.snapshot.refresh) and not target.error:
        took = "" if target.took_ms is None else f" in {target.took_ms:.0f} ms"
        return Cell(f"{moment.glyphs.up} answers{took}", Tone.UP)
    age = target.age(moment.now)
    when = "never read" if age is None else f"last read {coarse(age)} ago"
    if target.error:
        return Cell(f"{moment.glyphs.down} {target.error}; {when}", Tone.BAD)
    return Cell(f"{moment.glyphs.unknown} {when}", Tone.UNKNOWN)


def count(value: int | None) -> Cell:
    """A count, or `?`."""
    return QUESTION if value is None else Cell(str(value))


def size(value: float | None) -> Cell:
    """Bytes, or `?`."""
    return QUESTION if value is None else Cell(format_bytes(value))


def span(value: float | None) -> Cell:
    """Seconds as a duration, or `?`."""
    return QUESTION if value is None else Cell(format_seconds(value))


def stamp(at: datetime | None, now: datetime) -> Cell:
    """A moment on the local clock, and how long ago that is."""
    if at is None:
        return QUESTION
    ago = max(0.0, (now - at).total_seconds())
    return Cell(f"{at.astimezone():%Y-%m-%d %H:%M:%S}, {coarse(ago)} ago")


def seconds_since(at: datetime | None, now: datetime) -> float | None:
    """The age of a reading."""
    return None if at is None else max(0.0, (now - at).total_seconds())


def subject_of(name: str, moment: Moment) -> Subject | None:
    """What a finding or an event that speaks of `name` is about; None where there are no details of it."""
    shown = moment.snapshot
    if shown.node(name) is not None:
        return Subject(Kind.NODE, (name,))
    for link in moment.links:
        if name == f"{link.origin} -> {link.target}":
            return Subject(Kind.LINK, link.key)
    for proxy in shown.proxies:
        for server in proxy.facts.servers if proxy.facts else ():
            if name == f"{proxy.name}/{server.backend}/{server.name}":
                return Subject(Kind.SERVER, (proxy.name, server.backend, server.name))
            if name == f"{proxy.name}/{server.backend}":
                return Subject(Kind.SERVER, (proxy.name, server.backend, ""))
    for pooler in shown.poolers:
        if name == pooler.name:
            return Subject(Kind.POOL, (name, "", ""))
        for database in pooler.facts.databases if pooler.facts else ():
            if name == f"{pooler.name}/{database.name}":
                return Subject(Kind.POOL, (pooler.name, database.name, ""))
    return None
