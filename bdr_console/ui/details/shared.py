"""What several pages of details share: names, findings, ages, the room of a slot. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from bdr_console.cluster.nodes import NodeFacts, Slot
from bdr_console.cluster.observed import FactsT, Observed
from bdr_console.cluster.text import format_bytes, format_seconds
from bdr_console.cluster.verdict.findings import Finding
from bdr_console.cluster.verdict.history_keys import kept_hour_key
from bdr_console.ui.details.block import Block, Field, Part, Table, Words
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import BLANK, QUESTION, Cell, Subject, SubjectKind
from bdr_console.ui.text.words import coarse, level_cell
from bdr_console.ui.theming.styles import Tone


def named(subject: Subject) -> str:
    """What the details are about, in one line."""
    key = subject.key
    match subject.kind:
        case SubjectKind.LINK:
            return f"Link {key[0]} -> {key[1]}"
        case SubjectKind.SERVER:
            return f"HAProxy server {'/'.join(key)}" if key[2] else f"HAProxy backend {key[0]}/{key[1]}"
        case SubjectKind.POOL:
            if not key[1]:
                return f"PgBouncer {key[0]}"
            return f"Pool {key[0]}/{key[1]}" + (f" of {key[2]}" if key[2] else "")
        case SubjectKind.CONFLICT:
            return f"Conflict on {key[0]}"
        case SubjectKind.EVENT:
            return f"Event {key[0]}"
        case SubjectKind.NODE:
            return f"Node {key[0]}"


def findings_block(judged: JudgedSnapshot, *subjects: str) -> Block:
    """What is wrong with any of `subjects` now, since when; dimmed what somebody has acknowledged."""
    found = [finding for finding in judged.verdict.findings if finding.subject in subjects]
    rows = (
        tuple(cell.aged() for cell in row) if judged.is_acknowledged(finding) else row
        for finding in found
        for row in (_row(finding, judged.told(finding), judged), *_step(finding, judged))
    )
    return Block("Findings", _listed(rows))


def _step(finding: Finding, judged: JudgedSnapshot) -> tuple[tuple[Cell, ...], ...]:
    """What to do next; of what another finding causes, that one first."""
    roots = {root.key: root for root in judged.verdict.roots}
    root = roots.get(finding.root) if finding.root is not None else None
    cause = ((Cell(""), Cell("because", Tone.STALE), Cell(root.sentence)),) if root else ()
    step = (root or finding).remedy
    return (*cause, (Cell(""), Cell("next", Tone.STALE), Cell(step))) if step else cause


def finding_parts(found: Iterable[Finding], judged: JudgedSnapshot) -> tuple[Words | Table, ...]:
    """Findings of another moment as rows, or that there was none."""
    return _listed(_row(finding, finding.text, judged) for finding in found)


def _row(finding: Finding, said: str, judged: JudgedSnapshot) -> tuple[Cell, ...]:
    return level_cell(finding.level, judged.glyphs), Cell(finding.subject), Cell(said)


def _listed(found: Iterable[tuple[Cell, ...]]) -> tuple[Words | Table, ...]:
    rows = tuple(found)
    return (Table(("level", "about", "what"), rows),) if rows else (Words(Cell("none", Tone.UP)),)


def unseen_block(target: Observed[FactsT], judged: JudgedSnapshot) -> Block:
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


def answers(target: Observed[FactsT], judged: JudgedSnapshot) -> Cell:
    """Whether it answers, how fast, or why not and since when."""
    if target.is_fresh(judged.now, judged.snapshot.refresh) and not target.error:
        took = "" if target.took_ms is None else f" in {target.took_ms:.0f} ms"
        return Cell(f"{judged.glyphs.up} answers{took}", Tone.UP)
    age = target.age(judged.now)
    when = "never read" if age is None else f"last read {coarse(age)} ago"
    if target.error:
        return Cell(f"{judged.glyphs.down} {target.error}; {when}", Tone.BAD)
    return Cell(f"{judged.glyphs.unknown} {when}", Tone.UNKNOWN)


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


def subject_of(name: str, judged: JudgedSnapshot) -> Subject | None:
    """What a finding or an event that speaks of `name` is about; None where there are no details of it."""
    shown = judged.snapshot
    if shown.node(name) is not None:
        return Subject(SubjectKind.NODE, (name,))
    for link in judged.links:
        if name == f"{link.origin} -> {link.target}":
            return Subject(SubjectKind.LINK, link.key)
    for proxy in shown.proxies:
        for server in proxy.facts.servers if proxy.facts else ():
            if name == f"{proxy.name}/{server.backend}/{server.name}":
                return Subject(SubjectKind.SERVER, (proxy.name, server.backend, server.name))
            if name == f"{proxy.name}/{server.backend}":
                return Subject(SubjectKind.SERVER, (proxy.name, server.backend, ""))
    for pooler in shown.poolers:
        if name == pooler.name:
            return Subject(SubjectKind.POOL, (name, "", ""))
        for database in pooler.facts.databases if pooler.facts else ():
            if name == f"{pooler.name}/{database.name}":
                return Subject(SubjectKind.POOL, (pooler.name, database.name, ""))
    return None


_WINDOW = 30
"""Points of ten seconds over which growth is measured: five minutes."""
_SOON = 3600.0


@dataclass(frozen=True, slots=True)
class Growth:
    """How the WAL that a slot keeps has changed."""

    rate: float
    """Bytes per second; less than 0 when it shrinks."""
    over: float
    """Seconds over which that was measured."""


def growth(node: str, slot: str, judged: JudgedSnapshot) -> Growth | None:
    """Over the last minutes, as far as they are known; None before half a minute of them."""
    points = judged.history.hour(kept_hour_key(node, slot), judged.now)[-_WINDOW:]
    known = [(at, value) for at, value in points if value is not None]
    if len(known) < 2:
        return None
    passed = (known[-1][0] - known[0][0]).total_seconds()
    return Growth((known[-1][1] - known[0][1]) / passed, passed) if passed >= 30 else None


def room_words(node: str, slot: Slot, facts: NodeFacts, judged: JudgedSnapshot) -> Cell:
    """`48.0 MiB left of 64.0 MiB, full in 40 s`; without a limit how fast it grows towards the disk's end."""
    if slot.wal_status in ("lost", "unreserved"):
        return Cell(
            f"{slot.wal_status}: WAL it needs {'is' if slot.wal_status == 'lost' else 'goes'} missing",
            Tone.BAD,
        )
    grown = growth(node, slot.name, judged)
    rate = grown.rate if grown else 0.0
    growing = rate >= 1024 and not slot.active
    speed = f", +{format_bytes(rate)}/s" if growing else ""
    room = next((room for room in facts.slot_room if room.name == slot.name), None)
    if room is None:
        return Cell(f"limit not known{speed}") if growing else BLANK
    if room.limit is None or room.left is None:
        return Cell(f"no limit but the disk{speed}", Tone.LAG if growing else Tone.PLAIN)
    text = f"{format_bytes(room.left)} left of {format_bytes(room.limit)}"
    if not growing:
        return Cell(text)
    seconds = room.left / rate
    return Cell(
        f"{text}{speed}, full in {format_seconds(seconds)}", Tone.BAD if seconds < _SOON else Tone.LAG
    )
