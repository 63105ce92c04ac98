"""`bdr-console config` from a shell: every problem at once, exit 0 or 1, and what each target lets us do."""

import json
from pathlib import Path

import pytest
import yaml

from bdr_console.lab import Lab
from tests.config.files import GOOD, write
from tests.test_cli import config as nowhere
from tests.test_cli import refused, run


def test_a_good_file_is_said_to_be_good(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    done = run("config", "check", config=path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: no mistake; 1 cluster: shop\n"


def test_all_mistakes_are_on_stdout_and_the_exit_code_is_1(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "\nrefrsh: 1\ntheme: 1\n")
    done = run("config", "check", config=path)
    assert done.returncode == 1
    first, second, last = done.stdout.splitlines()
    assert first.startswith(f"{path}:2:1: refrsh: unknown key")
    assert second.startswith(f"{path}:3:1: theme: must be text")
    assert last == f"2 mistakes in {path}"


def test_mistakes_as_json_carry_their_places(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "\nrefresh: 100\n")
    path.chmod(0o666)
    done = run("config", "check", "--json", config=path)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert told["mistakes"] == [
        {"file": str(path), "line": 2, "column": 1, "key": "refresh", "text": "must be at most 60"}
    ]


def test_a_password_file_that_cannot_be_used_is_a_mistake_at_its_key(tmp_path: Path) -> None:
    secret = write(tmp_path, "hunter2", "secret")
    secret.chmod(0o644)
    node = (
        f"clusters:\n  shop:\n    nodes:\n      n1:\n        dsn: host=a\n        password_file: {secret}\n"
    )
    path = write(tmp_path, node)
    done = run("config", "check", config=path)
    assert done.returncode == 1
    assert f"{path}:6:9: clusters.shop.nodes.n1.password_file: {secret}" in done.stdout
    assert f"chmod 0600 {secret}" in done.stdout
    secret.chmod(0o600)
    assert run("config", "check", config=path).returncode == 0


def test_a_file_others_may_change_is_warned_of_by_every_command_and_changes_no_exit_code(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, GOOD)
    path.chmod(0o666)
    for words in (("config", "check"), ("config", "show")):
        done = run(*words, config=path)
        assert done.returncode == 0
        assert f"warning: {path} may be changed by others: chmod go-w {path}" in done.stderr


def test_what_is_in_force_is_printed_with_its_defaults(tmp_path: Path) -> None:
    done = run("config", "show", config=write(tmp_path, GOOD))
    assert done.returncode == 0
    told = yaml.safe_load(done.stdout)
    assert told["clusters"]["shop"]["thresholds"]["lag_seconds_warn"] == 30
    refused(
        run("--cluster", "shpo", "config", "show", config=write(tmp_path, GOOD)), "no cluster named 'shpo'"
    )


def test_the_schema_needs_no_configuration() -> None:
    done = run("config", "schema")
    assert json.loads(done.stdout)["required"] == ["clusters"]


def test_targets_that_are_not_reached_are_named_with_the_reason_and_the_remedy(tmp_path: Path) -> None:
    done = run("config", "check", "--connect", config=nowhere(tmp_path))
    assert done.returncode == 1
    assert "FAIL shop node node1 (127.0.0.1:" in done.stdout
    assert "Nothing listens there: start the server" in done.stdout
    assert "FAIL shop haproxy haproxy1 (/nonexistent/haproxy.sock)" in done.stdout
    assert done.stdout.splitlines()[-1] == "3 targets, 3 not reached"


@pytest.mark.lab
def test_every_target_of_the_lab_is_reached_with_its_version_and_rights(
    healthy_lab: Lab, tmp_path: Path
) -> None:
    done = run("config", "check", "--connect", config=healthy_lab.config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as bdr_console: reads everything" in done.stdout
    assert "level admin" in done.stdout
    assert "user bdr_console is an admin" in done.stdout
    assert done.stdout.splitlines()[-1] == "6 targets, all reached"

    told = yaml.safe_load(healthy_lab.config.read_text())
    cluster = told["clusters"]["lab"]
    cluster["proxies"]["haproxy1"]["backends"] = ["bk_other"]
    cluster["nodes"]["node1"]["dsn"] += " dbname=postgres user=app"
    done = run("config", "check", "--connect", config=write(tmp_path, yaml.safe_dump(told)))
    assert "FAIL lab haproxy haproxy1" in done.stdout
    assert "bk_other" in done.stdout
    assert "FAIL lab node node1" in done.stdout
    assert done.returncode == 1
