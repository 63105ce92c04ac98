"""The plan and the checks before anything starts: what the dialog and `bdr-console plan` show."""

from bdr_console.config import ClusterSettings
from bdr_console.runbooks.catalog import planned
from bdr_console.runbooks.checks import ALL_PARTS
from bdr_console.runbooks.run import Check
from bdr_console.runbooks.step import Plan
from bdr_console.runbooks.survey import Survey


async def preview(
    settings: ClusterSettings,
    cluster: str,
    node: str,
    mode: str = "auto",
    *,
    session_pools: str = "wait",
    runbook: str = "switchover",
) -> tuple[Plan, tuple[Check, ...]]:
    """What a switchover of `node` would do, and the checks with what was seen. Changes nothing: it reads
    through sessions of its own, closed at the end. Raises ConsoleError when no plan can be made."""
    survey = Survey(cluster, settings, application_name="bdr-console plan")
    try:
        reading = await survey.read(ALL_PARTS)
    finally:
        await survey.close()
    request = {"runbook": runbook, "node": node, "mode": mode, "session_pools": session_pools}
    return planned(reading, settings, request)
