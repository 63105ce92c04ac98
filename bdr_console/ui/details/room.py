"""How long a slot can go on keeping WAL: until its limit, where it has one. Pure."""

from dataclasses import dataclass

from bdr_console.cluster.memory import kept_hour_key
from bdr_console.cluster.nodes import NodeFacts, Slot
from bdr_console.cluster.text import format_bytes, format_seconds
from bdr_console.ui.moment import Moment
from bdr_console.ui.text.cells import BLANK, Cell, Tone

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


def growth(node: str, slot: str, moment: Moment) -> Growth | None:
    """Over the last minutes, as far as they are known; None before half a minute of them."""
    points = moment.history.hour(kept_hour_key(node, slot), moment.now)[-_WINDOW:]
    known = [(at, value) for at, value in points if value is not None]
    if len(known) < 2:
        return None
    passed = (known[-1][0] - known[0][0]).total_seconds()
    return Growth((known[-1][1] - known[0][1]) / passed, passed) if passed >= 30 else None


def room_words(node: str, slot: Slot, facts: NodeFacts, moment: Moment) -> Cell:
    """`48.0 MiB left of 64.0 MiB, full in 40 s`; without a limit how fast it grows towards the disk's end."""
    if slot.wal_status in ("lost", "unreserved"):
        return Cell(
            f"{slot.wal_status}: WAL it needs {'is' if slot.wal_status == 'lost' else 'goes'} missing",
            Tone.BAD,
        )
    grown = growth(node, slot.name, moment)
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
