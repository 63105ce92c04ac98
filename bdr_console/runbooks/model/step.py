"""What a runbook is made of: acts, steps, and what a step can say of itself."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, Protocol

from bdr_console.cluster.nodes import WalPositions
from bdr_console.runbooks.model.reading import Area, Reading
from bdr_console.runbooks.model.run import Command, Holder, Offer, Proof, StepView

__all__ = [
    "Act",
    "Choice",
    "CutSessions",
    "Intervention",
    "Observation",
    "OnTimeout",
    "Plan",
    "Proof",
    "Remainder",
    "Step",
    "StepPlan",
    "TargetKind",
    "TrafficBefore",
    "Watch",
    "World",
]

TargetKind = Literal["haproxy", "pgbouncer", "node"]

_CONDITIONS = {
    "rehearse": "every other node applies within the time that clients may wait",
    "prepare": "the settings of every PgBouncer are right for the move, and its pools are settled",
    "pause": "every PgBouncer is paused: clients wait, none is refused",
    "flag": "every server connection of the session pools is flagged to be closed",
    "disable": "{servers} is in maintenance on every HAProxy",
    "cut": "no session is left on {node}",
    "reconnect": "every server connection to {node} is flagged to be closed",
    "wait_close": "no old server connection is left",
    "quiet": "no transaction is left",
    "barrier": "every other node has applied the last commit of {node}",
    "resume": "every PgBouncer serves its clients again",
    "served": "every pool that had server connections before has some again",
    "restore": "the settings of every PgBouncer are as they were",
    "drained": "{node} is drained, and its peers have all its writes",
    "ready": "{node} is up, and replication has caught up both ways",
    "enable": "{servers} is enabled and up on every HAProxy",
}
"""What each step brings about, as a statement that is true or not, by the key of the step."""


def condition(key: str, node: str, servers: str) -> str:
    """The statement for the step of that key; empty for a key not known here, whose title then has to do."""
    return _CONDITIONS.get(key, "").format(node=node, servers=servers or f"the server of {node}")


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at the live cluster through a step's eyes."""

    proof: Proof
    evidence: tuple[str, ...]
    """What was seen, and for anything but MET what it still waits for."""
    alarm: str = ""
    """Something that the operator must know at once, whatever the proof says."""
    holders: tuple[Holder, ...] = ()
    """Who it waits for, where that could be told."""
    failed: str = ""
    """Why it is of no use to look any longer: the run goes back at once."""
    leave: str = ""
    """What the operator may choose for those it waits for, giving a reason: to wait no longer for them."""
    anyway: str = ""
    """What the operator may choose instead of the proof: to go on without it, and what that costs."""


class OnTimeout(StrEnum):
    """What happens when a step's proof does not come in time."""

    UNDO = "put everything back"
    ASK = "ask the operator: wait longer, or abort"
    GO_ON = "go on with a warning"
    """For an emergency: nothing is waited for that may never come, and nothing is undone by itself."""


@dataclass(frozen=True, slots=True)
class Act:
    """One change: the exact command, where it goes, and the command that takes it back."""

    kind: TargetKind
    target: str
    """The configured name of the HAProxy, PgBouncer or node."""
    subject: str
    """What it acts on there: `bk_db/bdr_initial_node` or a database name."""
    command: Command
    undo: Command | None = None
    waits: bool = False
    """The command answers only when its condition holds (WAIT_CLOSE): sent on a connection of its own."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """What the operator may do about a holder: a word with its argument, and exactly what it sends."""

    offer: Offer
    how: Literal["cancel", "terminate", "kill-client", "kill", "resume"]
    target: str
    """The configured name of the node (cancel, terminate) or of the PgBouncer (the others)."""
    command: Command
    """For a node: one statement that names pid and backend_start, so it can hit no other backend."""
    undo: Command | None = None
    subject: str = ""
    """For a kill, and for the RESUME that it did not get: the database; for a kill-client: the client."""
    pid: int = 0
    backend_start: str = ""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step as it is announced before anything starts."""

    key: str
    title: str
    acts: tuple[Act, ...] = ()
    deadline: float | None = None
    """Seconds that its proof may take; None for a hold, which waits for the operator's word."""
    on_timeout: OnTimeout = OnTimeout.UNDO
    holds: bool = False
    together: bool = False
    """Its commands go to all hosts at the same time, whatever the others answer."""
    watched: bool = False
    """Before its first command a watchdog process is started, which takes back what is in force should the
    run end."""
    pause: float | None = None
    """Clients wait while this step is under way: the seconds that all such steps may take together, from the
    first command on. The watchdog ends the pause shortly after."""
    pause_ends: bool = False
    """When this step is behind, no client waits any more."""
    no_return: bool = False
    """From this step on clients work on another node, and an undo does not bring them back. So the watchdog
    only lets clients go on; it no longer puts servers back."""
    repeat: float | None = None
    """Seconds after which its commands are sent once more while its proof is unmet: only for commands that
    change nothing, however often they are sent."""
    watch_ends: bool = False
    """When this step is proven, nothing is left for the watchdog to take back."""

    def view(self) -> StepView:
        """The step as the screen shows it before it has begun."""
        return StepView(
            self.key,
            self.title,
            tuple(act.command for act in self.acts),
            tuple(act.undo for act in self.acts if act.undo),
            deadline=self.deadline,
            no_return=self.no_return,
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """How the clients of the leaving node get to another one."""

    asked: str
    """quiesce, gradual or auto."""
    mode: Literal["quiesce", "gradual", "disable"]
    """disable: nothing has to move, so nobody is paused or reconnected."""
    stall: float | None
    """Seconds that a quiesce would have every client wait; None when it cannot be told."""
    basis: str
    """What that figure is made of."""
    against: tuple[str, ...] = ()
    """What speaks against a quiesce now; empty when nothing does."""
    impossible: tuple[str, ...] = ()
    """Why nobody could be paused at all: then it is not offered."""
    endless: str = ""
    """Why the pause would reach its deadline; empty when it can be foreseen to end before."""
    cut_at_disable: tuple[str, ...] = ()
    """Where HAProxy is known to cut the node's sessions at `disable server`."""
    session_pools: str = "wait"
    """What is done with the clients of session pools: wait, fast-close."""


@dataclass(frozen=True, slots=True)
class TrafficBefore:
    """Where one HAProxy sent the new connections of a backend when a plan was made."""

    proxy: str
    backend: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CutSessions:
    """The sessions that ended in HAProxy while one of its commands took effect."""

    proxy: str
    command: str
    servers: str
    """Where they were, `bk_db/bdr_initial_node`; several separated by commas."""
    before: int
    """Sessions there just before."""
    ended: int | None
    """Of these and of new ones, by the time the command was seen to be in force; None when HAProxy was
    reloaded meanwhile, or its counters cleared."""

    @property
    def all_cut(self) -> bool:
        """Whether several sessions all ended at once: a single one may end by itself at that moment."""
        return self.ended is not None and self.ended >= max(2, self.before)


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is not as it was before the run although every command was taken back."""

    lines: tuple[str, ...]
    split: bool = False
    """Clients write on two nodes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A runbook for one node, with every command it would send. Pure data; `steps` in order."""

    runbook: str
    cluster: str
    environment: str
    node: str
    steps: tuple[StepPlan, ...]
    notes: tuple[str, ...] = ()
    """What the operator should know of this plan, for example the servers that will take the traffic."""
    choice: Choice | None = None
    """How the clients move, and why so; None for a runbook where they do not."""
    databases: tuple[str, ...] = ()
    """The databases on the nodes that the poolers lead to: their sessions are clients."""
    before: tuple[TrafficBefore, ...] = ()
    """Where new connections went when the plan was made; empty where that is not known."""
    idle: tuple[tuple[str, str], ...] = ()
    """PgBouncers and databases that lead here and are left alone, because nothing is connected there."""

    @property
    def had_traffic(self) -> bool | None:
        """Whether the node had the traffic of a backend when the plan was made; None when not known."""
        return any(self.node in way.nodes for way in self.before) if self.before else None

    def views(self) -> tuple[StepView, ...]:
        """The steps as the screen shows them before a run."""
        out = next((step.acts for step in self.steps if step.key == "disable"), ())
        servers = ", ".join(dict.fromkeys(act.subject for act in out))
        return tuple(
            replace(step.view(), condition="" if step.holds else condition(step.key, self.node, servers))
            for step in self.steps
        )

    def step(self, key: str) -> StepPlan:
        """The step of that key; raises KeyError."""
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)


class World(Protocol):
    """The live cluster as steps see it: readings, and commands sent one at a time."""

    async def read(self, parts: Area) -> Reading:
        """What the named parts say now; a target that does not answer is in it with its error."""

    async def send(self, kind: TargetKind, target: str, text: str) -> str:
        """Send one command and return the answer; raises ConsoleError when it was refused or not answered."""

    async def send_waiting(self, target: str, text: str) -> str:
        """Send a command that may wait for ever, on its own connection; cancelling the task closes it."""

    async def signal(self, node: str, how: Literal["cancel", "terminate"], pid: int, started: str) -> bool:
        """Cancel the statement of, or end, the backend of that pid and backend_start; False when there is no
        such backend any more. Raises ConsoleError when the node refused it or did not answer."""

    async def positions(self, node: str) -> WalPositions:
        """How far that node's WAL reaches and how far its peers have applied it; raises ConsoleError."""

    async def warm(self, poolers: frozenset[str], nodes: frozenset[str]) -> None:
        """Open now what will be used while clients wait; raises ConsoleError when one cannot be reached."""


class Watch(Protocol):
    """A process of its own that takes back what is in force when the run can no longer do it."""

    @property
    def gone(self) -> bool:
        """Whether it has ended: it has acted already, or it was killed."""

    async def arm(self) -> None:
        """Start it, connected and ready; raises ConsoleError when it cannot be."""

    def tell(self, acts: tuple[Act, ...], until: float) -> None:
        """From now on it would take back these, in this order: when the run is gone, or at `until`
        (time.monotonic(), infinity for never)."""

    def stand_down(self) -> None:
        """Nothing is left to take back: it ends."""


class Step:
    """A condition to bring about. The engine observes it, acts only while it is unmet, and observes again.

    Subclasses say what is met; they never send anything themselves.
    """

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan
        self.taken: list[Act] = []
        """Acts that the engine began to send in this run: the only ones an abort takes back."""
        self.closing = ""
        """What the operator should know when the run ends with this step proven or undone."""
        self.clients_ended = False
        """Whether the operator has ended clients in this run: that they are gone is no fault then."""

    def begin(self) -> None:
        """Forget what earlier looks showed: the step begins, perhaps not for the first time."""

    async def observe(self, world: World) -> Observation:
        """Look at the live cluster; never raises for a target that does not answer."""
        raise NotImplementedError

    async def guard(self, world: World) -> tuple[str, ...]:
        """Reasons not to act now, read from the live cluster just before; empty when it may act."""
        return ()

    def answered(self, act: Act, *, undo: bool, error: str = "") -> bool:
        """One command of this step was answered, with an error or not. False when that error means that
        there was nothing to do, so that it is none."""
        return bool(error)

    def undo_patience(self) -> float:
        """Seconds that taking this step back may need, its proof included."""
        return 20.0

    def needed(self) -> tuple[Act, ...]:
        """The acts whose effect the last observation did not show; all of them unless a step knows better."""
        return self.plan.acts

    def interventions(self) -> tuple[Intervention, ...]:
        """What the operator may do about the holders of the last observation."""
        return ()

    def take_cuts(self) -> tuple[CutSessions, ...]:
        """What its commands ended in HAProxy since this was asked last."""
        return ()

    def leave(self) -> str:
        """Wait no longer for those whom the last observation offered to leave; returns who they are."""
        return ""

    async def undo_guard(self, world: World) -> str:
        """Why the acts should rather not be taken back now; empty when they may be."""
        return ""

    async def undone(self, world: World) -> Observation:
        """Whether everything this run did in this step has been taken back."""
        return Observation(Proof.MET, ())

    async def remainder(self, world: World) -> Remainder:
        """What this run has moved all the same, once everything was taken back."""
        return Remainder(())

    def left_undone(self) -> tuple[Act, ...]:
        """The taken acts that the last `undone` still saw in force."""
        return tuple(act for act in self.taken if act.undo)
