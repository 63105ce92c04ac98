"""The commands about runs where there is no run, or not the one that was meant."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bdr_console.cli import cli
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.journal.journal_file import Journal
from tests.runbooks.test_run_from_journal import beginning
from tests.test_cli import config


def call(*words: str, config: Path | None = None) -> Result:
    """The program in this process."""
    return CliRunner().invoke(cli, [*(("--config", str(config)) if config else ()), *words])


def begun(run_id: str) -> None:
    """A run whose runner is gone."""
    directory = launch.run_dir(run_id)
    directory.mkdir()
    journal = Journal(directory, run_id)
    fields = {key: value for key, value in beginning().items() if key not in ("t", "run", "event")}
    journal.write("run", **fields)
    journal.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "say --plan, or --apply ID"),
        (("--plan", "--apply", "x"), "say --plan, or --apply ID"),
        (("--apply", "x", "--hold-for", "1m", "--hold-command", "true"), "not both"),
        (("--apply", "x", "--hold-for", "soon"), "'soon' is no duration"),
        (("--plan", "--hold-for", "1m"), "go with --apply"),
        (("--apply", "x", "--json"), "--json goes with --plan"),
    ],
)
def test_a_switchover_that_is_asked_for_wrongly_is_answered(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    done = call("switchover", "node1", *words, config=config(tmp_path))
    assert done.exit_code == 2 or isinstance(done.exception, ConsoleError)
    assert told in done.output or told in str(done.exception)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("node1",), "say --plan, or --apply ID"),
        (("--plan",), "name the nodes, or say --all"),
        (("node1", "--all", "--plan"), "name the nodes, or say --all"),
        (("node1", "node9", "--plan"), "has no node named 'node9'"),
        (("node1", "node1", "--plan"), "a node is named twice"),
        (("node1", "--plan", "--until", "2h"), "go with --apply"),
        (("node1", "--apply", "abcdef123456"), "there is no plan 'abcdef123456' here"),
    ],
)
@pytest.mark.usefixtures("_no_runs")
def test_a_rolling_run_that_is_asked_for_wrongly_is_answered(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    done = call("rolling", *words, config=config(tmp_path))
    assert done.exit_code != 0
    assert told in done.output or told in str(done.exception)
    if isinstance(done.exception, ConsoleError) and "no plan" in told:
        assert done.exception.exit_code == 10
        assert "bdr-console rolling node1 --plan" in done.exception.remedy


@pytest.fixture
def _no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))


@pytest.mark.usefixtures("_no_runs")
def test_a_plan_that_was_never_made_is_refused_with_10(tmp_path: Path) -> None:
    done = call("switchover", "node1", "--apply", "abcdef123456", config=config(tmp_path))
    assert isinstance(done.exception, ConsoleError)
    assert done.exception.exit_code == 10
    assert "there is no plan 'abcdef123456' here" in done.exception.problem


@pytest.mark.usefixtures("_no_runs")
@pytest.mark.parametrize("command", ["attach", "go", "abort", "wait", "resume", "undo", "report", "paper"])
def test_a_run_that_is_not_there_is_said_so(command: str) -> None:
    done = call(command, "2026")
    assert isinstance(done.exception, ConsoleError)
    assert done.exception.problem == "there is no run '2026' here"


def test_the_exit_codes_are_in_the_help() -> None:
    for command in ("runs", "switchover", "rolling"):
        told = call(command, "--help").output
        for code in (0, 2, 10, 11, 20, 21, 22, 30):
            assert f"\n  {code:>3}  " in told


@pytest.mark.usefixtures("_no_runs")
def test_a_run_is_meant_by_its_beginning_its_end_or_by_being_the_only_one() -> None:
    begun("20261122T030000-node1-aaaa")
    assert launch.find(None, unfinished=True).run_id == "20261122T030000-node1-aaaa"
    begun("20261122T040000-node1-bbbb")
    for given in ("20261122T03", "aaaa", "20261122T030000-node1-aaaa"):
        assert launch.find(given).run_id == "20261122T030000-node1-aaaa"
    for several in ("2026", None):
        with pytest.raises(ConsoleError, match="several runs could be meant"):
            launch.find(several, unfinished=True)
    with pytest.raises(ConsoleError, match="no run is under way"):
        launch.find(None)


@pytest.mark.usefixtures("_no_runs")
def test_runs_are_listed_with_what_to_do_about_those_without_a_runner() -> None:
    begun("20261122T030000-node1-aaaa")
    told = call("runs").output
    assert "shop/node1  dba@bastion  runner gone" in told
    assert "bdr-console undo 20261122T030000-node1-aaaa" in told
    assert "[ ] 1. Disable" in call("paper", "aaaa").output


@pytest.mark.usefixtures("_no_runs")
def test_a_run_without_its_request_points_to_what_is_seen_instead() -> None:
    begun("20261122T030000-node1-aaaa")
    done = call("resume", "aaaa")
    assert isinstance(done.exception, ConsoleError)
    assert "request.json" in done.exception.problem
    assert "--node node1" in done.exception.remedy


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {"SSH_CONNECTION": "10.0.0.9 5000 10.0.0.1 22", "SUDO_USER": "alice"},
            ("alice as ", " from 10.0.0.9"),
        ),
        ({"SSH_CLIENT": "10.0.0.8 5000 22"}, (" from 10.0.0.8",)),
    ],
)
def test_a_run_knows_who_started_it_and_from_where(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: tuple[str, ...]
) -> None:
    for name in ("SSH_CONNECTION", "SSH_CLIENT", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert all(text in launch.who() for text in told)
