"""Everything known about one conflict. Pure."""

from bdr_console.cluster.conflicts import Conflict
from bdr_console.ui.details.block import Block, Field, Goto, Part, Table, Words
from bdr_console.ui.details.shared import findings_block, gone_block, seconds_since, stamp
from bdr_console.ui.moment import Moment
from bdr_console.ui.subject import Kind, Subject
from bdr_console.ui.text.cells import QUESTION, Cell, Tone


def conflict_blocks(key: tuple[str, ...], moment: Moment, _width: int) -> tuple[Block, ...]:
    """Both rows, who won, on which nodes it was met."""
    name, mark = key
    met = [
        (node, conflict)
        for node in moment.snapshot.nodes
        if node.facts
        for conflict in node.facts.conflicts
        if conflict.key == mark
    ]
    own = next(((node, conflict) for node, conflict in met if node.name == name), None)
    if own is None:
        return (gone_block("that conflict (nodes tell of the last hour, at most 50)"),)
    node, one = own
    age = seconds_since(node.facts.seldom_at if node.facts else None, moment.now)
    rows = tuple(
        (Cell(there.name), stamp(other.at, moment.now), Cell(other.resolution)) for there, other in met
    )
    elsewhere: tuple[Part, ...] = (Table(("on", "met at", "resolution"), rows),)
    if len(met) == 1:
        elsewhere += (
            Words(Cell("no other node shows it: a collision can be met on several nodes", Tone.STALE)),
        )
    goes = [Goto(Subject(Kind.NODE, (name,)), Cell(f"node {name}"))]
    if one.origin and moment.snapshot.node(one.origin):
        goes.append(Goto(Subject(Kind.LINK, (one.origin, name)), Cell(f"link {one.origin} -> {name}")))
    return (
        Block("What happened", _what(one, moment), "conflicts.sql", age),
        Block(
            f"The row that {name} had", _side(one.local_tuple, one, moment, local=True), "conflicts.sql", age
        ),
        Block(
            f"The row that came{f' from {one.origin}' if one.origin else ''}",
            _side(one.remote_tuple, one, moment, local=False),
            "conflicts.sql",
            age,
        ),
        Block("Where it was met", elsewhere, "conflicts.sql of each node", age),
        findings_block(moment, "conflicts", name),
        Block("Around it", tuple(goes)),
    )


def winner(resolution: str) -> str:
    """Which row stayed, as far as the engine's word tells."""
    word = resolution.casefold()
    if "local" in word or word == "skip":
        return "the row that was there stayed"
    if "remote" in word or word in ("update", "insert"):
        return "the row that came was taken"
    return "the engine's word does not tell"


def _what(one: Conflict, moment: Moment) -> tuple[Part, ...]:
    told: list[Part] = [
        Field("when", stamp(one.at, moment.now)),
        Field("table", Cell(one.table or "?")),
        Field("kind", Cell(one.kind, Tone.LAG)),
        Field("resolution", Cell(one.resolution)),
        Field("who won", Cell(winner(one.resolution))),
        Field("change from", Cell(one.origin) if one.origin else QUESTION),
    ]
    if one.error:
        told.append(Field("error", Cell(one.error, Tone.BAD)))
    return tuple(told)


def _side(row: str | None, one: Conflict, moment: Moment, *, local: bool) -> tuple[Part, ...]:
    at = one.local_commit_at if local else one.remote_commit_at
    shown = Cell("the engine does not show it", Tone.STALE) if row is None else Cell(row)
    return (Field("committed", stamp(at, moment.now)), Field("row", shown))
