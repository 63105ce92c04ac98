"""Details on real servers: the plot of a link that lags, and who holds a connection of a pool."""

import pytest

from bdr_console import config
from bdr_console.lab import Lab
from bdr_console.monitor import Monitor
from bdr_console.ui.app import ConsoleApp
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.live_services import MonitorSource
from bdr_console.ui.screens.detail import DetailScreen
from bdr_console.ui.text.cells import Subject, SubjectKind
from tests.ui.driving import text, until, until_shown

pytestmark = [pytest.mark.lab, pytest.mark.timeout(150)]


def page(app: ConsoleApp) -> str:
    """The open details to their end, blanks run together."""
    assert isinstance(app.screen, DetailScreen)
    return " ".join(" ".join(line.plain.split()) for line in app.screen._page.lines)


async def test_a_lagging_link_is_plotted_and_the_holder_in_a_pool_is_named(
    healthy_lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.ui.driving.DEADLINE", 60.0)
    healthy_lab.break_("hold-transaction", "pgb-tx")
    healthy_lab.break_("pause-apply", "node1:node2")
    healthy_lab.start_load(clients=2, rate=50)
    name, chosen = config.load(healthy_lab.config).cluster(None)
    source = MonitorSource(lambda: Monitor(name, chosen, 0.5))
    app = ConsoleApp(ClusterParts(source, name), refresh=0.5)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "node1")
        app.open_details(Subject(SubjectKind.LINK, ("node1", "node2")))
        await until_shown(pilot, "Link node1 -> node2", "KiB ┤", "now")
        await until(pilot, lambda: any("\u2800" < character < "\u28ff" for character in text(app)))
        await until(pilot, lambda: "slots.sql, just now" in page(app) and "1 node node1" in page(app))
        await pilot.press("escape")
        app.open_details(Subject(SubjectKind.POOL, ("pgb-tx", "app", "")))
        await until(pilot, lambda: "on node1: UPDATE counter SET n" in page(app))
        assert "app=billing" in page(app)
        assert "idle in transaction for" in page(app)
        await pilot.press("escape")
        app.open_details(Subject(SubjectKind.NODE, ("node1",)))
        await until(pilot, lambda: "billing 1" in page(app) and "left of 2.0 GiB" in page(app))
        assert "parameters.sql" in page(app)
    healthy_lab.mend("hold-transaction", "pgb-tx")  # the load waits for it, and would keep its end waiting
