"""The journal on disk, and following it."""

import json
import os
import stat
from pathlib import Path

import pytest

from bdr_console.runbooks.journal import JOURNAL, RUNNER_LOCK, Journal, JournalFollower
from bdr_console.runbooks.locks import Busy, hold, holder_of, is_held
from bdr_console.runbooks.run import RunStatus, StepStatus
from tests.runbooks.test_fold import beginning


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
