"""What the commands that run or finish something exit with. Scripts rely on these: they do not change."""

from bdr_console.runbooks.run import RunStatus, RunView

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
