"""The plan of a switchover: which commands, to which hosts, and what is refused before there is a plan."""

from dataclasses import replace

import pytest

from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import PoolDatabase
from bdr_console.cluster.proxies import ServerState
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.model.reading_queries import routed_databases
from bdr_console.runbooks.model.run import Command, RunStatus, RunView, StepStatus
from bdr_console.runbooks.model.step import Plan
from bdr_console.runbooks.plan.printable_plan import paper, rest, shell
from bdr_console.runbooks.plan.switchover import plan
from tests.cluster.builders import NOW, pooler, proxy, server, snapshot

SETTINGS = ClusterSettings.model_validate(
    {
        "nodes": {name: {"dsn": f"host={name}"} for name in ("node1", "node2", "node3")},
        "proxies": {"haproxy1": {"socket": "/run/haproxy.sock", "listen": ["127.0.0.1:5433"]}},
        "poolers": {
            "pgb-tx": {"dsn": "host=127.0.0.1 port=6432 user=dba"},
            "pgb-session": {"dsn": "host=127.0.0.1 port=6433"},
        },
    }
)


def commands(made: Plan) -> list[tuple[str, str]]:
    return [(command.host, command.text) for step in made.views() for command in step.commands]


def test_the_plan_names_each_command_with_its_host_in_the_order_of_sending() -> None:
    assert commands(plan(snapshot(), SETTINGS, "node1", "gradual")) == [
        ("haproxy1 (/run/haproxy.sock)", "disable server bk_db/bdr_initial_node"),
        ("pgb-tx (dba@127.0.0.1:6432)", "RECONNECT app"),
        ("pgb-session (127.0.0.1:6432)", "RECONNECT app"),
        ("pgb-tx (dba@127.0.0.1:6432)", "WAIT_CLOSE app"),
        ("pgb-session (127.0.0.1:6432)", "WAIT_CLOSE app"),
        ("haproxy1 (/run/haproxy.sock)", "enable server bk_db/bdr_initial_node"),
    ]


def test_only_the_disabling_has_something_to_put_back() -> None:
    undo = {
        step.key: [command.text for command in step.undo]
        for step in plan(snapshot(), SETTINGS, "node1", "gradual").views()
    }
    assert undo.pop("disable") == ["enable server bk_db/bdr_initial_node"]
    assert set(map(tuple, undo.values())) == {()}


def test_a_node_behind_two_backends_is_disabled_in_both() -> None:
    second = replace(server("db_ro1", "node1"), backend="bk_ro")
    two = replace(
        snapshot(), proxies=(proxy(server("bdr_initial_node", "node1"), second, server("n2", "node2")),)
    )
    sent = [text for _, text in commands(plan(two, SETTINGS, "node1", "gradual"))]
    assert sent[:2] == ["disable server bk_db/bdr_initial_node", "disable server bk_ro/db_ro1"]


def test_a_server_in_maintenance_already_is_not_enabled_at_the_end() -> None:
    out = server("bdr_initial_node", "node1", ServerState.MAINT)
    made = plan(replace(snapshot(), proxies=(proxy(out, server("n2", "node2")),)), SETTINGS, "node1")
    assert made.step("enable").acts == ()
    assert any("left so at the end" in note for note in made.notes)


@pytest.mark.parametrize(
    ("listen", "proxies", "nodes", "routed"),
    [
        (["127.0.0.1:5433"], ("p",), (), True),
        (["127.0.0.1:5433"], (), (), False),
        (["127.0.0.1:5433"], (), ("node1",), False),
        ([], (), (), True),
        ([], (), ("node1",), False),
    ],
)
def test_only_databases_that_lead_to_a_haproxy_are_reconnected(
    listen: list[str], proxies: tuple[str, ...], nodes: tuple[str, ...], routed: bool
) -> None:
    settings = ClusterSettings.model_validate(
        {"nodes": {"node1": {"dsn": ""}}, "proxies": {"p": {"socket": "/s", "listen": listen}}}
    )
    facts = pooler().facts
    assert facts is not None
    there = PoolDatabase("app", "10.0.0.9", 5433, False, False, 20, 1, "app", proxies, nodes)
    facts = replace(facts, databases=(there,))
    assert bool(routed_databases(facts, settings)) is routed


def test_a_database_without_server_connections_needs_no_reconnect() -> None:
    facts = pooler().facts
    assert facts is not None
    empty = replace(facts.pools[0], servers_active=0, servers_idle=0)
    before = replace(snapshot(), poolers=(pooler("pgb-tx", empty),))
    assert plan(before, SETTINGS, "node1", "gradual").step("reconnect").acts == ()


def test_a_database_name_that_pgbouncer_would_not_parse_is_quoted() -> None:
    facts = pooler().facts
    assert facts is not None
    named = replace(
        facts,
        databases=(replace(facts.databases[0], name="Billing-2"),),
        pools=(replace(facts.pools[0], database="Billing-2"),),
    )
    before = replace(snapshot(), poolers=(Observed("pgb-tx", "127.0.0.1:6432", named, NOW),))
    assert (
        plan(before, SETTINGS, "node1", "gradual").step("reconnect").acts[0].command.text
        == 'RECONNECT "Billing-2"'
    )


def _no_proxies(before: Snapshot) -> Snapshot:
    return replace(before, proxies=())


def _silent_proxy(before: Snapshot) -> Snapshot:
    return replace(before, proxies=(Observed("haproxy1", "/run/haproxy.sock", error="permission denied"),))


def _unknown_servers(before: Snapshot) -> Snapshot:
    return replace(before, proxies=(proxy(server("x", "node2")),))


@pytest.mark.parametrize(
    ("change", "node", "words"),
    [
        (lambda before: before, "node9", "no node named 'node9'"),
        (_no_proxies, "node1", "no HAProxy in its configuration"),
        (_silent_proxy, "node1", "haproxy1 (/run/haproxy.sock): permission denied"),
        (_unknown_servers, "node1", "bk_db/x"),
    ],
)
def test_why_there_is_no_plan_is_said_with_a_remedy(change, node: str, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConsoleError) as refused:
        plan(change(snapshot()), SETTINGS, node)
    assert words in refused.value.problem
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("host", "text", "expected"),
    [
        (
            "h (/run/x.sock)",
            "disable server b/s",
            "echo 'disable server b/s' | socat - UNIX-CONNECT:/run/x.sock",
        ),
        ("h (10.0.0.1:9999)", "enable server b/s", "echo 'enable server b/s' | socat - TCP:10.0.0.1:9999"),
        (
            "p (dba@10.0.0.1:6432)",
            "RECONNECT app",
            "psql -h 10.0.0.1 -p 6432 -U dba -d pgbouncer -c 'RECONNECT app'",
        ),
        ("n (dba@10.0.0.1:5432/app)", "SELECT 1", "psql -h 10.0.0.1 -p 5432 -U dba -d app -c 'SELECT 1'"),
        (
            "h (/run/x.sock via bastion (socat))",
            "enable server b/s",
            """ssh bastion 'echo '"'"'enable server b/s'"'"' | socat - UNIX-CONNECT:/run/x.sock'""",
        ),
        (
            "n (dba@10.0.0.1:5432/app via bastion)",
            "SELECT 1",
            """ssh bastion 'psql -h 10.0.0.1 -p 5432 -U dba -d app -c '"'"'SELECT 1'"'"''""",
        ),
        ("p (/tmp/.s.PGSQL.6432)", "WAIT_CLOSE app", "psql -h /tmp -p 6432 -d pgbouncer -c 'WAIT_CLOSE app'"),
    ],
)
def test_the_paper_has_the_shell_command_for_each(host: str, text: str, expected: str) -> None:
    assert shell(Command(host, text)) == expected


def test_the_paper_of_a_run_ticks_what_is_behind_and_keeps_what_is_left() -> None:
    made = plan(snapshot(), SETTINGS, "node1", "gradual")
    assert "[ ] 1." in paper(made)
    assert "--- point of no return: clients move here; undo enables node1, they stay ---\n[ ] 2." in paper(
        made
    )
    steps = list(made.views())
    steps[0] = replace(steps[0], status=StepStatus.DONE)
    view = RunView(
        "r1",
        "switchover",
        "shop",
        "prod",
        "node1",
        "dba",
        "",
        NOW,
        RunStatus.STOPPED,
        tuple(steps),
        leftovers=("b/s",),
    )
    text = rest(view)
    assert "[x] 1." in text
    assert "disable server" not in text
    assert "RECONNECT app" in text
    assert "Left over: b/s" in text


@pytest.mark.parametrize(("mode", "last_before"), [("gradual", "disable"), ("quiesce", "barrier")])
def test_every_step_says_what_it_brings_about_and_one_is_the_point_of_no_return(
    mode: str, last_before: str
) -> None:
    views = plan(snapshot(), SETTINGS, "node1", mode).views()
    assert [view.key for view in views if not view.condition] == ["hold"]
    (at,) = [number for number, view in enumerate(views) if view.no_return]
    assert views[at - 1].key == last_before
    assert "bk_db/bdr_initial_node is in maintenance on every HAProxy" in [view.condition for view in views]
