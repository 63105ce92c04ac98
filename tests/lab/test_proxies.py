"""A lab with two HAProxies: each has its PgBouncers, takes its part of the load, and breaks on its own."""

import psycopg
import pytest

from bdr_console import config
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, haproxies, pgbouncers, up
from tests.conftest import lab_directory
from tests.lab.servers import ask
from tests.waiting import wait_until

pytestmark = pytest.mark.lab

HAPROXIES = ("haproxy1", "haproxy2")
POOLERS = ("pgb-tx", "pgb-session", "pgb2-tx", "pgb2-session")


def _node(lab: Lab, port: int) -> str:
    with psycopg.connect(lab.layout.dsn(port, "app"), connect_timeout=5) as connection:
        row = connection.execute("SELECT current_setting('cluster_name')").fetchone()
    assert row is not None
    return str(row[0])


def _writers(lab: Lab) -> set[str]:
    """The nodes that sessions of the load are on now."""
    query = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'load'"
    return {node.name for node in lab.layout.nodes if ask(lab, node.name, query) == [(True,)]}


def test_status_and_the_consoles_configuration_name_all_of_them(two_proxies: Lab) -> None:
    lines = {line.name: line for line in two_proxies.status()}
    assert list(lines) == ["node1", "node2", "node3", *HAPROXIES, *POOLERS]
    assert {line.state for line in lines.values()} == {"running"}
    assert lines["pgb2-tx"].what.endswith("(transaction pool, to haproxy2)")
    _, settings = config.load(two_proxies.config).cluster(None)
    assert tuple(settings.proxies) == HAPROXIES
    assert tuple(settings.poolers) == POOLERS
    assert len({proxy.socket for proxy in settings.proxies.values()}) == 2
    assert Lab.load(two_proxies.layout.directory) == two_proxies


def test_each_pooler_leads_through_its_own_haproxy(two_proxies: Lab) -> None:
    for pooler in two_proxies.layout.poolers:
        with psycopg.connect(two_proxies.layout.dsn(pooler.port, "app"), connect_timeout=5) as session:
            session.execute("SELECT 1")
            servers = pgbouncers.admin(two_proxies.layout, pooler, "SHOW SERVERS")
        assert {row["port"] for row in servers} == {two_proxies.layout.proxy(pooler.proxy).port}


def _sessions(lab: Lab, proxy: str) -> int:
    return sum(server.sessions for server in haproxies.servers(lab.layout, proxy))


def test_the_load_is_spread_over_both_and_counted_as_one(two_proxies: Lab) -> None:
    order = two_proxies.start_load(clients=5, rate=100)
    assert [(part.pooler, part.first, part.clients) for part in order.parts] == [
        ("pgb-tx", 0, 3),
        ("pgb2-tx", 3, 2),
    ]
    assert {line.name for line in two_proxies.status()} >= {"load-pgb-tx", "load-pgb2-tx"}
    query = "SELECT count(DISTINCT client) FROM ledger WHERE run = (SELECT max(run) FROM ledger)"
    wait_until(lambda: ask(two_proxies, "node2", query) == [(5,)], "every client has written")
    result = two_proxies.stop_load()
    assert result.failed == result.lost == 0
    assert {count.increments for count in result.counts} == {result.transactions}


def test_the_loss_of_one_haproxy_leaves_the_clients_of_the_other_one_alone(two_proxies: Lab) -> None:
    two_proxies.start_load(clients=4, rate=200)
    two_proxies.break_("stop-haproxy", "haproxy2")
    before = _written(two_proxies, 0, 1)
    wait_until(lambda: _written(two_proxies, 0, 1) > before + 20, "clients of haproxy1 write on")
    with pytest.raises(ConsoleError, match="needs to be told where") as refused:
        two_proxies.break_("stop-haproxy")
    assert "HAPROXY" in refused.value.remedy
    two_proxies.mend("stop-haproxy", "haproxy2")
    result = two_proxies.stop_load()
    assert result.aborted_clients <= 2, "only who was in a transaction on haproxy2 is hurt"
    assert result.lost == 0, "what was acknowledged is there"


def _written(lab: Lab, first: int, last: int) -> int:
    query = "SELECT sum(n) FROM counter WHERE client BETWEEN %s AND %s"
    return int(ask(lab, "node1", query, first, last)[0][0])


def test_a_reloaded_haproxy_forgets_maintenance_while_its_old_process_serves_on(two_proxies: Lab) -> None:
    proxy = two_proxies.layout.proxy("haproxy2")
    old = haproxies.pid(two_proxies.layout, proxy.name)
    haproxies.command(two_proxies.layout, "disable server bk_db/bdr_next_node", name=proxy.name)
    with psycopg.connect(
        two_proxies.layout.dsn(proxy.port, "app"), autocommit=True, connect_timeout=5
    ) as session:
        session.execute("SELECT 1")
        two_proxies.break_("reload-haproxy", "haproxy2")
        assert haproxies.pid(two_proxies.layout, proxy.name) != old
        assert session.execute("SELECT 1").fetchone() == (1,), "its old process serves the session"
        assert _sessions(two_proxies, "haproxy2") == 0, "which the new one knows nothing of"
    assert {server.status[:2] for server in haproxies.servers(two_proxies.layout, "haproxy2")} == {"UP"}


def test_split_traffic_writes_two_nodes_while_every_server_is_up(two_proxies: Lab) -> None:
    two_proxies.start_load(clients=4, rate=40)
    two_proxies.break_("split-traffic", "haproxy2")
    wait_until(lambda: _writers(two_proxies) == {"node1", "node2"}, "both nodes are written")
    for name in HAPROXIES:
        assert {server.status for server in haproxies.servers(two_proxies.layout, name)} == {"UP"}
    two_proxies.mend("split-traffic", "haproxy2")
    wait_until(lambda: _writers(two_proxies) == {"node1"}, "one node is written again")


def test_a_server_of_weight_0_is_up_and_takes_over_from_nobody(two_proxies: Lab) -> None:
    first, second = two_proxies.layout.proxies
    for node in ("node2", "node3"):
        two_proxies.break_("weight0", f"{node}@haproxy1")
    states = haproxies.servers(two_proxies.layout, first.name)
    assert [(state.status, state.weight) for state in states] == [("UP", 1), ("UP", 0), ("UP", 0)]
    for proxy in two_proxies.layout.proxies:
        haproxies.command(two_proxies.layout, "disable server bk_db/bdr_initial_node", name=proxy.name)
    with pytest.raises(psycopg.OperationalError, match="closed the connection"):
        _node(two_proxies, first.port)
    assert _node(two_proxies, second.port) == "node2"
    two_proxies.mend("weight0", "bdr_next_node@haproxy1")
    assert _node(two_proxies, first.port) == "node2"
    two_proxies.mend_all()
    two_proxies.break_("weight0", "node1")
    assert {haproxies.servers(two_proxies.layout, name)[0].weight for name in HAPROXIES} == {0}
    two_proxies.mend_all()
    assert {haproxies.servers(two_proxies.layout, name)[0].weight for name in HAPROXIES} == {1}


@pytest.mark.parametrize("through", ["node2", "haproxy2"])
def test_a_direct_client_writes_past_every_pooler(two_proxies: Lab, through: str) -> None:
    two_proxies.break_("direct-client", through)
    where = "node2" if through == "node2" else "node1"
    query = "SELECT state, backend_xid IS NOT NULL FROM pg_stat_activity WHERE application_name = 'etl'"
    assert ask(two_proxies, where, query) == [("idle in transaction", True)]
    two_proxies.break_("hold-transaction", "pgb2-tx")
    assert {line.name for line in two_proxies.status()} >= {"direct-client", "hold-transaction"}
    two_proxies.mend("direct-client", through)
    wait_until(lambda: not ask(two_proxies, where, query), "it has gone")


def test_mending_everything_puts_both_haproxies_back(two_proxies: Lab) -> None:
    haproxies.command(two_proxies.layout, "disable server bk_db/bdr_initial_node", name="haproxy2")
    two_proxies.break_("freeze-haproxy", "haproxy1")
    two_proxies.break_("stop-pooler", "pgb2-session")
    two_proxies.mend_all()
    assert {line.state for line in two_proxies.status()} == {"running"}
    assert {_node(two_proxies, pooler.port) for pooler in two_proxies.layout.poolers} == {"node1"}


def test_a_number_of_haproxies_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConsoleError, match="0 HAProxies"):
        up(lab_directory("none"), proxies=0)
