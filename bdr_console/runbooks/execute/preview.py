"""The plan and the checks before anything starts: what the dialog and `switchover NODE --plan` show."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bdr_console.config import ClusterSettings
from bdr_console.runbooks.checks.preflight import ALL_PARTS, check_ssh
from bdr_console.runbooks.execute import catalog
from bdr_console.runbooks.execute.cluster_reader import ClusterReader
from bdr_console.runbooks.journal.abandoned_runs import left_behind, orphans
from bdr_console.runbooks.journal.journal_file import runs
from bdr_console.runbooks.model.pool_holders import interventions
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.run import DEFAULT_MODE, Check
from bdr_console.runbooks.model.step import Intervention, Plan
from bdr_console.runbooks.plan import isolate

_DEAD_WITHIN = 0.5
"""Seconds for which a plan looks whether the node that is to be isolated answers."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan before anything is sent."""

    plan: Plan
    checks: tuple[Check, ...]
    interventions: tuple[Intervention, ...] = ()
    """What may be done about the sessions that checks name."""


async def preview(
    settings: ClusterSettings,
    cluster: str,
    node: str,
    mode: str = DEFAULT_MODE,
    *,
    session_pools: str = "wait",
    runbook: str = "switchover",
) -> Preview:
    """What a switchover of `node` would do, and the checks with what was seen. Changes nothing: it reads
    through sessions of its own, closed at the end. Raises ConsoleError when no plan can be made."""
    request = {"runbook": runbook, "node": node, "mode": mode, "session_pools": session_pools}
    reading = await look(settings, cluster, request)
    made, checks = planned(reading, settings, request)
    held = {one.id: one for check in checks for one in check.holders}
    return Preview(made, checks, interventions(reading, tuple(held.values()), ()))


async def look(settings: ClusterSettings, cluster: str, request: Mapping[str, Any] | None = None) -> Reading:
    """One reading of everything that the plan and the checks of that request need, and how fast the peers of
    its nodes apply. Nothing waits for a node that is to be isolated."""
    dead = isolate.unasked(request or {}, _DEAD_WITHIN)
    wanted = tuple((request or {}).get("nodes") or ([request["node"]] if request else ()))
    reader = ClusterReader(cluster, settings, application_name="bdr-console plan", hurried=dead)
    try:
        reading = await reader.read(isolate.PARTS if dead else ALL_PARTS)
        nodes = () if dead else wanted
        found = await asyncio.gather(*(reader.catch_up(node, reading) for node in nodes))
        measured = {node: took for node, took in zip(nodes, found, strict=True) if took is not None}
        return replace(reading, catch_up=measured)
    finally:
        await reader.close()


def planned(
    reading: Reading, settings: ClusterSettings, request: Mapping[str, Any]
) -> tuple[Plan, tuple[Check, ...]]:
    """The plan that this reading allows, and its checks: what earlier runs left, then the runbook's own."""
    made, checks = catalog.planned(reading, settings, request)
    found = orphans(runs(), reading.snapshot)
    pauses = made.choice is not None and made.choice.mode == "quiesce"
    ssh = check_ssh(reading, settings, pauses=pauses)
    return made, (*left_behind(found), *ssh, *checks)
