"""What is kept over days has an end, and what is written stays with its owner."""

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from bdr_console import crash, paths
from bdr_console.cluster.history import History
from bdr_console.errors import ConsoleError
from bdr_console.links.haproxy_text import NotHaproxyError, parse_stat
from bdr_console.runbooks.journal.journal_file import JOURNAL, JournalFollower
from tests.cluster.builders import NOW


def test_a_figure_that_nobody_adds_to_is_forgotten_after_an_hour() -> None:
    history = History()
    for number in range(20_000):
        history.add(f"slot {number}", NOW + timedelta(seconds=number), 1.0)
    assert len(history._samples) < 3800
    assert history.last("slot 19999", 1) == (1.0,)


def test_very_many_figures_share_the_memory_there_is() -> None:
    history = History()
    for second in range(700):
        for number in range(1000):
            history.add(number, NOW + timedelta(seconds=second), 1.0)
    assert sum(len(samples) for samples in history._samples.values()) <= 500_000
    assert len(history.last(7, 9999)) == 500


def test_an_error_that_comes_back_for_ever_leaves_twenty_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    for number in range(40):
        (tmp_path / f"crash-20260101T0000{number:02}-1.txt").write_text("old")
    newest = crash.write_report(ValueError("again"))
    assert newest is not None
    assert len(list(tmp_path.glob("crash-*"))) == 20
    assert newest.exists()


def test_every_directory_that_is_made_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        paths.private_dir(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    for made in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE((tmp_path / made).stat().st_mode) == 0o700


def test_a_state_directory_that_others_may_write_to_is_refused_with_what_helps(tmp_path: Path) -> None:
    loose = tmp_path / "runs"
    loose.mkdir()
    loose.chmod(0o777)
    with pytest.raises(ConsoleError, match="others may write to") as caught:
        paths.private_dir(loose)
    assert "chmod go-w" in caught.value.remedy


def test_a_journal_line_without_end_is_not_kept_in_memory(tmp_path: Path) -> None:
    with (tmp_path / JOURNAL).open("wb") as file:
        file.truncate(64 * 2**20)
    follower = JournalFollower(tmp_path)
    assert follower.poll() is None
    assert len(follower._rest) <= 2**22


def test_a_stat_answer_of_a_million_lines_is_refused() -> None:
    with pytest.raises(NotHaproxyError, match="more than 20000 lines"):
        parse_stat("# pxname,svname,type\n" + "a,b,2\n" * 1_000_000)
