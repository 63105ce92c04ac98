"""Values that a shell completes on the command line: clusters, nodes, runs. Nothing is connected to.

What cannot be read completes to nothing: an error has no place in the middle of a command line.
"""

from collections.abc import Iterable

import click

from bdr_console.errors import ConsoleError


def clusters(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Clusters of the configuration that the command line names, else of the one that is found."""
    from bdr_console.config import find, load

    try:
        return _fitting(load(find(ctx.find_root().params.get("config"))).clusters, incomplete)
    except (ConsoleError, OSError):
        return []


def nodes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Nodes of the cluster that the command line names, else of the first one; none is offered twice."""
    from bdr_console.config import find, load

    try:
        _, settings = load(find(ctx.find_root().params.get("config"))).cluster(
            ctx.find_root().params.get("cluster")
        )
    except (ConsoleError, OSError):
        return []
    given = ctx.params.get(param.name or "")
    return [node for node in _fitting(settings.nodes, incomplete) if not given or node not in given]


def runs(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Runs of this host, newest first."""
    from bdr_console.runbooks import launch

    try:
        return _fitting((view.run_id for view in launch.runs()), incomplete)
    except (ConsoleError, OSError):
        return []


def _fitting(known: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]
