"""`bdr-console completion`: the script for a shell, and the values that it completes, without a connection.

What cannot be read completes to nothing: an error has no place in the middle of a command line.
"""

import sys
from collections.abc import Iterable

import click
from click.shell_completion import get_completion_class

from bdr_console.errors import ConsoleError

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog="""\b
To enable it for yourself, once:
  bash  bdr-console completion bash > ~/.local/share/bash-completion/completions/bdr-console
        (with the package bash-completion; without: source that file in ~/.bashrc)
  zsh   bdr-console completion zsh > "${fpath[1]}/_bdr-console"
        (or another directory of $fpath, before compinit)
  fish  bdr-console completion fish > ~/.config/fish/completions/bdr-console.fish"""
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that has SHELL complete what is typed after bdr-console.

    It completes commands and options, and the names of clusters, nodes, runs and themes.
    """
    root = ctx.find_root()
    kind = get_completion_class(shell)
    if kind is None:  # click knows these three
        sys.exit(f"no completion for {shell}")
    program = str(root.info_name)
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    click.echo(kind(root.command, {}, program, variable).source(), nl=False)


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
    from bdr_console.runbooks.execute import launch

    try:
        return _fitting((view.run_id for view in launch.runs()), incomplete)
    except (ConsoleError, OSError):
        return []


def themes(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The shipped themes and the user's own; no broken one."""
    from bdr_console.ui.theming.themes import gather

    return [
        name for name in gather(ctx.find_root().params.get("config")).known if name.startswith(incomplete)
    ]


def _fitting(known: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]
