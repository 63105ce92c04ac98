"""Several clusters on real servers: one lab under two names, and a cluster that is nowhere."""

from pathlib import Path

import pytest

from bdr_console.config import ClusterSettings, load
from bdr_console.lab import Lab
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.screenshot import complete
from bdr_console.ui.start import parts_of
from tests.ui.driving import text, until, until_shown


async def test_a_lab_under_two_names_is_read_twice_beside_a_cluster_that_is_nowhere(
    healthy_lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    _, settings = load(healthy_lab.config).cluster(None)
    nowhere = ClusterSettings.model_validate({"nodes": {"n1": {"dsn": "host=127.0.0.1 port=1"}}})
    app = ConsoleApp(
        *(
            parts_of(healthy_lab.config, name, chosen, 0.5, read_only=True)
            for name, chosen in (("shop", settings), ("orders", settings), ("stage", nowhere))
        ),
        first="orders",
        refresh=0.5,
        background_refresh=1.0,
    )
    async with app.run_test(size=(140, 40)) as pilot:
        shop, orders, _ = app.clusters
        await until(pilot, lambda: complete(shop.newest) and complete(orders.newest))
        await until_shown(pilot, " orders ", "! stage CRITICAL")
        await pilot.press("c")
        await until_shown(pilot, "3/3", "0/1")
        await pilot.press("up", "enter")
        await until_shown(pilot, " shop ", "haproxy1/bk_db")
        assert "no answer" not in text(app)
        assert "stale" not in text(app)
