"""What the operator orders: a plan, a start, words to a run, the end of what was left behind, a paper."""

from collections.abc import Callable
from typing import Any

from bdr_console.cluster.text import clean
from bdr_console.cluster.verdict.findings import Level
from bdr_console.crash import as_console_error
from bdr_console.runbooks.model.run import ISOLATE, Offer
from bdr_console.ui.available_actions import READ_ONLY
from bdr_console.ui.base_app import Cluster
from bdr_console.ui.screens.abandoned_run import AbandonedRunScreen
from bdr_console.ui.screens.dialogs import Pick
from bdr_console.ui.screens.live import LiveScreen
from bdr_console.ui.screens.plan import PlanScreen
from bdr_console.ui.screens.run import RunScreen
from bdr_console.ui.services import PlanView, RunbookService, Terms
from bdr_console.ui.text.abandoned_runs import AbandonedRun
from bdr_console.ui.workers import in_background

_DEAD_AFTER = 4.0
"""Seconds without a word after which the plan for a node is the one to isolate it."""


class _EventRecord:
    """Writes acts outside of a run down in the event log: what is about to be sent, and what came of it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def write(self, event: str, durable: bool = True, /, **fields: Any) -> None:
        """Note one intent, answer or error."""
        sent, host = clean(str(fields.get("command", ""))), clean(str(fields.get("host", "")))
        subject = host.partition(" ")[0]
        match event:
            case "intent":
                text, level = f"{clean(str(fields.get('who', '')))} sends to {host}: {sent}", Level.WARN
            case "error":
                text, level = f"{sent}: {clean(str(fields.get('error', '')))}", Level.WARN
            case _:
                text, level = f"{clean(str(fields.get('answer', '')))}", Level.OK
        self._cluster.note(level, subject, text)


class Operator:
    """Opens the screens of one cluster's runs and passes orders on. Without a desk it says that it may not.

    Everything goes to the stack of screens of that cluster, whichever is shown by then.
    """

    def __init__(self, cluster: Cluster, acts: RunbookService | None, follow: Callable[[str], None]) -> None:
        """`follow` is called with the id of a run that is to be looked at from now on."""
        self._cluster = cluster
        self._app = cluster.console
        self.acts = acts
        self._follow = follow
        self._awaited: str | None = None
        """A run that was started while another cluster had come to be shown."""

    def open_run(self) -> None:
        """Show the run under way, or the last one."""
        run = self._cluster.runs.run
        if run is None:
            self._app.notify("no run is under way", markup=False)
            return
        self._follow(run.run_id)
        self._show(RunScreen(self._cluster, run.run_id))

    def run_started(self, run_id: str) -> None:
        """Go from the screen it was started on to the run itself."""
        self._follow(run_id)
        if not self._cluster.in_sight:
            self._awaited = run_id
            return
        self._show(RunScreen(self._cluster, run_id), PlanScreen, AbandonedRunScreen)

    def came_into_sight(self) -> None:
        """Catch up with a run that was started meanwhile."""
        if (run_id := self._awaited) is not None:
            self._awaited = None
            self.run_started(run_id)

    def _show(self, screen: LiveScreen, *instead_of: type[LiveScreen]) -> None:
        """Open `screen` on this cluster, in the place of one of these where one is open."""
        if isinstance(self._app.screen, instead_of):
            self._app.switch_screen(screen)
        else:
            self._app.push_screen(screen, mode=self._cluster.mode)

    def plan_isolation(self, node: str | None) -> None:
        """Open the plan to isolate `node`, or let the operator pick the one that is dead."""
        if self._may_plan():
            self._plan(node, Terms(runbook=ISOLATE), "Isolate which node?")

    def plan_switchover(self, node: str | None) -> None:
        """Open the plan for `node`, or let the operator pick one. A node that does not answer cannot be
        switched over: its plan is the one to isolate it."""
        if self._may_plan():
            self._plan(node, Terms(), "Switchover of which node?")

    def _may_plan(self) -> bool:
        if self.acts is None:
            self._refuse(READ_ONLY)
            return False
        if (run := self._cluster.runs.under_way) is not None:
            self._refuse(f"a run is under way on {run.node}: w shows it")
            return False
        return True

    def _plan(self, node: str | None, terms: Terms, question: str) -> None:
        snapshot = self._cluster.newest
        if node is None and snapshot is None:
            self._refuse("no node has been read yet: try again in a moment")
            return
        if node is None:

            def picked(name: str | None) -> None:
                if name is not None and self._may_plan():
                    self._plan(name, terms, question)

            names = [target.name for target in snapshot.nodes] if snapshot else []
            self._app.push_screen(Pick(self._cluster, question, names), picked)
            return
        if self.acts is None:
            return
        observed = snapshot.node(node) if snapshot else None
        age = observed.age(self._app.now()) if observed else None
        if observed is not None and observed.error and (age is None or age > _DEAD_AFTER):
            terms = Terms(runbook=ISOLATE)
        self._show(PlanScreen(self._cluster, node, self.acts, terms))

    def open_abandoned(self, left: tuple[AbandonedRun, ...]) -> None:
        """Show what was left behind, the one there is or one to be picked."""
        by_name = {one.text: one for one in left}
        if self.acts is None:
            self._refuse(READ_ONLY)
        elif not left:
            self._app.notify("no dead run has left anything behind", markup=False)
        elif len(left) == 1:
            self.finish(left[0].node, left[0].run.run_id if left[0].run else None)
        else:

            def picked(name: str | None) -> None:
                if name is not None:
                    one = by_name[name]
                    self.finish(one.node, one.run.run_id if one.run else None)

            self._app.push_screen(Pick(self._cluster, "Which one?", tuple(by_name)), picked)

    def finish(self, node: str, run_id: str | None, word: str = "") -> None:
        """Show what is left of that run (None: by what is seen), and ask at once for `resume` or `undo`."""
        if self.acts is None:
            self._refuse(READ_ONLY)
            return
        screen = AbandonedRunScreen(self._cluster, node, run_id, self.acts, word)
        self._show(screen, RunScreen)

    def say(self, run_id: str, word: str) -> None:
        """Send one word to a run."""
        if self.acts is None:
            self._refuse(READ_ONLY)
            return
        self._app.begin_work(self._send(self.acts, run_id, word), f"sending '{word}'")

    async def _send(self, acts: RunbookService, run_id: str, word: str) -> None:
        try:
            answer = await acts.send(run_id, word)
        except Exception as error:
            told = as_console_error(error, f"sending '{word}'")
            self._cluster.note(Level.WARN, "run", f"'{word}' was refused: {clean(told.problem)}")
            self._cluster.tell_operator(f"{clean(told.problem)} {clean(told.remedy)}", "error")
            return
        self._cluster.note(Level.OK, "run", f"said '{word}': {clean(answer)}")

    def end_session(self, plan: PlanView, offer: Offer, then: Callable[[], None]) -> None:
        """End a session that a plan names, and call `then` when that is done or was refused."""
        if self.acts is None:
            self._refuse(READ_ONLY)
            return
        self._app.begin_work(self._end(self.acts, plan, offer, then), "ending a session")

    async def _end(
        self, acts: RunbookService, plan: PlanView, offer: Offer, then: Callable[[], None]
    ) -> None:
        try:
            answer = await acts.end(plan, offer.word, _EventRecord(self._cluster))
        except Exception as error:
            told = as_console_error(error, f"'{offer.label}'")
            self._cluster.tell_operator(f"{clean(told.problem)} {clean(told.remedy)}", "error")
        else:
            self._cluster.tell_operator(clean(answer))
        then()

    def write_paper(self, name: str, made: Callable[[], str]) -> None:
        """Write what `made` returns to a file, and say where."""
        self._app.begin_work(self._write_paper(name, made), "writing the plan to a file")

    async def _write_paper(self, name: str, made: Callable[[], str]) -> None:
        from bdr_console.runbooks.plan import printable_plan

        now = self._app.now()
        try:
            path = await in_background(lambda: printable_plan.write(name, made(), now))
        except Exception as error:
            told = as_console_error(error, "writing the paper")
            self._cluster.tell_operator(f"{clean(told.problem)} {clean(told.remedy)}", "error")
            return
        self._cluster.note(Level.OK, "paper", f"written to {path}")
        self._cluster.tell_operator(f"on paper: {clean(path)}")

    def _refuse(self, why: str) -> None:
        self._cluster.tell_operator(why, "warning")
