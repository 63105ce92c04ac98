"""HAProxy that cuts sessions when a server is disabled or enabled, as Patroni's template has it, for real."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bdr_console.lab import Lab
from bdr_console.runbooks import launch
from bdr_console.runbooks.run import RunStatus
from tests.runbooks.test_lab_quiesce import start
from tests.runbooks.test_lab_switchover import Started, in_maintenance

pytestmark = [pytest.mark.lab, pytest.mark.timeout(150)]

CLIENTS = 5


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of this test alone; none of their runners outlives it."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    yield
    for view in launch.runs():
        if pid := Started(launch.run_dir(view.run_id)).pid:
            os.kill(pid, signal.SIGKILL)


class Transactions:
    """Clients of the transaction pool, each of which has a transaction open most of the time."""

    def __init__(self, lab: Lab, seconds: float = 0.7) -> None:
        self._dsn = lab.layout.dsn(lab.layout.pooler("pgb-tx").port, "app")
        self._seconds = seconds
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CLIENTS)]
        self.done = 0
        self.failed: list[str] = []

    def __enter__(self) -> "Transactions":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def _work(self) -> None:
        while not self._over.is_set():
            try:
                with psycopg.connect(self._dsn, prepare_threshold=None, autocommit=True) as connection:
                    while not self._over.is_set():
                        self._one(connection)
            except psycopg.OperationalError as error:
                self.failed.append(str(error))

    def _one(self, connection: psycopg.Connection) -> None:
        with connection.transaction():
            connection.execute("SELECT 1")
            time.sleep(self._seconds)
            connection.execute("SELECT 1")
        self.done += 1


def test_a_quiesce_has_no_transaction_cut_on_the_way_out(healthy_lab: Lab) -> None:
    healthy_lab.break_("shutdown-sessions")
    with Transactions(healthy_lab) as clients:
        run = start(healthy_lab)
        run.holding()
        assert clients.failed == []
        assert in_maintenance(healthy_lab) == {"bk_db/bdr_initial_node"}
        run.say("abort")
        assert run.over().status is RunStatus.MOVED
    assert clients.done
