"""What an earlier run left changed: its runner is gone or could not put everything back. Pure.

The journal says what the run has changed and not taken back, the cluster whether that is still so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import counted, format_seconds
from bdr_console.cluster.verdict.findings import Finding, Impact, Level
from bdr_console.cluster.verdict.roots import Work
from bdr_console.runbooks.journal import in_force
from bdr_console.runbooks.model.run import ISOLATE, Check, Command, Outcome, RunStatus, RunView


@dataclass(frozen=True, slots=True)
class Orphan:
    """An unfinished run whose change is still in force."""

    run: RunView
    left: tuple[str, ...]
    """What is still so, a line for each; what keeps clients waiting comes first."""
    paused: bool = False
    """Clients wait by its doing."""
    poolers: tuple[str, ...] = ()
    """Of `left` what is on PgBouncers."""

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

    @property
    def finding(self) -> Finding:
        """For the verdict: clients that wait for a run that nobody carries on are critical."""
        level = Level.CRIT if self.paused else Level.WARN
        hurts = Impact.CLIENTS if self.paused else None
        code, do = f"run.left:{self.run.run_id}", f"o, or {self.remedy}"
        return Finding(level, self.run.node, self.text, code, do, self.remedy, hurts)


def orphans(runs: Iterable[RunView], snapshot: Snapshot) -> tuple[Orphan, ...]:
    """The runs of this cluster that left something changed; those that keep clients waiting first.

    Only a node's latest run that changed anything counts, and for PgBouncer the cluster's latest: what was so
    before it, or came after it, is somebody else's.
    """
    changed = sorted(
        (r for r in runs if r.cluster == snapshot.cluster and r.changed), key=lambda run: run.started_at
    )
    latest = {run.node: run for run in changed}
    found = _orphans(latest.values(), snapshot, changed[-1] if changed else None)
    return tuple(sorted(found, key=lambda orphan: not orphan.paused))


def _orphans(runs: Iterable[RunView], snapshot: Snapshot, newest: RunView | None) -> Iterator[Orphan]:
    for run in runs:
        if run.status not in (RunStatus.LOST, RunStatus.STOPPED):
            continue
        paused = tuple(_paused(run.in_force, snapshot)) if run is newest else ()
        settings = tuple(_settings(run.in_force, snapshot)) if run is newest else ()
        servers = tuple(_servers(run, snapshot))
        if left := (*paused, *servers, *settings):
            yield Orphan(run, left, bool(paused), (*paused, *settings))


def _servers(run: RunView, snapshot: Snapshot) -> Iterator[str]:
    for proxy, server in snapshot.servers_of(run.node):
        if server.in_maintenance:
            yield f"{server.backend}/{server.name} is in maintenance on {proxy}"


def _paused(commands: Iterable[Command], snapshot: Snapshot) -> Iterator[str]:
    for command in commands:
        if not command.text.startswith(("PAUSE ", "KILL ")):
            continue
        pooler, name = in_force.target(command), in_force.subject(command)
        facts, why = _facts(snapshot, pooler)
        if facts is None:
            yield f"whether {name} is still paused on {pooler} is unknown ({why})"
        elif any(database.name == name and database.paused for database in facts.databases):
            yield f"{name} is paused on {pooler}{_waiting(facts, name)}"


def _waiting(facts: PoolerFacts, database: str) -> str:
    pools = [pool for pool in facts.pools if pool.database == database and pool.clients_waiting]
    if not pools:
        return ""
    clients = sum(pool.clients_waiting for pool in pools)
    longest = format_seconds(max(pool.max_wait for pool in pools))
    wait = "waits" if clients == 1 else "wait"
    return f" ({counted(clients, 'client')} {wait}, the longest for {longest})"


def _settings(commands: Iterable[Command], snapshot: Snapshot) -> Iterator[str]:
    for command in commands:
        if (wanted := in_force.setting(command)) is None:
            continue
        key, value = wanted
        facts, why = _facts(snapshot, in_force.target(command))
        if facts is None:
            yield f"whether {key} is still {value} on {in_force.target(command)} is unknown ({why})"
        elif dict(facts.settings).get(key) == value:
            yield f"{key} is still {value} on {in_force.target(command)}"


def _facts(snapshot: Snapshot, name: str) -> tuple[PoolerFacts | None, str]:
    """What that PgBouncer says now; or why it says nothing."""
    found = next((pooler for pooler in snapshot.poolers if pooler.name == name), None)
    if found is None:
        return None, "it is not configured here"
    return (None, found.error) if found.error else (found.facts, "it was not read yet")


def left_behind(found: Iterable[Orphan]) -> tuple[Check, ...]:
    """A line of the checks for each; none when nothing was left."""
    why = "A new run does not take back what it did not do itself."
    return tuple(
        Check("no earlier run left something behind", Outcome.WARN, orphan.text, why, orphan.remedy)
        for orphan in found
    )


def works(runs: Iterable[RunView]) -> tuple[Work, ...]:
    """Those of `runs` that are under way, but none that isolates a dead node: it is not down by the run."""
    return tuple(
        Work(run.node, run.run_id.rpartition("-")[2], run.who, run.status is RunStatus.HOLDING)
        for run in runs
        if not run.status.over and run.runbook != ISOLATE
    )


def left_findings(runs: Iterable[RunView], snapshot: Snapshot) -> tuple[Finding, ...]:
    """What runs that ended left changed, a finding for each."""
    return tuple(orphan.finding for orphan in orphans(runs, snapshot))
