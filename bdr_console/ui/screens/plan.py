"""The plan of a switchover: every command and every check, before anything is sent."""

import contextlib
from dataclasses import replace
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.worker import Worker

from bdr_console.crash import as_console_error
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.run import Offer
from bdr_console.ui.base_app import Cluster
from bdr_console.ui.judged_snapshot import JudgedSnapshot
from bdr_console.ui.keys import Scope, bindings
from bdr_console.ui.screens.dialogs import pick_session
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.services import OtherOperator, PlanView, Purpose, RunbookService, Terms
from bdr_console.ui.text.run import plan_text, safe
from bdr_console.ui.text.status import Status, refused_by, said_where
from bdr_console.ui.widgets.frame import KeyLine, ScreenHead
from bdr_console.ui.widgets.lines import Line, NameBox
from bdr_console.ui.workers import in_background


class PlanScreen(LiveScreen):
    """Shows the plan for one node, and starts it once the node's name has been typed."""

    AUTO_FOCUS: ClassVar[str | None] = ""
    """The field for the name takes the keys only when it is opened."""
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.PLAN)
    WHY_NOT: ClassVar[str] = "no check names a session that could be ended from here"
    """Said of a key that is greyed."""

    def __init__(self, cluster: Cluster, node: str, desk: RunbookService, terms: Terms = Terms()) -> None:  # noqa: B008
        super().__init__(cluster)
        self._node = node
        self._desk = desk
        self._terms = terms
        self._plan: PlanView | None = None
        self._reading: Worker[None] | None = None
        self._lock: OtherOperator | None = None
        self._starting = False

    def compose(self) -> ComposeResult:
        """Head, the plan, what is asked of the operator, keys."""
        yield ScreenHead(self._glyphs)
        yield Line(id="plan-title", classes="title")
        with VerticalScroll(classes="body", can_focus=False):
            yield Line(Text(" reading the cluster for the checks...", end=""), id="plan")
        yield Line(id="answer")
        yield NameBox(purpose=True)
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the checks."""
        super().on_mount()
        self.action_again()

    def show(self, judged: JudgedSnapshot | None, status: Status) -> None:
        """Keep the head up to date; while another operator is at work nothing can be started."""
        self.query_one(ScreenHead).show(status, self.console.tones)
        before, self._lock = self._lock, status.lock
        if self._plan is None or self._starting or (before is None) == (self._lock is None):
            return
        if self._lock is not None:
            self._invite(self._plan)
        else:
            self.action_again()  # what was read while that operator was at work is of no use

    def restyle(self) -> None:
        """Paint the plan in the new colours."""
        if self._plan is not None and not self.is_leaving:
            width = self.query_one(".body").scrollable_content_region.width
            text = plan_text(self._plan, self.console.tones, self._glyphs, width)
            self.query_one("#plan", Line).say(text)

    def on_resize(self) -> None:
        """Wrap the plan anew."""
        self.call_after_refresh(self.restyle)

    def on_unmount(self) -> None:
        """Let go of a runner that waits for a start that does not come."""
        if not self._starting:
            self._desk.let_go()

    def action_isolate(self) -> None:
        """The node is dead after all, or it lives after all."""
        self._again(self._terms.other_runbook())

    def action_mode(self) -> None:
        """The next mode: how the clients are moved."""
        self._again(self._terms.next_mode())

    def action_pools(self) -> None:
        """The other answer to clients in session pools."""
        self._again(self._terms.other_pools())

    def action_again(self) -> None:
        """Read plan and checks (again)."""
        self._again(self._terms)

    def _again(self, terms: Terms) -> None:
        if self._starting:
            return
        self._terms = terms
        self._title("")
        self._put_away("reading the cluster for the checks...")
        self._reading = self.begin_work(self._read(), "reading the plan", exclusive=True)

    def _put_away(self, why: str) -> None:
        """The plan does not hold any more; nothing can be started until there is a new one."""
        if self._reading is not None:
            self._reading.cancel()  # its next look would bring the plan back
        self._plan = None
        self.query_one(NameBox).close()
        self._ask(why)
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Sessions can be ended where a check names one, and nobody else is at work."""
        if action != "end_session":
            return True
        return bool(self._plan and self._plan.offers and self._lock is None and not self._starting)

    def action_end_session(self) -> None:
        """Pick and end a session that a check names, then read plan and checks again."""
        plan = self._plan
        if plan is None or not self.check_action("end_session", ()):
            return

        def confirmed(offer: Offer) -> None:
            self._put_away(f"{safe(offer.label)}: the command is sent...")
            self.cluster.operator.end_session(plan, offer, self._ended)

        pick_session(self.cluster, plan.offers, plan.holders, confirmed)

    def _ended(self) -> None:
        if not self.is_leaving:
            self.action_again()

    def action_scroll(self, pages: int) -> None:
        """Scroll the plan while the cursor stays where the name is typed."""
        body = self.query_one(".body", VerticalScroll)
        body.scroll_relative(y=pages * max(1, body.size.height - 2), animate=False)

    def action_back(self) -> None:
        """Back to the overview."""
        if not self._starting:
            self.dismiss()

    def action_paper(self) -> None:
        """Write the plan as shell commands to a file."""
        made, checks = (self._plan.plan, self._plan.checks) if self._plan else (None, ())
        if made is None:
            self.notify("there is no plan to write yet", markup=False)
            return

        def text() -> str:
            from bdr_console.runbooks.plan.printable_plan import paper

            return paper(made, checks)

        self.cluster.operator.write_paper(f"plan-{self._node}", text)

    @on(NameBox.Typed)
    def _typed(self, typed: NameBox.Typed) -> None:
        if self._plan is None or self._plan.refusals or self._lock or self._starting:
            return
        if typed.name != self._node:
            self._ask(f"that is not '{self._node}': nothing was started. Type the name, or press esc.")
            return
        from bdr_console.runbooks.steps.hold import (
            expected_end,  # runbooks are imported after the first paint
        )

        try:
            purpose = Purpose(
                typed.reason, expected_end(typed.until, self.console.now()) if typed.until else None
            )
        except ConsoleError as error:
            self._ask(f"nothing was started: {error.problem}. {error.remedy}")
            return
        self._starting = True
        self.query_one(NameBox).close()
        self._ask("starting the run...")
        # The application's worker, not the screen's: a run that has begun is followed wherever one looks.
        self.console.begin_work(self._start(purpose), "starting the run")

    async def _read(self) -> None:
        try:
            plan = await self._desk.plan(self._node, self._terms)
        except Exception as error:
            told = as_console_error(error, "reading the checks")
            if self.is_leaving:
                return
            self._ask(f"there is no plan: {told.problem}. {told.remedy}")
            return
        if self.is_leaving:
            return
        self._plan = plan
        self._title(plan.mode)
        self.refresh_bindings()
        self.restyle()
        self._invite(plan)
        await self._look_on(plan)

    async def _look_on(self, plan: PlanView) -> None:
        """Show of each step whether its condition holds, for as long as this plan is shown."""
        try:
            async with contextlib.aclosing(self._desk.conditions(plan)) as looks:
                async for steps in looks:
                    self._plan = replace(plan, steps=steps)
                    self.restyle()
        except Exception as error:
            told = as_console_error(error, "looking at the conditions of the steps")
            self.notify(f"{told.problem} {told.remedy}", severity="warning", markup=False)

    def _invite(self, plan: PlanView) -> None:
        """Ask for the name, or say why it is of no use."""
        box = self.query_one(NameBox)
        if refusals := plan.refusals:
            why = "; ".join(check.seen for check in refusals)
            dead = any(check.title == f"{self._node} answers" for check in refusals)
            way_out = f" {self._node} is dead: ctrl+e isolates it." if dead else " ctrl+r checks again."
            if plan.offers and not dead:
                way_out = f" x ends a session that is in the way,{way_out}"
            self._ask(f"refused by {len(refusals)} of {len(plan.checks)} checks: {why}.{way_out}")
        elif self._lock is not None:
            self._ask(f"refused: {refused_by(self._lock)}")
        else:
            keys = self._keys_of("plan-end") if plan.offers else ()
            box.open(f"type {self._node} and press enter", [key for key in keys if key != self._node[:1]])
            rest = f", type the node's name: {self._node}"
            word = f"to isolate {self._node}" if self._terms.isolates else "to start"
            name, environment = self.cluster.name, self.cluster.environment
            self._ask(said_where(word, name, environment, rest, self.console.tones))
            return
        box.close()

    def _keys_of(self, action: str) -> tuple[str, ...]:
        """The keys of one of the screen's actions, as the user has them."""
        return tuple(key for key, (_, binding, *_) in self.active_bindings.items() if binding.id == action)

    async def _start(self, purpose: Purpose) -> None:
        try:
            # What was shown is what runs; at another moment `auto` might choose otherwise.
            shown = self._plan.mode if self._plan else ""
            terms = replace(self._terms, mode=shown or self._terms.mode)
            run_id = await in_background(partial(self._desk.start, self._node, terms, purpose))
        except Exception as error:
            self._starting = False
            told = as_console_error(error, "starting the run")
            self._ask(f"not started: {told.problem}. {told.remedy}")
            return
        self.cluster.operator.run_started(run_id)

    def _title(self, mode: str) -> None:
        """Which node, and how its clients are moved."""
        asked, pools = self._terms.mode, self._terms.session_pools
        # Where quiesce does not fit, auto does not decide for gradual: the checks say what may be chosen.
        taken = "you choose" if mode == "gradual" else mode
        how = f"{asked}: {taken}" if asked == "auto" and mode else mode or asked
        dot = self._glyphs.separator
        if self._terms.isolates:
            said = f" Plan: isolate {self._node}, which is dead{dot}nothing waits for it{dot}ctrl+e: it lives"
            self.query_one("#plan-title", Line).say(Text(said, no_wrap=True, overflow="ellipsis", end=""))
            return
        said = f" Plan: {self._node} out of service and back{dot}mode {how}{dot}session pools {pools}"
        self.query_one("#plan-title", Line).say(Text(said, no_wrap=True, overflow="ellipsis", end=""))

    def _ask(self, text: str | Text) -> None:
        if self.is_mounted:
            self.query_one("#answer", Line).say(Text.assemble(" ", text, end=""))
