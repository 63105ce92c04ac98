"""Watching changes nothing, whatever it might do; and it works where hardly anything is allowed."""

import asyncio
import gc
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen

from bdr_console.cluster.observed import Observed
from bdr_console.config import ClusterSettings
from bdr_console.engines.probe import ShippedReader, shipped
from bdr_console.errors import ConsoleError
from bdr_console.links.advisory import AdvisoryLink
from bdr_console.links.haproxy import HaproxyAdmin
from bdr_console.links.pgbouncer import PgBouncerAdmin, PgBouncerReader
from bdr_console.links.postgres import PostgresWriter
from bdr_console.links.session_settings import first_statements
from bdr_console.monitor import Monitor
from bdr_console.ui.base_app import Cluster
from bdr_console.ui.keys import ACTIONS, Scope, of
from bdr_console.ui.screens.alarms import AlarmsScreen
from bdr_console.ui.screens.clusters import Clusters
from bdr_console.ui.screens.detail import DetailScreen
from bdr_console.ui.screens.log import LogScreen
from bdr_console.ui.screens.run import RunScreen
from bdr_console.ui.text.cells import Subject, SubjectKind
from tests.hostile.fakes import tapped_haproxy
from tests.links.servers import PASSWORD, Haproxy, PgBouncer, Postgres, directory
from tests.ui.driving import FakeRuns, console
from tests.ui.scenes import run, snapshot
from tests.ui.test_terminal import terminal
from tests.waiting import eventually

_REPORTED = {"is_superuser": "on", "server_encoding": "UTF8"}
_SETUP = tuple(first_statements(sys.maxsize, _REPORTED.__getitem__))
_KEYS = (
    b"s",
    b"a",
    b"\x1b",
    b"e",
    b"\x1b",
    b"S",
    b"1",
    b"\r",
    b"Y",
    b"\x1b",
    b":details node1\r",
    b"\x1b",
    b"g",
    b"x",
    b"o",
    b"w",
    b"\x1b",
    b"r",
    b"+",
    b"\r",
    b"p",
    b"u",
    b"y",
    b"\x1b",
    b"?",
    b"\x1b",
)


def sent(log: str) -> list[str]:
    """The statements that the console's sessions sent, white space evened."""
    lines = re.split(r"\n(?=[^\t\n])", log)
    found = []
    for line in lines:
        said = re.match(r"bdr-console\|LOG:  (?:statement|execute [^:]+|parse [^:]+): (.*)", line, re.DOTALL)
        if said:
            found.append(" ".join(said[1].split()))
    return found


def test_a_watching_superuser_sends_only_what_reads_over_one_connection_each(
    postgres: Postgres, tmp_path: Path
) -> None:
    with directory() as first, directory() as second:
        haproxy = Haproxy(first, {"bdr_initial_node": postgres.port})
        pooler = PgBouncer(second, f"* = host=127.0.0.1 port={postgres.port}")
        try:
            haproxy.start()
            pooler.start()
            before = len(postgres.log())
            tap = tmp_path / "tap.sock"
            config = tmp_path / "all.yaml"
            dsn = f"host=127.0.0.1 port={postgres.port} user=postgres dbname=postgres"
            settings = {
                "nodes": {"node1": {"dsn": dsn, "server": "bdr_initial_node"}},
                "proxies": {"haproxy1": {"socket": str(tap)}},
                "poolers": {"pgb": {"dsn": f"host=127.0.0.1 port={pooler.port} user=operator"}},
            }
            config.write_text(json.dumps({"refresh": 0.2, "clusters": {"demo": settings}}))
            with (
                tapped_haproxy(tap, haproxy.socket("admin")) as came,
                terminal(tmp_path, "--config", str(config), "watch", PGPASSWORD=PASSWORD) as shown,
            ):
                shown.read_until(b"READ-ONLY")
                for key in (*_KEYS, *_KEYS):
                    os.write(shown.master, key)
                    shown._read(0.15)
                while came.count("show stat") < 15:
                    assert shown.process.poll() is None, shown.out[-2000:]
                    shown._read(0.1)
                consoles = asyncio.run(_consoles(pooler))
                shown.process.terminate()
                assert shown.wait() == 143
            log = postgres.log()[before:]
        finally:
            haproxy.stop()
            pooler.stop()
        allowed = {" ".join(sql.split()) for sql in shipped()}
        others = set(sent(log)) - allowed - set(_SETUP)
        assert others == set()
        assert len(sent(log)) > 20
        assert log.count("application_name=bdr-console") == 1, "one connection for the node"
        assert consoles == 2, "one for the console, and the one that counts"
        assert {command.split()[0] for command in came} == {"show"}
        bouncer = (second / "pgbouncer.log").read_text()
        assert not re.search(r"PAUSE|RESUME|RECONNECT|KILL|DISABLE|ENABLE|SET |RELOAD", bouncer)
        mine = {path.name for path in tmp_path.iterdir()}
        state = {"runs", "clusters", "recordings", "written"}
        assert mine <= {"config.yaml", "all.yaml", "tap.sock", *state}, "nothing but its state is written"


async def _consoles(pooler: PgBouncer) -> int:
    reader = PgBouncerReader("count", pooler.dsn("watcher"))
    try:
        return sum(row["database"] == "pgbouncer" for row in await reader.show("CLIENTS"))
    finally:
        await reader.close()


_SCREENS: dict[Scope, Callable[[Cluster], Screen[None]]] = {
    Scope.ALARMS: AlarmsScreen,
    Scope.LOG: LogScreen,
    Scope.DETAILS: lambda cluster: DetailScreen(cluster, Subject(SubjectKind.NODE, ("node1",))),
    Scope.CLUSTERS: Clusters,
}
"""What can be opened from the overview, beside a run."""


async def test_no_action_of_a_watching_console_reaches_anything_that_acts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    acting = (HaproxyAdmin, PgBouncerAdmin, PostgresWriter, AdvisoryLink)
    before = {id(one) for one in gc.get_objects() if isinstance(one, acting)}
    async with console(snapshot(), runs=FakeRuns(run())) as (app, pilot):
        await pilot.press("w")
        await pilot.pause()
        on_run = app.screen
        assert isinstance(on_run, RunScreen)
        for screen in (on_run, app.screen_stack[0]):
            for action in ACTIONS:
                if action.does and action.id not in ("quit", "palette"):
                    await app.run_action(action.does, default_namespace=screen)
                    app.clear_notifications()  # so many at once would take most of the time
                    await pilot.pause()
        for place, opened in _SCREENS.items():
            for action in of(place):
                if action.does:
                    while len(app.screen_stack) > 1:
                        app.pop_screen()
                    screen = opened(app.current)
                    await app.push_screen(screen)
                    await app.run_action(action.does, default_namespace=screen)
                    app.clear_notifications()  # so many at once would take most of the time
                    await pilot.pause()
        await pilot.pause()
        assert app.operator.acts is None
        for word in ("go", "abort", "cancel node1:7:a"):
            app.operator.say("20260304T095940-node1-ab12", word)
        app.operator.finish("node1", None, "undo")
        app.operator.plan_switchover("node1")
        assert [one for one in gc.get_objects() if isinstance(one, acting) and id(one) not in before] == []


def test_a_monitor_holds_links_without_the_writing_half() -> None:
    settings = ClusterSettings.model_validate(
        {
            "nodes": {"node1": {"dsn": "host=127.0.0.1"}},
            "proxies": {"ha": {"socket": "/run/ha.sock"}},
            "poolers": {"pgb": {"dsn": "host=127.0.0.1"}},
        }
    )
    monitor = Monitor("demo", settings, 1.0)
    for reader in monitor.readers.values():
        assert type(reader) is ShippedReader
        assert not hasattr(reader, "execute")
        assert not hasattr(reader, "grip")
    assert not hasattr(PgBouncerReader, "act")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_terminate_backend(1)",
        "SELECT pg_switch_wal()",
        "DELETE FROM t",
        "SET default_transaction_read_only = off",
        "SELECT 1; DROP TABLE t",
        "",
    ],
)
async def test_a_statement_that_is_not_shipped_is_never_sent(sql: str) -> None:
    with pytest.raises(ConsoleError, match="is not a statement that the console watches with"):
        await ShippedReader("node1", "host=127.0.0.1 port=1").fetch({"x": sql})


def test_no_shipped_statement_can_change_anything() -> None:
    for sql in shipped():
        body = " ".join(line for line in sql.splitlines() if not line.lstrip().startswith("--")).lower()
        assert body.strip().rstrip(";").count(";") == 0, sql
        assert re.match(r"\s*(select|with)\b", body), sql
        assert not re.search(
            r"\b(insert|update|delete|alter|drop|create|grant|truncate|nextval|setval|pg_terminate_backend|"
            r"pg_cancel_backend|pg_advisory_lock|pg_try_advisory_lock|emit_message|pg_reload_conf|dblink)\b",
            re.sub(r"'[^']*'", "''", body),
        ), sql


async def test_watching_works_with_credentials_that_can_do_nothing_else(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role with pg_monitor alone, HAProxy's socket of level user, a PgBouncer user in stats_users."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    postgres.run(
        "DROP ROLE IF EXISTS looker",
        f"CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor",
    )
    with directory() as first, directory() as second:
        haproxy = Haproxy(first, {"bdr_initial_node": postgres.port})
        pooler = PgBouncer(second, f"* = host=127.0.0.1 port={postgres.port}")
        try:
            haproxy.start()
            pooler.start()
            node = f"host=127.0.0.1 port={postgres.port} user=looker dbname=postgres"
            settings = ClusterSettings.model_validate(
                {
                    "nodes": {"node1": {"dsn": node, "server": "bdr_initial_node"}},
                    "proxies": {"ha": {"socket": haproxy.socket("user")}},
                    "poolers": {"pgb": {"dsn": f"host=127.0.0.1 port={pooler.port} user=watcher"}},
                }
            )
            monitor = Monitor("demo", settings, 0.2)
            task = asyncio.create_task(monitor.run())
            try:

                def read() -> bool:
                    now = monitor.snapshot()
                    targets: tuple[Observed[Any], ...] = (*now.nodes, *now.proxies, *now.poolers)
                    return all(target.facts is not None and target.error is None for target in targets)

                await eventually(read, "every target is read")
                facts = monitor.snapshot().nodes[0].facts
            finally:
                await monitor.close()
                await task
        finally:
            haproxy.stop()
            pooler.stop()
    assert facts is not None
    assert facts.unread == ()
    assert facts.sessions is not None
