"""What the screen may know of runs, and what it may do to them: a watcher gets only the first of the two."""

from dataclasses import dataclass, replace
from typing import Protocol

from bdr_console.runbooks.run import Check, Outcome, RunView, StepView

MODES = ("auto", "quiesce", "gradual")
SESSION_POOLS = ("wait", "fast-close")


@dataclass(frozen=True, slots=True)
class Terms:
    """How clients are to be moved: the words of runbooks/modes.py."""

    mode: str = MODES[0]
    session_pools: str = "wait"

    def next_mode(self) -> "Terms":
        """The same with the next mode."""
        return replace(self, mode=MODES[(MODES.index(self.mode) + 1) % len(MODES)])

    def other_pools(self) -> "Terms":
        """The same with the other answer for session pools."""
        return replace(self, session_pools=SESSION_POOLS[self.session_pools == SESSION_POOLS[0]])


@dataclass(frozen=True, slots=True)
class PlanView:
    """A switchover as it would be: shown before anything is sent."""

    node: str
    steps: tuple[StepView, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    mode: str = ""
    """The mode that `auto` has come to; empty when the runbook has none."""

    @property
    def refusals(self) -> tuple[Check, ...]:
        """The checks that forbid to start."""
        return tuple(check for check in self.checks if check.outcome in (Outcome.FAIL, Outcome.UNKNOWN))


class RunDesk(Protocol):
    """Reads journals. Every method may block for a moment and is called from a thread."""

    def latest(self) -> RunView | None:
        """The run under way on this cluster, or else the last one that ended; None when there was none."""

    def view(self, run_id: str) -> RunView | None:
        """That run as its journal tells it now."""


class ActDesk(Protocol):
    """Starts runs and speaks to them. A read-only console is built without one."""

    async def plan(self, node: str, terms: Terms) -> PlanView:
        """The commands and the checks for `node`, read from the live cluster; changes nothing.

        Raises ConsoleError when there is no such plan.
        """

    def start(self, node: str, terms: Terms) -> str:
        """Start the switchover of `node`; returns the run's id. Blocks, so it is called from a thread.

        Raises ConsoleError when it was not started.
        """

    async def send(self, run_id: str, word: str) -> str:
        """Say one word to a run and return its answer. Raises ConsoleError when it is refused."""
