"""The plan and the checks before anything starts: what the dialog and `bdr-console plan` show."""

from bdr_console.config import ClusterSettings
from bdr_console.runbooks.checks import ALL_PARTS, preflight
from bdr_console.runbooks.run import Check
from bdr_console.runbooks.step import Plan
from bdr_console.runbooks.survey import Survey
from bdr_console.runbooks.switchover import plan


async def preview(
    settings: ClusterSettings,
    cluster: str,
    node: str,
    mode: str = "auto",
    *,
    session_pools: str = "wait",
) -> tuple[Plan, tuple[Check, ...]]:
    """What a switchover of `node` would do, and the checks with what was seen. Changes nothing: it reads
    through sessions of its own, closed at the end. Raises ConsoleError when no plan can be made."""
    survey = Survey(cluster, settings, application_name="bdr-console plan")
    try:
        reading = await survey.read(ALL_PARTS)
    finally:
        await survey.close()
    made = plan(
        reading.snapshot, settings, node, mode, session_pools=session_pools, remembered=reading.settings
    )
    return made, preflight(reading, made, settings)
