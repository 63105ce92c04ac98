"""Who holds a run up, and ending exactly that, from a script."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.journal.journal_file import RUNNER_LOCK, Journal
from bdr_console.runbooks.locks import hold
from tests.commands.test_run import call
from tests.runbooks.test_run_from_journal import beginning

RUN = "20261122T030000-node1-aaaa"
HOST = "node1 (10.0.0.1:5432)"


def holder(node: str, pid: int, state: str = "idle in transaction") -> dict[str, Any]:
    return {
        "id": f"{node}:{pid}:5f2a1c",
        "pooler": "pgb-tx",
        "database": "app",
        "application": "billing",
        "client": "10.0.3.7:5000",
        "state": state,
        "node": node,
        "pid": pid,
        "backend_start": "2026-11-22 02:00:00.000000+00",
        "transaction_age": 41.0,
        "query": "UPDATE t SET n = 1",
    }


def offer(word: str, commands: int = 1) -> dict[str, Any]:
    return {"word": word, "label": word, "commands": [{"host": HOST, "text": f"SELECT {word}"}] * commands}


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    """A run under way that two backends of one pid hold up, and a third one; no runner behind it."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    directory = launch.run_dir(RUN)
    directory.mkdir()
    lock = hold(directory / RUNNER_LOCK, {})
    journal = Journal(directory, RUN)
    journal.write("run", **{k: v for k, v in beginning().items() if k not in ("t", "run", "event")})
    held = [holder("node1", 2211), holder("node1", 2212), holder("node2", 2212)]
    journal.write("step", step="disable", status="waiting", lines=["3 left"], holders=held)
    offers = [offer(f"terminate {one['id']}") for one in held] + [offer("kill-db pgb-tx/app", 2)]
    journal.write("status", status="running", message="3 left", offers=offers)
    yield journal
    journal.close()
    os.close(lock)


@pytest.mark.usefixtures("waiting")
def test_holders_are_listed_with_the_command_that_ends_each() -> None:
    told = call("runs", "holders").output
    assert "1. node1:2211:5f2a1c: app=billing, pid 2211 on node1, connected since 2026-11-22 02:00:00" in told
    assert "client 10.0.3.7:5000 through pgb-tx/app, idle in transaction for 41.0 s" in told
    assert f"bdr-console runs terminate {RUN} node1:2211:5f2a1c" in told
    assert f"bdr-console runs kill {RUN} pgb-tx/app" in told
    data = json.loads(call("runs", "holders", "--json").output)
    assert next(one["offered"] for one in data) == ["terminate node1:2211:5f2a1c"]


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("terminate", RUN, "4711"), "4711 does not hold"),
        (("terminate", RUN, "node1:2211:ffffff"), "node1:2211:ffffff does not hold"),
        (("terminate", RUN, "2212"), "several backends: node1:2212:5f2a1c, node2:2212:5f2a1c"),
        (("cancel", RUN, "2211"), "it runs no statement: terminate it"),
        (("kill", RUN, "pgb-tx/other"), "no client of pgb-tx/other holds it up"),
        (("resume", RUN, "pgb-tx/app"), "no KILL of this run has left pgb-tx/app paused"),
    ],
)
def test_what_holds_nothing_up_is_not_touched(words: tuple[str, ...], told: str) -> None:
    done = call("runs", *words)
    assert isinstance(done.exception, ConsoleError)
    assert told in done.exception.problem


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"event": "answer", "answer": "terminate was sent to pid 2211 on node1", "there": True}, 0),
        ({"event": "answer", "answer": "pid 2211 on node1 is gone already", "there": False}, 2),
        ({"event": "error", "error": "permission denied"}, 2),
    ],
)
def test_what_came_of_it_is_told_and_a_backend_that_is_gone_is_no_success(
    waiting: Journal, monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], code: int
) -> None:
    words: list[str] = []

    async def fake_runner(directory: Path, word: str) -> str:
        words.append(word)
        told = {k: v for k, v in event.items() if k != "event"}
        waiting.write(event["event"], word=word, step="disable", host=HOST, command="SELECT 1", **told)
        return "said"

    monkeypatch.setattr(launch, "send", fake_runner)
    done = call("runs", "terminate", "aaaa", "2211")
    assert words == ["terminate node1:2211:5f2a1c"]
    assert (done.exception.exit_code if isinstance(done.exception, ConsoleError) else done.exit_code) == code
    assert f"{HOST}: SELECT terminate node1:2211:5f2a1c" in done.output


@pytest.mark.usefixtures("waiting")
def test_the_list_of_runs_is_still_what_runs_alone_prints() -> None:
    assert RUN in call("runs").output
    assert json.loads(call("runs", "--json").output)[0]["nodes"] == ["node1"]
