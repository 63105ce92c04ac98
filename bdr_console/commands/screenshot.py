"""`bdr-console screenshot`: the screen as SVG or as text, of a live cluster or of a recording."""

import asyncio
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bdr_console.commands.options import FILE, FiniteRange, theme_option
from bdr_console.config.options import Options
from bdr_console.errors import ConsoleError
from bdr_console.paths import write_private
from bdr_console.recording.reader import Recording

if TYPE_CHECKING:
    from bdr_console.ui.screenshot import Shot


@click.command()
@click.option(
    "--recording",
    type=FILE,
    metavar="FILE",
    help="Of a recording, not of a cluster.",
)
@click.option("--at", metavar="TIME", help="At that moment of it: 12:03, +5m, end, or words of an event.")
@click.option("--size", default="140x40", metavar="COLUMNSxROWS", show_default=True, help="Of the terminal.")
@theme_option
@click.option("--keys", default="", metavar="KEYS", help="Keys to press first: 4,z or s,enter.")
@click.option(
    "--format", "as_", type=click.Choice(("svg", "text")), help="svg, or plain lines; by the name of -o."
)
@click.option(
    "--settle",
    type=FiniteRange(0, 3600),
    default=0.0,
    metavar="SECONDS",
    help="Gather history first, for sparklines.",
)
@click.option("-o", "--output", type=FILE, metavar="FILE", help="Instead of stdout.")
@click.pass_obj
def screenshot(
    options: Options,
    recording: Path | None,
    at: str | None,
    size: str,
    theme: str | None,
    keys: str,
    as_: str | None,
    settle: float,
    output: Path | None,
) -> None:
    """Print what the console shows, read-only, without a terminal."""
    os.umask(0o077)
    if at is not None and recording is None:
        raise ConsoleError("--at is a moment of a recording", "Name one with --recording FILE.")
    as_text = (as_ or ("text" if output is None or output.suffix == ".txt" else "svg")) == "text"
    pressed = tuple(key.strip() for key in keys.split(",") if key.strip())
    from bdr_console.ui import screenshot as made
    from bdr_console.ui.theming.themes import appearance, own

    shape = _size(size)
    if recording is not None:
        with Recording(recording) as opened_recording:
            config, settings = own(options)
            look = appearance(options, config, settings, theme=theme, on_terminal=False)
            shot = asyncio.run(made.of_recording(opened_recording, at, shape, look, pressed))
    else:
        shot = asyncio.run(_live(options, shape, theme, pressed, settle))
    text = shot.text if as_text else shot.svg
    if output is None:
        click.echo(text)
    else:
        write_private(output, text + "\n")


async def _live(
    options: Options, size: tuple[int, int], theme: str | None, keys: tuple[str, ...], settle: float
) -> "Shot":
    from bdr_console.commands.ssh_keys import keys_unlocked
    from bdr_console.config import find, opened
    from bdr_console.ui.screenshot import of_cluster
    from bdr_console.ui.theming.themes import appearance

    config = find(options.config)
    settings = opened(config)
    name, chosen = settings.cluster(options.cluster)
    with keys_unlocked(chosen):
        look = appearance(options, config, settings, theme=theme, on_terminal=False)
        return await of_cluster(name, chosen, size, look, keys, refresh=settings.refresh, settle=settle)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{2,3})x(\d{1,3})", text)
    if found is None or not (40 <= int(found[1]) <= 500 and 10 <= int(found[2]) <= 200):
        raise ConsoleError(f"'{text}' is no size of a terminal", "COLUMNSxROWS, 40x10 to 500x200: 140x40.")
    return int(found[1]), int(found[2])
