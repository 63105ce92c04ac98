"""Rolling maintenance: the switchover of several nodes, strictly one after the other, in one run.

One runner, one journal, one operators' lock from the first node's check to the last node's proof, so that
nobody gets in between two nodes, and `attach`, `go`, `abort`, `resume` and `undo` mean what they always mean.
A node's switchover cannot be planned before its turn: where traffic goes, what lags and who holds what is
known only when the node before is back. So each turn reads the cluster, plans and checks as if it were a run
of its own, and the journal takes the new plan into its picture (`turn`). What a turn changes it also takes
back; hence only the node whose turn it is can be left out of service, and only that one is undone.

The first problem ends the run: a check that refuses, a step that went back, a node that does not catch up, an
alarm. The nodes whose turn has not come are untouched then.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.execute.operator_commands import OperatorCommands
from bdr_console.runbooks.execute.resume import as_event
from bdr_console.runbooks.execute.rolling_plan import RUNBOOK, nodes_of
from bdr_console.runbooks.execute.run_setup import Request, RunSetup, fresh
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.journal.progress_writer import steps_event
from bdr_console.runbooks.model.reading import Area
from bdr_console.runbooks.model.run import RunStatus
from bdr_console.runbooks.model.step import Proof, World
from bdr_console.runbooks.steps.hold import ready

_LOOK_EVERY = 0.5
_SETTLED_WITHIN = 300.0
"""Seconds until a node that is back must have caught up, both ways."""
_BETWEEN = [{"word": "abort", "label": "stop before the next node", "commands": []}]


class TurnJournal(Journal):
    """The run's journal as one turn sees it: its end is the turn's, not the run's."""

    status: RunStatus | None = None
    message = ""
    leftovers: tuple[str, ...] = ()
    problems = 0
    """Alarms of this turn."""

    def write(self, event: str, durable: bool = True, /, **fields: Any) -> None:
        """Append one event; the end of the turn is kept for the run to judge."""
        if event == "alarm":
            self.problems += 1
        if event == "end":
            event = "turn-end"
            self.status, self.message = fields["status"], fields["message"]
            self.leftovers = tuple(fields["leftovers"])
        super().write(event, durable, **fields)


Carry = Callable[[RunSetup, Journal], Awaitable[None]]
"""Carries one turn out to its end."""


class Rolling:
    """The turns of one run."""

    def __init__(
        self,
        request: Request,
        settings: ClusterSettings,
        world: World,
        journal: Journal,
        commands: OperatorCommands,
    ) -> None:
        self._request = request
        self._settings = settings
        self._world = world
        self._journal = journal
        self._commands = commands
        self._nodes = nodes_of(request)

    async def go(self, task: RunSetup, turn: Callable[[], TurnJournal], carry: Carry) -> None:
        """Turn after turn, beginning with `task`, until all are done or one has a problem."""
        while True:
            node = task.plan.node
            journal = turn()
            if task.refusal:
                self._end(node, RunStatus.REFUSED, f"{task.refusal} Nothing was changed.")
                return
            await carry(task, journal)
            self._commands.engine = None
            left = self._left(node)
            status = journal.status or RunStatus.STOPPED
            if status is not RunStatus.DONE or task.undo:
                self._end(node, status, journal.message, journal.leftovers)
                return
            if not left:
                told = f"{', '.join(self._nodes)}: one after the other out of service and back."
                last = journal.message.partition(" To switch back")[0]  # there is nothing to switch back to
                self._journal.write(
                    "end", status=status, message=f"{told} {last}", leftovers=journal.leftovers
                )
                return
            if journal.problems:
                self._end(node, RunStatus.UNDONE, f"{journal.message} There were problems.", begun=True)
                return
            if why := await self._settle(node, left[0]):
                self._end(node, RunStatus.UNDONE, why, begun=True)
                return
            try:
                task = await self._next(left[0])
            except ConsoleError as error:
                self._end(left[0], RunStatus.REFUSED, f"{error}")
                return
            if self._commands.aborted:
                self._end(
                    node, RunStatus.UNDONE, f"Stopped by {self._commands.aborted} after {node}.", begun=True
                )
                return

    def _left(self, node: str) -> tuple[str, ...]:
        return self._nodes[self._nodes.index(node) + 1 :]

    async def _settle(self, node: str, following: str) -> str:
        """Wait until the node that is back has caught up both ways; returns why the run ends here instead."""
        limits = self._settings.thresholds.thresholds()
        until = time.monotonic() + _SETTLED_WITHIN
        before = ""
        while not self._commands.aborted:
            seen = ready(await self._world.read(Area.NODES), node, limits)
            told = f"{node} is back; {following} comes next. {seen.evidence[0] if seen.evidence else ''}"
            if told != before:
                before = told
                self._journal.write(
                    "status", False, status=RunStatus.RUNNING, message=told.strip(), offers=_BETWEEN
                )
            if seen.proof is Proof.MET:
                break
            if time.monotonic() > until:
                return f"{node} is back in service but has not caught up: {'; '.join(seen.evidence)}."
            await asyncio.sleep(_LOOK_EVERY)
        return f"Stopped by {self._commands.aborted} after {node}." if self._commands.aborted else ""

    async def _next(self, node: str) -> RunSetup:
        """The turn of `node`, planned and checked from what is seen now."""
        request = {key: value for key, value in self._request.items() if key not in ("plan", "nodes")}
        reading = await self._world.read(ALL_PARTS)
        task = fresh(reading, {**request, "node": node}, self._settings)
        self._journal.write(
            "turn", node=node, steps=steps_event(task.plan), left=self._left(node), plan=as_event(task.plan)
        )
        self._journal.write("checks", checks=[asdict(check) for check in task.checks])
        return task

    def _end(
        self,
        node: str,
        status: RunStatus,
        message: str,
        leftovers: tuple[str, ...] = (),
        *,
        begun: bool = False,
    ) -> None:
        """The run ends before its last node is done. `begun`: the turn of `node` is over all the same."""
        index = self._nodes.index(node)
        done = self._nodes[: index + begun]
        untouched = self._nodes[index + 1 :]
        if status is RunStatus.REFUSED and done:
            status = RunStatus.UNDONE  # the nodes before were changed, and are back in service
        said = [message if begun or not done else f"{node}: {message}"]
        if done:
            said.append(f"Done before: {', '.join(done)}.")
        if untouched:
            said.append(f"Not begun: {', '.join(untouched)}.")
        self._journal.write("end", status=status, message=" ".join(said), leftovers=leftovers)


def beginning(request: Mapping[str, Any], node: str) -> dict[str, Any]:
    """What the first event of a rolling run says beyond that of a run of one node."""
    nodes = nodes_of(request)
    return {"runbook": RUNBOOK, "nodes": nodes, "left": nodes[nodes.index(node) + 1 :]}
