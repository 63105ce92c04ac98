"""What the screens get of one cluster: snapshots, runs, the operators' lock, and ways to change it."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.runbooks.model.run import (
    DEFAULT_MODE,
    ISOLATE,
    MODES,
    SESSION_POOLS,
    SWITCHOVER,
    Check,
    Holder,
    Offer,
    Outcome,
    RunView,
    StepView,
)

if TYPE_CHECKING:
    from bdr_console.runbooks.execute.intervene import ActRecord
    from bdr_console.runbooks.execute.run_inspection import Unfinished
    from bdr_console.runbooks.model.step import Intervention, Plan


@dataclass(frozen=True, slots=True)
class Terms:
    """How clients are to be moved: the words of runbooks/model/run.py."""

    mode: str = DEFAULT_MODE
    session_pools: str = SESSION_POOLS[0]
    runbook: str = SWITCHOVER

    @property
    def isolates(self) -> bool:
        """Whether the node is dead and is to be cut off."""
        return self.runbook == ISOLATE

    def other_runbook(self) -> "Terms":
        """The same for a node that is dead, or for one that lives after all."""
        return replace(self, runbook=SWITCHOVER if self.isolates else ISOLATE)

    def next_mode(self) -> "Terms":
        """The same with the next mode."""
        return replace(self, mode=MODES[(MODES.index(self.mode) + 1) % len(MODES)])

    def other_pools(self) -> "Terms":
        """The same with the other answer for session pools."""
        return replace(self, session_pools=SESSION_POOLS[self.session_pools == SESSION_POOLS[0]])


@dataclass(frozen=True, slots=True)
class Purpose:
    """What the maintenance is for, and when it should be over."""

    reason: str = ""
    until: datetime | None = None
    """With its zone; None when no end was named."""


@dataclass(frozen=True, slots=True)
class PlanView:
    """A switchover as it would be: shown before anything is sent."""

    node: str
    steps: tuple[StepView, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    mode: str = ""
    """The mode that `auto` has come to; empty when the runbook has none."""
    plan: "Plan | None" = None
    """What it was made of; None for one that is only shown."""
    interventions: "tuple[Intervention, ...]" = ()
    """What may be done about the sessions that the checks name."""

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What may be ended now, each with the exact command."""
        return tuple(one.offer for one in self.interventions)

    @property
    def holders(self) -> tuple[Holder, ...]:
        """The sessions that the checks name."""
        return tuple(one for check in self.checks for one in check.holders)

    @property
    def refusals(self) -> tuple[Check, ...]:
        """The checks that forbid to start."""
        return tuple(check for check in self.checks if check.outcome in (Outcome.FAIL, Outcome.UNKNOWN))


@dataclass(frozen=True, slots=True)
class OtherOperator:
    """Another operator, or another program, at work on this cluster."""

    doing: str
    """`run ab12` (the last four characters of its id), or what it says of itself."""
    who: str
    """user@host as far as it is told; empty when it is not."""
    step: str
    """Where the run stands; empty when it is not told."""
    client: str
    """The address it connects from."""
    since: str
    """When its session began, ISO 8601."""
    nodes: tuple[str, ...]
    """Where the lock was seen."""
    pid: int
    """Of its backend on the first of them."""


class RunReader(Protocol):
    """Reads journals. Every method may block for a moment and is called from a thread."""

    def latest(self) -> RunView | None:
        """The run under way on this cluster, or else the last one that ended; None when there was none."""

    def recent(self) -> tuple[RunView, ...]:
        """The latest runs of this cluster, however they stand."""

    def view(self, run_id: str) -> RunView | None:
        """That run as its journal tells it now."""


class LockReader(Protocol):
    """Looks who holds the operators' lock; takes nothing."""

    async def holder(self) -> OtherOperator | None:
        """Who holds it now; None when nobody does, as far as the nodes that answer tell."""

    async def close(self) -> None:
        """Stop looking; returns promptly even when a server is silent."""


class RunbookService(Protocol):
    """Starts runs and speaks to them. A read-only console is built without one."""

    async def plan(self, node: str, terms: Terms) -> PlanView:
        """The commands and the checks for `node`, read from the live cluster; changes nothing.

        Raises ConsoleError when there is no such plan.
        """

    def conditions(self, plan: PlanView) -> AsyncGenerator[tuple[StepView, ...], None]:
        """The plan's steps with what is observed of each now, again and again until it is closed.

        Changes nothing. Raises ConsoleError.
        """

    async def end(self, plan: PlanView, word: str, record: "ActRecord") -> str:
        """End the session that this word of the plan's offers names, written down in `record` before and
        after; returns what has come of it. Raises ConsoleError."""

    def start(self, node: str, terms: Terms, purpose: Purpose) -> str:
        """Start the runbook of these terms for `node`; returns the run's id. Blocks, so it is called from a
        thread.

        Raises ConsoleError when it was not started.
        """

    def let_go(self) -> None:
        """The screen is closed: let go of what was prepared for a start."""

    def unfinished(self, node: str, run_id: str | None) -> "AsyncGenerator[Unfinished, None]":
        """What is left of that run, or without one of a switchover of `node` by what is seen; again and again
        until it is closed. Changes nothing. Raises ConsoleError when there is nothing to go on with."""

    def finish(self, node: str, run_id: str | None, *, undo: bool) -> str:
        """Go on with what is left, or take it back; returns the id of the run. Blocks, as `start` does.

        Raises ConsoleError when it was not begun.
        """

    async def send(self, run_id: str, word: str) -> str:
        """Say one word to a run and return its answer. Raises ConsoleError when it is refused."""


class SnapshotSource(Protocol):
    """Hands out snapshots; the screen asks it nothing else."""

    def updates(self) -> AsyncIterator[Snapshot]:
        """Snapshots as they become known; the first ones may hold targets that were not read yet."""

    def refresh_now(self) -> None:
        """Read every target now instead of at its next turn."""

    def set_refresh(self, seconds: float) -> None:
        """Read every target this often from now on."""

    async def close(self) -> None:
        """Stop reading; returns promptly even when a server is silent."""
