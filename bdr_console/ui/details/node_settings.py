"""Settings in which a node differs from its peers. Pure."""

from bdr_console.ui.details.block import Part, Table, Words
from bdr_console.ui.moment import Moment
from bdr_console.ui.text.cells import Cell, Tone

_NOT_SET = "(none)"


def differences(name: str, moment: Moment) -> tuple[Part, ...]:
    """Each setting that some peer has otherwise, and each that waits for a restart."""
    told = {
        node.name: {parameter.name: parameter for parameter in node.facts.parameters}
        for node in moment.snapshot.nodes
        if node.facts and node.facts.parameters and not node.facts.is_control
    }
    own = told.pop(name, None)
    if own is None:
        return (Words(Cell("not read", Tone.UNKNOWN)),)
    rows = []
    for setting in sorted(set(own) | {setting for peer in told.values() for setting in peer}):
        here = own[setting].value if setting in own else _NOT_SET
        there = {
            peer: values[setting].value if setting in values else _NOT_SET for peer, values in told.items()
        }
        unlike = {peer: value for peer, value in there.items() if value != here}
        if setting in own and own[setting].restart:
            rows.append(
                (Cell(setting, Tone.LAG), Cell(here or "''"), Cell("another value waits for a restart"))
            )
        if unlike:
            said = ", ".join(f"{peer}: {value or _QUOTES}" for peer, value in unlike.items())
            rows.append((Cell(setting, Tone.LAG), Cell(here or _QUOTES), Cell(said)))
    if rows:
        return (Table(("setting", "here", "elsewhere"), tuple(rows)),)
    if not told:
        return (Words(Cell(f"{len(own)} settings read; there is no peer to compare with")),)
    return (Words(Cell(f"none: {len(own)} settings are the same on {', '.join(told)}", Tone.UP)),)


_QUOTES = "''"
