"""A small PostgreSQL for the engines' statements."""

from collections.abc import Iterator

import pytest

from tests.links.servers import Postgres, directory


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A running server of this module alone."""
    with directory() as path:
        server = Postgres(path)
        try:
            yield server.start()
        finally:
            server.stop()
