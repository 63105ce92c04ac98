"""A run as its journal tells it, for the screen, a second console and a report; and its exit code."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MODES = ("auto", "quiesce", "gradual")
DEFAULT_MODE = "auto"
"""Quiesce where nothing speaks against it; else the operator chooses, because each choice costs something."""
SESSION_POOLS = ("wait", "fast-close")
SWITCHOVER, ISOLATE = "switchover", "isolate"
"""The runbooks for one node: one that lives goes out of service and back, one that is dead is cut off."""


class Outcome(StrEnum):
    """How one line of the checks came out."""

    PASS = "pass"  # noqa: S105 - a check's result, not a password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "could not tell"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a preflight or re-enable check list."""

    title: str
    outcome: Outcome
    seen: str
    """What was found, as evidence."""
    why: str = ""
    """Why it matters."""
    remedy: str = ""
    """What to do about it; empty for a pass."""
    holders: "tuple[Holder, ...]" = ()
    """The sessions that are the cause, where these are known: what may be ended."""

    @property
    def headline(self) -> str:
        """The check in one line. The title says how it should be: where it is not so, what was seen comes
        first, because nobody must read the opposite of the truth in a hurry."""
        if self.outcome is Outcome.PASS:
            return f"{self.title}: {self.seen}"
        word = "to be proved" if self.outcome is Outcome.UNKNOWN else "expected"
        return f"{self.seen} ({word}: {self.title})"


@dataclass(frozen=True, slots=True)
class Command:
    """One command exactly as it is sent, and where to."""

    host: str
    """The configured name and address, for example `haproxy1 (/run/haproxy/admin.sock)`."""
    text: str


class Proof(StrEnum):
    """Whether the condition that a step brings about holds. UNKNOWN is neither done nor failed."""

    MET = "met"
    UNMET = "unmet"
    UNKNOWN = "could not tell"


class StepStatus(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    """Acted; its proof does not hold yet."""
    HOLDING = "holding"
    """Waits for the operator's word."""
    DONE = "done"
    SKIPPED = "already so"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    HOLDING = "holding"
    """The node is out of service; the run waits for the operator."""
    UNDOING = "undoing"
    DONE = "done"
    UNDONE = "stopped, everything put back"
    MOVED = "stopped, traffic not where it was"
    """What was changed has been put back, but new connections do not go where they went before."""
    REFUSED = "refused, nothing changed"
    STOPPED = "stopped, leftovers remain"
    LOST = "runner gone"
    """The journal does not end and no runner holds it."""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in (RunStatus.RUNNING, RunStatus.HOLDING, RunStatus.UNDOING)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a waiting step waits for: a client, the pooler's connection it holds, the backend behind that."""

    id: str
    """What a word names it by: `node1:2211:5f2a1c` (node, pid, and a digest of backend_start)."""
    pooler: str
    """Empty for a session that came past every configured PgBouncer."""
    database: str
    """The name that clients of the pooler use; without a pooler the node's."""
    application: str
    """application_name; empty when the client gave none."""
    client: str | None
    """host:port of the client; None when no client holds the pooler's connection."""
    state: str
    """The backend's state, or the pooler's word where the backend was not found."""
    node: str | None
    """The node that the backend is on; None when it could not be told."""
    pid: int | None
    backend_start: str | None
    """As the server writes it in UTC; without it nothing may be done to the backend."""
    transaction_age: float | None
    """Seconds that its transaction was open when this was seen; None when none was."""
    query: str
    """The current or last statement: cleaned, passwords masked, at most 200 characters."""
    client_id: str | None = None
    """What KILL_CLIENT names the pooler's client by, from PgBouncer 1.24 on."""
    user: str = ""
    """The role it is logged in as on the node."""
    may_not: str = ""
    """Why the console's role may not end its backend, and who may; empty when it may."""

    @property
    def way(self) -> str:
        """How it got to the node, for people: `through pgb-tx/app`, or past every PgBouncer."""
        return f"through {self.pooler}/{self.database}" if self.pooler else "past every PgBouncer"


@dataclass(frozen=True, slots=True)
class StepView:
    """One step as far as the journal has come."""

    key: str
    title: str
    commands: tuple[Command, ...]
    undo: tuple[Command, ...]
    """What an abort would send for it; empty when there is nothing to put back."""
    status: StepStatus = StepStatus.PENDING
    evidence: tuple[str, ...] = ()
    """The latest lines of what was seen: the proof, or what it still waits for."""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    deadline: float | None = None
    """Seconds that the proof may take; None for a hold."""
    holders: tuple[Holder, ...] = ()
    """Who it waits for, the longest first; empty while it does not wait for anybody."""
    condition: str = ""
    """What is so once the step is behind, as a statement; empty for a hold, which brings nothing about."""
    proof: Proof | None = None
    """Whether that was so at the latest look; None before the first."""
    no_return: bool = False
    """From this step on clients work on another node: an undo does not bring them back."""
    alarm: str = ""
    """What the operator must know at once, by the latest look."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A word the operator may send now."""

    word: str
    """What is sent to the runner: go, abort, wait; with an argument: cancel and terminate (a holder's id),
    kill-db (pooler/database)."""
    label: str
    """What the key does, for the footer and the buttons."""
    commands: tuple[Command, ...] = ()
    """Exactly what a word with an argument sends, and where to; the others send what the plan shows."""

    @property
    def subject(self) -> str:
        """What the word is about: a holder's id, `pooler/database`; empty for a word without argument."""
        return self.word.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything a journal says, folded into one picture."""

    run_id: str
    runbook: str
    cluster: str
    environment: str
    node: str
    who: str
    """user@host (and the SSH client's address where there is one)."""
    reason: str
    started_at: datetime
    status: RunStatus
    steps: tuple[StepView, ...]
    checks: tuple[Check, ...] = ()
    offers: tuple[Offer, ...] = ()
    message: str = ""
    """The latest sentence for the operator: why it waits, why it stopped, what to do next."""
    leftovers: tuple[str, ...] = ()
    """What was changed and is still so after an end that is not DONE."""
    ended_at: datetime | None = None
    problems: tuple[str, ...] = ()
    """What went wrong on the way without stopping the run, for example a lock that was lost."""
    changed: bool = False
    """Whether a command was sent, or about to be."""
    nodes: tuple[str, ...] = ()
    """The nodes of a rolling run in the order of their turns; `node` is the one whose turn it is."""
    until: datetime | None = None
    """When the maintenance should be over; None when nobody said."""
    had_traffic: bool | None = None
    """Whether the node had the traffic before the run; None where the plan does not say."""
    in_force: tuple[Command, ...] = ()
    """What this run has sent and not taken back yet, by its journal."""

    @property
    def alarm(self) -> str:
        """What the operator must know at once; empty when there is nothing."""
        return self.current.alarm if self.current else ""

    @property
    def subject(self) -> str:
        """What the run is about: its node, or all of its nodes."""
        return ", ".join(self.nodes) or self.node

    @property
    def current(self) -> StepView | None:
        """The step at work: the first that is neither ahead nor behind."""
        busy = (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.HOLDING, StepStatus.UNDOING)
        return next((step for step in self.steps if step.status in busy), None)


DONE = 0
WRONG_USE = 2
REFUSED = 10
LOCKED = 11
UNDONE = 20
LEFTOVERS = 21
PROBLEMS = 22
UNKNOWN = 30

MEANINGS = {
    DONE: "done, or the hold that was asked for is reached",
    WRONG_USE: "wrong use or configuration, or a server that cannot be read; nothing changed",
    REFUSED: "refused, or stopped before the first change; nothing changed",
    LOCKED: "another operator holds the lock; nothing changed",
    UNDONE: "stopped; everything that was changed has been put back",
    LEFTOVERS: "stopped; something is changed still, and is listed with the command that takes it back",
    PROBLEMS: "done, with problems that are listed",
    UNKNOWN: "it is not known how it ends: still under way, or its runner is gone",
}


def exit_code(view: RunView) -> int:
    """The code for a run as its journal tells it."""
    match view.status:
        case RunStatus.DONE:
            return PROBLEMS if view.problems else DONE
        case RunStatus.REFUSED:
            return REFUSED
        case RunStatus.UNDONE:
            return UNDONE if view.changed else REFUSED
        case RunStatus.STOPPED | RunStatus.MOVED:
            return LEFTOVERS
    return UNKNOWN


def table() -> str:
    """One line for each code, for the help."""
    return "\n".join(f"{code:>3}  {text}" for code, text in MEANINGS.items())


def point_of_no_return(node: str) -> str:
    """The line drawn before the first step that an undo does not make good."""
    return f"point of no return: clients move here; undo enables {node}, they stay"
