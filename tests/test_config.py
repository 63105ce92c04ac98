# ruff: noqa: E501 - the table of mistakes has one row a line
"""A mistake in the configuration is named with its file, line, column and key, and with what to do."""

from pathlib import Path

import pytest

from bdr_console.config import ClusterSettings, find, load
from bdr_console.errors import ConsoleError

GOOD = "clusters: {shop: {nodes: {n1: {dsn: host=a}}}}"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    with pytest.raises(ConsoleError) as caught:
        load(path)
    return str(caught.value)


def test_the_example_file_is_a_valid_configuration() -> None:
    settings = load(Path(__file__).parents[1] / "config.example.yaml")
    name, cluster = settings.cluster(None)
    assert name == "shop"
    assert list(cluster.nodes) == ["node1", "node2", "node3"]
    assert cluster.thresholds.lag_bytes_warn == 10 * 1024 * 1024


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clusters:\n  shop:\n    nodes:\n      n1:\n        dns: host=a\n", ":5:9: clusters.shop.nodes.n1.dns: unknown key; did you mean 'dsn'?"),
        ("clusters:\n  shop:\n    nodes:\n      n1: {}\n", ":4:7: clusters.shop.nodes.n1.dsn: this key is required and missing"),
        (GOOD[:-2] + ", ssh: {hosts: {b: {prt: 2}}}}}", " clusters.shop.ssh.hosts.b.prt: unknown key; did you mean 'port'?"),
        (GOOD[:-2] + ", ssh: {host: {}}}}", " clusters.shop.ssh.host: unknown key; did you mean 'hosts'?"),
        (GOOD[:-2] + ", ssh: {hosts: {b: {port: 0}}}}}", " clusters.shop.ssh.hosts.b.port: input should be greater than or equal to 1"),
        (GOOD + "\nrefrsh: 2\n", ":2:1: refrsh: unknown key; did you mean 'refresh'?"),
        (GOOD + "\nzzz: 2\n", ":2:1: zzz: unknown key; known here: refresh, theme, clusters"),
        (GOOD + "\nrefresh: soon\n", ":2:1: refresh: input should be a valid number"),
        (GOOD + "\nrefresh: 0\n", ":2:1: refresh: input should be greater than or equal to 0.2"),
        ("clusters:\n  shop:\n    nodes: {}\n", ":3:5: clusters.shop.nodes: dictionary should have at least 1 item"),
        ("clusters:\n  shop:\n    nodes:\n      n1: {dsn: a}\n      n1: {dsn: b}\n", ":5:7: the key 'n1' stands twice"),
        ("clusters: {shop: {nodes: {'n;1': {dsn: a}}}}", "'n;1' is not a plain name"),
        ("clusters: {shop: {nodes: {n1: {dsn: host=a password=secret1}}}}", "holds a password: put it in ~/.pgpass"),
        ("clusters: {shop: {nodes: {n1: {dsn: 'postgresql://u:secret1@a/db'}}}}", "holds a password: put it in ~/.pgpass"),
        ("clusters: {shop: {nodes: {n1: {dsn: a}}, proxies: {p: {socket: somewhere}}}}", "neither the path of a UNIX socket"),
        ("clusters: {shop: {nodes: {n1: {dsn: a}}, thresholds: {lag_bytes_warn: 10Mb}}}", "'10Mb' is no size"),
        ("clusters: [", ":1:12: expected the node content"),
        ("", "clusters: this key is required and missing"),
        ("just a sentence", "the file: input should be a valid dictionary"),
        ("clusters: {shop: {nodes: {n1: {dsn: \"a\\0\"}}}}\x07", "special characters are not allowed"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    said = complaint(write(tmp_path, text))
    assert str(tmp_path / "config.yaml") in said
    assert expected in said
    assert "config.example.yaml" in said


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    said = complaint(write(tmp_path, "refresh: x\ntheme: 3\nclusters: {}\n"))
    assert [key for key in ("refresh", "theme", "clusters") if f"{key}:" in said] == [
        "refresh",
        "theme",
        "clusters",
    ]


def test_a_password_is_not_repeated_in_the_complaint(tmp_path: Path) -> None:
    text = "clusters: {shop: {nodes: {n1: {dsn: host=a password=secret1}}}}"
    assert "secret1" not in complaint(write(tmp_path, text))


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("BDR_CONSOLE_CONFIG", raising=False)
    with pytest.raises(ConsoleError) as caught:
        find(None)
    said = str(caught.value)
    assert str(tmp_path / "bdr-console/config.yaml") in said
    assert "/etc/bdr-console/config.yaml" in said
    assert "bdr-console lab up" in said


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    assert "cannot read the configuration" in complaint(tmp_path / "absent.yaml")
    assert "Is a directory" in complaint(tmp_path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in complaint(binary)


def test_an_unknown_cluster_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    settings = load(write(tmp_path, GOOD))
    with pytest.raises(ConsoleError, match="no cluster named 'shpo'") as caught:
        settings.cluster("shpo")
    assert "shop" in caught.value.remedy


def test_the_ssh_host_of_a_target_is_its_own_or_the_clusters_or_none() -> None:
    cluster = ClusterSettings.model_validate(
        {
            "via": "bastion",
            "nodes": {"a": {"dsn": "host=a"}, "b": {"dsn": "host=b", "via": "direct"}},
            "proxies": {"p": {"socket": "/run/p.sock", "via": "p1"}, "q": {"socket": "/run/p.sock"}},
        }
    )
    assert {name: cluster.via_of(node) for name, node in cluster.nodes.items()} == {"a": "bastion", "b": None}
    assert cluster.ssh_hosts == ("bastion", "p1")
    assert len(set(cluster.proxy_places)) == 2, "the same path on two hosts is two HAProxies"
