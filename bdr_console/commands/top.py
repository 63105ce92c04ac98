"""`bdr-console top`: whole pages of plain text, for terminals and places where the screen cannot be."""

import asyncio
import sys

import click

from bdr_console.commands import completion
from bdr_console.commands.options import FiniteRange
from bdr_console.commands.ssh_keys import keys_unlocked
from bdr_console.config.options import Options
from bdr_console.plain.stream_writer import Paper, ascii_only, read_or_not, size

_PATIENCE = 3.0
"""Seconds until the first page, with whatever has answered by then."""
_EVERY = 2.0


@click.command()
@click.option(
    "--every",
    type=FiniteRange(0.5, 3600),
    default=_EVERY,
    show_default=True,
    metavar="SECONDS",
    help="A page this often.",
)
@click.option("--count", type=click.IntRange(1, 1_000_000), metavar="N", help="End after so many pages.")
@click.option(
    "--cluster",
    "name",
    metavar="NAME",
    shell_complete=completion.clusters,
    help="This cluster instead of the first one.",
)
@click.pass_obj
def top(options: Options, every: float, count: int | None, name: str | None) -> None:
    """Show a cluster as plain text, page after page, until Ctrl-C.

    On a terminal that can move its cursor each page takes the place of the one before; on one that cannot
    (TERM=dumb) and in a file they follow one another. Only ASCII under LANG=C and with --ascii. Read-only.
    """
    run_top(options, name, every=every, count=count)


def run_top(
    options: Options, name: str | None = None, *, every: float = _EVERY, count: int | None = None
) -> None:
    """The same for whoever cannot show the screen. Returns when it is over. Raises ConsoleError."""
    from bdr_console.config import find, opened

    settings = opened(find(options.config))
    cluster, chosen = settings.cluster(name or options.cluster)
    plain = ascii_only(options.ascii, settings.ascii)

    async def show() -> None:
        from bdr_console.plain.page import page
        from bdr_console.plain.status_reader import StatusReader

        paper, reader, shown = Paper(ascii_only=plain), StatusReader(cluster, chosen, settings.refresh), 0
        try:
            async for report in reader.reports(_PATIENCE, every):
                paper.put(page(report, size()[0], ascii_only=plain))
                shown += 1
                if shown == count:
                    return
        finally:
            await reader.close()

    try:
        with keys_unlocked(chosen), read_or_not():
            asyncio.run(show())
    except KeyboardInterrupt:
        if sys.stdout.isatty():
            click.echo()
