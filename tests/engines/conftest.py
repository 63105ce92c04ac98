"""A small PostgreSQL for the engines' statements."""

from collections.abc import Iterator

import pytest

from bdr_console.lab.installations import Installation
from tests.links.servers import Postgres, directory, installed

_ON_EVERY_SERVER = ("test_plain", "test_native", "test_grants")
"""Modules that run on each PostgreSQL there is, the system's and 18: their statements differ by version."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of those modules once for each server."""
    module = metafunc.module.__name__.rpartition(".")[2]
    if module in _ON_EVERY_SERVER and "postgres" in metafunc.fixturenames:
        names = [f"PostgreSQL {server.version}" for server in installed()]
        metafunc.parametrize("postgres", installed(), ids=names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def postgres(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A running server of this module alone: the system's, or the one that a test is run on."""
    chosen: Installation | None = getattr(request, "param", None)
    with directory() as path:
        server = Postgres(path, server=chosen)
        try:
            yield server.start()
        finally:
            server.stop()
