"""What `bdr-console events` prints."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bdr_console.cli import cli
from bdr_console.cluster.verdict.changes import Event
from bdr_console.cluster.verdict.findings import Level
from bdr_console.errors import ConsoleError
from bdr_console.event_store import EventLog, Record


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log with an event of yesterday and two of a minute ago."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    now = datetime.now(UTC)
    yesterday, lately = now - timedelta(days=1), now - timedelta(minutes=1)
    events = (
        Event(yesterday, Level.CRIT, "node1", "lost: no answer", "node.unreachable"),
        Event(lately, Level.WARN, "node1 -> node2", "lags 48 MiB", "link.lag"),
        Event(lately, Level.OK, "haproxy1", "answers again", "proxy.unreachable"),
    )
    EventLog("shop").append([Record(event, "ana@bastion:7") for event in events])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--cluster", "shop", "events", *arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((), ["lost", "lags", "answers again"]),
        (("--since", "10m"), ["lags", "answers again"]),
        (("--level", "warn"), ["lost", "lags"]),
        (("--grep", "NODE1"), ["lost", "lags"]),
        (("--grep", "proxy.un"), ["answers again"]),
        (("--since", "2020-01-01", "--level", "crit"), ["lost"]),
        (("--since", "10m", "--grep", "nobody"), []),
    ],
)
def test_events_are_chosen_by_time_level_and_text(arguments: tuple[str, ...], shown: list[str]) -> None:
    result = run(*arguments)
    lines = result.stdout.splitlines()
    assert len(lines) == len(shown)
    assert all(word in line for word, line in zip(shown, lines, strict=True))
    assert ("No such event of shop" in result.stderr) is not bool(shown)


def test_a_script_reads_them_as_json_lines() -> None:
    told = [json.loads(line) for line in run("--json", "--level", "crit").stdout.splitlines()]
    assert [(one["level"], one["subject"], one["code"], one["by"]) for one in told] == [
        ("crit", "node1", "node.unreachable", "ana@bastion:7")
    ]


def test_a_time_that_is_none_is_refused_with_what_could_be_written() -> None:
    with pytest.raises(ConsoleError, match="--since yesterday is no time"):
        run("--since", "yesterday")
