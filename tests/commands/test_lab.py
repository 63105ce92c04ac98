"""The lab from the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bdr_console.commands.lab import lab as command
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab
from tests.lab.servers import ask
from tests.waiting import wait_until


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.lab
def test_status_names_every_server_and_shows_a_frozen_one(healthy_lab: Lab) -> None:
    healthy_lab.break_("freeze", "node3")
    lines = _run("status", "-d", healthy_lab.layout.directory).stdout.splitlines()
    healthy_lab.mend("freeze", "node3")
    assert [line.split()[0] for line in lines] == [
        "node1",
        "node2",
        "node3",
        "haproxy1",
        "pgb-tx",
        "pgb-session",
    ]
    assert [line.split()[-1] for line in lines] == ["running"] * 2 + ["frozen"] + ["running"] * 3


@pytest.mark.lab
def test_load_stop_prints_what_was_done_and_what_arrived(healthy_lab: Lab) -> None:
    where = ("-d", healthy_lab.layout.directory)
    assert (
        "4 clients write through pgb-tx"
        in _run("load", "start", *where, "--clients", 4, "--rate", 100).stdout
    )
    wait_until(
        lambda: ask(healthy_lab, "node2", "SELECT count(*) > 10 FROM ledger") == [(True,)],
        "some transactions",
    )
    ended = _run("load", "stop", *where)
    assert ended.exit_code == 0
    assert " 0 failed" in ended.stdout
    assert "node3: " in ended.stdout


@pytest.mark.lab
def test_break_and_mend_without_a_name_put_everything_back(healthy_lab: Lab) -> None:
    where = ("-d", healthy_lab.layout.directory)
    assert "lag grows" in _run("break", *where, "pause-apply", "node1:node2").stdout
    assert "replicates" in _run("mend", *where).stdout
    status = "SELECT DISTINCT subscription_status FROM bdr.subscription_summary"
    assert ask(healthy_lab, "node2", status) == [("replicating",)]


@pytest.mark.parametrize("arguments", [("status",), ("down",), ("load", "stop"), ("mend",)])
def test_without_a_lab_every_command_says_how_to_start_one(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(ConsoleError, match="there is no lab") as caught:
        _run(*arguments, "-d", tmp_path)
    assert "lab up" in caught.value.remedy
