"""What HAProxy 1.5 to 3.4 answered, read back."""

import pytest

from bdr_console.cluster.proxies import ProxyFacts, ProxyServer, ServerState, StickEntry
from bdr_console.links import haproxy_text
from bdr_console.links.haproxy_facts import backends_of, proxy_facts
from bdr_console.links.haproxy_text import (
    NotHaproxyError,
    parse_sessions,
    parse_stat,
    parse_table,
    server_state,
    table_names,
)
from tests.links.captures import HAPROXY_VERSIONS, text


def node_of(_backend: str, server: str, _address: str | None) -> str | None:
    return {"bdr_initial_node": "node1", "bdr_next_node": "node2"}.get(server)


def reading(version: str, capture: str, backends: tuple[str, ...] = ("bk_db",)) -> ProxyFacts:
    folder = f"haproxy-{version}"
    info = "load-on-initial" if version == "2.6.12" else "one-session"
    table = "" if capture.startswith("states/") else text(folder, capture, "show-table-bk_db.txt")
    return proxy_facts(
        text(folder, info, "show-info.txt"),
        parse_stat(text(folder, capture, "show-stat.csv")),
        text(folder, capture, "show-servers-state.txt"),
        {"bk_db": table},
        backends,
        node_of,
    )


def server(facts: ProxyFacts, name: str, backend: str = "bk_db") -> ProxyServer:
    return next(s for s in facts.servers if (s.backend, s.name) == (backend, name))


@pytest.mark.parametrize("version", HAPROXY_VERSIONS)
def test_every_version_shows_a_running_pair_with_its_traffic_and_its_sticky_server(version: str) -> None:
    facts = reading(version, "one-session")
    first, second = facts.servers
    assert facts.version.startswith(version)
    assert facts.pid > 1
    assert facts.processes == 1
    assert (first.name, first.state, first.backup, first.sessions, first.node) == (
        "bdr_initial_node",
        ServerState.UP,
        False,
        1,
        "node1",
    )
    assert (second.name, second.state, second.backup, second.sessions, second.node) == (
        "bdr_next_node",
        ServerState.UP,
        True,
        0,
        "node2",
    )
    assert facts.stick == (StickEntry("bk_db", "127.0.0.1", "bdr_initial_node"),)
    assert first.address == (None if version in ("1.5.0", "1.6.0") else "127.0.0.1:7001")


@pytest.mark.parametrize("version", HAPROXY_VERSIONS)
def test_every_version_shows_a_disabled_server_as_in_maintenance_without_a_check(version: str) -> None:
    facts = reading(version, "initial-maint")
    first, second = facts.servers
    assert first.state is ServerState.MAINT
    assert first.in_maintenance
    assert first.check is None
    assert second.state is ServerState.UP
    assert not second.in_maintenance
    assert first.admin_state == (None if version == "1.5.0" else 1)
    assert facts.stick
    # One session was open before and one came after. 1.8.0 sends even that one to the server in maintenance:
    # what is shown must be what happens, not what was wished.
    sticky_in_maintenance = version == "1.8.0"
    assert facts.stick[0].server == ("bdr_initial_node" if sticky_in_maintenance else "bdr_next_node")
    assert (first.total_sessions, second.total_sessions) == ((2, 0) if sticky_in_maintenance else (1, 1))


@pytest.mark.parametrize(
    ("capture", "backend", "name", "state", "accepts"),
    [
        ("status-UP", "bk_db", "bdr_initial_node", ServerState.UP, True),
        ("status-UP-2of3", "bk_db", "bdr_next_node", ServerState.FAILING, True),
        ("status-UP-1of3", "bk_db", "bdr_next_node", ServerState.FAILING, True),
        ("status-UP-1of2", "bk_redisp", "bdr_initial_node", ServerState.FAILING, True),
        ("status-DOWN", "bk_db", "bdr_next_node", ServerState.DOWN, False),
        ("status-DOWN-1of2", "bk_db", "bdr_next_node", ServerState.RISING, False),
        ("drain", "bk_db", "bdr_initial_node", ServerState.DRAIN, False),
        ("drain", "bk_opts", "tracker", ServerState.DRAIN, False),
        ("nolb", "bk_pg", "bdr_initial_node", ServerState.STOPPING, False),
        ("no-check", "bk_pg", "bdr_initial_node", ServerState.UNCHECKED, True),
        ("no-check", "bk_opts", "nocheck", ServerState.UNCHECKED, True),
        ("maint-and-maint-via", "bk_db", "bdr_initial_node", ServerState.MAINT, False),
        ("maint-and-maint-via", "bk_opts", "tracker", ServerState.MAINT, False),
        ("maint-and-maint-via", "bk_opts", "bdr_initial_node", ServerState.MAINT, False),
        ("forced-health-down", "bk_pg", "bdr_initial_node", ServerState.DOWN, False),
        ("mixed-checks-all-up", "bk_pg", "bdr_initial_node", ServerState.UP, True),
    ],
)
def test_each_state_of_a_server_is_told_in_one_word(
    capture: str, backend: str, name: str, state: ServerState, accepts: bool
) -> None:
    shown = server(
        reading("2.6.12", f"states/{capture}", ("bk_db", "bk_pg", "bk_redisp", "bk_opts")), name, backend
    )
    assert shown.state is state
    assert shown.state.accepts is accepts
    assert shown.in_maintenance is (state is ServerState.MAINT)


def test_a_server_just_enabled_is_not_mistaken_for_one_that_is_failing() -> None:
    enabled = server(reading("2.6.12", "initial-enabled-again-0s"), "bdr_initial_node")
    failing = server(
        reading("2.6.12", "states/status-UP-1of3", ("bk_db",)),
        "bdr_next_node",
    )
    assert (enabled.status, failing.status) == ("UP 1/3", "UP 1/3")
    assert (enabled.state, failing.state) == (ServerState.UP, ServerState.FAILING)
    assert failing.check == "L4CON"
    assert failing.check_text == "Layer4 connection problem: Connection refused"


def test_maintenance_bits_win_over_words_that_lag_behind() -> None:
    assert server_state("UP", "L4OK", 0x01) is ServerState.MAINT
    assert server_state("UP", "L4OK", 0x20) is ServerState.MAINT
    assert server_state("UP", "L4OK", 0x08) is ServerState.DRAIN
    assert server_state("UP", "L4OK", 0x40) is ServerState.UP, "an address set by command is no maintenance"
    assert server_state("SOMETHING NEW", "", 0) is ServerState.UNKNOWN


def test_only_backends_with_a_configured_node_are_watched_when_none_is_named() -> None:
    stat = parse_stat(text("haproxy-2.6.12", "states/status-UP", "show-stat.csv"))
    state = text("haproxy-2.6.12", "states/status-UP", "show-servers-state.txt")
    only_tracker = backends_of(stat, state, lambda _b, s, _a: "node1" if s == "tracker" else None)
    by_address = backends_of(stat, state, lambda _b, _s, a: "node1" if a == "127.0.0.1:7001" else None)
    assert only_tracker == ("bk_opts",)
    assert by_address == ("bk_db", "bk_pg", "bk_redisp", "bk_opts")


def test_sticky_entries_hidden_by_the_sockets_level_are_unknown_and_not_none() -> None:
    hidden = (
        "# table: bk_db, type: ip, size:1, used:1\n# contents not dumped due to insufficient privileges\n"
    )
    assert parse_table(hidden, {}) is None
    assert parse_table("No such table\n", {}) == ()
    assert parse_table("# table: bk_db, type: ip, size:1, used:0\n", {}) == ()
    listed = "# table: rates, type: ip, size:9, used:0\n# table: sticky, type: ip, size:1, used:1\n"
    assert table_names(listed) == ["sticky"]


def test_an_entry_without_a_server_name_falls_back_to_the_servers_id() -> None:
    head = "# table: bk_db, type: ip, size:1, used:1\n0x1: key=10.0.0.9 use=0 exp=0 shard=0 "
    assert parse_table(head + "server_id=2 server_key=-\n", {"2": "b"}) == (
        StickEntry("bk_db", "10.0.0.9", "b"),
    )
    assert parse_table(head + "server_id=7 server_key=-\n", {"2": "b"}) == (
        StickEntry("bk_db", "10.0.0.9", None),
    )


@pytest.mark.parametrize("version", [*HAPROXY_VERSIONS, "2.6.12"])
def test_sessions_name_their_client_and_server_without_the_runtime_sockets_own(version: str) -> None:
    capture = "initial-maint-not-drained" if version == "2.6.12" else "one-session"
    found = parse_sessions(text(f"haproxy-{version}", capture, "show-sess.txt"))
    assert found
    assert {session.server for session in found} == {"bdr_initial_node"}
    assert all(session.source.startswith("127.0.0.1:") for session in found)
    assert parse_sessions("Permission denied\n\n") is None


@pytest.mark.parametrize(
    "answer",
    ["", "HTTP/1.0 408 Request Time-out\n", "\x00\x01\x02", "# pxname,nothing\n", "Unknown command.\n"],
)
def test_an_answer_that_is_not_haproxys_is_named_as_such(answer: str) -> None:
    with pytest.raises(NotHaproxyError):
        parse_stat(answer)
    with pytest.raises(NotHaproxyError):
        haproxy_text.parse_info(answer)


def test_hostile_text_in_an_answer_comes_out_visible_and_harmless() -> None:
    stat = text("haproxy-2.6.12", "states/status-DOWN", "show-stat.csv")
    stat = stat.replace("Connection refused", "\x1b]0;owned\x07[/][red]\u202e\x00")
    facts = proxy_facts(
        text("haproxy-2.6.12", "load-on-initial", "show-info.txt"),
        parse_stat(stat),
        "",
        {},
        ("bk_db",),
        node_of,
    )
    shown = server(facts, "bdr_next_node").check_text
    assert shown == r"Layer4 connection problem: \x1b]0;owned\x07[/][red]\u202e\x00"


def test_a_stick_table_of_another_section_belongs_to_the_backend_whose_servers_it_names() -> None:
    folder = "haproxy-2.6.12"
    sticky = "# table: sticky, type: ip, size:1, used:1\n0x55: key=127.0.0.1 use=0 exp=0 server_id=2"
    facts = proxy_facts(
        text(folder, "load-on-initial", "show-info.txt"),
        parse_stat(text(folder, "load-on-initial", "show-stat.csv")),
        text(folder, "load-on-initial", "show-servers-state.txt"),
        {"bk_db": "No such table\n"},
        ("bk_db",),
        node_of,
        {
            "sticky": f"{sticky} server_key=bdr_next_node\n",
            "rates": "# table: rates, type: ip, size:9, used:1\n0x56: key=::1 use=0 exp=9 conn_rate(1)=3\n",
            "another": sticky.replace("sticky", "another") + " server_key=elsewhere\n",
        },
    )
    assert facts.stick == (StickEntry("bk_db", "127.0.0.1", "bdr_next_node", "sticky"),)
