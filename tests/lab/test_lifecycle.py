"""A lab comes up whole or not at all, and goes without a trace."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from bdr_console import config
from bdr_console.commands.lab import lab as lab_command
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab, layout, lifecycle, up
from tests.conftest import lab_directory
from tests.lab.servers import processes_in
from tests.waiting import wait_until


@pytest.fixture
def directory(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A place for a lab of one test's own; whatever the test leaves there is ended."""
    path = lab_directory(f"{abs(hash(request.node.name)) % 100000}")
    yield path
    if layout.is_lab(path):
        Lab.load(path).down()


@pytest.mark.lab
def test_a_lab_runs_as_an_unprivileged_account_and_down_leaves_nothing(directory: Path, lab: Lab) -> None:
    own = up(directory, nodes=2)
    assert [line.state for line in own.status()] == ["running"] * 5
    pids = processes_in(directory)
    assert len(pids) > 5, "PostgreSQL's own processes work there too"
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in pids}
    assert owners == {directory.stat().st_uid}
    assert 0 not in owners
    assert directory.stat().st_mode & 0o777 == 0o700
    assert not set(_ports(own)) & set(_ports(lab)), "two labs share a port"
    own.down()
    assert not processes_in(directory)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not directory.exists()


def _ports(lab: Lab) -> list[int]:
    made = lab.layout
    return [made.frontend_port, *(n.port for n in made.nodes), *(p.port for p in made.poolers)]


@pytest.mark.lab
def test_down_ends_frozen_servers_and_a_running_load_too(directory: Path) -> None:
    own = up(directory, nodes=2)
    own.start_load(clients=2, rate=20)
    own.break_("hold-transaction")
    own.break_("freeze", "node2")
    own.break_("freeze-haproxy")
    own.down()
    assert not processes_in(directory)
    assert not directory.exists()


@pytest.mark.lab
def test_a_second_up_says_that_the_lab_runs_and_touches_nothing(lab: Lab) -> None:
    before = processes_in(lab.layout.directory)
    with pytest.raises(ConsoleError, match="already running"):
        up(lab.layout.directory)
    assert processes_in(lab.layout.directory).keys() == before.keys()


@pytest.mark.lab
def test_up_over_the_leftovers_of_a_dead_lab_starts_afresh(directory: Path) -> None:
    up(directory, nodes=1)
    for pid in processes_in(directory):
        with suppress(ProcessLookupError):  # a server's children end with it
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_in(directory), "the killed servers are gone")
    # script/demo asks this before it opens the console on a lab.
    status = CliRunner().invoke(lab_command, ["status", "-d", str(directory)])
    assert "stopped" in status.stdout
    assert isinstance(status.exception, ConsoleError)
    assert "nothing of the lab" in status.exception.problem
    again = up(directory, nodes=1)
    assert [line.state for line in again.status()] == ["running"] * 4


@pytest.mark.lab
def test_a_lab_whose_haproxy_cannot_start_is_cleaned_up(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Path(f"{directory}-bin")
    broken.mkdir(mode=0o755)
    (broken / "haproxy").write_text(
        "#!/bin/sh\n[ $1 = -v ] && echo HAProxy 2.6.12 && exit\necho 'cannot bind socket' >&2\nexit 1\n"
    )
    (broken / "haproxy").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:{os.environ['PATH']}")
    try:
        with pytest.raises(ConsoleError, match="haproxy1 did not start: cannot bind socket"):
            up(directory, nodes=2)
    finally:
        (broken / "haproxy").unlink()
        broken.rmdir()
    assert not processes_in(directory)
    assert not directory.exists()


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_up_leaves_nothing(directory: Path, number: signal.Signals) -> None:
    # A shell that runs the tests in the background has them ignore SIGINT, and what they start with them.
    signals = ["env", "--default-signal=INT,TERM,HUP"]
    command = [*signals, sys.executable, "-m", "bdr_console", "lab", "up", "--directory", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as starting:
        own = starting.pid
        wait_until(lambda: bool(processes_in(directory / "node1")), "a first server runs")
        os.kill(own, number)
        _, said = starting.communicate(timeout=40)
    assert starting.returncode != 0
    assert b"Traceback" not in said
    assert not processes_in(directory)
    assert not directory.exists()


_BORROWED = """
import os, signal, sys, time
from pathlib import Path
from bdr_console.lab import temporary
with temporary(Path(sys.argv[1]), nodes=2) as lab:
    lab.break_("freeze", "node2")
    print("frozen", flush=True)
    time.sleep(120)
"""


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_program_that_borrows_a_lab_and_is_ended_by_a_signal_leaves_no_server_not_even_a_frozen_one(
    directory: Path, number: signal.Signals
) -> None:
    command = ["env", "--default-signal=INT,TERM,HUP", sys.executable, "-c", _BORROWED, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as borrowing:
        assert borrowing.stdout is not None
        assert borrowing.stdout.readline() == "frozen\n"
        assert processes_in(directory)
        os.kill(borrowing.pid, number)
        borrowing.communicate(timeout=60)
    assert borrowing.returncode in (128 + number, -number)
    assert not processes_in(directory)
    assert not directory.exists()


def test_a_state_directory_that_is_named_holds_the_lab_of_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    assert layout.default_directory() == tmp_path / "state/lab"
    monkeypatch.delenv("BDR_CONSOLE_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    usual = tmp_path / "xdg/bdr-console/lab" if os.geteuid() else Path("/var/tmp/bdr-console-lab")
    assert layout.default_directory() == usual


@pytest.mark.skipif(os.geteuid() != 0, reason="only the lab of root runs as another account")
def test_a_lab_of_root_in_a_closed_directory_says_who_cannot_enter_and_leaves_nothing() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as closed:  # 0700, and short enough for sockets
        with pytest.raises(ConsoleError, match=r"the account '\w+', .* cannot reach") as caught:
            up(Path(closed) / "state/lab")
        assert "chmod o+x" in caught.value.remedy
        assert not (Path(closed) / "state/lab").exists()


@pytest.mark.lab
def test_nobody_gets_in_without_a_password_and_no_password_is_written_where_others_see_it(lab: Lab) -> None:
    made = lab.layout
    passwords = [line.rsplit(":", 1)[1] for line in made.passfile.read_text().split()]
    assert len(set(passwords)) == 3
    for port in (made.nodes[0].port, made.poolers[0].port, made.frontend_port):
        with pytest.raises(psycopg.OperationalError, match=r"password|SASL"):
            psycopg.connect(f"host=127.0.0.1 port={port} user=postgres dbname=app passfile=/dev/null")
    exposed = "".join(processes_in(made.directory).values())
    exposed += "".join(path.read_text() for path in (made.directory / "log").iterdir())
    assert not [password for password in passwords if password in exposed]
    readable = [path for path in made.directory.rglob("*") if path.lstat().st_mode & 0o077 and path.is_file()]
    assert not readable, "files that other accounts could read"


@pytest.mark.lab
def test_the_lab_writes_a_configuration_for_the_console_that_reaches_everything(lab: Lab) -> None:
    name, settings = config.load(lab.config).cluster(None)
    assert (name, settings.environment) == ("lab", "lab")
    for node in settings.nodes.values():
        with psycopg.connect(node.dsn, connect_timeout=5) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("bdr_console",)
    for pooler in settings.poolers.values():
        with psycopg.connect(
            pooler.dsn, dbname="pgbouncer", autocommit=True, prepare_threshold=None, connect_timeout=5
        ) as console:
            assert console.execute("SHOW POOLS").fetchall()
    assert Path(settings.proxies["haproxy1"].socket).is_socket()


def test_a_directory_that_is_not_a_labs_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "lab.json").write_text('{"kind": "something else"}')
    with pytest.raises(ConsoleError, match="is not a lab"):
        up(tmp_path)
    with pytest.raises(ConsoleError, match="there is no lab"):
        Lab.load(tmp_path)
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize(
    ("where", "nodes", "said"),
    [
        (Path("/var/tmp") / ("x" * 80), 3, "bytes too long"),
        (Path("/var/tmp/with blank"), 3, "blank"),
        (Path("/var/tmp/bdr-no"), 0, "0 nodes"),
    ],
)
def test_a_request_that_cannot_work_is_refused_before_anything_starts(
    where: Path, nodes: int, said: str
) -> None:
    with pytest.raises(ConsoleError, match=said):
        up(where, nodes=nodes)
    assert not where.exists()


def test_a_damaged_lab_json_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text(json.dumps({"kind": "bdr-console lab", "nodes": 3}))
    with pytest.raises(ConsoleError, match=r"lab\.json") as caught:
        Lab.load(tmp_path)
    assert f"lab down --directory {tmp_path}" in caught.value.remedy
    lifecycle.down(tmp_path)
    assert not tmp_path.exists(), "what the remedy says helps"
