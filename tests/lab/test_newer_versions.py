"""What newer servers can do, where the lab runs them; with older ones, that it is refused or not offered."""

import psycopg
import pytest

from bdr_console.config import load
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, haproxies, pgbouncers
from bdr_console.runbooks.execute.live_world import LiveWorld
from bdr_console.runbooks.model.reading import Area
from tests.lab.servers import ask
from tests.waiting import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]

FIRST = f"{haproxies.BACKEND}/bdr_initial_node"


def test_a_load_of_prepared_statements_is_refused_where_the_pooler_cannot_keep_them(healthy_lab: Lab) -> None:
    if healthy_lab.layout.programs.pgbouncer.at_least(1, 21):
        pytest.skip("this PgBouncer keeps them: tests/runbooks/test_lab_load.py moves them to another node")
    with pytest.raises(ConsoleError, match=r"before PgBouncer 1\.21, and this is 1"):
        healthy_lab.start_load(clients=4, rate=50, protocol="prepared")


def test_haproxys_own_wait_agrees_when_a_server_in_maintenance_has_lost_its_last_session(
    healthy_lab: Lab,
) -> None:
    shown = healthy_lab.layout.programs.haproxy
    if not shown.at_least(3, 0):
        pytest.skip(f"`wait srv-removable` needs HAProxy 3.0, this is {shown.version}")
    port = healthy_lab.layout.proxies[0].port

    def sessions() -> int:
        return next(s.sessions for s in haproxies.servers(healthy_lab.layout) if s.name == "bdr_initial_node")

    with psycopg.connect(healthy_lab.layout.dsn(port, "app")) as session:
        session.execute("SELECT 1")
        haproxies.command(healthy_lab.layout, f"disable server {FIRST}")
        for pooler in healthy_lab.layout.poolers:
            pgbouncers.admin(healthy_lab.layout, pooler, "RECONNECT app")
        wait_until(lambda: sessions() == 1, "one session is left there")
        waited = haproxies.command(healthy_lab.layout, f"wait 200ms srv-removable {FIRST}")
        assert waited.strip() == "Wait delay expired."
    wait_until(lambda: sessions() == 0, "our count of its sessions is 0")
    assert haproxies.command(healthy_lab.layout, f"wait 5s srv-removable {FIRST}").strip() == "Done."


async def test_the_id_of_a_pgbouncers_client_is_known_from_1_24_on_and_ends_that_client_alone(
    healthy_lab: Lab,
) -> None:
    healthy_lab.break_("hold-transaction", "pgb-tx")
    cluster, settings = load(healthy_lab.config).cluster(None)
    world = LiveWorld(cluster, settings, application_name="test")
    dsn = healthy_lab.layout.dsn(healthy_lab.layout.pooler("pgb-tx").port, "app")
    try:
        with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as other:
            other.execute("SELECT 1")
            reading = await world.read(Area.CONNECTIONS)
            (held,) = [one for one in reading.connections["pgb-tx"] if one.application == "billing"]
            if not healthy_lab.layout.programs.pgbouncer.at_least(1, 24):
                assert held.client_id is None
                return
            await world.send("pgbouncer", "pgb-tx", f"KILL_CLIENT {held.client_id}")
            open_now = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'billing'"
            wait_until(lambda: ask(healthy_lab, "node1", open_now) == [(0,)], "its transaction has ended")
            assert other.execute("SELECT 1").fetchone() == (1,), "another client goes on"
            with pytest.raises(ConsoleError, match="client not found"):
                await world.send("pgbouncer", "pgb-tx", f"KILL_CLIENT {held.client_id}")
    finally:
        await world.close()
