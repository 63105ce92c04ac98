"""What an earlier run left behind: its runner is gone or it could not put everything back. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.runbooks.run import Check, Outcome, RunStatus, RunView


@dataclass(frozen=True, slots=True)
class Orphan:
    """An unfinished run whose change is still in force."""

    run: RunView
    left: tuple[str, ...]
    """What is still so, a line for each."""

    @property
    def text(self) -> str:
        """Who left what, since when, at which step."""
        at = next((s.title for s in reversed(self.run.steps) if s.began_at is not None), "its beginning")
        return (
            f"{'; '.join(self.left)}: left by run {self.run.run_id} of {self.run.who}, begun "
            f"{self.run.started_at.astimezone():%Y-%m-%d %H:%M:%S}, {self.run.status.value} at '{at}'"
        )

    @property
    def remedy(self) -> str:
        """How to end it properly."""
        return f"bdr-console resume {self.run.run_id}, or bdr-console undo {self.run.run_id}"


def orphans(runs: Iterable[RunView], snapshot: Snapshot) -> tuple[Orphan, ...]:
    """The runs of this cluster that left a server in maintenance. Only a node's latest run that changed
    anything counts: what was so before it, or came after it, is somebody else's."""
    latest: dict[str, RunView] = {}
    for run in sorted(runs, key=lambda run: run.started_at):
        if run.cluster == snapshot.cluster and run.changed:
            latest[run.node] = run
    return tuple(_orphans(latest.values(), snapshot))


def _orphans(runs: Iterable[RunView], snapshot: Snapshot) -> Iterator[Orphan]:
    for run in runs:
        left = tuple(
            f"{server.backend}/{server.name} is in maintenance on {proxy}"
            for proxy, server in snapshot.servers_of(run.node)
            if server.in_maintenance
        )
        if run.status in (RunStatus.LOST, RunStatus.STOPPED) and left:
            yield Orphan(run, left)


def left_behind(found: Iterable[Orphan]) -> tuple[Check, ...]:
    """A line of the checks for each; none when nothing was left."""
    why = "A new run does not take back what it did not do itself."
    return tuple(
        Check("no earlier run left something behind", Outcome.WARN, orphan.text, why, orphan.remedy)
        for orphan in found
    )
