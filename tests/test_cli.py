"""Whatever is wrong, the answer is one paragraph that names the place and the remedy, never a traceback."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bdr_console.cli import cli
from bdr_console.commands.options import FILE

PROGRAM = [sys.executable, "-m", "bdr_console"]


def run(*arguments: str, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The program as a user starts it from a script: no terminal."""
    named = ["--config", str(config)] if config else []
    return subprocess.run(
        [*PROGRAM, *named, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    """It ended with an error that says all of this, in one paragraph."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout
    assert "\n\n" not in done.stderr.strip()
    for text in expected:
        assert text in done.stderr


def closed_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def config(tmp_path: Path, *, node: str = "", haproxy: str = "", pooler: str = "") -> Path:
    """A configuration whose targets do not exist, unless said otherwise."""
    path = tmp_path / "config.yaml"
    nowhere = f"host=127.0.0.1 port={closed_port()} user=nobody dbname=app"
    path.write_text(
        "clusters:\n  shop:\n"
        f"    nodes:\n      node1:\n        dsn: {node or nowhere}\n"
        f"    proxies:\n      haproxy1:\n        socket: {haproxy or '/nonexistent/haproxy.sock'}\n"
        f"    poolers:\n      pgb1:\n        dsn: {pooler or nowhere}\n"
    )
    return path


def test_a_configuration_that_does_not_exist_is_named() -> None:
    refused(run(config=Path("/nonexistent/config.yaml")), "/nonexistent/config.yaml", "No such file")


def test_a_configuration_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = config(tmp_path)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root reads everything")
    refused(run(config=path), str(path), "Permission denied")


def test_no_option_leaves_it_to_click_to_refuse_a_file_that_may_not_be_read() -> None:
    paths = [(n, p) for n, p in _parameters(cli, "bdr-console") if isinstance(p.type, click.Path)]
    assert len(paths) > 5
    assert not [f"{name} {param.name}" for name, param in paths if param.type is not FILE]


def _parameters(command: click.Command, name: str) -> Iterator[tuple[str, click.Parameter]]:
    yield from ((name, param) for param in command.params)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            if below := command.get_command(context, child):
                yield from _parameters(below, f"{name} {child}")


def test_a_malformed_configuration_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("clusters:\n  shop: [\n")
    refused(run(config=path), f"{path}:3:1:")


def test_an_unknown_key_is_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("clusters:\n  shop:\n    node: {}\n")
    refused(run(config=path), f"{path}:3:5: clusters.shop.node: unknown key; did you mean 'nodes'?")


def test_an_unknown_cluster_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    refused(run("--cluster", "shpo", config=config(tmp_path)), "no cluster named 'shpo'", "shop")


def test_an_unknown_theme_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    refused(run("--theme", "drak", config=config(tmp_path)), "drak", "dark")


def test_no_terminal_is_said_so(tmp_path: Path) -> None:
    refused(run(config=config(tmp_path)), "terminal")
    refused(run("watch", config=config(tmp_path)), "terminal")


def test_an_unknown_command_is_said_so() -> None:
    done = run("swithcover")
    assert done.returncode == 2
    assert "No such command 'swithcover'" in done.stderr


def test_a_wrong_dsn_is_named_by_its_node_and_not_repeated(tmp_path: Path) -> None:
    done = run("switchover", "node1", "--plan", config=config(tmp_path, node="this is no dsn secret1"))
    refused(done, "node1", "host=")
    assert "secret1" not in done.stderr


def test_a_plan_without_any_answer_says_who_did_not_answer(tmp_path: Path) -> None:
    refused(
        run("switchover", "node1", "--plan", config=config(tmp_path)), "haproxy1", "/nonexistent/haproxy.sock"
    )


def test_a_plan_for_an_unknown_node_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    refused(run("switchover", "nod1", "--plan", config=config(tmp_path)), "no node named 'nod1'", "node1")


def test_a_socket_without_permission_is_said_so(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may open every socket; the links' tests do this as another user")
    path = tmp_path / "haproxy.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        done = run("switchover", "node1", "--plan", config=config(tmp_path, haproxy=str(path)))
    refused(done, str(path), "permission denied")


def test_a_lab_that_does_not_run_is_said_so(tmp_path: Path) -> None:
    refused(run("lab", "status", "--directory", str(tmp_path / "lab")), str(tmp_path / "lab"))


HUGE = "9" * 400


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("status", "--timeout", f"{HUGE}s"), "is no duration"),
        (("record", "x", "--for", HUGE), "is no duration"),
        (("record", "x", "--for", "999999999d"), "is longer than a year"),
        (("record", "x", "--limit", HUGE), "is no size"),
        (("switchover", "node1", "--apply", "x", "--hold-for", f"{HUGE}h"), "is no duration"),
        (("top", "--count", HUGE), "is not in the range"),
        (("top", "--every", "nan"), "nan is no number"),
        (("screenshot", "--settle", HUGE), "is not in the range"),
        (("lab", "load", "start", "--clients", HUGE), "is not in the range"),
    ],
    ids=lambda given: " ".join(given)[:30] if isinstance(given, tuple) else "",
)
def test_a_number_beyond_all_measure_on_an_option_is_refused(
    tmp_path: Path, words: tuple[str, ...], expected: str
) -> None:
    done = run(*words, config=config(tmp_path))
    assert done.returncode in (2, 3)
    assert expected in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("key", ["record: {limit: %s}", "defaults: {alarms: {raise_after_crit: %s}}"])
@pytest.mark.parametrize("number", [HUGE, ".inf", "1e400"])
def test_a_number_beyond_all_measure_in_the_configuration_is_refused(
    tmp_path: Path, key: str, number: str
) -> None:
    made = config(tmp_path)
    made.write_text(f"{key % number}\n{made.read_text()}")
    done = run("config", "check", config=made)
    assert done.returncode == 1
    assert f"{made}:1:" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
