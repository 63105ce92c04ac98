"""Everything known about one thing, live, with where each part comes from and how old it is."""

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from bdr_console.ui.base_app import Cluster
from bdr_console.ui.details.block import Block, Page, lay_out
from bdr_console.ui.details.events import conflict_blocks, event_blocks
from bdr_console.ui.details.link import link_blocks
from bdr_console.ui.details.node import node_blocks
from bdr_console.ui.details.pool import pool_blocks
from bdr_console.ui.details.server import server_blocks
from bdr_console.ui.details.shared import named
from bdr_console.ui.exports import copy, export_text
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.text.cells import Subject, SubjectKind
from bdr_console.ui.text.status import Status
from bdr_console.ui.text.words import coarse
from bdr_console.ui.theming.styles import Tone
from bdr_console.ui.widgets.frame import KeyLine, ScreenHead
from bdr_console.ui.widgets.lines import Line, LiveText

_TELLS: dict[SubjectKind, Callable[[tuple[str, ...], JudgedSnapshot, int], tuple[Block, ...]]] = {
    SubjectKind.NODE: node_blocks,
    SubjectKind.LINK: link_blocks,
    SubjectKind.SERVER: server_blocks,
    SubjectKind.POOL: pool_blocks,
    SubjectKind.CONFLICT: conflict_blocks,
    SubjectKind.EVENT: event_blocks,
}


def blocks_about(subject: Subject, judged: JudgedSnapshot, width: int) -> tuple[Block, ...]:
    """Everything known about `subject` at that moment; drawings are made for `width` cells."""
    return _TELLS[subject.kind](subject.key, judged, width)


class DetailScreen(LiveScreen):
    """The details of one subject. They stay, and age, when the thing itself is gone."""

    AUTO_FOCUS: ClassVar[str | None] = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.DETAILS)

    def __init__(self, cluster: Cluster, subject: Subject) -> None:
        super().__init__(cluster)
        self.subject = subject
        self._snapshot_shown: JudgedSnapshot | None = None
        self._frozen: JudgedSnapshot | None = None
        self._page = Page((), ())

    def compose(self) -> ComposeResult:
        """Head, what it is about, the details, keys."""
        yield ScreenHead(self._glyphs)
        yield Line(id="about", classes="title")
        yield LiveText()
        yield KeyLine()

    def show(self, judged: JudgedSnapshot | None, status: Status) -> None:
        """Say it anew; only lines that changed are repainted."""
        self.query_one(ScreenHead).show(status, self.console.tones)
        self._snapshot_shown = judged
        self._say()

    def restyle(self) -> None:
        """Paint it in the colours of the theme."""
        self._say()

    def on_resize(self, event: events.Resize) -> None:
        """Lay it out to the new width."""
        self.call_after_refresh(self._say)

    def on_key(self, event: events.Key) -> None:
        """A number leads to what is listed under it."""
        if event.character and event.character in "123456789":
            place = int(event.character) - 1
            if place < len(self._page.goes):
                event.stop()
                self.cluster.open_details(self._page.goes[place])

    def action_back(self) -> None:
        """Back to where it was opened."""
        self.dismiss()

    def action_freeze(self) -> None:
        """Hold it still, or catch up."""
        self._frozen = self._snapshot_shown if self._frozen is None else None
        self._say()

    def action_copy(self) -> None:
        """Copy all of it."""
        copy(self.console, self._text())

    def action_write(self) -> None:
        """Write all of it to a file."""
        export_text(
            self.console, self.cluster.name, f"{self.subject.kind}-{'-'.join(self.subject.key)}", self._text()
        )

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(LiveText).scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Scroll by screens."""
        body = self.query_one(LiveText)
        body.scroll_relative(y=pages * max(1, body.size.height - 1), animate=False)

    def action_edge(self, direction: int) -> None:
        """To the top or to the end."""
        body = self.query_one(LiveText)
        if direction < 0:
            body.scroll_home(animate=False)
        else:
            body.scroll_end(animate=False)

    def _text(self) -> str:
        lines = [named(self.subject), "", *(line.plain for line in self._page.lines)]
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _say(self) -> None:
        if not self.is_mounted:
            return
        body = self.query_one(LiveText)
        judged = self._frozen or self._snapshot_shown
        title = Text(f" {named(self.subject)}", no_wrap=True, overflow="ellipsis", end="")
        if self._frozen is not None and self._snapshot_shown is not None:
            age = (self._snapshot_shown.now - self._frozen.now).total_seconds()
            title.append(f"  FROZEN {coarse(max(0.0, age))}", self.console.tones[Tone.LAG])
        self.query_one("#about", Line).say(title)
        if body.room <= 0:
            return
        if judged is None:
            self._page = Page((Text("  nothing has been read yet", end=""),), ())
        else:
            blocks = blocks_about(self.subject, judged, body.room)
            self._page = lay_out(blocks, body.room, self.console.tones, self._glyphs)
        body.say(self._page.lines)
