"""What stands before the command on the command line, for whichever command follows."""

from dataclasses import dataclass
from pathlib import Path

import click


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
        raise click.BadParameter(f"'{value}' is no size: 64KiB, 100MiB, 1GiB", param=param) from error


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `bdr-console` itself."""

    config: Path | None = None
    cluster: str | None = None
    theme: str | None = None
    mouse: bool = True
    plain: bool = False
    """Pages of plain text instead of the screen."""
    record: Path | None = None
    record_limit: int | None = None
    """Bytes."""
