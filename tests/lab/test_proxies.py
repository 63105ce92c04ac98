"""A lab with two HAProxies: each has its PgBouncers, takes its part of the load, and breaks on its own."""

from collections.abc import Iterator

import psycopg
import pytest

from bdr_console import config
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, haproxy, pgbouncer, up
from tests.conftest import lab_directory
from tests.lab.servers import ask
from tests.waiting import wait_until

pytestmark = pytest.mark.lab

HAPROXIES = ("haproxy1", "haproxy2")
POOLERS = ("pgb-tx", "pgb-session", "pgb2-tx", "pgb2-session")


@pytest.fixture(scope="module")
def made() -> Iterator[Lab]:
    """Two HAProxies, four PgBouncers, two nodes."""
    lab = up(lab_directory("two"), nodes=2, proxies=2)
    try:
        yield lab
    finally:
        lab.down()


@pytest.fixture
def two(made: Lab) -> Iterator[Lab]:
    """The same, whole before and after."""
    yield made
    if made.load_runs:
        made.stop_load()
    made.mend_all()


def _node(lab: Lab, port: int) -> str:
    with psycopg.connect(lab.layout.dsn(port, "app"), connect_timeout=5) as connection:
        row = connection.execute("SELECT current_setting('cluster_name')").fetchone()
    assert row is not None
    return str(row[0])


def _writers(lab: Lab) -> set[str]:
    """The nodes that sessions of the load are on now."""
    query = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'load'"
    return {node.name for node in lab.layout.nodes if ask(lab, node.name, query) == [(True,)]}


def test_status_and_the_consoles_configuration_name_all_of_them(two: Lab) -> None:
    lines = {line.name: line for line in two.status()}
    assert list(lines) == ["node1", "node2", *HAPROXIES, *POOLERS]
    assert {line.state for line in lines.values()} == {"running"}
    assert lines["pgb2-tx"].what.endswith("(transaction pool, to haproxy2)")
    _, settings = config.load(two.config).cluster(None)
    assert tuple(settings.proxies) == HAPROXIES
    assert tuple(settings.poolers) == POOLERS
    assert len({proxy.socket for proxy in settings.proxies.values()}) == 2
    assert Lab.load(two.layout.directory) == two


def test_each_pooler_leads_through_its_own_haproxy(two: Lab) -> None:
    for pooler in two.layout.poolers:
        with psycopg.connect(two.layout.dsn(pooler.port, "app"), connect_timeout=5) as session:
            session.execute("SELECT 1")
            servers = pgbouncer.admin(two.layout, pooler, "SHOW SERVERS")
        assert {row["port"] for row in servers} == {two.layout.proxy(pooler.proxy).port}


def _sessions(lab: Lab, proxy: str) -> int:
    return sum(server.sessions for server in haproxy.servers(lab.layout, proxy))


def test_the_load_is_spread_over_both_and_counted_as_one(two: Lab) -> None:
    order = two.start_load(clients=5, rate=100)
    assert [(part.pooler, part.first, part.clients) for part in order.parts] == [
        ("pgb-tx", 0, 3),
        ("pgb2-tx", 3, 2),
    ]
    assert {line.name for line in two.status()} >= {"load-pgb-tx", "load-pgb2-tx"}
    query = "SELECT count(DISTINCT client) FROM ledger WHERE run = (SELECT max(run) FROM ledger)"
    wait_until(lambda: ask(two, "node2", query) == [(5,)], "every client has written")
    result = two.stop_load()
    assert result.failed == result.lost == 0
    assert {count.increments for count in result.counts} == {result.transactions}


def test_the_loss_of_one_haproxy_leaves_the_clients_of_the_other_one_alone(two: Lab) -> None:
    two.start_load(clients=4, rate=200)
    two.break_("stop-haproxy", "haproxy2")
    before = _written(two, 0, 1)
    wait_until(lambda: _written(two, 0, 1) > before + 20, "clients of haproxy1 write on")
    with pytest.raises(ConsoleError, match="needs to be told where") as refused:
        two.break_("stop-haproxy")
    assert "HAPROXY" in refused.value.remedy
    two.mend("stop-haproxy", "haproxy2")
    result = two.stop_load()
    assert result.aborted_clients <= 2, "only who was in a transaction on haproxy2 is hurt"
    assert result.lost == 0, "what was acknowledged is there"


def _written(lab: Lab, first: int, last: int) -> int:
    query = "SELECT sum(n) FROM counter WHERE client BETWEEN %s AND %s"
    return int(ask(lab, "node1", query, first, last)[0][0])


def test_a_reloaded_haproxy_forgets_maintenance_while_its_old_process_serves_on(two: Lab) -> None:
    proxy = two.layout.proxy("haproxy2")
    old = haproxy.pid(two.layout, proxy.name)
    haproxy.command(two.layout, "disable server bk_db/bdr_next_node", name=proxy.name)
    with psycopg.connect(two.layout.dsn(proxy.port, "app"), autocommit=True, connect_timeout=5) as session:
        session.execute("SELECT 1")
        two.break_("reload-haproxy", "haproxy2")
        assert haproxy.pid(two.layout, proxy.name) != old
        assert session.execute("SELECT 1").fetchone() == (1,), "its old process serves the session"
        assert _sessions(two, "haproxy2") == 0, "which the new one knows nothing of"
    assert {server.status[:2] for server in haproxy.servers(two.layout, "haproxy2")} == {"UP"}


def test_split_traffic_writes_two_nodes_while_every_server_is_up(two: Lab) -> None:
    two.start_load(clients=4, rate=40)
    two.break_("split-traffic", "haproxy2")
    wait_until(lambda: _writers(two) == {"node1", "node2"}, "both nodes are written")
    for name in HAPROXIES:
        assert {server.status for server in haproxy.servers(two.layout, name)} == {"UP"}
    two.mend("split-traffic", "haproxy2")
    wait_until(lambda: _writers(two) == {"node1"}, "one node is written again")


def test_a_server_of_weight_0_is_up_and_takes_over_from_nobody(two: Lab) -> None:
    first, second = two.layout.proxies
    two.break_("weight0", "node2@haproxy1")
    states = haproxy.servers(two.layout, first.name)
    assert [(state.status, state.weight) for state in states] == [("UP", 1), ("UP", 0)]
    for proxy in two.layout.proxies:
        haproxy.command(two.layout, "disable server bk_db/bdr_initial_node", name=proxy.name)
    with pytest.raises(psycopg.OperationalError, match="closed the connection"):
        _node(two, first.port)
    assert _node(two, second.port) == "node2"
    two.mend("weight0", "bdr_next_node@haproxy1")
    assert _node(two, first.port) == "node2"
    two.mend_all()
    two.break_("weight0", "node1")
    assert {haproxy.servers(two.layout, name)[0].weight for name in HAPROXIES} == {0}
    two.mend_all()
    assert {haproxy.servers(two.layout, name)[0].weight for name in HAPROXIES} == {1}


@pytest.mark.parametrize("through", ["node2", "haproxy2"])
def test_a_direct_client_writes_past_every_pooler(two: Lab, through: str) -> None:
    two.break_("direct-client", through)
    where = "node2" if through == "node2" else "node1"
    query = "SELECT state, backend_xid IS NOT NULL FROM pg_stat_activity WHERE application_name = 'etl'"
    assert ask(two, where, query) == [("idle in transaction", True)]
    two.break_("hold-transaction", "pgb2-tx")
    assert {line.name for line in two.status()} >= {"direct-client", "hold-transaction"}
    two.mend("direct-client", through)
    wait_until(lambda: not ask(two, where, query), "it has gone")


def test_mending_everything_puts_both_haproxies_back(two: Lab) -> None:
    haproxy.command(two.layout, "disable server bk_db/bdr_initial_node", name="haproxy2")
    two.break_("freeze-haproxy", "haproxy1")
    two.break_("stop-pooler", "pgb2-session")
    two.mend_all()
    assert {line.state for line in two.status()} == {"running"}
    assert {_node(two, pooler.port) for pooler in two.layout.poolers} == {"node1"}


def test_a_number_of_haproxies_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConsoleError, match="0 HAProxies"):
        up(lab_directory("none"), proxies=0)
