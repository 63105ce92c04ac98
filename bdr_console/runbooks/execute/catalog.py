"""The runbooks by name: from a request to its plan, its checks, and its steps."""

from collections.abc import Mapping

from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.checks.preflight import isolation_checks, preflight
from bdr_console.runbooks.journal.run_from_journal import moment_or_none
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.run import DEFAULT_MODE, Check
from bdr_console.runbooks.model.step import Plan, Step
from bdr_console.runbooks.plan import isolate, switchover
from bdr_console.runbooks.plan.forecast import forecast
from bdr_console.runbooks.steps.hold import HoldTerms

RUNBOOKS = (switchover.RUNBOOK, isolate.RUNBOOK)

Request = Mapping[str, str]
"""request.json: runbook, node, mode, session_pools, until, who, reason; what is missing has its default."""


def planned(reading: Reading, settings: ClusterSettings, request: Request) -> tuple[Plan, tuple[Check, ...]]:
    """The plan and its checks for what was read; raises ConsoleError when no plan can be made."""
    runbook, node = request.get("runbook", switchover.RUNBOOK), request["node"]
    if runbook == isolate.RUNBOOK:
        made = isolate.plan(reading.snapshot, settings, node, remembered=reading.settings)
        return made, isolation_checks(reading, made)
    if runbook != switchover.RUNBOOK:
        raise ConsoleError(f"there is no runbook '{runbook}'", f"Choose one of: {', '.join(RUNBOOKS)}.")
    made = switchover.plan(
        reading.snapshot,
        settings,
        node,
        request.get("mode", DEFAULT_MODE),
        session_pools=request.get("session_pools", "wait"),
        remembered=reading.settings,
        seen=forecast(reading, node, settings),
    )
    return made, preflight(reading, made, settings)


def built(made: Plan, settings: ClusterSettings, request: Request) -> tuple[Step, ...]:
    """The steps of a plan as the engine runs them."""
    until = moment_or_none(request.get("until") or "")
    terms = HoldTerms(request.get("who", ""), request.get("reason", ""), until)
    if made.runbook == isolate.RUNBOOK:
        return isolate.steps(made, settings, terms)
    return switchover.steps(made, settings, terms)
