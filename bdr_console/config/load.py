"""Find, read and check the configuration; every mistake of every file is told at once."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bdr_console.config.access import warnings
from bdr_console.config.includes import Gathered
from bdr_console.config.keys import wrong_keys
from bdr_console.config.mistakes import Mistake, of_validation
from bdr_console.config.model import Settings
from bdr_console.errors import ConsoleError

_SHOWN = 50
"""Mistakes that are printed; a wrong file would fill the screen."""


class ConfigurationError(ConsoleError):
    """The configuration cannot be used; `mistakes` are in the order of the files and lines."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        lines = [str(mistake) for mistake in mistakes[:_SHOWN]]
        if len(mistakes) > _SHOWN:
            lines.append(f"... and {len(mistakes) - _SHOWN} more")
        unread = all(mistake.text.startswith("cannot be read") for mistake in mistakes)
        known = "Every key and its default: bdr-console config example."
        super().__init__("\n".join(lines), "Check the path and its permissions." if unread else known)
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that holds."""

    settings: Settings
    files: tuple[Path, ...]
    """The file and what it includes, in the order they were read."""
    root: yaml.Node
    """Everything as one tree; its nodes know their places (see mistakes.mark_of)."""


def search_path() -> tuple[Path, ...]:
    """Where a configuration is looked for, first found wins, when no --config is given."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    named = os.environ.get("BDR_CONSOLE_CONFIG")
    return (
        (Path(named),) if named else (home / "bdr-console/config.yaml", Path("/etc/bdr-console/config.yaml"))
    )


def find(path: Path | None) -> Path:
    """The configuration file to read; raises ConsoleError that says where it was looked for."""
    candidates = (path,) if path else search_path()
    for candidate in candidates:
        if path or candidate.exists():
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise ConsoleError(
        f"no configuration found (looked for {looked})",
        "Write one from a node of your cluster with bdr-console init, name one with --config FILE, "
        "or try the rehearsal cluster: bdr-console lab up.",
    )


def read(path: Path) -> Loaded:
    """Read and check a configuration; raises ConfigurationError that names every mistake with its place."""
    gathered = Gathered(path)
    mistakes = list(gathered.mistakes)
    settings = None
    if gathered.root is not None:
        try:
            settings = Settings.model_validate(_values(gathered.root))
            mistakes += wrong_keys(gathered.root, settings.keys)
        except ValidationError as error:
            mistakes += of_validation(gathered.root, error)
        except (yaml.YAMLError, RecursionError):
            mistakes.append(
                Mistake(str(path), 0, 0, "", "its keys or aliases lead nowhere: this is not plain YAML")
            )
    if mistakes or settings is None or gathered.root is None:
        order = {str(file): i for i, file in enumerate(gathered.files)}
        told = dict.fromkeys(sorted(mistakes, key=lambda m: (order.get(m.file, 0), m.line, m.column)))
        raise ConfigurationError(tuple(told))
    return Loaded(settings, tuple(gathered.files), gathered.root)


def load(path: Path) -> Settings:
    """The settings of a configuration file; raises ConfigurationError."""
    return read(path).settings


def opened(path: Path | None) -> Settings:
    """The settings a command is to use, from `path` or the first place of the search path.

    Says on stderr when others could change the files. Raises ConsoleError.
    """
    found = read(find(path))
    for warning in warnings(found.files):
        print(f"bdr-console: warning: {warning}", file=sys.stderr)
    return found.settings


def _values(root: yaml.Node) -> Any:
    return yaml.SafeLoader("").construct_document(root)
