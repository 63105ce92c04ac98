"""The pane of PostgreSQL nodes."""

from collections.abc import Mapping, Sequence

from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.text import format_seconds
from bdr_console.cluster.traffic import Traffic, route_words, traffic
from bdr_console.cluster.verdict.findings import Finding
from bdr_console.cluster.verdict.nodes import Skew, skews
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import BLANK, QUESTION, Cell, PaneColumn, Row, Subject, SubjectKind
from bdr_console.ui.text.words import coarse, figure, level_symbol, level_tone, unseen
from bdr_console.ui.theming.styles import Tone
from bdr_console.ui.widgets.pane import Pane

_NAME = PaneColumn("name", "Node", 8, fits_names=True)
_STATE = PaneColumn("state", "State", 16)
_ACTIVE = PaneColumn("active", "Active", 6, "right")
_SESSIONS = PaneColumn("sessions", "Sess/max", 9, "right")
_OLDEST = PaneColumn("oldest", "Oldest tx", 9, "right")
_TRAFFIC = PaneColumn("traffic", "Traffic, sess", 18)
_GROUP = PaneColumn("group", "Group", 12, fits_names=True)
_ENGINE = PaneColumn("engine", "Engine", 11)
_WIDE_ENGINE = PaneColumn("engine", "Engine", 24)


class Nodes(Pane):
    """Each configured node: whether it answers, what it says of itself, and how busy it is."""

    NUMBER, TITLE, SHORT = 1, "Nodes", "Nodes"
    COLUMNS = (
        (
            _NAME,
            _STATE,
            _ACTIVE,
            _SESSIONS,
            PaneColumn("in_tx", "Idle in tx", 10, "right"),
            _OLDEST,
            _TRAFFIC,
            _GROUP,
            PaneColumn("address", "Address", 21),
            _WIDE_ENGINE,
        ),
        (_NAME, _STATE, _ACTIVE, _SESSIONS, _OLDEST, _TRAFFIC, _GROUP, _ENGINE),
        (_NAME, _STATE, _ACTIVE, _SESSIONS, _OLDEST, _TRAFFIC, _ENGINE),
        (_NAME, _STATE, _ACTIVE, _SESSIONS, _OLDEST, _TRAFFIC),
        (_NAME, _STATE, _SESSIONS, _OLDEST, _TRAFFIC),
        (_NAME, _STATE, _SESSIONS, _TRAFFIC),
        (_NAME, _STATE, _ACTIVE, _SESSIONS, _OLDEST),
    )

    def rows(self, judged: JudgedSnapshot) -> Sequence[Row]:
        """One row for each node, in the order of the configuration."""
        seen = traffic(judged.snapshot, judged.now)
        found = skews(judged.snapshot, judged.now)
        return [row(node, judged, seen, found) for node in judged.snapshot.nodes]

    def findings(self, judged: JudgedSnapshot) -> Sequence[Finding]:
        """What is wrong with the nodes themselves."""
        names = {node.name for node in judged.snapshot.nodes}
        return [finding for finding in judged.verdict.findings if finding.subject in names]


def row(node: Observed[NodeFacts], judged: JudgedSnapshot, seen: Traffic, clocks: Mapping[str, Skew]) -> Row:
    """One node as a row; `seen` tells who sends it clients, `clocks` which nodes' clocks differ."""
    old = unseen(node, judged.now, judged.snapshot.refresh, judged.glyphs)
    facts = node.facts
    cells = {"name": Cell(node.name), "address": Cell(node.address)} | _figures(facts, judged)
    cells["state"] = old or _state(node, judged)
    routes = seen.of(node.name)
    words = route_words(routes, unknown=bool(seen.unknown))
    cells["traffic"] = (
        Cell(words, Tone.UP)
        if node.name in seen.takers
        else QUESTION
        if words == "?"
        else Cell(words, Tone.LAG if routes else Tone.STALE)
    )
    detail = f"{node.name} ({node.address}): {judged.reasons(node.name) or 'answers'}"
    if routes:
        ways = (f"{r.via} {r.sessions} sess" + ("" if r.takes_new else ", no new ones") for r in routes)
        detail += f"{judged.glyphs.separator}traffic by {'; '.join(ways)}"
    if facts is not None:
        detail += f"{judged.glyphs.separator}{facts.engine}, PostgreSQL {facts.server_version}"
        skew = clocks.get(node.name)
        detail += f"{judged.glyphs.separator}{skew.words}" if skew else ""
    found = Row(node.name, cells, detail, node.name, Subject(SubjectKind.NODE, (node.name,)))
    return found.aged("state", "traffic") if old else found


def _figures(facts: NodeFacts | None, judged: JudgedSnapshot) -> dict[str, Cell]:
    if facts is None:
        return dict.fromkeys(("active", "sessions", "in_tx", "oldest", "group", "engine"), QUESTION)
    cells = {
        "engine": Cell(facts.engine),
        "group": Cell(facts.group) if facts.group else BLANK,
    }
    sessions = facts.sessions
    if sessions is None:
        return cells | dict.fromkeys(("active", "sessions", "in_tx", "oldest"), QUESTION)
    oldest = sessions.oldest_transaction
    late = oldest is not None and oldest >= judged.thresholds.transaction_age_warn
    return cells | {
        "active": figure(sessions.active),
        "sessions": Cell(f"{sessions.total}/{sessions.max_connections}", rank=sessions.total),
        "in_tx": figure(sessions.idle_in_transaction),
        "oldest": Cell("-")
        if oldest is None
        else Cell(_age(oldest), Tone.LAG if late else Tone.PLAIN, oldest),
    }


def _age(seconds: float) -> str:
    """Under a second the figure would change at every look and say nothing."""
    return "< 1 s" if seconds < 1 else format_seconds(seconds) if seconds >= 60 else coarse(seconds)


def _state(node: Observed[NodeFacts], judged: JudgedSnapshot) -> Cell:
    """A node that answers: `up` and what it says of its membership, marked by the worst finding about it."""
    level = judged.level_of(node.name)
    word = node.facts.state if node.facts else "unknown"
    return Cell(f"{level_symbol(level, judged.glyphs)} {word}", level_tone(level))
