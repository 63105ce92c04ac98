"""A switchover with every target behind SSH, run by the real runner process."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from bdr_console.lab import Lab
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.journal.journal_file import JOURNAL
from bdr_console.runbooks.model.run import RunStatus, StepStatus
from tests.links.ssh.conftest import home, make_sshd  # noqa: F401 - fixtures
from tests.links.ssh.sshd import Sshd
from tests.runbooks.test_lab_switchover import CLUSTER, NODE, SERVER, Started, in_maintenance

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]


@pytest.fixture
def behind_ssh(healthy_lab: Lab, make_sshd: Callable[..., Sshd], tmp_path: Path) -> Iterator[Path]:  # noqa: F811
    """The lab's configuration with every target behind one SSH host; no run outlives the test."""
    server = make_sshd()
    told = yaml.safe_load(healthy_lab.config.read_text())
    hosts = {"bastion": {"host": "127.0.0.1", "port": server.port, "user": server.user}}
    told["clusters"][CLUSTER] |= {"via": "bastion", "ssh": {"hosts": hosts}}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(told))
    yield config
    for view in launch.runs():
        if pid := Started(launch.run_dir(view.run_id)).pid:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("mode", [pytest.param("gradual", marks=pytest.mark.faults), "quiesce"])
def test_a_switchover_with_every_target_behind_ssh_fails_no_transaction(
    healthy_lab: Lab, behind_ssh: Path, mode: str
) -> None:
    healthy_lab.start_load(clients=16, rate=200)
    run = Started(launch.start(behind_ssh, CLUSTER, NODE, "a test", mode=mode))
    held = run.holding()
    assert in_maintenance(healthy_lab) == {SERVER}
    assert {host.partition("via ")[2].partition(")")[0] for host, _ in run.sent()} == {"bastion"}
    assert all(step.status in (StepStatus.DONE, StepStatus.SKIPPED) for step in held.steps[:4])
    if mode == "quiesce":
        journal = (run.directory / JOURNAL).read_text()
        assert "another one beside pgb-tx" in journal, "a watchdog on the other side too"
    run.say("go")
    assert run.over().status is RunStatus.DONE
    result = healthy_lab.stop_load()
    assert in_maintenance(healthy_lab) == set()
    assert (result.failed, result.aborted_clients) == (0, 0)
    assert result.transactions > 0
    assert [count.lost for count in result.counts] == [0, 0, 0]
