"""Two PostgreSQL servers for all tests of the links: one that runs on, and one to freeze and stop."""

import socket
from collections.abc import Iterator

import pytest

from tests.links.servers import Haproxy, PgBouncer, Postgres, directory, free_port


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running server that no test stops."""
    with directory() as path:
        server = Postgres(path)
        try:
            yield server.start()
        finally:
            server.stop()


@pytest.fixture(scope="session")
def _breakable() -> Iterator[Postgres]:
    with directory() as path:
        server = Postgres(path)
        try:
            yield server.start()
        finally:
            server.stop()


@pytest.fixture
def own_postgres(_breakable: Postgres) -> Iterator[Postgres]:
    """A running server that a test may freeze, stop and start; it runs again afterwards."""
    yield _breakable
    _breakable.mend()


@pytest.fixture
def haproxy(postgres: Postgres) -> Iterator[Haproxy]:
    """A running HAProxy with two servers, both the shared PostgreSQL."""
    with directory() as path:
        proxy = Haproxy(path, {"bdr_initial_node": postgres.port, "bdr_next_node": postgres.port})
        try:
            yield proxy.start()
        finally:
            proxy.stop()


@pytest.fixture
def pgbouncer(postgres: Postgres) -> Iterator[PgBouncer]:
    """A running PgBouncer in front of the shared PostgreSQL."""
    with directory() as path:
        pooler = PgBouncer(path, f"* = host=127.0.0.1 port={postgres.port}")
        try:
            yield pooler.start()
        finally:
            pooler.stop()


@pytest.fixture
def closed_port() -> int:
    """A loopback port that nobody listens on."""
    return free_port()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A loopback port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])
