"""A real PostgreSQL for the tests of this room."""

from collections.abc import Iterator

import pytest

from tests.links.servers import Postgres, directory


@pytest.fixture(scope="package")
def postgres() -> Iterator[Postgres]:
    """A running server that writes every statement into its log."""
    with directory() as path:
        server = Postgres(path, "log_statement = all", "log_connections = on", "log_line_prefix = '%a|'")
        try:
            yield server.start()
        finally:
            server.stop()
