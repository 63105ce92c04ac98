"""The load counts what it did, what failed and what is missing, and finds the longest stall."""

from datetime import UTC, datetime

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, pgbench
from tests.lab.servers import ask
from tests.waiting import wait_until


def _rows(lab: Lab) -> int:
    return int(
        ask(lab, "node1", "SELECT count(*) FROM ledger WHERE run = (SELECT max(run) FROM ledger)")[0][0]
    )


@pytest.mark.lab
@pytest.mark.parametrize(
    ("protocol", "pooler"), [("simple", "pgb-tx"), ("extended", "pgb-tx"), ("prepared", "pgb-session")]
)
def test_every_finished_transaction_is_found_on_every_node(
    healthy_lab: Lab, protocol: str, pooler: str
) -> None:
    healthy_lab.start_load(clients=4, rate=200, protocol=protocol, pooler=pooler)
    wait_until(lambda: _rows(healthy_lab) > 40, "some transactions are done")
    result = healthy_lab.stop_load()
    assert result.transactions > 40
    assert result.failed == result.aborted_clients == result.lost == 0
    assert {(c.increments, c.ledger_rows) for c in result.counts} == {
        (result.transactions, result.transactions)
    }
    assert [count.node for count in result.counts] == ["node1", "node2", "node3"]


@pytest.mark.lab
def test_a_load_of_some_seconds_ends_by_itself_and_is_counted_later(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=2, rate=None, seconds=10)
    with pytest.raises(ConsoleError, match="running already"):
        healthy_lab.start_load(clients=2)
    assert healthy_lab.load_result().lost is None, "a running load is not counted on the nodes"
    wait_until(lambda: not healthy_lab.load_runs, "it has ended")
    result = healthy_lab.load_result()
    assert result.lost == 0
    assert result.counts[0].increments == result.transactions > 0


@pytest.mark.lab
def test_lost_increments_are_noticed_on_every_node(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=2, rate=100, seconds=1)
    wait_until(lambda: not healthy_lab.load_runs, "it has ended")
    ask(healthy_lab, "node2", "UPDATE counter SET n = n - 3 WHERE client = 1")
    wait_until(lambda: healthy_lab.load_result().lost == 3, "three increments are missing everywhere")
    assert [count.lost for count in healthy_lab.load_result().counts] == [3, 3, 3]


@pytest.mark.lab
def test_clients_that_lose_their_connection_count_as_failures(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=4, rate=None)
    healthy_lab.break_("stop-pooler", "pgb-tx")
    wait_until(lambda: not healthy_lab.load_runs, "every client gave up")
    result = healthy_lab.stop_load()
    assert (result.aborted_clients, result.failed) == (4, 4)
    assert result.lost == 0, "what was done is still there"


@pytest.mark.lab
def test_a_stall_spans_the_time_in_which_nothing_moved(healthy_lab: Lab) -> None:
    healthy_lab.start_load(clients=4, rate=None)
    began = datetime.now(UTC)
    healthy_lab.break_("freeze-haproxy")
    frozen = datetime.now(UTC)
    idle = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'load' AND state = 'active'"
    wait_until(lambda: ask(healthy_lab, "node1", idle) == [(0,)], "the node has answered all that reached it")
    done = _rows(healthy_lab)
    assert _rows(healthy_lab) == done, "nothing moves while HAProxy is frozen"
    before_mending = datetime.now(UTC)
    healthy_lab.mend("freeze-haproxy")
    stall = healthy_lab.stall(began, datetime.now(UTC))
    healthy_lab.stop_load()
    assert stall is not None
    assert stall.began < frozen
    assert stall.ended > before_mending


@pytest.mark.lab
@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"clients": 0}, "0 clients"),
        ({"rate": 0}, "rate of 0"),
        ({"seconds": 0}, "0 s"),
        ({"pooler": "pgb-9"}, "no PgBouncer 'pgb-9'"),
        ({"protocol": "carrier pigeon"}, "no protocol"),
    ],
)
def test_a_load_that_cannot_work_is_refused_in_words(lab: Lab, wanted: dict[str, object], said: str) -> None:
    with pytest.raises(ConsoleError, match=said):
        lab.start_load(**wanted)  # type: ignore[arg-type]


def test_schedule_lag_is_not_part_of_a_stall() -> None:
    (transaction,) = pgbench.parse(["3 17 500000 0 1000 250000 400000\n"])
    assert transaction == pgbench.LoadTransaction(3, 1000.15, 1000.25, failed=False)
    assert transaction.seconds == pytest.approx(0.1)


def test_a_log_line_still_being_written_is_left_out_and_failures_are_seen() -> None:
    lines = ["0 1 2000 0 1000 0\n", "1 1 serialization 0 1000 5\n", "2 1 skipped 0 1000 6\n", "0 2 30"]
    assert [(t.client, t.failed) for t in pgbench.parse(lines)] == [(0, False), (1, True)]


def test_the_longest_transaction_is_looked_for_in_the_window_only() -> None:
    log = [
        pgbench.LoadTransaction(0, at, at + length, failed=False)
        for at, length in ((10, 5.0), (20, 1), (30, 2))
    ]
    assert pgbench.longest(log, 16, 29) == pgbench.Stall(
        1, datetime.fromtimestamp(20, UTC), datetime.fromtimestamp(21, UTC)
    )
    whole = pgbench.longest(log, 0, 100)
    assert whole is not None
    assert whole.seconds == 5
    assert pgbench.longest(log, 40, 50) is None


def test_a_client_that_gave_up_is_counted_once() -> None:
    said = (
        "pgbench: error: client 3 script 0 aborted in command 2 query 0: FATAL:  server conn crashed?\n"
        "pgbench: error: client 3 aborted in command 2 (SQL) of script 0; perhaps the backend died\n"
        "pgbench: error: client 11 aborted in command 2 (SQL) of script 0; perhaps the backend died\n"
        'pgbench: error: connection to server at "127.0.0.1", port 6432 failed: Connection refused\n'
        "pgbench: error: could not create connection for client 5\n"
    )
    assert pgbench.aborted_clients(said) == 3
