"""Who holds a step up: the chain from a pooler's client to a backend, and what may be done about it."""

from dataclasses import replace
from typing import Any

import pytest

from bdr_console.cluster.text import query_text
from bdr_console.links.haproxy_text import ProxySession
from bdr_console.runbooks.execute.live_world import LiveWorld
from bdr_console.runbooks.model.pool_holders import describe, holders, interventions, signal_sql
from bdr_console.runbooks.model.reading import Backend, Reading, ServerConnection
from bdr_console.runbooks.model.run import Command, Holder
from bdr_console.runbooks.model.step import Act
from tests.cluster.builders import snapshot
from tests.runbooks.world import SETTINGS

STARTED = "2026-11-22 02:00:00.000001+00"
CONNECTION = ServerConnection(
    "app", "app", "active", "127.0.0.1:40000", True, 2211, "billing", "10.0.3.7:5000", "2026-11-22 03:00"
)
BACKEND = Backend(
    "node1", 2211, STARTED, "app", "billing", "127.0.0.1:9", "idle in transaction", 41.0, "UPDATE t"
)
SESSION = ProxySession("0x1", "127.0.0.1:40000", "ft", "bk_db", "bdr_initial_node", "1s")
ACTS = (
    Act("pgbouncer", "pgb-tx", "app", Command("pgb-tx (127.0.0.1:6432)", "WAIT_CLOSE app"), waits=True),
    Act("pgbouncer", "pgb-session", "app", Command("pgb-session (127.0.0.1:6433)", "WAIT_CLOSE app")),
)


def reading(*backends: Backend, through: str | None = "bdr_initial_node") -> Reading:
    by_node: dict[str, tuple[Backend, ...]] = {"node1": (), "node2": (), "node3": ()}
    for backend in backends:
        by_node[backend.node] += (backend,)
    sessions = {"haproxy1": (replace(SESSION, server=through),)} if through else {}
    return Reading(snapshot(), sessions=sessions, backends=by_node)


def held(reading: Reading, connection: ServerConnection = CONNECTION) -> Holder:
    (found,) = holders(reading, [("pgb-tx", connection)])
    return found


def test_the_chain_leads_from_the_client_to_its_backend_on_the_node() -> None:
    found = held(reading(BACKEND))
    assert (found.node, found.pid, found.backend_start) == ("node1", 2211, STARTED)
    assert (found.application, found.client, found.pooler) == ("billing", "10.0.3.7:5000", "pgb-tx")
    assert describe(found) == (
        "app=billing, client 10.0.3.7:5000, through pgb-tx, idle in transaction for 41.0 s, "
        "pid 2211 on node1: UPDATE t"
    )


def test_a_backend_with_the_same_pid_on_another_node_is_not_taken_for_it() -> None:
    other = replace(BACKEND, node="node2", application="innocent")
    assert held(reading(other, BACKEND)).node == "node1"
    assert held(reading(other)).backend_start is None


@pytest.mark.parametrize(
    "backends",
    [
        (BACKEND, replace(BACKEND, node="node2")),
        (replace(BACKEND, user="somebody"),),
        (replace(BACKEND, pid=1),),
        (),
    ],
    ids=["two nodes fit and no HAProxy session tells them apart", "another user", "another pid", "none"],
)
def test_where_the_chain_is_not_certain_nothing_is_offered_against_a_backend(
    backends: tuple[Backend, ...],
) -> None:
    found = held(reading(*backends, through=None))
    assert found.backend_start is None
    assert "active since 2026-11-22 03:00" in describe(found)
    words = [choice.offer.word for choice in interventions(reading(), (found,), ACTS)]
    assert words == ["kill-db pgb-tx/app"]


def test_where_no_backend_is_known_the_client_itself_can_be_ended_if_pgbouncer_gives_it_an_id() -> None:
    found = held(reading(), replace(CONNECTION, client_id="17"))
    assert found.backend_start is None
    end, kill = interventions(reading(), (found,), ACTS)
    assert end.offer.word == f"terminate {found.id}"
    assert end.offer.label == "terminate client 10.0.3.7:5000 (app=billing) of pgb-tx"
    assert (end.command.host, end.command.text) == (kill.command.host, "KILL_CLIENT 17")
    assert end.undo is None
    known = held(reading(BACKEND), replace(CONNECTION, client_id="17"))
    (terminate,) = interventions(reading(BACKEND), (known,), ())
    assert terminate.how == "terminate", "a backend that is known is ended itself"


def test_a_role_that_may_not_see_when_a_backend_started_is_offered_nothing_against_it() -> None:
    found = held(reading(replace(BACKEND, started=None)))
    assert found.pid == 2211
    assert [c.how for c in interventions(reading(), (found,), ACTS)] == ["kill"]


def test_the_offers_name_application_pid_and_node_and_the_commands_name_backend_start() -> None:
    found = held(reading(BACKEND))
    terminate, kill = interventions(reading(BACKEND), (found,), ACTS)
    assert terminate.offer.label == "terminate app=billing pid 2211 on node1"
    assert terminate.offer.word == f"terminate {found.id}"
    assert terminate.command.host == "node1 (node1:5432)"
    assert terminate.command.text.startswith("SELECT pg_terminate_backend(pid) FROM pg_stat_activity ")
    assert terminate.command.text.endswith(f"WHERE pid = 2211 AND backend_start = '{STARTED}'")
    assert kill.undo is not None
    assert (kill.command.text, kill.undo.text) == ("KILL app", "RESUME app")
    assert "pgb-tx" in kill.offer.label


def test_a_statement_can_be_cancelled_and_an_idle_transaction_cannot() -> None:
    busy = held(reading(replace(BACKEND, state="active")))
    assert [c.how for c in interventions(reading(), (busy,), ())] == ["cancel", "terminate"]
    idle = held(reading(BACKEND))
    assert [c.how for c in interventions(reading(), (idle,), ())] == ["terminate"]


def test_a_backend_that_got_the_pid_of_another_has_another_name() -> None:
    later = replace(BACKEND, started="2026-11-22 02:00:00.000002+00")
    assert held(reading(BACKEND)).id != held(reading(later)).id


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("SELECT 1", "SELECT 1"),
        ("ALTER ROLE app PASSWORD 's3cr3t'", "ALTER ROLE app PASSWORD ***"),
        (
            "create user a encrypted password  e'it''s s3cr3t' valid until 'x'",
            "create user a encrypted password ***",
        ),
        ("ALTER ROLE app PASSWORD $x$s3cr3t$x$", "ALTER ROLE app PASSWORD ***"),
        ("SELECT dblink('host=a password=s3cr3t user=b')", "SELECT dblink('host=a password=*** user=b')"),
        ("SELECT dblink('postgresql://u:s3cr3t@h/db')", "SELECT dblink('postgresql://u:***@h/db')"),
        ("SELECT f(password => 's3cr3t')", "SELECT f(password => ***)"),
        ("ALTER ROLE app PASSWORD 's3cr3t and cut", "ALTER ROLE app PASSWORD ***"),
        ("SELECT\n\t1", "SELECT 1"),
        (None, ""),
    ],
)
def test_a_query_is_shown_without_the_passwords_in_it(query: str | None, shown: str) -> None:
    assert query_text(query).startswith(shown)
    assert "s3cr3t" not in query_text(query)


def test_a_long_query_is_cut_and_its_control_characters_are_made_visible() -> None:
    assert len(query_text("x" * 5000)) == 200
    assert "\x1b" not in query_text("SELECT '\x1b[31m'")


@pytest.mark.parametrize("how", ["cancel", "terminate"])
async def test_the_statement_that_is_shown_is_the_one_that_is_sent(how: Any) -> None:
    sent: list[tuple[object, ...]] = []

    class Writer:
        async def execute(self, *words: object) -> list[dict[str, bool]]:
            sent.append(words)
            return [{"done": True}]

    world = LiveWorld("shop", SETTINGS, application_name="a test")
    world._writers = {"node1": Writer()}  # type: ignore[dict-item]
    started = "2026-11-22 02:00:00.000000+00"
    assert await world.signal("node1", how, 2211, started)
    assert sent == [(signal_sql(how, 2211, started),)]


def test_a_start_that_no_server_writes_gets_into_no_statement() -> None:
    with pytest.raises(ValueError, match="is not a backend_start"):
        signal_sql("cancel", 1, "2026-11-22' OR true --")
