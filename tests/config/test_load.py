"""One configuration from a file, what it includes, its defaults and the environment."""

import os
from pathlib import Path

import pytest

from bdr_console.config import ClusterSettings, find, load, opened, read
from bdr_console.errors import ConsoleError
from tests.config.files import GOOD, complaint, write


def cluster(name: str, more: str = "") -> str:
    return f"clusters:\n  {name}:\n    nodes: {{n1: {{dsn: host={name}}}}}\n{more}"


def test_clusters_of_included_files_follow_those_of_the_file_itself(tmp_path: Path) -> None:
    write(tmp_path, cluster("west"), "conf.d/b-west.yaml")
    write(tmp_path, cluster("east"), "conf.d/a-east.yaml")
    write(tmp_path, "include: ../one/last.yaml\n" + cluster("north"), "one/north.yaml")
    write(tmp_path, cluster("last"), "one/last.yaml")
    path = write(tmp_path, "include: [conf.d/*.yaml, one/north.yaml]\n" + cluster("main"))
    loaded = read(path)
    assert list(loaded.settings.clusters) == ["main", "east", "west", "north", "last"]
    assert [file.name for file in loaded.files] == [
        "config.yaml",
        "a-east.yaml",
        "b-west.yaml",
        "north.yaml",
        "last.yaml",
    ]


def test_a_file_may_hold_nothing_but_what_it_includes(tmp_path: Path) -> None:
    write(tmp_path, cluster("shop"), "shop.yaml")
    assert list(load(write(tmp_path, "include: shop.yaml\n")).clusters) == ["shop"]


def test_a_mistake_in_an_included_file_is_placed_there(tmp_path: Path) -> None:
    there = write(tmp_path, "theme: dark\n" + cluster("west", "    enviroment: prod\n"), "west.yaml")
    said = complaint(write(tmp_path, "include: west.yaml\nrefresh: x\n" + cluster("main")))
    assert f"{tmp_path}/config.yaml:2:1: refresh: must be a number" in said
    assert f"{there}:1:1: theme: only clusters and include may stand in an included file" in said
    assert f"{there}:5:5: clusters.west.enviroment: unknown key; did you mean 'environment'?" in said


def test_a_cluster_in_two_files_is_refused_with_both_places(tmp_path: Path) -> None:
    there = write(tmp_path, cluster("shop"), "more.yaml")
    path = write(tmp_path, "include: more.yaml\n" + cluster("shop"))
    said = complaint(path)
    assert f"{there}:2:3: clusters.shop: there is a cluster of this name already: {path}:3" in said


def test_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "include: config.yaml\n" + cluster("b"), "b.yaml")
    said = complaint(write(tmp_path, "include: b.yaml\n" + cluster("a")))
    assert "b.yaml:1:10: include: the file includes itself: config.yaml -> b.yaml -> config.yaml" in said


def test_defaults_hold_where_a_cluster_says_nothing_else(tmp_path: Path) -> None:
    text = (
        "defaults:\n  environment: prod\n  thresholds: {lag_seconds_warn: 5, lag_seconds_crit: 50}\n"
        + cluster("a", "    thresholds: {lag_seconds_warn: 7}\n")
        + "  b:\n    environment: staging\n    nodes: {n1: {dsn: host=b}}\n"
    )
    settings = load(write(tmp_path, text))
    a, b = settings.clusters["a"], settings.clusters["b"]
    assert (a.environment, b.environment) == ("prod", "staging")
    assert (a.thresholds.lag_seconds_warn, a.thresholds.lag_seconds_crit) == (7, 50)
    assert (b.thresholds.lag_seconds_warn, b.thresholds.lag_bytes_warn) == (5, 10 * 1024 * 1024)


def test_merged_sections_lose_to_what_a_cluster_says_itself_and_win_over_defaults(tmp_path: Path) -> None:
    text = (
        "defaults: {environment: prod}\n"
        "clusters:\n"
        "  a: &a {environment: staging, nodes: {n1: {dsn: host=a}}}\n"
        "  b: {<<: *a, nodes: {n1: {dsn: host=b}}}\n"
    )
    settings = load(write(tmp_path, text))
    assert settings.clusters["b"].environment == "staging"
    assert settings.clusters["b"].nodes["n1"].dsn == "host=b"


def test_references_are_replaced_and_a_doubled_dollar_is_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_HOST", "10.1.2.3")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("PACE", "2.5")
    text = (
        "refresh: ${PACE}\n"
        "clusters:\n  shop:\n    environment: '$${x} ${EMPTY:-unset}${EMPTY}'\n"
        "    nodes:\n      n1: {dsn: 'host=${DB_HOST} port=${DB_PORT:-5433}'}\n"
    )
    settings = load(write(tmp_path, text))
    shop = settings.clusters["shop"]
    assert settings.refresh == 2.5
    assert shop.nodes["n1"].dsn == "host=10.1.2.3 port=5433"
    assert shop.environment == "${x} unset"


def test_a_password_that_a_reference_brings_into_a_dsn_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB", "password=hunter2")
    said = complaint(write(tmp_path, GOOD.replace("host=a", "'host=a ${DB}'")))
    assert "holds a password" in said
    assert "hunter2" not in said


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    assert load(write(tmp_path, b"\xef\xbb\xbf" + GOOD.encode())).clusters


def test_files_that_others_may_change_are_warned_of_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_directory = tmp_path / "conf.d"
    there = write(tmp_path, cluster("west"), "conf.d/west.yaml")
    path = write(tmp_path, "include: conf.d/west.yaml\n" + cluster("main"))
    for private in (path, there):
        private.chmod(0o644)
    opened(path)
    assert capsys.readouterr().err == ""
    path.chmod(0o664)
    open_directory.chmod(0o777)
    opened(path)
    said = capsys.readouterr().err
    assert f"{path} may be changed by others: chmod go-w {path}" in said
    assert f"{open_directory} may be changed by others, who could replace the file" in said
    open_directory.chmod(0o1777)
    opened(path)
    assert "replace" not in capsys.readouterr().err


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
    assert "absent.yaml: cannot be read: No such file" in complaint(tmp_path / "absent.yaml")
    assert "cannot be read: Is a directory" in complaint(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "it is no regular file" in complaint(pipe)


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
