"""The journal on disk, and following it."""

import asyncio
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute.engine import StepEngine
from bdr_console.runbooks.execute.hold_command import Here
from bdr_console.runbooks.execute.launch import refuse_if_busy
from bdr_console.runbooks.journal.events import event_of
from bdr_console.runbooks.journal.journal_file import JOURNAL, RUNNER_LOCK, Journal, JournalFollower, run_dir
from bdr_console.runbooks.locks import Busy, cluster_locks, hold, holder_of, is_held
from bdr_console.runbooks.model.reading import Area
from bdr_console.runbooks.model.run import RunStatus, StepStatus
from bdr_console.runbooks.model.step import TargetKind
from bdr_console.runbooks.plan.switchover import plan, steps
from tests.runbooks.test_run_from_journal import beginning
from tests.runbooks.world import SETTINGS, FakeWorld
from tests.waiting import eventually


def begin(directory: Path) -> Journal:
    journal = Journal(directory, "r1")
    journal.write(
        "run", **{key: value for key, value in beginning().items() if key not in ("t", "run", "event")}
    )
    return journal


def test_the_journal_is_readable_by_its_user_only(tmp_path: Path) -> None:
    begin(tmp_path).close()
    assert stat.S_IMODE((tmp_path / JOURNAL).stat().st_mode) == 0o600


def test_no_password_reaches_the_journal(tmp_path: Path) -> None:
    journal = begin(tmp_path)
    journal.write(
        "error",
        error="failed for 'user=dba password=hunter2 host=x'",
        lines=["postgresql://dba:hunter2@x/app"],
    )
    journal.close()
    text = (tmp_path / JOURNAL).read_text()
    assert "hunter2" not in text
    assert "host=x" in text


def test_a_follower_sees_each_change_once_and_the_same_picture_while_nothing_changes(tmp_path: Path) -> None:
    follower = JournalFollower(tmp_path)
    assert follower.poll() is None
    lock = hold(tmp_path / RUNNER_LOCK, {})
    journal = begin(tmp_path)
    first = follower.poll()
    assert first is not None
    assert follower.poll() is first
    journal.write("step", step="disable", status="running")
    second = follower.poll()
    assert second is not None
    assert second.steps[0].status is StepStatus.RUNNING
    os.close(lock)


def test_a_torn_last_line_waits_for_its_rest(tmp_path: Path) -> None:
    lock = hold(tmp_path / RUNNER_LOCK, {})
    begin(tmp_path)
    follower = JournalFollower(tmp_path)
    line = json.dumps(
        {"t": "2026-11-22T03:00:01+00:00", "event": "step", "step": "disable", "status": "done"}
    )
    with (tmp_path / JOURNAL).open("a") as file:
        file.write(line[:20])
        file.flush()
        before = follower.poll()
        assert before is not None
        assert before.steps[0].status is StepStatus.PENDING
        file.write(line[20:] + "\n")
    after = follower.poll()
    assert after is not None
    assert after.steps[0].status is StepStatus.DONE
    os.close(lock)


def test_a_line_torn_by_a_power_cut_hides_none_after_it(tmp_path: Path) -> None:
    journal = begin(tmp_path)
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('{"t": "2026-11-22T03\n')
    journal.write("end", status="done", message="back")
    view = JournalFollower(tmp_path).poll()
    assert view is not None
    assert view.status is RunStatus.DONE


def test_a_run_whose_runner_is_gone_says_so(tmp_path: Path) -> None:
    lock = hold(tmp_path / RUNNER_LOCK, {})
    journal = begin(tmp_path)
    journal.write("step", step="disable", status="running")
    follower = JournalFollower(tmp_path)
    alive = follower.poll()
    assert alive is not None
    assert alive.status is RunStatus.RUNNING
    os.close(lock)
    gone = follower.poll()
    assert gone is not None
    assert gone.status is RunStatus.LOST
    assert "Disable" in gone.message
    assert follower.poll() is gone


def test_a_lock_names_its_holder_to_the_one_who_comes_second(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    assert holder_of(path) is None
    lock = hold(path, {"who": "dba@bastion"})
    assert is_held(path)
    assert holder_of(path) == {"who": "dba@bastion"}
    with pytest.raises(Busy) as second:
        hold(path, {"who": "other"})
    assert second.value.holder == {"who": "dba@bastion"}
    os.close(lock)
    assert holder_of(path) is None


def test_a_runner_that_goes_on_does_not_write_into_a_torn_line(tmp_path: Path) -> None:
    begin(tmp_path).close()
    with (tmp_path / JOURNAL).open("a") as file:
        file.write('{"t": "2026-11-22T03')
    Journal(tmp_path, "r1").write("end", status="done", message="back")
    view = JournalFollower(tmp_path).poll()
    assert view is not None
    assert view.status is RunStatus.DONE


@pytest.mark.parametrize(
    "text",
    [
        "ALTER ROLE dba PASSWORD 'hunter2'",
        '{"password": "hunter2"}',
        "PGPASSWORD=hunter2 psql",
        "--password=hunter2",
        "postgresql://:hunter2@x/app",
        "postgresql://x/app?user=a&password=hunter2&x=1",
        "SCRAM-SHA-256$4096:hunter2$x:y",
    ],
)
def test_a_secret_is_struck_out_in_whatever_form_it_comes(tmp_path: Path, text: str) -> None:
    journal = begin(tmp_path)
    journal.write("output", text=f"before {text} after")
    journal.close()
    assert "hunter2" not in (tmp_path / JOURNAL).read_text()
    assert "before" in (tmp_path / JOURNAL).read_text()


def test_a_password_file_is_no_secret(tmp_path: Path) -> None:
    journal = begin(tmp_path)
    journal.write("output", text="user=dba passfile=/etc/bdr/pgpass; password authentication failed for x")
    journal.close()
    text = (tmp_path / JOURNAL).read_text()
    assert "passfile=/etc/bdr/pgpass" in text
    assert "password authentication failed" in text


async def test_the_intent_is_on_disk_when_the_command_goes_out_and_the_proof_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync = os.fdatasync

    def watched_sync(descriptor: int) -> None:
        order.append(last_event(tmp_path))
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", watched_sync)

    class NotedWorld(FakeWorld):
        async def send(self, kind: TargetKind, target: str, text: str) -> str:
            order.append(f"sent {text.split(maxsplit=1)[0]}")
            return await super().send(kind, target, text)

    world = NotedWorld()
    made = plan((await world.read(~Area(0))).snapshot, SETTINGS, "node1", "gradual")
    engine = StepEngine(steps(made, SETTINGS), world, Journal(tmp_path, "r1"), pace=0, hold_pace=0.01)
    task = asyncio.create_task(engine.run())
    await eventually(lambda: engine.take_word("go", "x")[0], "the hold takes the word")
    await task
    sent = [i for i, what in enumerate(order) if what.startswith("sent")]
    assert len(sent) >= 5
    assert all(order[i - 1] == "intent" for i in sent)
    enable = order.index("sent enable")
    assert "step done" in order[order.index("sent disable") : order.index("sent RECONNECT")]
    assert "step done" in order[enable:]


def last_event(directory: Path) -> str:
    event = json.loads((directory / JOURNAL).read_bytes().splitlines()[-1])
    return f"step {event['status']}" if event["event"] == "step" else str(event["event"])


def test_a_runner_that_is_leaving_is_waited_for_and_one_at_work_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    (path,) = cluster_locks(("/run/haproxy.sock",))
    lock = hold(path, {"run": "r1", "directory": str(tmp_path), "node": "node1", "who": "alice"})
    runner = hold(tmp_path / RUNNER_LOCK, {})
    journal = begin(tmp_path)
    with pytest.raises(ConsoleError, match=r"is under way .* switchover of node1 by alice"):
        refuse_if_busy(("/run/haproxy.sock",))
    journal.write("end", status=RunStatus.STOPPED, message="", leftovers=[])
    leaving = threading.Timer(0.3, os.close, (lock,))
    leaving.start()
    refuse_if_busy(("/run/haproxy.sock",))
    leaving.join()
    os.close(runner)


@pytest.mark.parametrize(
    "name", ["../../etc", "/etc", "..", ".", "", "a/b", "a b", "a\x00b", "-rf", "x" * 300, "n\u00f6de"]
)
def test_a_journal_cannot_lead_its_reader_to_a_directory_of_its_choice(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    assert event_of(json.dumps({**beginning(), "run": name}).encode()) is None
    with pytest.raises(ConsoleError, match="there is no run"):
        run_dir(name)


async def test_a_command_of_the_hold_does_not_get_the_consoles_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    monkeypatch.setenv("PGUSER", "dba")
    running = await Here.start('echo "${PGPASSWORD-none} $PGUSER $NODE"', {"NODE": "node1"})
    assert [line async for line in running.lines()] == [b"none dba node1"]
    assert await running.code() == 0
