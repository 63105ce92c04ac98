"""The program where its state directory is of no use: it says which, why and what helps."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminal.tmux import Tmux
from tests.test_cli import PROGRAM, config, refused

NOBODY = 65534


def _file(path: Path) -> str:
    path.write_text("not a directory\n")
    return "is not a directory"


def _below_a_file(path: Path) -> str:
    path.parent.rmdir()
    path.parent.write_text("not a directory\n")
    return "Not a directory"


def _dangling(path: Path) -> str:
    path.symlink_to(path.with_name("nowhere"))
    return "No such file or directory"


def _open_to_others(path: Path) -> str:
    path.mkdir()
    path.chmod(0o777)
    return "others may write to"


def _of_another_user(path: Path) -> str:
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory of another user")
    path.mkdir(mode=0o700)
    os.chown(path, NOBODY, -1)
    return "belongs to user"


def _not_ours_to_write(path: Path) -> str:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path.mkdir()
    path.chmod(0o500)
    return "Permission denied"


BAD = [_file, _below_a_file, _dangling, _open_to_others, _of_another_user, _not_ours_to_write]


@pytest.fixture(params=BAD, ids=lambda make: make.__name__.strip("_"))
def bad(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A state directory of no use, and what is said of it."""
    path = tmp_path / "parent" / "state"
    path.parent.mkdir(mode=0o700)
    make: Callable[[Path], str] = request.param
    why = make(path)
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(path))
    return path, why


def program(*words: str, config: Path) -> subprocess.CompletedProcess[str]:
    """The program without a terminal."""
    return subprocess.run(
        [*PROGRAM, "--config", str(config), *words],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def test_commands_that_need_it_say_which_why_and_what_helps(tmp_path: Path, bad: tuple[Path, str]) -> None:
    path, why = bad
    made = config(tmp_path)
    for words in (
        ("runs",),
        ("events",),
        ("resume",),
        ("switchover", "node1", "--apply", "abcdef123456"),
        ("with-lock", "--", "true"),
    ):
        done = program(*words, config=made)
        assert done.returncode == 2, words
        refused(done, str(path), why, "BDR_CONSOLE_STATE")


def test_a_status_is_told_all_the_same_and_says_what_it_cannot_know(
    tmp_path: Path, bad: tuple[Path, str]
) -> None:
    _, why = bad
    done = program("status", "--timeout", "2s", config=config(tmp_path))
    assert done.stdout.startswith("CRITICAL")
    assert "runs of this host are not known" in done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recording_elsewhere_is_made_all_the_same(tmp_path: Path, bad: tuple[Path, str]) -> None:
    _, why = bad
    recording = tmp_path / "made.bdrrec"
    done = program("record", str(recording), "--for", "2s", config=config(tmp_path))
    assert done.returncode == 0
    assert f"runs are not recorded: {why}" in done.stderr or why in done.stderr
    assert "Traceback" not in done.stderr
    assert recording.stat().st_size > 500


@pytest.mark.terminal
def test_the_console_opens_to_watch_and_says_that_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.symlink_to(tmp_path / "nowhere")
    command = [*PROGRAM, "--config", str(config(tmp_path)), "watch"]
    with Tmux(command, 160, 40, {"BDR_CONSOLE_STATE": str(path)}) as terminal:
        terminal.wait_for("Connection refused", "journals cannot be read", seconds=40)
        terminal.press("e")
        terminal.wait_for("events and acknowledgements are not kept", "not read from disk")
        terminal.press("Escape")
        terminal.wait_gone("Event log: all")
        terminal.press("q")
        terminal.wait_for("exit status 0")


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory on a disk without room."""
    state = tmp_path / "full"
    state.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(state)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root, where it may mount, can make a disk without room")
    with contextlib.suppress(OSError), (state / "filling").open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(state))
    try:
        yield state
    finally:
        subprocess.run(["umount", str(state)], check=True)


def test_a_recording_on_a_full_disk_ends_with_an_error_that_says_so(tmp_path: Path, full: Path) -> None:
    recording = full / "made.bdrrec"
    done = program("record", str(recording), "--for", "12s", config=config(tmp_path))
    assert done.returncode == 2
    refused(done, f"cannot record to {recording}: No space left on device")


def test_a_recording_whose_disk_fills_up_says_so_and_what_it_holds_can_be_read(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: everybody may set one."""
    recording = tmp_path / "made.bdrrec"
    limited = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900));"
        "sys.argv[0] = 'bdr-console'; runpy.run_module('bdr_console', run_name='__main__')"
    )
    command = [sys.executable, "-c", limited, "--config", str(config(tmp_path)), "record", str(recording)]
    done = subprocess.run([*command, "--for", "6s"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 74, done.stderr
    refused(done, f"the recording {recording} is not complete: File too large", "can be replayed")
    replayed = program("replay", str(recording), "--events", config=config(tmp_path))
    assert replayed.returncode == 0, replayed.stderr


def test_a_link_in_the_place_of_a_recording_or_a_picture_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    link = tmp_path / "made"
    link.symlink_to(precious)
    made = config(tmp_path)
    refused(program("record", str(link), "--for", "1s", config=made), f"{link} is a symbolic link")
    refused(program("screenshot", "-o", str(link), config=made), f"{link} is a symbolic link")
    assert precious.read_text() == "mine"
