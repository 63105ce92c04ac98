"""What tests of several rooms share: one real lab for the whole test session."""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import settings

from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, up
from tests.ui.stillness import still

# How fast the machine is at a given moment is no property of the program.
settings.register_profile("any speed", deadline=None)
settings.load_profile("any speed")

SHARED = "lab"
"""The group of the tests that need the shared lab."""
TWO_PROXIES = "two proxies"
"""The group of the tests that need the shared lab with two HAProxies."""
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
    """One pytest-xdist worker takes the tests of the shared lab, which mostly wait; the others take the rest,
    and at last the modules with labs of their own, as far as the first is not done before."""
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        if {"lab", "lab_of_two"} & set(getattr(item, "fixturenames", ())) or item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_turn)


def _group(item: pytest.Item) -> str:
    """Tests that need the same lab stay together."""
    module = item.getparent(pytest.Module)
    assert module is not None
    fixtures = getattr(item, "fixturenames", ())
    if "lab_of_two" in fixtures:
        return TWO_PROXIES
    shared = "lab" in fixtures and not hasattr(module.obj, "lab")
    return SHARED if shared else module.nodeid


def _turn(item: pytest.Item) -> int:
    """The order in which groups are handed out."""
    group = item.get_closest_marker("xdist_group")
    return 1 if group is None else 0 if group.args[0] == SHARED else 2


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option for the pictures of the screens (tests/ui/pictures.py)."""
    parser.addoption("--update-pictures", action="store_true", help="make the pictures of the screens anew")


def pytest_configure() -> None:
    """What a shell starts in the background ignores SIGINT, what nohup starts SIGHUP, and so would every
    program of the tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """A quarter of the processor time of the screens' tests went into looking for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.fixture(autouse=True)
def _wait_for_stillness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's pilot waits for the application and does not guess."""
    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", still)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three real nodes behind a real HAProxy and two real PgBouncers, shared by the whole session."""
    _end_labs_of_dead_sessions()
    made = up(lab_directory("shared"))
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def lab_of_two() -> Iterator[Lab]:
    """Three nodes behind two HAProxies with two PgBouncers each, shared by the whole session."""
    _end_labs_of_dead_sessions()
    made = up(lab_directory("two"), proxies=2)
    try:
        yield made
    finally:
        made.down()


_unsettled: set[Path] = set()
"""Labs that a test of `healthy_lab` has, or could not be put back after one."""


@pytest.fixture
def healthy_lab(lab: Lab) -> Iterator[Lab]:
    """The shared lab with no load and no fault, and again so afterwards: a test that takes `lab` alone leaves
    it as it is."""
    with _kept_healthy(lab):
        yield lab


@pytest.fixture
def two_proxies(lab_of_two: Lab) -> Iterator[Lab]:
    """The shared lab with two HAProxies, without load and faults, and again so afterwards."""
    with _kept_healthy(lab_of_two):
        yield lab_of_two


@contextmanager
def _kept_healthy(lab: Lab) -> Iterator[None]:
    if lab.layout.directory in _unsettled:
        settle(lab)
    _unsettled.add(lab.layout.directory)
    yield
    settle(lab)
    _unsettled.discard(lab.layout.directory)


def settle(lab: Lab) -> None:
    """End the load and every fault; raises ConsoleError when the lab cannot be mended."""
    if lab.load_runs:
        lab.stop_load()
    lab.mend_all()
