"""Everything known about one direction of replication. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil, log2

from bdr_console.cluster.lag_time import LagTime
from bdr_console.cluster.nodes import Slot, Subscription
from bdr_console.cluster.replication import Link
from bdr_console.cluster.text import format_bytes, format_seconds
from bdr_console.cluster.verdict.history_keys import lag_hour_key
from bdr_console.cluster.verdict.lag import heading, lag_text
from bdr_console.ui.details.block import Block, Drawing, Field, Goto, Part, Words
from bdr_console.ui.details.shared import (
    count,
    faded,
    findings_block,
    gone_block,
    growth,
    room_words,
    seconds_since,
    size,
    span,
    stamp,
)
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import QUESTION, Cell, Subject, SubjectKind
from bdr_console.ui.text.words import link_cell
from bdr_console.ui.theming.styles import Tone

_HEIGHT = 6
_TALL = 10
_LEAST = 1024.0
"""Bytes: the top of the plot of a link that has never lagged."""


def link_blocks(key: tuple[str, ...], judged: JudgedSnapshot, width: int) -> tuple[Block, ...]:
    """Lag now and over the last hour, what each end says, findings, the ways to both ends."""
    link = next((link for link in judged.links if link.key == key), None)
    if link is None:
        return (gone_block(f"link {' -> '.join(key)}"),)
    origin, target = (judged.snapshot.node(name) for name in link.key)
    sender = Block(
        f"{link.origin} sends", _sender(link, judged), "slots.sql", origin.age(judged.now) if origin else None
    )
    receiver = Block(
        f"{link.target} receives",
        _receiver(link.subscription, judged),
        "subscriptions.sql",
        target.age(judged.now) if target else None,
    )
    fresh = {
        node.name: node.is_fresh(judged.now, judged.snapshot.refresh) for node in (origin, target) if node
    }
    now = Block("Now", _now(link, judged), "slots.sql", seconds_since(link.seen_at, judged.now))
    return (
        *((now,) if link.fresh else faded((now,))),
        Block("Lag over the last hour: the most in each 10 s", (_drawn(link, judged, width),)),
        findings_block(judged, f"{link.origin} -> {link.target}"),
        *((sender,) if fresh.get(link.origin) else faded((sender,))),
        *((receiver,) if fresh.get(link.target) else faded((receiver,))),
        Block(
            "Ends",
            (
                Goto(Subject(SubjectKind.NODE, (link.origin,)), Cell(f"node {link.origin}, which sends")),
                Goto(Subject(SubjectKind.NODE, (link.target,)), Cell(f"node {link.target}, which receives")),
                Goto(
                    Subject(SubjectKind.LINK, (link.target, link.origin)),
                    Cell(f"the other direction, {link.target} -> {link.origin}"),
                ),
            ),
        ),
    )


def _now(link: Link, judged: JudgedSnapshot) -> tuple[Part, ...]:
    state = link_cell(link.state, judged.glyphs)
    told: list[Part] = [Field("state", Cell(f"{state.text}: {link.reason}", state.tone))]
    if link.pending_rows is not None:
        return (
            *told,
            Field("rows that wait", Cell(str(link.pending_rows))),
            Field("the oldest", span(link.lag_seconds)),
        )
    told.append(Field("behind", QUESTION if link.lag_bytes is None else Cell(lag_text(link))))
    if link.lag_time is not None and link.lag_time.figure is None:
        told.append(Field("since when", Cell("not known: " + _why_unknown(link.lag_time), Tone.UNKNOWN)))
    going = heading(link, judged.history)
    if going is None:
        told.append(Field("trend", QUESTION))
    elif going.word == "steady":
        told.append(Field("trend", Cell("steady over 15 s")))
    else:
        tone = Tone.LAG if going.word == "growing" else Tone.PLAIN
        told.append(Field("trend", Cell(f"{going.word}, {format_bytes(abs(going.rate))}/s over 15 s", tone)))
        if going.done is not None:
            told.append(Field("caught up in", Cell(format_seconds(going.done))))
    if link.slot is not None and link.slot.catchup_seconds is not None:
        told.append(
            Field("engine's estimate", Cell(f"caught up in {format_seconds(link.slot.catchup_seconds)}"))
        )
    return tuple(told)


def _why_unknown(time: LagTime) -> str:
    if time.at_most is None:
        return "no earlier position of the origin's WAL is known that the target has applied"
    return f"between {format_seconds(time.at_least)} and {format_seconds(time.at_most)}"


def _drawn(link: Link, judged: JudgedSnapshot, width: int) -> Part:
    points = judged.history.hour(lag_hour_key(link.key), judged.now)
    if all(value is None for _, value in points):
        return Words(Cell("nothing was read of it in the last hour", Tone.UNKNOWN))
    rows = link.pending_rows is not None
    return Drawing(
        plot(
            points,
            width - 2,
            _TALL if width >= 120 else _HEIGHT,
            (lambda value: f"{value:.0f} rows") if rows else format_bytes,
            least=8.0 if rows else _LEAST,
            ascii_only=judged.glyphs.ascii_only,
        )
    )


def _sender(link: Link, judged: JudgedSnapshot) -> tuple[Part, ...]:
    slot = link.slot
    if slot is None:
        return (Words(Cell("no slot is known", Tone.UNKNOWN)),)
    node = judged.snapshot.node(link.origin)
    grown = growth(link.origin, slot.name, judged)
    told: list[Part] = [
        Field("slot", Cell(slot.name + (f" ({slot.plugin})" if slot.plugin else ""))),
        Field("walsender", _walsender(slot)),
        Field("confirmed", Cell(slot.confirmed_lsn) if slot.confirmed_lsn else QUESTION),
        Field(
            "WAL end there",
            Cell(node.facts.wal_lsn) if node and node.facts and node.facts.wal_lsn else QUESTION,
        ),
        Field("WAL kept", size(slot.retained_bytes)),
    ]
    if grown is not None and abs(grown.rate) >= 1024:
        sign = "+" if grown.rate > 0 else "-"
        speed = f"{sign}{format_bytes(abs(grown.rate))}/s over {format_seconds(grown.over)}"
        told.append(Field("WAL kept grows", Cell(speed)))
    if slot.wal_status:
        told.append(
            Field("WAL status", Cell(slot.wal_status, Tone.BAD if slot.wal_status == "lost" else Tone.PLAIN))
        )
    if node and node.facts and (room := room_words(link.origin, slot, node.facts, judged)).text:
        told.append(Field("room", room))
    return tuple(told)


def _walsender(slot: Slot) -> Cell:
    if not slot.active:
        return Cell(slot.state or "not connected", Tone.BAD)
    return Cell(f"{slot.state or 'active'}" + (f", pid {slot.pid}" if slot.pid else ""))


def _receiver(subscription: Subscription | None, judged: JudgedSnapshot) -> tuple[Part, ...]:
    if subscription is None:
        return (Words(Cell("no subscription is known", Tone.UNKNOWN)),)
    one = subscription
    good = one.enabled and one.status == "replicating"
    told: list[Part] = [
        Field("subscription", Cell(one.name)),
        Field(
            "status",
            Cell(one.status if one.enabled else f"disabled ({one.status})", Tone.UP if good else Tone.BAD),
        ),
        Field("apply worker", Cell(f"pid {one.apply_pid}") if one.apply_pid else QUESTION),
        Field("last commit", stamp(one.last_commit_at, judged.now)),
    ]
    if one.received_lsn:
        told.append(Field("received", Cell(one.received_lsn)))
    if one.replication_sets:
        told.append(Field("replication sets", Cell(", ".join(one.replication_sets))))
    if one.apply_delay:
        told.append(Field("delayed", Cell(f"{format_seconds(one.apply_delay)} on purpose", Tone.LAG)))
    if one.origin_address:
        told.append(Field("connects to", Cell(one.origin_address)))
    if one.forwards is not None:
        told.append(
            Field("passes on", Cell("what others wrote, too" if one.forwards else "what was written there"))
        )
    told.append(Field("failures", count(one.errors)))
    if one.last_error:
        when = f" ({stamp(one.last_error_at, judged.now).text})" if one.last_error_at else ""
        told.append(Field("last failure", Cell(f"{one.last_error}{when}", Tone.LAG)))
    return tuple(told)


_LABEL = 9
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
"""The bits of a braille cell: its left and right column, each from the bottom up."""
_BRAILLE = 0x2800
_LEVELS = " .:|#"
_QUARTER = 900

Points = Sequence[tuple[datetime, float | None]]


def plot(
    points: Points, width: int, height: int, form: Callable[[float], str], *, least: float, ascii_only: bool
) -> tuple[str, ...]:
    """`points` (evenly apart, oldest first, None unknown) as `height` lines of area, an axis, its times.

    `form` writes a value for the upright axis, whose top is a power of two and `least` or more. A known 0 is
    an empty column over a solid axis; an unknown one stands over a broken axis.
    """
    columns = max(8, width - _LABEL - 2)
    top = _top([value for _, value in points if value is not None], least)
    fine = 1 if ascii_only else 2
    heights = [_height(part, top, height * 4) for part in _parts(points, columns * fine)]
    lines = []
    for row in range(height - 1, -1, -1):
        label = {height - 1: form(top), (height - 1) // 2 if height > 4 else -1: form(_mid(top, height))}.get(
            row, ""
        )
        bar = "|" if ascii_only else "┤" if label else "│"
        lines.append(f"{label:>{_LABEL}} {bar}" + _row(heights, row, fine, ascii_only=ascii_only).rstrip())
    known = [any(h is not None for h in heights[x * fine : (x + 1) * fine]) for x in range(columns)]
    solid, broken, corner = ("-", ".", "+") if ascii_only else ("─", "╌", "└")
    lines.append(f"{form(0):>{_LABEL}} {corner}" + "".join(solid if k else broken for k in known))
    lines.append(" " * (_LABEL + 2) + _times(points[0][0], points[-1][0], columns))
    return tuple(lines)


def _top(values: list[float], least: float) -> float:
    most = max([least, *values])
    return float(2 ** ceil(log2(most))) if most > 0 else 1.0


def _mid(top: float, height: int) -> float:
    """The value at the upper edge of the row that bears the middle label."""
    return top * ((height - 1) // 2 + 1) / height


def _parts(points: Points, count: int) -> list[float | None]:
    """The most of each of `count` equal parts of `points`; fewer points are stretched."""
    found: list[float | None] = []
    for place in range(count):
        begin = place * len(points) // count
        end = max(begin + 1, (place + 1) * len(points) // count)
        found.append(max((value for _, value in points[begin:end] if value is not None), default=None))
    return found


def _height(value: float | None, top: float, dots: int) -> int | None:
    """In dots; whatever is above 0 shows at least one."""
    if value is None:
        return None
    return 0 if value <= 0 else max(1, min(dots, round(value / top * dots)))


def _row(heights: list[int | None], row: int, fine: int, *, ascii_only: bool) -> str:
    cells = []
    for place in range(0, len(heights), fine):
        filled = [max(0, min(4, (height or 0) - row * 4)) for height in heights[place : place + fine]]
        if ascii_only:
            cells.append(_LEVELS[filled[0]])
        else:
            bits = sum(_DOTS[side][dot] for side, count in enumerate(filled) for dot in range(count))
            cells.append(chr(_BRAILLE + bits) if bits else " ")
    return "".join(cells)


def _times(first: datetime, last: datetime, columns: int) -> str:
    """The local clock at each quarter of an hour, under its place, and `now` at the end."""
    line = [" "] * columns
    span = max(1.0, (last - first).total_seconds())
    at = datetime.fromtimestamp(ceil(first.timestamp() / _QUARTER) * _QUARTER, first.tzinfo)
    while at <= last:
        place = round((at - first).total_seconds() / span * (columns - 1)) - 2
        if 0 <= place <= columns - 9:
            line[place : place + 5] = at.astimezone().strftime("%H:%M")
        at += timedelta(seconds=_QUARTER)
    line[columns - 3 :] = "now"
    return "".join(line)
