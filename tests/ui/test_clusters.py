"""Several clusters in one console: all are read, one is shown, and nothing opened on one touches another."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.alarm import PERIODS
from bdr_console.cluster.verdict.findings import Finding, Level, Verdict
from bdr_console.errors import ConsoleError
from bdr_console.ui.cluster_view import ClusterParts
from bdr_console.ui.commands import commands
from bdr_console.ui.screens.clusters import Clusters
from bdr_console.ui.screens.dialogs import Question
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.plan import PlanScreen
from bdr_console.ui.screens.run import RunScreen
from bdr_console.ui.text.cluster_summary import standing, worse_clusters
from bdr_console.ui.theming.styles import DEFAULTS, UNICODE, Styles
from tests.ui.driving import FakeActs, FakeRuns, console, line_with, text, until, until_shown
from tests.ui.scenes import NOW, FixedSource, node, run, silent, snapshot

CRITICAL = "x no answer 12 s"


def shop(source: FixedSource | None = None, **desks: object) -> ClusterParts:
    """A second cluster, in production, one node of which is silent."""
    shown = replace(silent(snapshot(environment="prod"), "node2"), cluster="shop")
    return ClusterParts(source or FixedSource(shown), "shop", "prod", **desks)  # type: ignore[arg-type]


def stage(source: FixedSource | None = None, **desks: object) -> ClusterParts:
    """A third one, where all is well."""
    shown = replace(snapshot(environment="staging"), cluster="stage")
    return ClusterParts(source or FixedSource(shown), "stage", "staging", **desks)  # type: ignore[arg-type]


class Breaking(FixedSource):
    """A source that fails as soon as it is asked."""

    async def updates(self) -> AsyncIterator[Snapshot]:
        """Fails."""
        raise ConsoleError("the host name 'nowhere' is not known", "Correct it.")
        yield


async def test_the_list_says_of_every_cluster_how_it_stands() -> None:
    busy = stage(runs=FakeRuns(run()))
    async with console(snapshot(), others=(shop(), busy), size=(160, 40)) as (app, pilot):
        await pilot.press("c")
        await until_shown(pilot, "! CRITICAL", "staging    ● HEALTHY", "node1: step 3/7 waiting")
        assert line_with(app, "PROD").split()[:8] == ["shop", "PROD", "!", "CRITICAL", "2/3", "1", "0", "s"]
        assert "node2 does not answer: timed out after 2.0 s" in line_with(app, "PROD")
        assert line_with(app, "stage ").split()[:4] == ["stage", "staging", "●", "HEALTHY"]


async def test_the_list_counts_alarms_and_apart_those_that_somebody_knows_of() -> None:
    async with console(snapshot(), others=(shop(),), size=(160, 40)) as (app, pilot):
        there = app.clusters[1]
        await until(pilot, lambda: bool(there.timeline.board.at(NOW)))
        there.alarms.acknowledge(there.timeline.board.at(NOW), "disk swap", PERIODS[0])
        await pilot.press("c")
        await until_shown(pilot, "! CRITICAL", "0 (1)")
        await until(pilot, lambda: app.focused is not None)
        await pilot.press("down")
        await until_shown(
            pilot,
            "shop: CRITICAL (acknowledged): node2",
            "1 acknowledged",
            "ack by this console: disk swap",
        )


async def test_nothing_essential_of_the_list_is_cut_off_at_80x24() -> None:
    async with console(snapshot(), others=(shop(), stage(runs=FakeRuns(run()))), size=(80, 24)) as (
        app,
        pilot,
    ):
        await pilot.press("c")
        await until_shown(pilot, "! CRITICAL", "0 s node1: step 3/7 waiting")
        assert "2/3" in line_with(app, "PROD")
        await until(pilot, lambda: app.focused is not None)
        await pilot.press("down")
        await until_shown(
            pilot, "shop: CRITICAL: node2 does not answer: timed out after 2.0 s; last seen 12.0 s"
        )


async def test_enter_shows_the_cluster_and_brackets_go_on_from_there() -> None:
    async with console(snapshot(), others=(shop(), stage())) as (app, pilot):
        await pilot.press("c")
        await until(pilot, lambda: app.focused is not None and "stage" in text(app))
        await pilot.press("down", "enter")
        await until_shown(pilot, " shop ", " PROD ", CRITICAL)
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await pilot.press("right_square_bracket")
        await until_shown(pilot, " stage ", "● HEALTHY")
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: app.current.name == "lab" and isinstance(app.screen, Overview))
        await pilot.press("left_square_bracket")
        await until_shown(pilot, " stage ", "● HEALTHY")
        await pilot.press("left_square_bracket")
        await until_shown(pilot, " shop ", CRITICAL)
        await until(pilot, lambda: len(app.screen_stack) == 1)


async def test_escape_leaves_the_list_and_shows_the_cluster_of_before() -> None:
    async with console(snapshot(), others=(shop(),)) as (app, pilot):
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, Clusters))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        assert app.current.name == "lab"


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_the_head_says_when_another_cluster_stands_worse(size: tuple[int, int]) -> None:
    async with console(snapshot(), others=(shop(), stage()), size=size) as (app, pilot):
        await until_shown(pilot, "2 other clusters: ! shop CRITICAL: c lists them")
        await pilot.press("right_square_bracket")
        await until_shown(pilot, CRITICAL if size[0] == 140 else "CRITICAL: node2")
        await until(pilot, lambda: "other cluster" not in text(app))


async def test_a_cluster_alone_has_no_list_and_no_key_for_one() -> None:
    async with console(snapshot()) as (app, pilot):
        await pilot.press("c", "right_square_bracket")
        await pilot.pause()
        assert isinstance(app.screen, Overview)
        assert "Clusters" not in text(app)


async def test_a_cluster_out_of_sight_goes_on_being_read_and_keeps_its_events() -> None:
    away = FixedSource(replace(snapshot(NOW - timedelta(seconds=1)), cluster="shop"))
    async with console(snapshot(), others=(shop(away),)) as (app, pilot):
        hidden = app.clusters[1]
        await until(pilot, lambda: hidden.newest is not None)
        away.give(silent(snapshot(), "node3"))
        await until_shown(pilot, "1 other cluster: ! shop CRITICAL")
        assert "node3" not in line_with(app, "HEALTHY")
        await pilot.press("right_square_bracket")
        await until_shown(pilot, CRITICAL, "no answer")
        await until(pilot, lambda: "node3" in line_with(app, f"{NOW.astimezone():%H:%M:%S} !"))


async def test_a_cluster_is_read_less_often_out_of_sight_and_at_its_own_pace_again_in_sight() -> None:
    here, away = FixedSource(snapshot()), FixedSource()
    async with console(source=here, others=(shop(away),), background_refresh=7.0) as (app, pilot):
        await until(pilot, lambda: (here.pace, away.pace) == (1.0, 7.0))
        await pilot.press("minus")
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: (here.pace, away.pace) == (7.0, 1.0))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: (here.pace, away.pace) == (2.0, 7.0))
        await pilot.press("r")
        assert (here.refreshes, away.refreshes) == (1, 0)
        assert app.current.name == "lab"


async def test_clusters_may_wait_to_be_read_until_they_are_shown() -> None:
    async with console(snapshot(), others=(shop(), stage()), collect_all=False) as (app, pilot):
        await pilot.press("c")
        await until_shown(pilot, "? UNKNOWN", "not read yet")
        assert [cluster.newest is not None for cluster in app.clusters] == [True, False, False]
        await pilot.press("down", "enter")
        await until_shown(pilot, CRITICAL)
        assert app.clusters[2].newest is None


async def test_a_cluster_that_cannot_be_read_says_why_and_disturbs_no_other() -> None:
    async with console(snapshot(), others=(shop(Breaking()), stage())) as (app, pilot):
        await until_shown(pilot, "● HEALTHY", "! shop NOT READING")
        await until(pilot, lambda: app.clusters[2].newest is not None)
        await pilot.press("right_square_bracket")
        await until_shown(pilot, "UNKNOWN: the host name 'nowhere' is not known")
        await pilot.press("right_square_bracket")
        await until_shown(pilot, " stage ", "● HEALTHY")


async def test_a_frozen_cluster_ages_out_of_sight_while_the_one_shown_stays_fresh() -> None:
    now = NOW
    here, away = FixedSource(snapshot()), FixedSource(replace(snapshot(), cluster="shop"))
    async with console(source=here, others=(shop(away),), clock=lambda: now) as (app, pilot):
        await until(pilot, lambda: all(cluster.newest is not None for cluster in app.clusters))
        now = NOW + timedelta(seconds=90)
        here.give(snapshot(now))
        await pilot.press("c")
        await until_shown(pilot, "PROD")
        await until(pilot, lambda: "1m" in line_with(app, "PROD"))
        assert "0/3" in line_with(app, "PROD")
        assert "3/3" in line_with(app, " lab        ")


async def test_a_plan_stays_with_the_cluster_it_was_opened_on() -> None:
    here, there = FakeActs(), FakeActs()
    async with console(snapshot(), acts=here, others=(shop(acts=there),)) as (app, pilot):
        await pilot.press("s")
        await until_shown(pilot, "to start on lab in LAB, type the node's name: node1")
        app.open_cluster("shop")
        await until_shown(pilot, " shop ", CRITICAL)
        assert isinstance(app.screen, Overview)
        await pilot.press(*"node1", "enter", "escape")
        assert (here.started, there.started, there.plans) == ([], [], 0)
        app.open_cluster("lab")
        await until_shown(pilot, "to start on lab in LAB, type the node's name: node1")
        assert isinstance(app.screen, PlanScreen)
        await pilot.press(*"node1", "enter")
        await until(pilot, lambda: here.started == ["node1"])
        assert there.started == []
        app.open_cluster("shop")
        await pilot.press("s")
        await until_shown(pilot, "to start on shop in PROD")
        await pilot.press(*"node1", "enter")
        await until(pilot, lambda: there.started == ["node1"])
        assert here.started == ["node1"]


async def test_a_run_started_as_another_cluster_is_shown_opens_on_its_own() -> None:
    async with console(snapshot(), acts=FakeActs(), runs=FakeRuns(), others=(shop(acts=FakeActs()),)) as (
        app,
        pilot,
    ):
        lab = app.current
        await pilot.press("s")
        await until_shown(pilot, "to start on lab")
        app.open_cluster("shop")
        lab.operator.run_started("20260304T095940-node1-ab12")
        await until_shown(pilot, " shop ")
        assert isinstance(app.screen, Overview)
        app.open_cluster("lab")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert not any(isinstance(screen, PlanScreen) for screen in app.screen_stack)


async def test_an_abort_is_asked_for_by_the_name_of_its_cluster_and_sent_to_that_one_only() -> None:
    here, there = FakeActs(), FakeActs()
    parts = shop(acts=there, runs=FakeRuns(replace(run(), cluster="shop")))
    async with console(snapshot(), acts=here, others=(parts,)) as (app, pilot):
        await pilot.press("right_square_bracket")
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until_shown(pilot, "a abort")
        await pilot.press("a")
        await until_shown(pilot, "Abort the switchover of node1?   shop  PROD ")
        app.open_cluster("lab")
        await until_shown(pilot, "● HEALTHY")
        await pilot.press("y")
        await pilot.pause()
        assert (here.said, there.said) == ([], [])
        app.open_cluster("shop")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: [word for _, word in there.said] == ["abort"])
        assert here.said == []


async def test_quitting_names_every_run_that_goes_on() -> None:
    parts = shop(runs=FakeRuns(replace(run(), cluster="shop")))
    async with console(snapshot(), runs=FakeRuns(run()), others=(parts,)) as (app, pilot):
        await until(pilot, lambda: all(cluster.runs.under_way for cluster in app.clusters))
        await pilot.press("q")
        await until_shown(pilot, "switchover of node1 (lab)", "switchover of node1 (shop)", "They go on")


async def test_the_palette_offers_the_other_clusters() -> None:
    async with console(snapshot(), others=(shop(), stage())) as (app, _):
        titles = [command.title for command in commands(app, app.screen)]
        assert [title for title in titles if title.startswith("Cluster ")] == [
            "Cluster shop",
            "Cluster stage",
        ]


async def test_a_theme_chosen_on_one_cluster_is_the_theme_of_all() -> None:
    async with console(snapshot(), others=(shop(),)) as (app, pilot):
        await pilot.press("right_square_bracket")
        await until_shown(pilot, CRITICAL)
        await pilot.press("left_square_bracket", "t", "right_square_bracket")
        await until(pilot, lambda: app.current.name == "shop")
        await until(pilot, lambda: app.screen._styled is app.tones)  # type: ignore[attr-defined]


async def test_leaving_closes_every_cluster_also_one_that_hangs() -> None:
    class Hanging(FixedSource):
        async def updates(self) -> AsyncIterator[Snapshot]:
            await asyncio.Event().wait()
            yield node("never", ())  # type: ignore[misc]

    sources = (FixedSource(snapshot()), FixedSource(), Hanging())
    async with console(source=sources[0], others=(shop(sources[1]), stage(sources[2]))) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: app.return_value == 0)
    assert all(source.closed for source in sources)


def test_the_head_names_the_worst_two_and_counts_the_rest() -> None:
    worst = Verdict(Level.CRIT, (Finding(Level.CRIT, "node2", "timed out"),))
    warned = Verdict(Level.WARN, (Finding(Level.WARN, "node1", "lags"),))
    others = [
        standing(name, "", NOW, snapshot(), verdict)
        for name, verdict in (("a", warned), ("b", worst), ("c", warned), ("d", Verdict(Level.OK, ())))
    ]
    told = worse_clusters(others, Level.OK, Styles(DEFAULTS, ansi=False), UNICODE)
    assert told is not None
    assert told.plain == " 4 other clusters: ! b CRITICAL, ~ a DEGRADED and 1 more: c lists them"
    assert worse_clusters(others, Level.CRIT, Styles(DEFAULTS, ansi=False), UNICODE).plain.startswith(  # type: ignore[union-attr]
        " 4 other clusters: ! b CRITICAL: c"
    )
    assert worse_clusters(others[2:], Level.WARN, Styles(DEFAULTS, ansi=False), UNICODE) is None
