"""Runs as the judgement takes them: those under way explain what they bring along. Pure."""

from collections.abc import Iterable

from bdr_console.cluster.findings import Finding
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.work import Work
from bdr_console.runbooks.orphans import orphans
from bdr_console.runbooks.run import RunStatus, RunView
from bdr_console.runbooks.terms import ISOLATE


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
