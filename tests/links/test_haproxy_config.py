"""haproxy.cfg says what a disabled or enabled server does to sessions, or that it cannot be told."""

import pytest

from bdr_console.cluster.proxies import ProxyFile, ServerOptions, StateLoad
from bdr_console.links.haproxy_config import parse_haproxy_config

DOWN, UP = "on-marked-down shutdown-sessions", "on-marked-up shutdown-backup-sessions"
LOAD = "load-server-state-from-file"


def parsed(*lines: str) -> ProxyFile:
    return parse_haproxy_config("\n".join(lines), "haproxy.cfg")


def server(file: ProxyFile, name: str = "n1", backend: str = "bk") -> ServerOptions:
    return file.server(backend, name)


def test_patronis_template_cuts_the_sessions_of_every_server_of_the_section() -> None:
    file = parsed(
        "defaults",
        "    mode tcp",
        "listen bk",
        "    bind *:5000",
        f"    default-server inter 3s fall 3 rise 2 {DOWN}",
        "    server n1 10.0.0.1:5432 maxconn 100 check port 8008",
        "    server n2 10.0.0.2:5432 maxconn 100 check port 8008",
    )
    assert [(s.name, s.cut_when_down, s.cuts_backups_when_up) for s in file.servers] == [
        ("n1", 5, None),
        ("n2", 5, None),
    ]


def test_the_line_nearest_to_the_server_is_named() -> None:
    file = parsed(f"defaults\n default-server {DOWN}\nbackend bk\n server n1 h:1 check {UP} {DOWN}")
    assert (server(file).cut_when_down, server(file).cuts_backups_when_up) == (4, 4)


def test_default_server_holds_for_the_lines_after_it_and_for_its_own_section_alone() -> None:
    file = parsed(
        "backend bk",
        " server n1 h:1",
        f" default-server {DOWN}",
        " server n2 h:2",
        "backend b2",
        " server n1 h:1",
    )
    assert [s.cut_when_down for s in file.servers] == [None, 3, None]


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ((f"defaults\n default-server {DOWN}", "backend bk"), 2),
        ((f"defaults\n default-server {DOWN}", "defaults", "backend bk"), None),
        ((f"defaults a\n default-server {DOWN}", "defaults b", "backend bk from a"), 2),
        ((f"defaults a\n default-server {DOWN}", "defaults b from a", "backend bk"), 2),
        (("defaults a", f"defaults b\n default-server {DOWN}", "backend bk from a"), None),
    ],
)
def test_which_defaults_a_backend_begins_with(lines: tuple[str, ...], line: int | None) -> None:
    found = server(parsed(*lines, " server n1 h:1"))
    assert (found.cut_when_down, found.unknown) == (line, "")


@pytest.mark.parametrize(
    "text",
    [
        f"# {DOWN}",
        f"server n1 h:1 check # {DOWN}",
        f"server n1 h:1 check#{DOWN}",
        f"server n1 h:1 cookie '{DOWN}'",
        r"server n1 h:1 cookie on-marked-down\ shutdown-sessions",
        f"description {DOWN}",
        "server n1 h:1 on-marked-down",
    ],
)
def test_comments_quotes_and_other_lines_are_no_options(text: str) -> None:
    file = parsed("backend bk", f" {text}", " server n1 h:1 check")
    assert server(file).cut_when_down is None
    assert server(file).unknown == ""


@pytest.mark.parametrize(
    "text",
    [
        'server n1 h:1 "on-marked-down" shutdown-sessions',
        r"server n1 h:1 on-marked\-down shutdown-sessions",
        "server n1 h:1 'on-marked-down'\t\"shutdown-sessions\"\r",
        'server n1 "${HOST}:5432" on-marked-down shutdown-sessions',
    ],
)
def test_quoted_and_escaped_words_are_options_all_the_same(text: str) -> None:
    assert server(parsed("backend bk", text)).cut_when_down == 2
    assert server(parsed("backend bk", text)).unknown == ""


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            (".if defined(A)", " server n1 h:1", ".endif"),
            "line 3 stands between the .if of line 2 and its .endif",
        ),
        (
            (
                ".if defined(A)",
                " .if defined(B)",
                " .endif",
                f" default-server {DOWN}",
                ".endif",
                " server n1 h:1",
            ),
            "line 5 stands between the .if of line 2 and its .endif",
        ),
        ((' server n1 h:1 "$OPTIONS"',), "line 2 takes options from the environment"),
        ((' server n1 "${ALL[*]}"',), "line 2 takes options from the environment"),
        ((' default-server "$OPTIONS"', " server n1 h:1"), "line 2 takes options from the environment"),
        ((' server "$NAME" h:1',), "haproxy.cfg has no server bk/n1"),
        ((" server n2 h:1",), "haproxy.cfg has no server bk/n1"),
        (("backend bk2 from b", " server n1 h:1"), "haproxy.cfg has no server bk/n1"),
        (("backend bk from b", " server n1 h:1"), "line 2 names the defaults 'b', not there"),
    ],
)
def test_what_cannot_be_decided_is_unknown_with_the_line(lines: tuple[str, ...], why: str) -> None:
    assert server(parsed("backend bk", *lines)).unknown == why


def test_a_condition_without_these_options_leaves_the_others_known() -> None:
    file = parsed(
        "backend bk",
        ".if defined(X)",
        " default-server inter 1s",
        " .if a",
        " .endif",
        ".endif",
        " server n1 h:1",
    )
    assert server(file) == ServerOptions("bk", "n1")


def test_servers_of_other_sections_are_none_of_a_backend() -> None:
    assert parsed(f"peers bk\n server n1 h:1 {DOWN}\nring bk\n server n1 h:1 {DOWN}").servers == ()


def test_a_template_stands_for_its_servers() -> None:
    file = parsed(
        "backend bk", f" server-template n 2 db.local:5432 check {DOWN}", " server-template m 4-5 h:1"
    )
    assert [(s.name, s.cut_when_down) for s in file.servers] == [
        ("n1", 2),
        ("n2", 2),
        ("m4", None),
        ("m5", None),
    ]


@pytest.mark.parametrize(
    ("lines", "load"),
    [
        (("backend bk",), StateLoad("bk", None)),
        (
            (
                "global\n server-state-file /var/state",
                f"defaults\n {LOAD} global",
                "backend bk",
            ),
            StateLoad("bk", "/var/state"),
        ),
        (
            (f"defaults\n {LOAD} global", "backend bk"),
            StateLoad("bk", None),
        ),
        (
            (f"backend bk\n {LOAD} local\n server-state-file-name own",),
            StateLoad("bk", "own"),
        ),
        ((f"backend bk\n {LOAD} local",), StateLoad("bk", "bk")),
        (
            (f"defaults\n {LOAD} local", f"backend bk\n {LOAD} none"),
            StateLoad("bk", None),
        ),
    ],
)
def test_whether_a_reload_brings_server_states_back(lines: tuple[str, ...], load: StateLoad) -> None:
    assert parsed(*lines).state_load("bk") == load


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "server",
        "backend",
        "backend\n server",
        '"',
        "\\",
        ".endif\n.endif",
        "backend b from",
        "'" + "a" * 10**6,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_no_file_is_an_error_of_the_parser(text: str) -> None:
    assert parse_haproxy_config(text, "haproxy.cfg").server("bk", "n1").unknown
