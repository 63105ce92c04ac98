"""The option `--theme`, of the console and of its pictures."""

import click


def _themes(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The shipped themes and the user's own; no broken one."""
    from bdr_console.ui.theming.themes import gather

    return [
        name for name in gather(ctx.find_root().params.get("config")).known if name.startswith(incomplete)
    ]


theme_option = click.option(
    "--theme",
    metavar="NAME",
    shell_complete=_themes,
    help="A colour theme, instead of the configured one.",
)
