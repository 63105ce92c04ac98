"""`bdr-console grants` from a shell: stdout is SQL for psql, everything else is said beside it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.links.servers import program
from tests.test_cli import config, refused, run

if TYPE_CHECKING:
    from pathlib import Path

    from bdr_console.lab import Lab


def test_a_named_engine_needs_no_configuration_and_the_role_is_quoted() -> None:
    done = run("grants", "--engine", "pglogical", "--role", 'o"brien')
    assert done.returncode == 0, done.stderr
    assert 'GRANT USAGE ON SCHEMA pglogical TO "o""brien";' in done.stdout
    assert '--   CREATE ROLE "o""brien" LOGIN;' in done.stdout
    assert done.stderr == ""


def test_nodes_that_do_not_answer_are_named_and_an_engine_is_asked_for(tmp_path: Path) -> None:
    done = run("grants", config=config(tmp_path))
    refused(done, "node1", "refused", "--engine bdr1|bdr3")
    assert done.stdout == ""


def test_a_check_says_which_node_was_not_reached_and_exits_with_10(tmp_path: Path) -> None:
    done = run("grants", "--check", config=config(tmp_path))
    assert done.returncode == 10
    assert "node1: not reached: Connection refused" in done.stdout


def test_wrong_words_are_answered_with_the_right_ones(tmp_path: Path) -> None:
    for arguments, expected in (
        (("--engine", "bdr9"), "'bdr9' is not one of 'bdr1'"),
        (("--engine", "bdr3", "--check"), "leave out --engine"),
    ):
        done = run("grants", *arguments, config=config(tmp_path))
        assert (done.returncode, expected in done.stderr) == (2, True), done.stderr
    refused(run("grants", "--engine", "bdr3", "--role", "a\nb"), "no name for a role")


@pytest.mark.lab
def test_the_configured_nodes_are_asked_and_a_check_of_the_labs_own_role_finds_nothing(
    healthy_lab: Lab,
) -> None:
    printed = run("grants", config=healthy_lab.config)
    assert printed.returncode == 0, printed.stderr
    assert "on node1, node2, node3, engine bdr3" in printed.stdout
    node = healthy_lab.layout.nodes[0]
    done = subprocess.run(
        [program("psql"), "-X", "-v", "ON_ERROR_STOP=1", "-d", healthy_lab.layout.dsn(node.port)],
        input=printed.stdout,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    checked = run("grants", "--check", config=healthy_lab.config)
    assert (checked.returncode, checked.stdout.count("every part can be read")) == (0, 3), checked.stdout
