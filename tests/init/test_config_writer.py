"""The file that init writes: loads, holds no password, replaces nothing by accident."""

from pathlib import Path

import pytest

from bdr_console.config import load
from bdr_console.errors import ConsoleError
from bdr_console.init.config_writer import Draft, write
from bdr_console.init.nodes import FoundNode, without_password

NODES = (FoundNode("node1", "host=10.0.0.1 dbname=app", None, "Connection refused"),)


def draft(**changed: object) -> Draft:
    told: dict[str, object] = {
        "cluster": "shop",
        "environment": "",
        "via": None,
        "nodes": NODES,
        "servers": {},
        "proxies": {},
        "poolers": {},
    }
    return Draft(**(told | changed))  # type: ignore[arg-type]


def test_the_written_file_can_be_loaded_and_is_its_owners_alone(tmp_path: Path) -> None:
    full = draft(
        environment="prod",
        via="bastion",
        servers={"node1": "initial"},
        proxies={"haproxy1": "/run/h.sock"},
        poolers={"pgbouncer1": "host=/run port=6432 user=pgbouncer"},
    )
    path = tmp_path / "made" / "config.yaml"
    write(path, full.text(), force=False)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    name, cluster = load(path).cluster(None)
    assert (name, cluster.environment, cluster.via) == ("shop", "prod", "bastion")
    assert cluster.nodes["node1"].server == "initial"
    assert cluster.proxies["haproxy1"].socket == "/run/h.sock"


def test_without_proxies_it_says_where_they_would_stand(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    write(path, draft().text(), force=False)
    assert "# proxies:" in path.read_text()
    assert load(path).cluster(None)[1].proxies == {}


@pytest.mark.parametrize("odd", ["no", "1e3", "a: b", "#x", "'", '"', "ü: #"])
def test_odd_labels_come_back_as_they_are(odd: str) -> None:
    assert draft(environment=odd).settings().clusters["shop"].environment == odd


def test_a_file_that_is_there_is_replaced_with_force_only(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("mine")
    with pytest.raises(ConsoleError, match="is there already"):
        write(path, draft().text(), force=False)
    assert path.read_text() == "mine"
    write(path, draft().text(), force=True)
    assert path.read_text() == draft().text()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "dsn",
    [
        "host=a dbname=app user=u password=geheim",
        "postgresql://u:geheim@a/app",
        "postgresql://u@a/app?sslpassword=geheim",
        "host=a dbname=app user=u password = 'ge\\'heim'",
    ],
)
def test_a_password_in_a_dsn_goes_no_further(dsn: str) -> None:
    kept, had = without_password(dsn)
    assert had
    assert "heim" not in kept
    assert "host=a" in kept
    assert without_password(kept) == (kept, False)
