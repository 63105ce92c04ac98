"""Files of the console's own: nothing that somebody else has planted is followed or written to."""

import errno
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.paths import (
    make_private_dir,
    open_private,
    private_dir,
    require_room,
    state_dir,
    unusable,
    write_private,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
NOBODY = 65534
APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A directory of a file system with hardly any room in it."""
    directory = tmp_path / "full"
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root, where it may mount, can make a small file system")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def test_a_file_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        os.close(open_private(tmp_path / "appended", APPEND))
        write_private(tmp_path / "whole", "text")
    finally:
        os.umask(before)
    for name in ("appended", "whole"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("flags", [APPEND, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC])
def test_a_symbolic_link_is_not_followed_and_its_target_stays_as_it_is(tmp_path: Path, flags: int) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(precious)
    with pytest.raises(ConsoleError, match=f"{link} is a symbolic link"):
        open_private(link, flags)
    with pytest.raises(ConsoleError, match=f"{link} is a symbolic link"):
        write_private(link, "other")
    assert precious.read_text() == "mine"
    assert link.is_symlink()


def test_a_pipe_in_the_place_of_a_file_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for attempt in (lambda: open_private(pipe, os.O_RDWR), lambda: write_private(pipe, "")):
        with pytest.raises(ConsoleError, match=f"{pipe} is no file"):
            attempt()


@as_root
def test_a_file_of_another_user_is_neither_written_nor_emptied(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.write_text("theirs")
    os.chown(planted, NOBODY, -1)
    with pytest.raises(ConsoleError, match=r"planted belongs to user \S+ and is not written to"):
        open_private(planted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    assert planted.read_text() == "theirs"


def test_a_second_name_of_a_file_in_a_shared_directory_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (tmp_path / "precious").write_text("mine")
    (shared / "planted").hardlink_to(tmp_path / "precious")
    with pytest.raises(ConsoleError, match="has a second name"):
        open_private(shared / "planted", os.O_WRONLY | os.O_TRUNC)
    assert (tmp_path / "precious").read_text() == "mine"


@as_root
@pytest.mark.parametrize("level", ["state", "state/clusters", "state/clusters/shop"])
def test_a_directory_that_another_user_has_planted_is_refused_at_every_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "state"))
    wanted = tmp_path / "state/clusters/shop"
    wanted.mkdir(parents=True)
    for each in ("state", "state/clusters", "state/clusters/shop"):
        (tmp_path / each).chmod(0o700)
    os.chown(tmp_path / level, NOBODY, -1)
    with pytest.raises(ConsoleError, match=f"{tmp_path / level} belongs to user") as caught:
        private_dir(wanted)
    assert "BDR_CONSOLE_STATE" in caught.value.remedy


@as_root
def test_a_link_that_another_user_has_planted_is_refused_and_an_own_one_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    assert make_private_dir(link) == link
    os.chown(link, NOBODY, -1, follow_symlinks=False)
    with pytest.raises(ConsoleError, match=f"{link} belongs to user"):
        make_private_dir(link)


def test_a_file_in_the_place_of_a_directory_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConsoleError, match="file is not a directory"):
        make_private_dir(tmp_path / "file")
    with pytest.raises(ConsoleError, match=r"cannot use .*: Not a directory") as caught:
        make_private_dir(tmp_path / "file/state/runs")
    assert "Move away the file" in caught.value.remedy


def test_a_full_disk_keeps_what_was_there_and_says_what_helps(full: Path) -> None:
    path = write_private(full / "plan.json", "old")
    (full / "filling").write_bytes(b"x" * (full.stat().st_blksize * 14))
    with pytest.raises(ConsoleError, match=r"plan\.json: No space left on device") as caught:
        write_private(path, "x" * 100_000)
    assert "Make room on its disk" in caught.value.remedy
    assert path.read_text() == "old"
    assert sorted(each.name for each in full.iterdir()) == ["filling", "plan.json"], "nothing is left behind"


def test_room_is_asked_for_and_given_back(full: Path, tmp_path: Path) -> None:
    require_room(tmp_path, 2**20)
    with pytest.raises(ConsoleError, match="No space left on device"):
        require_room(full, 2**20)
    assert list(full.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "helps"),
    [
        (errno.ENOSPC, "Make room"),
        (errno.EDQUOT, "Make room"),
        (errno.EROFS, "may write to"),
        (errno.EACCES, "may write to"),
        (errno.ENOTDIR, "Move away"),
    ],
)
def test_each_reason_has_what_helps_against_it(number: int, helps: str) -> None:
    told = unusable(Path("/somewhere"), OSError(number, os.strerror(number)))
    assert told.problem == f"cannot use /somewhere: {os.strerror(number)}"
    assert helps in told.remedy


def test_the_state_directory_is_absolute_however_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BDR_CONSOLE_STATE", "here")
    assert state_dir() == tmp_path / "here"
    monkeypatch.delenv("BDR_CONSOLE_STATE")
    monkeypatch.setenv("HOME", "/home/dba")
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    assert state_dir() == Path("/home/dba/.local/state/bdr-console")
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert state_dir() == Path("/var/state/bdr-console")


def test_without_home_the_account_has_one_or_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BDR_CONSOLE_STATE", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME")
    assert state_dir().is_absolute()
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    with pytest.raises(ConsoleError, match="HOME is not set and user 3999999 has no home directory"):
        state_dir()


def test_a_working_directory_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("BDR_CONSOLE_STATE", "here")
    gone.rmdir()
    with pytest.raises(ConsoleError, match="the working directory is gone"):
        state_dir()
