"""The pane of replication connections: who replicates to whom, as a matrix, a table or a drawing."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from rich.text import Text
from textual.app import ComposeResult
from textual.widget import Widget

from bdr_console.cluster.replication import Link
from bdr_console.cluster.text import format_seconds
from bdr_console.cluster.verdict.findings import Finding
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.text.cells import BLANK, QUESTION, Cell, PaneColumn, Row, Subject, SubjectKind
from bdr_console.ui.text.words import LAGGING, coarse, state
from bdr_console.ui.theming.styles import UNICODE, Glyphs, Styles, Tone, heats
from bdr_console.ui.widgets.lag import LinkPane
from bdr_console.ui.widgets.mesh import MeshMatrix, Topology
from bdr_console.ui.widgets.pane import PaneTitle

_LINK = PaneColumn("link", "From -> to", 14, fits_names=True)
_STATE = PaneColumn("state", "State", 16)
_SLOT = PaneColumn("slot", "Slot", 6)
_SENDER = PaneColumn("sender", "Walsender", 9)
_RECEIVER = PaneColumn("receiver", "Receiver", 11)
_APPLIED = PaneColumn("applied", "Applied", 7, "right")
_SHORT_APPLIED = PaneColumn("applied", "Appl.", 5, "right")


class View(StrEnum):
    """How the connections are shown; the value is said in the pane's title."""

    MESH = "mesh"
    TABLE = "table"
    TOPOLOGY = "topology"


class Connections(LinkPane):
    """Each direction between two nodes: a cell of the matrix, or the sender's slot and walsender and the
    receiver's subscription as a row, or a line of the drawing."""

    DEFAULT_CSS = """
    Connections > MeshMatrix, Connections > Topology, Connections > LiveTable { display: none; }
    Connections.-mesh > MeshMatrix, Connections.-topology > Topology { display: block; }
    Connections.-table > LiveTable { display: block; }
    """

    NUMBER, TITLE, SHORT = 2, "Connections", "Links"
    COLUMNS = (
        (
            _LINK,
            _STATE,
            _SLOT,
            PaneColumn("sender", "Walsender", 12),
            PaneColumn("receiver", "Receiver", 12),
            _APPLIED,
            PaneColumn("why", "Why", 30),
        ),
        (_LINK, _STATE, _SLOT, _SENDER, _RECEIVER, _APPLIED),
        (_LINK, _STATE, _SLOT, _SENDER, _RECEIVER, _SHORT_APPLIED),
        (_LINK, _STATE, _SLOT, _SENDER, _RECEIVER),
        (_LINK, _STATE, _SLOT, _RECEIVER),
        (_LINK, _STATE),
    )

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs)
        self.view = View.MESH
        self.add_class("-mesh")

    def compose(self) -> ComposeResult:
        """The three views, of which one is shown."""
        yield from super().compose()
        yield MeshMatrix(self.glyphs)
        yield Topology()

    @property
    def mesh(self) -> MeshMatrix:
        """The matrix."""
        return self.query_one(MeshMatrix)

    @property
    def taker(self) -> Widget:
        """The table or the matrix; the drawing has no cursor, so the keys stay with the matrix behind it."""
        return self.table if self.view is View.TABLE else self.mesh

    @property
    def selected(self) -> Row | None:
        """The connection under the cursor."""
        if self.view is View.TABLE:
            return super().selected
        return self.mesh.selected if self.view is View.MESH else None

    def turn_to(self, view: View) -> None:
        """Show another view."""
        self.remove_class(f"-{self.view}")
        self.view = view
        self.add_class(f"-{view}")
        if self._snapshot_shown is not None and self.is_on_display:
            self.call_after_refresh(self._paint, self._snapshot_shown)

    def restyle(self, styles: Styles) -> None:
        """Take the styles of another theme, in every view."""
        super().restyle(styles)
        self.mesh.restyle(styles, heats(self.app.theme_variables, ansi=self.app.current_theme.ansi))
        self.query_one(Topology).restyle(styles)

    def sort(self, direction: int) -> None:
        """Sort the table; the other views have an order of their own."""
        self.turn_to(View.TABLE)
        super().sort(direction)

    def open_filter(self) -> None:
        """Filter the table; the other views show every node."""
        self.turn_to(View.TABLE)
        super().open_filter()

    def _paint(self, judged: JudgedSnapshot) -> None:
        shown = self._frozen or judged
        if self.view is View.MESH:
            self.mesh.show(shown)
        elif self.view is View.TOPOLOGY:
            self.query_one(Topology).show(shown)
        else:
            super()._paint(judged)
            return
        self.query_one(PaneTitle).say(self._title(judged, self._told(judged)))

    def _title(self, judged: JudgedSnapshot, told: str) -> Text:
        title = super()._title(judged, told)
        title.append(f"  {self.view}", "")
        title.append("  m other view", "dim")
        return title

    def row(self, link: Link, judged: JudgedSnapshot) -> Row:
        """One direction as a row."""
        return row(link, judged)

    def findings(self, judged: JudgedSnapshot) -> Sequence[Finding]:
        """Connections that are down, paused or not known."""
        return [
            finding
            for finding in judged.verdict.findings
            if (link := judged.link_of(finding.subject)) is not None and link.state not in LAGGING
        ]


def row(link: Link, judged: JudgedSnapshot) -> Row:
    """One direction as a row."""
    slot, subscription = link.slot, link.subscription
    cells = {
        "link": Cell(f"{link.origin} -> {link.target}"),
        "state": state(link, judged),
        "slot": QUESTION if slot is None else Cell("active") if slot.active else Cell("off", Tone.BAD),
        "sender": QUESTION if slot is None else Cell(slot.state) if slot.state else BLANK,
        "receiver": QUESTION
        if subscription is None
        else _receiver(subscription.enabled, subscription.status),
        "applied": _applied(subscription.last_commit_at if subscription else None, judged.now),
        "why": Cell(link.reason),
    }
    detail = judged.glyphs.separator.join((f"{link.origin} -> {link.target}: {link.reason}", *_more(link)))
    found = Row(" ".join(link.key), cells, detail, link.target, Subject(SubjectKind.LINK, link.key))
    return found if link.fresh else found.aged("state")


def _more(link: Link) -> list[str]:
    """What no column has room for: the two processes, the replication sets, what was set up otherwise."""
    slot, subscription = link.slot, link.subscription
    told = [f"walsender {slot.pid}"] if slot and slot.pid else []
    if subscription is None:
        return told
    if subscription.apply_pid:
        told.append(f"apply worker {subscription.apply_pid}")
    if subscription.replication_sets:
        told.append(f"sets {', '.join(subscription.replication_sets)}")
    if subscription.apply_delay:
        told.append(f"applied {format_seconds(subscription.apply_delay)} late on purpose")
    if subscription.unidirectional:
        told.append("one way only")
    if subscription.errors:
        told.append(f"{subscription.errors} failures counted")
    return told


def _receiver(enabled: bool, status: str) -> Cell:
    if not enabled:
        return Cell("disabled", Tone.LAG)
    return Cell(
        status, Tone.PLAIN if status == "replicating" else Tone.UNKNOWN if status == "unknown" else Tone.BAD
    )


def _applied(last_commit_at: datetime | None, now: datetime) -> Cell:
    """How long ago the last applied transaction was committed; it grows on an idle origin too."""
    if last_commit_at is None:
        return QUESTION
    age = max(0.0, (now - last_commit_at).total_seconds())
    return Cell("< 2 s" if age < 2 else coarse(age), rank=age)
