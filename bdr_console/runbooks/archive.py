"""The runs there have been on this host, as their journals tell them."""

from collections.abc import Iterator
from pathlib import Path

from bdr_console import paths
from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.runbooks import events
from bdr_console.runbooks.journal import JOURNAL, JournalFollower
from bdr_console.runbooks.run import RunStatus, RunView


def follow(run_dir: Path) -> JournalFollower:
    """The run's picture, kept up to date by `poll()`."""
    return JournalFollower(run_dir)


def runs() -> tuple[RunView, ...]:
    """Every run this user started from this host, newest first; `run_dir` gives the directory of one."""
    views = [view for directory in _directories() if (view := JournalFollower(directory).poll())]
    return tuple(sorted(views, key=lambda view: view.started_at, reverse=True))


def find(given: str | None, *, unfinished: bool = False) -> RunView:
    """The run that `given` means: an id or the beginning or end of one; without, the only one under way (or,
    with `unfinished`, the only one that waits for resume or undo). Raises ConsoleError when it is not one."""
    known = runs()
    if given is not None:
        exact = [view for view in known if view.run_id == given]
        meant = exact or [v for v in known if v.run_id.startswith(given) or v.run_id.endswith(f"-{given}")]
        none = f"there is no run '{given}' here"
    else:
        stopped = (RunStatus.LOST, RunStatus.STOPPED)
        meant = [v for v in known if (v.status in stopped if unfinished else not v.status.over)]
        none = "no run waits to be finished" if unfinished else "no run is under way"
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise ConsoleError(none, "bdr-console runs lists them.")
    named = ", ".join(view.run_id for view in meant[:5])
    raise ConsoleError(f"several runs could be meant: {named}", "Name one of them.")


def run_dir(run_id: str) -> Path:
    """The directory of the run with that id; raises ConsoleError for what is no id."""
    try:
        return paths.runs_dir() / events.run_id(run_id)
    except ValueError:
        raise ConsoleError(
            f"there is no run '{clean(run_id, 100)}' here", "bdr-console runs lists them."
        ) from None


def _directories() -> Iterator[Path]:
    return (path for path in paths.runs_dir().iterdir() if (path / JOURNAL).exists())
