"""What PgBouncer 1.8 to 1.25 answered, read back."""

import pytest

from bdr_console.cluster.poolers import Pool, PoolDatabase, nothing_paused
from bdr_console.links.pgbouncer_rows import Row, connections, pooler_facts
from tests.links.captures import PGBOUNCER_VERSIONS, rows


def number(version: str) -> int:
    major, minor, patch = map(int, version.split("."))
    return major * 10000 + minor * 100 + patch


@pytest.mark.parametrize("version", PGBOUNCER_VERSIONS)
def test_every_version_shows_one_busy_pool_and_where_it_leads(version: str) -> None:
    folder = f"pgbouncer-{version}"
    pools: list[Row] = [*rows(folder, "one-active-tx", "show-pools.csv")]
    servers: list[Row] = [*rows(folder, "one-active-tx", "show-servers.csv")]
    databases: list[Row] = [*rows(folder, "one-active-tx", "show-databases.csv")]
    facts = pooler_facts(version, number(version) >= 10900, pools, servers, databases)
    flags = None if version == "1.8.1" else 0
    assert facts.pools == (Pool("bench", "postgres", "transaction", 2, 0, 1, 0, 0, 0, 0, 0.0, flags),)
    assert facts.databases == (PoolDatabase("bench", "127.0.0.1", 7433, False, False, 20, 1, "bench"),)
    (server,) = connections(servers)
    assert server.state == "active"
    assert server.pid
    assert server.pid > 1
    assert server.local_address.startswith("127.0.0.1:")
    linked = [
        client for client in connections(rows(folder, "one-active-tx", "show-clients.csv")) if client.link
    ]
    assert [client.ptr for client in linked] == [server.link]


def test_a_connection_that_reconnect_flagged_is_counted_and_names_its_application() -> None:
    folder = ("pgbouncer-1.18.0", "wait-close-blocked")
    servers: list[Row] = [*rows(*folder, "show-servers.csv")]
    facts = pooler_facts("1.18.0", True, [*rows(*folder, "show-pools.csv")], servers, [])
    assert facts.pools[0].close_needed == 1
    (server,) = connections(servers)
    assert server.close_needed
    assert server.application == "nightly-report"


def test_a_paused_database_shows_its_waiting_clients() -> None:
    folder = ("pgbouncer-1.18.0", "paused-db-3-waiting")
    facts = pooler_facts(
        "1.18.0", True, [*rows(*folder, "show-pools.csv")], [], [*rows(*folder, "show-databases.csv")]
    )
    assert facts.databases[0].paused
    assert facts.pools[0].clients_waiting == 3
    assert facts.pools[0].close_needed == 0


def test_flags_are_unknown_before_1_9_even_while_no_server_connection_is_open() -> None:
    pools: list[Row] = [{"database": "app", "user": "u", "pool_mode": "transaction"}]
    assert pooler_facts("1.8.1", False, pools, [], []).pools[0].close_needed is None
    assert pooler_facts("1.9.0", True, pools, [], []).pools[0].close_needed == 0


def test_the_longest_wait_counts_its_microseconds() -> None:
    pools: list[Row] = [{"database": "app", "user": "u", "maxwait": "1", "maxwait_us": "198551"}]
    assert pooler_facts("1.18.0", True, pools, [], []).pools[0].max_wait == pytest.approx(1.198551)


def test_hostile_names_come_out_visible_and_harmless() -> None:
    pools: list[Row] = [{"database": "a\x1b[2Jb", "user": "[/]\x9b"}]
    databases: list[Row] = [{"name": "x\ny", "host": "h\u202e", "port": "5"}]
    facts = pooler_facts("1.18.0\x07", True, pools, [], databases)
    assert facts.version == r"1.18.0\x07"
    assert (facts.pools[0].database, facts.pools[0].user) == (r"a\x1b[2Jb", r"[/]\x9b")
    assert (facts.databases[0].name, facts.databases[0].host) == (r"x\x0ay", r"h\u202e")


@pytest.mark.parametrize(
    ("answer", "nothing"),
    [
        ("database app is not paused", True),
        ("no such database: app", True),
        ("admin access needed", False),
        ("timed out after 2.0 s", False),
    ],
)
def test_a_resume_that_is_refused_tells_whether_anything_was_paused(answer: str, nothing: bool) -> None:
    assert nothing_paused(f"pgb-tx (127.0.0.1:6432): `RESUME app`: {answer}") is nothing
