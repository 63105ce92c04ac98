"""`bdr-console init`: from one node to a configuration whose every target was reached."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bdr_console.init.nodes import find_nodes, without_password
from bdr_console.lab import Lab, up
from bdr_console.links.errors import LinkError
from tests.conftest import lab_directory
from tests.links.servers import PASSWORD, Postgres
from tests.test_cli import closed_port, refused, run


def the_clusters(path: Path) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    told: dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]] = yaml.safe_load(path.read_text())
    return told["clusters"]


def made(lab: Lab, path: Path) -> subprocess.CompletedProcess[str]:
    """init told one node with a password in its DSN, a proxy and a pooler."""
    (cluster,) = the_clusters(lab.config).values()
    node = cluster["nodes"]["node1"]["dsn"]
    words = ["--haproxy", cluster["proxies"]["haproxy1"]["socket"]]
    for pooler in cluster["poolers"].values():
        words += ["--pgbouncer", pooler["dsn"]]
    return run("init", "--node", f"{node} password=geheim", *words, "--output", str(path))


@pytest.mark.lab
@pytest.mark.timeout(120)
def test_all_nodes_are_found_from_one_and_what_is_written_passes_its_check(
    healthy_lab: Lab, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    done = made(healthy_lab, path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "6 targets, all reached"
    assert "the password in the DSN is left out" in done.stderr
    assert "geheim" not in path.read_text() + done.stdout + done.stderr
    (cluster,) = the_clusters(path).values()
    assert sorted(cluster["nodes"]) == ["node1", "node2", "node3"]
    ports = [node.port for node in healthy_lab.layout.nodes]
    assert [f"port={port}" in cluster["nodes"][f"node{at}"]["dsn"] for at, port in enumerate(ports, 1)] == [
        True
    ] * 3
    again = made(healthy_lab, path)
    refused(again, "is there already", "--force")


@pytest.fixture
def pglogical_lab() -> Iterator[Lab]:
    """Two nodes that know each other by their subscriptions alone."""
    lab = up(lab_directory("init-pglogical"), nodes=2, engine="pglogical")
    try:
        yield lab
    finally:
        lab.down()


@pytest.mark.lab
@pytest.mark.timeout(180)
def test_a_node_without_a_group_leads_to_those_it_subscribes_to(pglogical_lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    done = made(pglogical_lab, path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pglogical 2" in done.stdout
    (cluster,) = the_clusters(path).values()
    assert sorted(cluster["nodes"]) == ["node1", "node2"]


def test_a_node_that_is_not_reached_is_a_clear_error_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    done = run("init", "--node", f"host=127.0.0.1 port={closed_port()} dbname=app", "--output", str(path))
    refused(done, "127.0.0.1", "Connection refused", "Nothing listens there")
    assert not path.exists()


async def test_of_several_given_nodes_one_may_be_down(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "pass"
    kept.write_text(f"*:*:*:*:{PASSWORD}\n")
    kept.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(kept))
    said: list[str] = []
    down = f"host=127.0.0.1 port={closed_port()} dbname=app"
    found = await find_nodes([down, without_password(postgres.dsn())[0]], None, said.append)
    assert [node.facts is not None for node in found.nodes] == [False, True]
    assert "given, but not reached" in said[0]
    with pytest.raises(LinkError, match="Connection refused"):
        await find_nodes([down], None, said.append)


def test_a_dsn_that_is_none_is_not_repeated(tmp_path: Path) -> None:
    done = run("init", "--node", "hots=a pass word geheim", "--output", str(tmp_path / "config.yaml"))
    refused(done, "--node", "not a libpq connection string")
    assert "geheim" not in done.stderr


@pytest.mark.parametrize(
    ("option", "value"), [("--via", "no name"), ("--via", "-oProxyCommand=x")], ids=["spaces", "an option"]
)
def test_an_option_that_the_configuration_would_not_take_is_refused_before_anything_is_asked(
    option: str, value: str, tmp_path: Path
) -> None:
    done = run(
        "init", "--node", "host=127.0.0.1 port=1", f"{option}={value}", "--output", str(tmp_path / "c")
    )
    refused(done, "via", "is not a plain name")


def test_without_a_terminal_and_a_node_it_says_what_it_needs(tmp_path: Path) -> None:
    refused(run("init", "--output", str(tmp_path / "config.yaml")), "--node")


def test_a_file_that_is_there_is_left_alone_before_anything_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("mine")
    refused(run("init", "--node", "host=127.0.0.1", "--output", str(path)), "is there already")
    assert path.read_text() == "mine"
