"""Kinds of values and options that several commands take."""

import math
from pathlib import Path

import click

from bdr_console.cluster.text import clean
from bdr_console.commands import completion

FILE = click.Path(path_type=Path, readable=False)
"""A file or directory. What cannot be read is said by what opens it, with the reason, not by Click before."""


class FiniteRange(click.FloatRange):
    """A range of numbers. Click's own lets NaN pass, which is neither below nor above anything."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; fails as Click's own does."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is no number.", param, ctx)
        return number


def byte_count(_ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A callback for sizes as in the configuration: 64KiB, 100MiB, or bytes."""
    if value is None:
        return None
    from pydantic import TypeAdapter, ValidationError

    from bdr_console.config.values import ByteCount

    adapter: TypeAdapter[int] = TypeAdapter(ByteCount)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise click.BadParameter(
            f"'{clean(value, 40)}' is no size up to 1024TiB: 64KiB, 100MiB, 1GiB", param=param
        ) from error


theme_option = click.option(
    "--theme",
    metavar="NAME",
    shell_complete=completion.themes,
    help="A colour theme, instead of the configured one.",
)
