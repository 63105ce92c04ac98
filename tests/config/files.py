"""Configuration files for tests."""

from pathlib import Path

import pytest

from bdr_console.config import load
from bdr_console.errors import ConsoleError

GOOD = "clusters: {shop: {nodes: {n1: {dsn: host=a}}}}"


def write(directory: Path, text: str | bytes, name: str = "config.yaml") -> Path:
    """A file with that text."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def complaint(path: Path) -> str:
    """What is said of a file that cannot be used."""
    with pytest.raises(ConsoleError) as caught:
        load(path)
    return str(caught.value)
