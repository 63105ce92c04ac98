"""Options that stand before the command on the command line: they choose and override the configuration."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `bdr-console` itself."""

    config: Path | None = None
    cluster: str | None = None
    theme: str | None = None
    mouse: bool = True
    plain: bool = False
    """Pages of plain text instead of the screen."""
    ascii: bool = False
    record: Path | None = None
    record_limit: int | None = None
    """Bytes."""
