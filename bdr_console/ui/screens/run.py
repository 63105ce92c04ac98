"""A run: its steps, what is seen, and the words it takes; the panes it changes stay live beside it."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll

from bdr_console.runbooks.model.run import RunStatus, RunView, StepStatus
from bdr_console.ui.base_app import Cluster
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.screens.dialogs import Question, TypedReason, pick_session
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.text.run import (
    command_lines,
    joined,
    message_text,
    offers_text,
    run_title,
    safe,
    step_text,
)
from bdr_console.ui.text.status import Status
from bdr_console.ui.theming.styles import Styles
from bdr_console.ui.widgets.frame import KeyLine, ScreenHead
from bdr_console.ui.widgets.haproxy import HAProxy
from bdr_console.ui.widgets.lines import Line
from bdr_console.ui.widgets.pane import Pane
from bdr_console.ui.widgets.pgbouncer import PgBouncer

_UNFINISHED = (RunStatus.LOST, RunStatus.STOPPED)


class RunScreen(LiveScreen):
    """Follows one run by its id. Leaving the screen leaves the run alone."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RUN)
    WHY_NOT: ClassVar[str] = (
        "the run does not take that at its present step; below the steps stands what it offers"
    )
    """Said of a key that is greyed."""

    def __init__(self, cluster: Cluster, run_id: str) -> None:
        super().__init__(cluster)
        self.run_id = run_id
        self._run: RunView | None = None
        self._back: str | None = None
        """The node that has the traffic now that the run is done, where that is another one."""

    def compose(self) -> ComposeResult:
        """Head, steps and panes, message, offers, keys."""
        yield ScreenHead(self._glyphs)
        yield Line(id="run-title", classes="title")
        with Horizontal(id="run-body"):
            yield VerticalScroll(id="steps")
            with Vertical(id="beside"):
                yield HAProxy(self._glyphs)
                yield PgBouncer(self._glyphs)
        yield Line(id="message")
        yield Line(id="offers")
        yield KeyLine()

    def on_mount(self) -> None:
        """The steps take the keys that scroll."""
        super().on_mount()
        self.query_one("#steps").focus()

    def show(self, judged: JudgedSnapshot | None, status: Status) -> None:
        """Show the run as its journal tells it, and the panes beside it."""
        self.query_one(ScreenHead).show(status, self.console.tones)
        if judged is not None:
            for pane in self.query(Pane):
                pane.show(judged)
        run = status.run
        if run is not None and run.run_id == self.run_id:
            done = judged is not None and run.status in (RunStatus.DONE, RunStatus.MOVED)
            back = None
            if judged is not None and done:
                from bdr_console.runbooks.model.reading_queries import switch_back_target

                back = switch_back_target(judged.snapshot, run.node, had_traffic=run.had_traffic)
            changed, self._back = back != self._back, back
            self._show_run(run, status)
            if changed:
                self.refresh_bindings()

    def on_resize(self) -> None:
        """Wrap the steps anew."""
        self.call_after_refresh(self.catch_up)
        self.call_after_refresh(self._to_current)

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        for pane in self.query(Pane):
            pane.restyle(self.console.tones)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A word is there when the run offers it; greyed when it does not, or when one only watches."""
        run = self._run
        if action == "finish":
            return run is not None and run.status in _UNFINISHED and not self.cluster.read_only
        if action == "switch_back":
            return self._back is not None and not self.cluster.read_only
        if action not in ("say", "pick_holder", "leave"):
            return True
        if run is not None and run.status.over:
            return False
        offers = run.offers if run is not None else ()
        offered = any(
            offer.subject if action == "pick_holder" else offer.word == (*parameters, action)[0]
            for offer in offers
        )
        if not offered and (action == "leave" or parameters in (("again",), ("wait",))):
            return False  # the line of keys is short
        return True if offered and not self.cluster.read_only else None

    def action_say(self, word: str) -> None:
        """Send that word to the run; an abort is confirmed first."""
        if word != "abort" or self._run is None:
            self.cluster.operator.say(self.run_id, word)
            return
        question = Question(
            self.cluster,
            f"Abort the {self._run.runbook} of {self._run.node}?",
            _abort_text(self._run, self.console.tones),
        )
        self.app.push_screen(question, self._abort_answered)

    def action_pick_holder(self) -> None:
        """Pick what to end; it is confirmed with the exact command before it is said."""
        if (run := self._run) is None:
            return
        holders = tuple(holder for step in run.steps for holder in step.holders)
        operator = self.cluster.operator
        pick_session(self.cluster, run.offers, holders, lambda offer: operator.say(self.run_id, offer.word))

    def action_leave(self) -> None:
        """Have the run wait no longer for the sessions past every PgBouncer: asks for the reason."""
        run = self._run
        offer = next((offer for offer in run.offers if offer.word == "leave"), None) if run else None
        if run is None or run.current is None or offer is None:
            return

        def typed(reason: str | None) -> None:
            if reason:
                self.cluster.operator.say(self.run_id, f"leave {reason}")

        text = Text("\n".join(safe(line) for line in run.current.evidence[:4]))
        label = safe(offer.label)
        self.app.push_screen(TypedReason(self.cluster, f"{label[:1].upper()}{label[1:]}?", text), typed)

    def action_paper(self) -> None:
        """Write the rest of the run as shell commands to a file."""
        if (run := self._run) is None:
            return

        def text() -> str:
            from bdr_console.runbooks.plan.printable_plan import rest

            return rest(run)

        self.cluster.operator.write_paper(run.run_id, text)

    def action_finish(self, word: str) -> None:
        """Resume or undo a run that nobody carries on: on a screen of its own, which asks for the name."""
        if self._run is not None:
            self.cluster.operator.finish(self._run.node, self.run_id, word)

    def action_switch_back(self) -> None:
        """Plan to take out the node that has the traffic now."""
        if self._back is not None:
            self.dismiss()
            self.cluster.operator.plan_switchover(self._back)

    def action_back(self) -> None:
        """Back to the overview; the run goes on."""
        self.dismiss()

    def _abort_answered(self, yes: bool | None) -> None:
        if yes:
            self.cluster.operator.say(self.run_id, "abort")

    def _show_run(self, run: RunView, status: Status) -> None:
        before, self._run = self._run, run
        styles = self.console.tones
        self.query_one("#run-title", Line).say(run_title(run, styles, self._glyphs, status.now))
        self.query_one("#message", Line).say(message_text(run, styles))
        self.query_one("#offers", Line).say(
            offers_text(run, styles, read_only=status.read_only, back=self._back)
        )
        steps = self.query_one("#steps", VerticalScroll)
        lines = list(steps.query(Line))
        if len(lines) < len(run.steps):
            added = [Line() for _ in run.steps[len(lines) :]]
            steps.mount_all(added)
            lines += added
        width = steps.scrollable_content_region.width or 80
        for number, (line, step) in enumerate(zip(lines, run.steps, strict=False), start=1):
            line.say(step_text(number, step, run, status.now, styles, self._glyphs, width))
        for line in lines[len(run.steps) :]:  # the next node of a rolling run may have fewer
            line.say(Text())
        if before is None or before.offers != run.offers or before.status is not run.status:
            self.refresh_bindings()
        if run.current is not None and (
            before is None or before.current is None or before.current.key != run.current.key
        ):
            steps.call_after_refresh(self._to_current)

    def _to_current(self) -> None:
        """Bring the step under way into sight."""
        lines = list(self.query_one("#steps", VerticalScroll).query(Line))
        run = self._run
        if run is None or run.current is None or not self.is_mounted:
            return
        at = run.steps.index(run.current)
        if at < len(lines):
            # After the lines have taken their new heights.
            self.call_after_refresh(lines[at].scroll_visible, animate=False)


def _abort_text(run: RunView, styles: Styles) -> Text:
    """What an abort would send, newest step first."""
    begun = [step for step in run.steps if step.status not in (StepStatus.PENDING, StepStatus.SKIPPED)]
    commands = tuple(command for step in reversed(begun) for command in step.undo)
    if not commands:
        return Text("Nothing has been changed that would have to be put back.")
    said = Text("It puts back what this run changed, at most:")
    return joined([said, *command_lines(commands, styles, Question.WIDTH, indent=2)])
