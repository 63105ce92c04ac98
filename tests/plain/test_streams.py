"""Standard streams as callers leave them: closed, full, or a pipe that nobody reads."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import config

PRINTING = [
    ("--help",),
    ("--version",),
    ("config", "schema"),
    ("config", "check"),
    ("runs", "--json"),
]


def shell(redirection: str, *words: str, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The program with its streams redirected by a shell."""
    named = ("--config", str(config)) if config else ()
    command = [sys.executable, "-m", "bdr_console", *named, *words]
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *command],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
@pytest.mark.parametrize(
    ("redirection", "why"), [(">&-", "stdout is closed"), (">/dev/full", "No space left on device")]
)
def test_output_that_cannot_be_written_is_an_error_of_its_own(
    tmp_path: Path, redirection: str, why: str, words: tuple[str, ...]
) -> None:
    done = shell(redirection, *words, config=config(tmp_path))
    assert done.returncode == 74
    assert done.stderr.splitlines() == [
        f"bdr-console: the output cannot be written: {why}",
        "The output is not complete; what the command did stays done.",
    ]


@pytest.mark.parametrize("words", PRINTING[2:], ids=" ".join)
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&-"])
def test_remarks_that_cannot_be_written_and_a_closed_stdin_change_nothing(
    tmp_path: Path, redirection: str, words: tuple[str, ...]
) -> None:
    made = config(tmp_path)
    usual, done = shell("", *words, config=made), shell(redirection, *words, config=made)
    assert (done.returncode, done.stdout) == (usual.returncode, usual.stdout)
    assert done.stdout


def test_an_error_keeps_its_exit_code_where_it_cannot_be_said() -> None:
    for redirection in ("2>&-", "2>/dev/full"):
        assert shell(redirection, "--config", "/nonexistent", "status").returncode == 3


def test_a_pipe_that_nobody_reads_is_said_without_a_traceback() -> None:
    words = f"{sys.executable} -m bdr_console config schema"
    command = f"({words}; echo code $? >&2) | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert "nobody reads the output any more" in done.stderr
    assert "code 74" in done.stderr


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_a_status_that_cannot_be_written_is_unknown_to_a_monitoring_system(
    tmp_path: Path, redirection: str
) -> None:
    done = shell(redirection, "status", "--timeout", "2s", config=config(tmp_path))
    assert done.returncode == 3
    assert "the output cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-"])
def test_a_closed_stream_is_no_place_for_a_file_that_is_opened_next(tmp_path: Path, redirection: str) -> None:
    recording = tmp_path / "made.bdrrec"
    shell(redirection, "record", str(recording), "--for", "1s", config=config(tmp_path))
    assert recording.read_bytes().startswith(b"\x1f\x8b"), "nothing was printed into it"
    assert b"recording cluster" not in recording.read_bytes()
