"""What a run that nobody carries on has left behind: what is still in force, and the two ways to end it."""

import contextlib
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll

from bdr_console.crash import as_console_error
from bdr_console.ui.base_app import Cluster
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.services import OtherOperator, RunbookService
from bdr_console.ui.text.abandoned_runs import WITHOUT_JOURNAL, abandoned_run_text
from bdr_console.ui.text.status import Status, refused_by, said_where
from bdr_console.ui.widgets.frame import KeyLine, ScreenHead
from bdr_console.ui.widgets.lines import Line, NameBox
from bdr_console.ui.workers import in_background

if TYPE_CHECKING:
    from bdr_console.runbooks.execute.run_inspection import Unfinished

_DOES = {
    "resume": "go on from what is seen",
    "undo": "put back what was changed",
}


class AbandonedRunScreen(LiveScreen):
    """Shows it live, and resumes or undoes it once the node's name has been typed."""

    AUTO_FOCUS: ClassVar[str | None] = ""
    """The field for the name takes the keys only when it is opened."""
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LEFT)
    WHY_NOT: ClassVar[str] = "not before the cluster was read, and not while another operator is at work"
    """Said of a key that is greyed."""

    def __init__(
        self, cluster: Cluster, node: str, run_id: str | None, desk: RunbookService, word: str = ""
    ) -> None:
        """`word` (resume or undo) is asked for at once."""
        super().__init__(cluster)
        self._node = node
        self._run_id = run_id
        self._desk = desk
        self._word = word
        self._seen: Unfinished | None = None
        self._lock: OtherOperator | None = None
        self._beginning = False

    def compose(self) -> ComposeResult:
        """Head, what is left, what is asked of the operator, keys."""
        yield ScreenHead(self._glyphs)
        whose = f"run {self._run_id}" if self._run_id else WITHOUT_JOURNAL
        title = f" Left behind on {self._node}, {whose}"
        yield Line(Text(title, no_wrap=True, overflow="ellipsis", end=""), classes="title")
        with VerticalScroll(classes="body", can_focus=False):
            yield Line(Text(" reading the cluster...", end=""), id="left")
        yield Line(id="answer")
        yield NameBox()
        yield KeyLine()

    def on_mount(self) -> None:
        """Look at the cluster for as long as the screen is open."""
        super().on_mount()
        self._ask("reading the cluster...")
        self.begin_work(self._look_on(), "reading what is left")

    def on_unmount(self) -> None:
        """Let go of a runner that waits for a word that does not come."""
        if not self._beginning:
            self._desk.let_go()

    def show(self, judged: JudgedSnapshot | None, status: Status) -> None:
        """Keep the head up to date."""
        self.query_one(ScreenHead).show(status, self.console.tones)
        before, self._lock = self._lock, status.lock
        if self._seen is not None and not self._beginning and (before is None) != (self._lock is None):
            self._invite()

    def restyle(self) -> None:
        """Paint what is left in the colours of the theme, to the width there is."""
        if self._seen is not None and not self.is_leaving:
            run = next((run for run in self.cluster.runs.recent if run.run_id == self._run_id), None)
            width = self.query_one(".body").scrollable_content_region.width
            text = abandoned_run_text(self._seen, run, self.console.tones, self._glyphs, width)
            self.query_one("#left", Line).say(text)

    def on_resize(self) -> None:
        """Wrap it anew."""
        self.call_after_refresh(self.restyle)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be ended before it was seen, or while another operator is at work."""
        if action == "finish":
            return True if self._seen is not None and self._lock is None and not self._beginning else None
        return True

    def action_finish(self, word: str) -> None:
        """Ask for the node's name, to resume or to undo."""
        self._word = word
        if word == "undo" and self._seen is not None and self._seen.paused:
            self._go()  # clients wait: what it sends is on the screen, and it hurts nobody
        else:
            self._invite()

    def action_paper(self) -> None:
        """Write what is left to do as shell commands to a file."""
        if (seen := self._seen) is None:
            return

        def text() -> str:
            from bdr_console.runbooks.plan.printable_plan import from_what_is_seen

            return from_what_is_seen(seen.plan, seen.steps, seen.left)

        self.cluster.operator.write_paper(f"left-{self._node}", text)

    def action_scroll(self, pages: int) -> None:
        """Scroll while the cursor stays where the name is typed."""
        body = self.query_one(".body", VerticalScroll)
        body.scroll_relative(y=pages * max(1, body.size.height - 2), animate=False)

    def action_back(self) -> None:
        """Close the question first, then the screen."""
        if self._beginning:
            return
        if self.query_one(NameBox).is_open:
            self._word = ""
            self._invite()
        else:
            self.dismiss()

    @on(NameBox.Typed)
    def _typed(self, typed: NameBox.Typed) -> None:
        if self._seen is None or self._lock or self._beginning or not self._word:
            return
        if typed.name != self._node:
            self._ask(f"that is not '{self._node}': nothing was sent. Type the name, or press esc.")
            return
        self._go()

    def _go(self) -> None:
        self._beginning = True
        self.query_one(NameBox).close()
        self._ask(f"{self._word}: starting its runner...")
        self.console.begin_work(self._begin(undo=self._word == "undo"), "starting the runner")

    async def _begin(self, *, undo: bool) -> None:
        try:
            run_id = await in_background(partial(self._desk.finish, self._node, self._run_id, undo=undo))
        except Exception as error:
            self._beginning = False
            told = as_console_error(error, "starting the runner")
            self._ask(f"not started: {told.problem}. {told.remedy}")
            return
        self.cluster.operator.run_started(run_id)

    async def _look_on(self) -> None:
        try:
            async with contextlib.aclosing(self._desk.unfinished(self._node, self._run_id)) as looks:
                async for seen in looks:
                    first, self._seen = self._seen is None, seen
                    self.restyle()
                    if first and not self.is_leaving:
                        self._invite()
        except Exception as error:
            told = as_console_error(error, "looking at what is left")
            if self.is_leaving:
                return
            self._seen = None
            self.refresh_bindings()
            self.query_one(NameBox).close()
            self._ask(f"there is nothing to go on with: {told.problem}. {told.remedy}")

    def _invite(self) -> None:
        """Say what can be done, or ask for the name for what was chosen."""
        self.refresh_bindings()
        box = self.query_one(NameBox)
        if self._lock is not None:
            box.close()
            self._ask(f"refused: {refused_by(self._lock)}")
        elif self._seen is not None and self._word:
            box.open(f"type {self._node} and press enter")
            rest = f" ({_DOES[self._word]}), type the node's name: {self._node}"
            name, environment = self.cluster.name, self.cluster.environment
            self._ask(said_where(f"to {self._word}", name, environment, rest, self.console.tones))
        elif self._seen is not None:
            box.close()
            undo = "put back what was changed"
            if self._seen.paused:
                undo = "clients go on at once, and the rest is put back"
            self._ask(f"u undo: {undo}    r resume: go on from what is seen")

    def _ask(self, text: str | Text) -> None:
        if self.is_mounted:
            self.query_one("#answer", Line).say(Text.assemble(" ", text, end=""))
