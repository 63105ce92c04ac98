"""Each fault really has its effect, and mending really ends it."""

from pathlib import Path

import psycopg
import pytest

from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, haproxies, pgbouncers
from tests.lab.servers import ask
from tests.waiting import wait_until

pytestmark = pytest.mark.lab


def _state(lab: Lab, name: str) -> str:
    return next((line.state for line in lab.status() if line.name == name), "not there")


def _slot(lab: Lab, origin: str, target: str) -> tuple[bool, str, int]:
    rows = ask(
        lab,
        origin,
        "SELECT active, state, replay_lag_bytes FROM bdr.node_slots WHERE target_name = %s",
        target,
        user="bdr_console",
    )
    return rows[0]


def _write(lab: Lab, node: str) -> None:
    ask(lab, node, "UPDATE counter SET n = n + 1 WHERE client >= 0")


def test_a_frozen_node_accepts_connections_and_answers_nothing(healthy_lab: Lab) -> None:
    healthy_lab.break_("freeze", "node2")
    assert _state(healthy_lab, "node2") == "frozen"
    with pytest.raises(psycopg.OperationalError, match="timeout"):
        psycopg.connect(healthy_lab.layout.dsn(healthy_lab.layout.node("node2").port), connect_timeout=2)
    assert ask(healthy_lab, "node1", "SELECT 1") == [(1,)]
    healthy_lab.mend("freeze", "node2")
    assert _state(healthy_lab, "node2") == "running"
    assert ask(healthy_lab, "node2", "SELECT 1") == [(1,)]


def test_a_stopped_node_leaves_inactive_slots_whose_lag_grows(healthy_lab: Lab) -> None:
    healthy_lab.break_("stop", "node3")
    assert _state(healthy_lab, "node3") == "stopped"
    wait_until(lambda: _slot(healthy_lab, "node1", "node3")[:2] == (False, "disconnected"), "slot inactive")
    before = _slot(healthy_lab, "node1", "node3")[2]
    _write(healthy_lab, "node1")
    assert _slot(healthy_lab, "node1", "node3")[2] > before
    wait_until(lambda: haproxies.servers(healthy_lab.layout)[2].status == "DOWN", "HAProxy sees it down")
    active = "SELECT count(*) FROM bdr.node_summary WHERE peer_state_name = 'ACTIVE'"
    assert ask(healthy_lab, "node1", active) == [(3,)], (
        "membership is not health: a crashed node stays ACTIVE"
    )
    healthy_lab.mend_all()
    assert _slot(healthy_lab, "node1", "node3")[:2] == (True, "streaming")
    assert ask(healthy_lab, "node3", "SELECT sum(n) FROM counter") == ask(
        healthy_lab, "node1", "SELECT sum(n) FROM counter"
    )


def test_paused_apply_holds_one_link_back_and_no_other(healthy_lab: Lab) -> None:
    healthy_lab.break_("pause-apply", "node1:node2")
    _write(healthy_lab, "node1")
    wanted = ask(healthy_lab, "node1", "SELECT sum(n) FROM counter")
    wait_until(lambda: ask(healthy_lab, "node3", "SELECT sum(n) FROM counter") == wanted, "node3 follows")
    assert ask(healthy_lab, "node2", "SELECT sum(n) FROM counter") != wanted
    assert _slot(healthy_lab, "node1", "node2")[2] > 0
    status = ask(
        healthy_lab,
        "node2",
        "SELECT origin_name, sub_enabled, subscription_status FROM bdr.subscription_summary ORDER BY 1",
        user="bdr_console",
    )
    assert status == [("node1", False, "disabled"), ("node3", True, "replicating")]
    healthy_lab.mend("pause-apply", "node1:node2")
    wait_until(lambda: ask(healthy_lab, "node2", "SELECT sum(n) FROM counter") == wanted, "node2 catches up")


def test_a_held_transaction_keeps_a_server_connection_busy_until_mended(healthy_lab: Lab) -> None:
    query = "SELECT state FROM pg_stat_activity WHERE application_name = 'billing'"
    healthy_lab.break_("hold-transaction", "pgb-tx")
    assert ask(healthy_lab, "node1", query) == [("idle in transaction",)]
    pools = pgbouncers.admin(healthy_lab.layout, healthy_lab.layout.pooler("pgb-tx"), "SHOW POOLS")
    assert next(pool["sv_active"] for pool in pools if pool["database"] == "app") == 1
    with pytest.raises(ConsoleError, match="already"):
        healthy_lab.break_("hold-transaction", "pgb-tx")
    healthy_lab.mend("hold-transaction")
    wait_until(lambda: not ask(healthy_lab, "node1", query), "its backend is gone")
    assert _state(healthy_lab, "hold-transaction") == "not there"


def test_stopped_haproxy_refuses_and_comes_back_on_the_same_port(healthy_lab: Lab) -> None:
    dsn = healthy_lab.layout.dsn(healthy_lab.layout.frontend_port)
    healthy_lab.break_("stop-haproxy")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        psycopg.connect(dsn, connect_timeout=5)
    healthy_lab.mend("stop-haproxy")
    with psycopg.connect(dsn, connect_timeout=5) as connection:
        assert connection.execute("SELECT current_setting('cluster_name')").fetchone() == ("node1",)


def test_frozen_haproxy_does_not_answer_on_its_socket(healthy_lab: Lab) -> None:
    healthy_lab.break_("freeze-haproxy")
    with pytest.raises(ConsoleError, match="does not answer"):
        haproxies.command(healthy_lab.layout, "show info", timeout=0.5)
    healthy_lab.mend("freeze-haproxy")
    assert "Pid: " in haproxies.command(healthy_lab.layout, "show info")


def test_reloading_haproxy_forgets_a_maintenance(healthy_lab: Lab) -> None:
    haproxies.command(healthy_lab.layout, "disable server bk_db/bdr_initial_node")
    assert haproxies.servers(healthy_lab.layout)[0].status == "MAINT"
    healthy_lab.break_("reload-haproxy")
    assert haproxies.servers(healthy_lab.layout)[0].status != "MAINT"


def test_haproxy_cuts_sessions_with_their_server_only_where_it_is_told_to(healthy_lab: Lab) -> None:
    made = healthy_lab.layout
    dsn, server = made.dsn(made.frontend_port), "bk_db/bdr_initial_node"
    healthy_lab.break_("shutdown-sessions")
    for command in (f"disable server {server}", f"enable server {server}"):
        with psycopg.connect(dsn, connect_timeout=5) as client:
            haproxies.command(made, command)
            with pytest.raises(psycopg.OperationalError):
                client.execute("SELECT 1")
    healthy_lab.mend("shutdown-sessions")
    with psycopg.connect(dsn, connect_timeout=5) as client:
        haproxies.command(made, f"disable server {server}")
        assert client.execute("SELECT current_setting('cluster_name')").fetchone() == ("node1",)


def test_a_stick_table_elsewhere_keeps_clients_where_they_are(healthy_lab: Lab) -> None:
    made = healthy_lab.layout
    healthy_lab.break_("stick-elsewhere")
    haproxies.command(made, "disable server bk_db/bdr_initial_node")
    dsn = made.dsn(made.frontend_port)
    for command in ("show table bk_db", "enable server bk_db/bdr_initial_node"):
        with psycopg.connect(dsn, connect_timeout=5) as client:
            assert client.execute("SELECT current_setting('cluster_name')").fetchone() == ("node2",)
        said = haproxies.command(made, command)
        assert ("No such table" in said) is command.startswith("show")
    assert "server_key=bdr_next_node" in haproxies.command(made, f"show table {haproxies.STICKY}")


def test_a_stopped_and_a_frozen_pooler_leave_the_other_one_working(healthy_lab: Lab) -> None:
    made = healthy_lab.layout
    healthy_lab.break_("stop-pooler", "pgb-session")
    # A connection made in its very last moment is closed, a later one refused.
    with pytest.raises(ConsoleError, match=r"refused|closed the connection"):
        pgbouncers.admin(made, made.pooler("pgb-session"), "SHOW VERSION")
    assert pgbouncers.admin(made, made.pooler("pgb-tx"), "SHOW VERSION")
    healthy_lab.mend("stop-pooler", "pgb-session")
    assert pgbouncers.admin(made, made.pooler("pgb-session"), "SHOW VERSION")
    healthy_lab.break_("freeze-pooler", "pgb-tx")
    assert _state(healthy_lab, "pgb-tx") == "frozen"
    with pytest.raises(ConsoleError, match="timeout"):
        pgbouncers.admin(made, made.pooler("pgb-tx"), "SHOW VERSION")
    healthy_lab.mend("freeze-pooler", "pgb-tx")
    assert pgbouncers.admin(made, made.pooler("pgb-tx"), "SHOW VERSION")


def test_mending_everything_takes_back_what_a_switchover_left(healthy_lab: Lab) -> None:
    made = healthy_lab.layout
    pooler = made.pooler("pgb-tx")
    with psycopg.connect(made.dsn(pooler.port, "app"), connect_timeout=5) as connection:
        connection.execute("SELECT 1")
    haproxies.command(made, "disable server bk_db/bdr_initial_node")
    pgbouncers.admin(made, pooler, "RECONNECT app")
    with psycopg.connect(made.dsn(pooler.port, "app"), connect_timeout=5) as connection:
        assert connection.execute("SELECT current_setting('cluster_name')").fetchone() == ("node2",)
    pgbouncers.admin(made, pooler, "PAUSE app")
    healthy_lab.mend_all()
    assert [server.status for server in haproxies.servers(made)] == ["UP", "UP", "UP"]
    with psycopg.connect(made.dsn(pooler.port, "app"), connect_timeout=5) as connection:
        assert connection.execute("SELECT current_setting('cluster_name')").fetchone() == ("node1",)
    assert not [row["name"] for row in pgbouncers.admin(made, pooler, "SHOW DATABASES") if row["paused"]]


@pytest.mark.parametrize(
    ("fault", "target", "said"),
    [
        ("melt", None, "no fault 'melt'"),
        ("freeze", None, "needs to be told where"),
        ("freeze", "node9", "no node 'node9'"),
        ("stop-pooler", "pgb-9", "no PgBouncer 'pgb-9'"),
        ("pause-apply", "node1", "is no link"),
        ("pause-apply", "node1->node1", "receives nothing from"),
        ("stop-haproxy", "node1", "no HAProxy 'node1'"),
        ("weight0", "node9", "no node 'node9'"),
        ("weight0", "node1@haproxy9", "no HAProxy 'haproxy9'"),
        ("direct-client", "pgb-tx", "no node 'pgb-tx'"),
        ("split-traffic", "haproxy1", "only two HAProxies"),
    ],
)
def test_a_wrong_fault_or_target_is_refused_in_words(
    lab: Lab, fault: str, target: str | None, said: str
) -> None:
    with pytest.raises(ConsoleError, match=said):
        lab.break_(fault, target)


def test_a_forged_pid_file_ends_no_foreign_process(healthy_lab: Lab) -> None:
    record = healthy_lab.layout.directory / "run" / "pgb-session.json"
    kept = record.read_text()
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    try:
        record.write_text(f'{{"pid": 1, "started": "{boot}/{started}"}}')
        assert _state(healthy_lab, "pgb-session") == "stopped"
        with pytest.raises(ConsoleError, match="does not run"):
            healthy_lab.break_("stop-pooler", "pgb-session")
    finally:
        record.write_text(kept)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("no-login", "is not permitted to log in"),
        ("no-connections", "is not currently accepting connections"),
    ],
)
def test_a_node_that_lets_nobody_in_is_up_for_haproxy(healthy_lab: Lab, fault: str, error: str) -> None:
    healthy_lab.break_(fault, "node2")
    dsn = healthy_lab.layout.dsn(healthy_lab.layout.node("node2").port, "app")
    with pytest.raises(psycopg.OperationalError, match=error):
        psycopg.connect(dsn)
    assert haproxies.servers(healthy_lab.layout)[1].status == "UP"
    healthy_lab.mend(fault, "node2")
    psycopg.connect(dsn).close()


def test_a_read_only_node_refuses_writes_and_applies_those_of_its_peers(healthy_lab: Lab) -> None:
    healthy_lab.break_("read-only", "node2")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        _write(healthy_lab, "node2")
    _write(healthy_lab, "node1")
    count = "SELECT sum(n) FROM counter"
    wait_until(lambda: ask(healthy_lab, "node2", count) == ask(healthy_lab, "node1", count), "it applies")
    healthy_lab.mend_all()
    _write(healthy_lab, "node2")
