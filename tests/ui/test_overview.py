"""What a user reads on the overview, at each size, in good and in bad moments."""

from dataclasses import replace
from datetime import timedelta

import pytest
from rich.text import Text

from bdr_console.cluster.nodes import Sessions
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.proxies import ServerState
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.text import clean
from bdr_console.ui.theming.styles import Tone
from bdr_console.ui.widgets.live_table import LiveTable
from tests.ui.driving import console, line_with, text, until, until_shown
from tests.ui.scenes import NOW, FixedSource, never_read, node, pooler, proxy, server, silent, snapshot

TITLES = ("Nodes", "Connections", "Replication lag", "HAProxy", "PgBouncer", "Events")


@pytest.mark.parametrize("size", [(140, 40), (220, 60)])
async def test_all_six_panes_are_in_sight_on_a_large_terminal(size: tuple[int, int]) -> None:
    async with console(snapshot(), size=size) as (app, _):
        shown = text(app)
        for number, title in enumerate(TITLES, start=1):
            assert f" {number} {title}" in shown
        for said in (
            "HEALTHY",
            "node3",
            "node2 -> node1",
            "node up",
            "bdr_next_node",
            "pgb-session",
            "in step",
        ):
            assert said in shown


async def test_a_small_terminal_shows_one_pane_and_how_the_others_stand() -> None:
    async with console(silent(snapshot(), "pgb-tx"), size=(80, 24)) as (app, _):
        tabs = line_with(app, "HAProxy")
        assert "1 ● Nodes" in tabs
        assert "4 ● HAProxy" in tabs
        assert "5 ! Pools 1" in tabs
        assert "6 ● Events" in tabs
        assert "node1" in text(app)
        assert "bdr_initial_node" not in text(app)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("1", ("node1", "● up", "21/100", "2 s", "haproxy1/bk_db 10", "PostgreSQL 15.5")),
        ("2", ("from \\ to", "node1", "● node up", "● in step", "4.0 KiB, 12 ms")),
        ("3", ("node1 -> node2", "● in step", "4.0 KiB", "12 ms", "16.0 MiB")),
        ("4", ("haproxy1/bk_db", "bdr_initial_node", "● up", "L4OK", "← sticky 127.0.0.1", "node1")),
        ("5", ("pgb-session", "● ok", "transaction", "16", "MaxWait")),
        ("6", ("10:00:00", "● ok", "pgb-tx", "answers again")),
    ],
)
async def test_nothing_essential_is_cut_off_at_80x24(key: str, said: tuple[str, ...]) -> None:
    before = silent(snapshot(NOW - timedelta(seconds=1)), "pgb-tx")
    local = f"{NOW.astimezone():%H:%M:%S}"
    async with console(before, snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press(key)
        shown = await until_shown(pilot, said[0].replace("10:00:00", local))
        for word in said:
            assert word.replace("10:00:00", local) in shown
        assert "…" not in shown
        assert app.size == (80, 24)


async def test_a_silent_node_says_so_and_is_dimmed_while_the_others_stay_live() -> None:
    async with console(silent(snapshot(), "node2")) as (app, _):
        assert "x no answer 12 s" in line_with(app, "node2  ")
        assert "● up" in line_with(app, "node1  ")
        assert "● up" in line_with(app, "node3  ")
        assert (
            tone(app.query_one("#nodes LiveTable", LiveTable), "node2", "sessions") == app.tones[Tone.STALE]
        )
        assert (
            tone(app.query_one("#nodes LiveTable", LiveTable), "node1", "sessions") == app.tones[Tone.PLAIN]
        )
        assert "CRITICAL: node2 does not answer: timed out after 2.0 s; last seen 12.0 s ago" in text(app)


async def test_a_node_that_is_only_slow_is_stale_not_dead() -> None:
    async with console(silent(snapshot(), "node2", error=None)) as (app, _):
        assert "? stale 12 s" in line_with(app, "node2  ")


async def test_the_age_of_a_silent_target_grows_without_any_new_snapshot() -> None:
    now = NOW
    async with console(silent(snapshot(), "node2"), clock=lambda: now) as (app, pilot):
        assert "no answer 12 s" in line_with(app, "node2  ")
        now = NOW + timedelta(seconds=70)
        await until(pilot, lambda: "no answer 1m" in line_with(app, "node2  "))


async def test_a_silent_haproxy_shows_what_its_servers_were_and_since_when() -> None:
    async with console(silent(snapshot(), "haproxy1"), size=(80, 24)) as (app, pilot):
        await pilot.press("4")
        await until_shown(pilot, "bdr_next_node")
        row = line_with(app, "bdr_next_node")
        assert "x no answer 12 s" in row
        assert "was up" in row
        assert "● up" not in row


@pytest.mark.parametrize("key", ["1", "2", "3", "4", "5"])
async def test_what_was_never_read_is_unknown_and_never_zero(key: str) -> None:
    async with console(never_read(snapshot()), size=(80, 24)) as (_app, pilot):
        await pilot.press(key)
        shown = await until_shown(pilot, "? unknown")
        body = [line for line in shown.splitlines()[4:20] if line.strip()]
        assert body
        assert not any(figure in line.split() for line in body for figure in ("0", "0/0", "B", "ms"))


async def test_a_node_whose_sessions_cannot_be_read_shows_question_marks() -> None:
    healthy = snapshot()
    facts = replace(node("node1", ("node2", "node3"), lag=None), sessions=None)
    shown = replace(healthy, nodes=(replace(healthy.nodes[0], facts=facts), *healthy.nodes[1:]))
    async with console(shown, size=(220, 60)) as (app, _):
        row = line_with(app, "node1  ")[:60].split()
        assert row[:6] == ["node1", "●", "up", "?", "?", "?"]
        lag = line_with(app, "node1 -> node2")
        assert lag.split()[3:6] == ["?", "unknown", "?"]


async def test_a_production_environment_is_unmistakable_without_colour() -> None:
    async with console(snapshot(environment="prod-eu"), theme="ansi") as (app, _):
        assert " PROD-EU " in text(app)


async def test_a_server_that_is_up_for_haproxy_alone_is_not_shown_green() -> None:
    healthy = snapshot()
    facts = proxy(
        server("bdr_initial_node", "node1", sessions=10),
        replace(server("bdr_next_node", "node2"), weight=0),
        sticky="bdr_initial_node",
    )
    async with console(replace(healthy, proxies=(replace(healthy.proxies[0], facts=facts),))) as (app, _):
        assert "~ cannot take" in line_with(app, "  bdr_next_node")
        assert "● up" in line_with(app, "  bdr_initial_node")


async def test_maintenance_and_the_sticky_server_are_said_in_words() -> None:
    healthy = snapshot()
    servers = (
        server("bdr_initial_node", "node1", ServerState.MAINT),
        server("bdr_next_node", "node2", sessions=10),
        server("bdr_node3", "node3", ServerState.DOWN),
    )
    facts = proxy(*servers, sticky="bdr_next_node")
    async with console(replace(healthy, proxies=(replace(healthy.proxies[0], facts=facts),))) as (app, _):
        assert "■ maintenance" in line_with(app, "  bdr_initial_node")
        assert "none" in line_with(app, "  bdr_initial_node")
        assert "← sticky 127.0.0.1" in line_with(app, "  bdr_next_node")
        assert "x down" in line_with(app, "  bdr_node3")
        assert "~ 1/3 available" in line_with(app, "haproxy1/bk_db  ")


async def test_clients_that_wait_and_connections_to_close_are_said_in_words() -> None:
    healthy = snapshot()
    busy = (
        replace(healthy.poolers[0], facts=pooler("transaction", waiting=5)),
        replace(healthy.poolers[1], facts=pooler("session", close_needed=3)),
    )
    async with console(replace(healthy, poolers=busy), size=(80, 24)) as (app, pilot):
        await pilot.press("5")
        await until_shown(pilot, "~ clients wait", "~ closing", "2.5 s")
        busy = (replace(healthy.poolers[0], facts=pooler("transaction", paused=True)), healthy.poolers[1])
    async with console(replace(healthy, poolers=busy), size=(80, 24)) as (app, pilot):
        await pilot.press("5")
        await until_shown(pilot, "■ paused")
        assert app.is_running


async def test_a_pgbouncer_too_old_to_count_close_needed_shows_a_question_mark() -> None:
    healthy = snapshot()
    old = replace(healthy.poolers[0], facts=pooler("transaction", close_needed=None))
    async with console(replace(healthy, poolers=(old,)), size=(80, 24)) as (app, pilot):
        await pilot.press("5")
        await until_shown(pilot, "● ok")
        assert line_with(app, "  app").split()[-2] == "?"


HOSTILE = ("[/]", "x[red]y", "[@click=app.quit]z", "\x1b]0;owned\x07", "a\x9bb", "\u202egnirts")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_hostile_names_are_shown_as_they_are_and_do_no_harm(name: str, size: tuple[int, int]) -> None:
    async with console(hostile(snapshot(NOW - timedelta(seconds=1)), name), size=size) as (app, pilot):
        app.current.source.give(hostile(silent(snapshot(), "haproxy1", error=f"refused {name}"), name))  # type: ignore[attr-defined]
        await until(pilot, lambda: "no answer" in text(app) or size[0] == 80)
        for key in "123456":
            await pilot.press(key)
            await pilot.pause()
            shown = text(app)
            assert clean(name)[:5] in shown
            assert all(line.isprintable() for line in shown.splitlines())


def hostile(shown: Snapshot, name: str) -> Snapshot:
    """Every name and text in the snapshot replaced by `name`, or beginning with it."""
    nodes = tuple(
        replace(
            target,
            name=f"{name}{i}",
            facts=replace(target.facts, engine=name, group=name) if target.facts else None,
            error=f"{name} failed" if i else None,
        )
        for i, target in enumerate(shown.nodes)
    )
    facts = shown.proxies[0].facts
    assert facts is not None
    servers = tuple(
        replace(one, name=f"{name}{i}", check=name, status=name) for i, one in enumerate(facts.servers)
    )
    proxies = (replace(shown.proxies[0], name=name, facts=replace(facts, servers=servers)),)
    pools = tuple(
        replace(
            one,
            name=name,
            facts=replace(
                one.facts, pools=tuple(replace(p, database=name, user=name) for p in one.facts.pools)
            ),
        )
        for one in shown.poolers[:1]
        if one.facts
    )
    return replace(shown, cluster=name, nodes=nodes, proxies=proxies, poolers=pools)


async def test_before_the_first_snapshot_the_screen_says_what_it_waits_for() -> None:
    async with console(source=FixedSource()) as (app, pilot):
        await until_shown(pilot, "UNKNOWN: reading the cluster for the first time")
        assert "operate" in text(app) or "READ-ONLY" in text(app)


async def test_a_source_that_breaks_is_said_and_tried_again() -> None:
    class Breaking(FixedSource):
        tries = 0

        async def updates(self):  # type: ignore[no-untyped-def]
            self.tries += 1
            if self.tries == 1:
                raise RuntimeError("boom")
            async for one in super().updates():
                yield one

    async with console(source=Breaking(snapshot())) as (_app, pilot):
        await until_shown(pilot, "reading stopped by RuntimeError")
        await until_shown(pilot, "● HEALTHY")


async def test_plain_ascii_is_all_that_a_poor_locale_gets() -> None:
    async with console(silent(snapshot(), "node2"), ascii_only=True, size=(220, 60)) as (app, pilot):
        for key in ("question_mark", "escape"):
            assert text(app).isascii()
            await pilot.press(key)
            await pilot.pause()


async def test_no_proxy_and_no_pooler_is_said_instead_of_an_empty_pane() -> None:
    async with console(replace(snapshot(), proxies=(), poolers=(), nodes=snapshot().nodes[:1])) as (_, pilot):
        await until_shown(
            pilot, "no HAProxy is configured", "no PgBouncer is configured", "nothing to replicate"
        )


async def test_two_nodes_that_cannot_be_told_apart_by_colour_differ_in_symbol() -> None:
    async with console(silent(snapshot(), "node2"), theme="ansi") as (app, _):
        assert line_with(app, "node1  ").split()[1] != line_with(app, "node2 ").split()[1]


async def test_the_selected_row_is_told_in_full_below_the_panes() -> None:
    error = "connection refused on 10.0.0.2:5432 and a long story about why it may be so " * 2
    async with console(silent(snapshot(), "node2", error=error.strip())) as (_, pilot):
        await pilot.press("down")
        await until_shown(pilot, "node2 (10.0.0.2:5432): is down: connection refused on")


def tone(table: LiveTable, row: str, column: str) -> object:
    """The style of one cell."""
    cell = table.get_cell(row, column)
    assert isinstance(cell, Text)
    return cell.style


def test_the_fixture_is_a_healthy_cluster() -> None:
    assert all(isinstance(target, Observed) and target.error is None for target in snapshot().nodes)
    assert isinstance(node("a", ()).sessions, Sessions)
