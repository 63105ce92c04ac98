"""What tests of several rooms share: one real lab for the whole test session."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, up

_SCRATCH = Path("/var/tmp")
"""Labs of a test run as root belong to another account, which cannot enter pytest's own directories."""


def lab_directory(name: str) -> Path:
    """A directory for a lab of this test session; it does not exist yet."""
    return _SCRATCH / f"bdr-test-{os.getpid()}-{name}"


def _end_labs_of_dead_sessions() -> None:
    """A test session that was killed could not take its labs down."""
    for directory in _SCRATCH.glob("bdr-test-*"):
        owner = directory.name.split("-")[2]
        if not Path(f"/proc/{owner}").exists():
            with suppress(ConsoleError):
                Lab.load(directory).down()


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several pytest-xdist workers one runs every test of the lab: there is one, and it mostly waits."""
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()) or item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.xdist_group("lab"))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three real nodes behind a real HAProxy and two real PgBouncers, shared by the whole session."""
    _end_labs_of_dead_sessions()
    made = up(lab_directory("shared"))
    try:
        yield made
    finally:
        made.down()


@pytest.fixture
def healthy_lab(lab: Lab) -> Iterator[Lab]:
    """The shared lab with no load and no fault, and again so afterwards."""
    _settle(lab)
    yield lab
    _settle(lab)


def _settle(lab: Lab) -> None:
    if any(line.name == "load" for line in lab.status()):
        lab.stop_load()
    lab.mend_all()
