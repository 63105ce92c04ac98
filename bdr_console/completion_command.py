"""`bdr-console completion`: the script that has a shell complete commands, options, nodes and runs."""

import sys

import click
from click.shell_completion import get_completion_class

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
