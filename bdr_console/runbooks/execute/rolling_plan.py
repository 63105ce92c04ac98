"""Rolling maintenance as it is announced: one switchover for each node, as the cluster is now. Pure.

Only the first of them is carried out as it stands here: see rolling.py for how the others are planned anew.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.checks.preflight import refuses
from bdr_console.runbooks.execute.preview import planned
from bdr_console.runbooks.model.plan_id import Seen, seen_by
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.run import Check
from bdr_console.runbooks.model.step import Plan

RUNBOOK = "rolling switchover"

Turn = tuple[Plan, tuple[Check, ...]]
"""The switchover of one node, and its checks."""


def named(settings: ClusterSettings, cluster: str, nodes: tuple[str, ...]) -> tuple[str, ...]:
    """The nodes as they were given; raises ConsoleError for one that is unknown or stands there twice."""
    known = ", ".join(settings.nodes)
    for node in nodes:
        if node not in settings.nodes:
            raise ConsoleError(f"cluster '{cluster}' has no node named '{node}'", f"It has: {known}.")
    if len(set(nodes)) < len(nodes):
        raise ConsoleError(f"a node is named twice: {', '.join(nodes)}", "Each node gets one turn.")
    return nodes


def nodes_of(request: Mapping[str, Any]) -> tuple[str, ...]:
    """The nodes of a request in the order of their turns; none for a run of a single node."""
    return tuple(request.get("nodes", ()))


def subject(request: Mapping[str, Any]) -> str:
    """What a run is about in one word: its node, or its nodes with a comma between them."""
    return ",".join(nodes_of(request)) or str(request["node"])


def turns(reading: Reading, settings: ClusterSettings, request: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The switchover of each node as it would be if its turn were now. Raises ConsoleError when one of them
    cannot be planned."""
    nodes = nodes_of(request) or (request["node"],)
    return tuple(planned(reading, settings, {**request, "node": node}) for node in nodes)


def seen(reading: Reading, made: tuple[Turn, ...]) -> Seen:
    """Everything that the turns rest on, in words that do not change by themselves."""
    (first, _), *others = made
    found = seen_by(reading, first)
    for plan, _ in others:
        own = seen_by(reading, plan)
        found |= {f"{plan.node}: {name}": what for name, what in own.items() if found.get(name) != what}
    return found


def whole_checks(made: tuple[Turn, ...]) -> tuple[Check, ...]:
    """The first node's checks, and what forbids the turn of a later one: better told before any begins."""
    (_, checks), *others = made
    later = (
        replace(check, title=f"{plan.node}: {check.title}")
        for plan, known in others
        for check in refuses(known)
    )
    return (*checks, *later)
