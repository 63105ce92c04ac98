"""A run that nobody watches: what was ordered for the maintenance hold, and what it does instead of asking.

It looks at the run as it stands, and says a word when the time has come, as an operator would.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bdr_console.cluster.text import clean, format_seconds
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute.hold_command import LOST, Here, HoldCommand, NodeHosts
from bdr_console.runbooks.execute.operator_commands import TakesWords
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.model.run import RunStatus, RunView, StepStatus

_LOOK_EVERY = 0.2
_MOST_LINES, _LONGEST_LINE = 2000, 500
COMMAND_FAILED = "the hold command ended with exit code"
"""How the problem begins that a failed hold command leaves."""


@dataclass(frozen=True, slots=True)
class HoldOrder:
    """What ends the maintenance hold; with neither, the operator's word does."""

    seconds: float | None = None
    command: str | None = None
    """Run by /bin/sh, its output in the journal; the run goes on when it exits with 0."""
    on_node: bool = False
    """Whether the command runs on the node itself, over SSH, and not on this host."""

    @classmethod
    def from_request(cls, told: Mapping[str, Any]) -> "HoldOrder":
        """As `launch` wrote it."""
        return cls(told.get("seconds"), told.get("command"), bool(told.get("on_node")))


class Unattended:
    """Sees one run through by its orders."""

    def __init__(
        self,
        journal: Journal,
        take_word: TakesWords,
        order: HoldOrder,
        nodes: NodeHosts | None = None,
    ) -> None:
        self._journal = journal
        self._take_word = take_word
        self._order = order
        self._nodes = nodes
        self._node = ""

    async def see_through(self) -> None:
        """Until the run is over; cancelling it ends a hold command that runs."""
        kept = False
        waiting = WaitingTime()
        while True:
            view = self._journal.run.view
            if view is not None:
                self._node = view.node
                late = waiting.is_overdue(view)
                if view.status is RunStatus.HOLDING and not kept:
                    kept = True
                    await self._keep()
                elif not kept and late:
                    step = view.current.title if view.current else "a step"
                    why = f"'{step}' did not come about in time and nobody was there to decide."
                    self._journal.write("alarm", text=f"{why} Putting back.")
                    self._take_word("abort", "unattended", why)
                    return
            await asyncio.sleep(_LOOK_EVERY)

    async def _keep(self) -> None:
        if self._order.seconds is not None:
            text = f"the hold ends by itself after {format_seconds(self._order.seconds)}"
            self._journal.write("unattended", text=text)
            until = time.monotonic() + self._order.seconds
            while (left := until - time.monotonic()) > 0:
                if not self._holds():
                    return
                await asyncio.sleep(min(_LOOK_EVERY, left))
        elif self._order.command is not None:
            code = await self._command(self._order.command)
            if code != 0:
                text = f"{COMMAND_FAILED} {code}: the node stays out until somebody says go"
                self._journal.write("alarm", text=text)
                return
        else:
            return
        if self._holds():
            self._take_word("go", "unattended")

    def _holds(self) -> bool:
        view = self._journal.run.view
        return view is not None and view.status is RunStatus.HOLDING

    async def _command(self, command: str) -> int:
        """Run it to its end, each line of its output in the journal; its exit code."""
        nodes = self._nodes if self._order.on_node else None
        environment = {"BDR_CONSOLE_NODE": self._node, "BDR_CONSOLE_RUN": self._journal.run_id}
        running: HoldCommand
        try:
            if nodes is not None:
                running = await nodes.start(self._node, command, environment)
            else:
                running = await Here.start(command, environment)
        except ConsoleError as error:
            self._journal.write("output", False, text=clean(error, _LONGEST_LINE))
            return LOST
        self._journal.write("command", pid=running.pid, command=command, on=self._node if nodes else "")
        try:
            count = 0
            async for line in running.lines():
                count += 1
                if count <= _MOST_LINES:
                    self._journal.write("output", False, text=clean(line, _LONGEST_LINE))
            if count > _MOST_LINES:
                self._journal.write("output", False, text=f"({count - _MOST_LINES} lines more)")
            code = await running.code()
        except asyncio.CancelledError:
            await running.end()
            self._journal.write("alarm", text="the hold command was ended: the run did not wait for it")
            raise
        if nodes is not None and code == LOST:
            text = (
                f"the SSH connection to {self._node} broke off: whether the hold command ended is not known"
            )
            self._journal.write("alarm", text=text)
        self._journal.write("command-end", command=command, exit_code=code)
        return code


class WaitingTime:
    """How long the step at work waits, by a clock that nobody can turn."""

    def __init__(self) -> None:
        self._step = ""
        self._since = 0.0

    def is_overdue(self, view: RunView) -> bool:
        """Whether a step has waited longer than it may for somebody who says how it goes on."""
        step = view.current
        if step is None or step.status is not StepStatus.WAITING or step.deadline is None:
            self._step = ""
            return False
        if step.key != self._step:
            self._step, self._since = step.key, time.monotonic()
        if all(offer.word != "wait" for offer in view.offers):
            return False
        return time.monotonic() - self._since > step.deadline
