"""An error of the console's own: its exit code, what the terminal says, and what is in the report."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bdr_console import crash
from tests.ui.driving import console
from tests.ui.scenes import snapshot
from tests.ui.test_terminal import terminal

PASSWORD = "hunter" + "2"
"""Not to be found in the lines of source that a traceback quotes."""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own."""
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path))
    return tmp_path


def raised(text: str) -> ValueError:
    """An error that has been raised."""
    try:
        return _raise(text)
    except ValueError as error:
        return error


def _raise(text: str) -> ValueError:
    raise ValueError(text)


def reports(directory: Path) -> list[Path]:
    """Every report there."""
    return sorted(directory.glob("crash-*.txt"))


def test_every_error_of_a_process_is_in_its_one_report(state: Path) -> None:
    paths = [crash.write_report(raised(text)) for text in ("the first", "the second", "the third")]
    (report,) = reports(state)
    assert paths == [report] * 3
    said = report.read_text()
    places = [said.index(f"ValueError: the {which}") for which in ("first", "second", "third")]
    assert places == sorted(places)
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_an_error_that_comes_again_takes_one_line_and_never_fills_the_disk(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash, "_LARGEST", 4000)
    again = raised("the same")
    for _ in range(500):
        crash.write_report(again)
    (report,) = reports(state)
    assert report.read_text().count("ValueError: the same") == 1
    assert "Error 1 again" in report.read_text()
    assert report.stat().st_size < 5000


def test_passwords_in_an_error_and_in_local_variables_are_not_in_the_report(state: Path) -> None:
    dsn = f"host=db1 password={PASSWORD} dbname=app"

    def connect() -> None:
        raise RuntimeError(f"cannot read {dsn!r} nor postgresql://app:{PASSWORD}@db1/app")

    with pytest.raises(RuntimeError) as failed:
        connect()
    crash.write_report(failed.value)
    said = reports(state)[0].read_text()
    assert "cannot read" in said
    assert "db1" in said
    assert PASSWORD not in said


def test_the_terminal_says_where_the_report_is_and_whom_to_send_it_to(state: Path) -> None:
    said = crash.ending(raised("too long"), 3)
    assert "ValueError and 2 more" in said
    assert str(reports(state)[0]) in said
    assert "Send it to whoever maintains" in said


def test_without_a_place_for_the_report_the_error_itself_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BDR_CONSOLE_STATE", str(tmp_path / "file"))
    said = crash.ending(raised(f"\x1b]0;title password={PASSWORD}"))
    assert str(tmp_path / "file") in said
    assert "ValueError: \\x1b]0;title" in said
    assert PASSWORD not in said


async def test_an_error_on_the_screen_ends_the_console_and_is_reported(state: Path) -> None:
    def broken() -> None:
        dsn = "password=" + PASSWORD
        raise ValueError(f"{len(dsn)} is too long")

    async def crashed() -> None:
        async with console(snapshot()) as (app, pilot):
            app.call_later(broken)
            await pilot.pause()

    with pytest.raises(ValueError, match="too long"):
        await crashed()
    (report,) = reports(state)
    assert "18 is too long" in report.read_text() or "16 is too long" in report.read_text()
    assert PASSWORD not in report.read_text()


BROKEN = """
import sys
from bdr_console.ui.widgets.pane import FilterLine
mounted = []
def on_mount(self):
    mounted.append(self)
    raise RuntimeError(f"mistake number {len(mounted)}")
FilterLine.on_mount = on_mount
sys.argv = sys.argv[3:]
from bdr_console.cli import main
main()
"""
"""The program, with a mistake that each of its panes makes."""


def test_a_console_that_ends_by_its_own_error_exits_with_70_and_reports_every_one(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(BROKEN)
    with terminal(tmp_path, prefix=(sys.executable, str(program))) as shown:
        assert shown.wait() == 70
    (report,) = reports(tmp_path)
    said = shown.out.rpartition(b"\x1b[?1049l")[2].decode()
    assert "bdr-console ended by an error of its own" in said
    assert re.search(r"RuntimeError and \d more", said)
    assert report.name in re.sub(r"\s", "", said)
    assert "Traceback" not in said
    assert "RuntimeError: mistake number 1\n" in report.read_text()
    assert "RuntimeError: mistake number 2\n" in report.read_text()


def test_a_command_that_ends_by_an_error_of_its_own_exits_with_70_and_no_traceback(tmp_path: Path) -> None:
    program = (
        "import bdr_console.config as config\n"
        "def broken(*_): raise RuntimeError('a mistake')\n"
        "config.find = broken\n"
        "from bdr_console.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "top"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "BDR_CONSOLE_STATE": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 70, done.stderr
    assert "Traceback" not in done.stderr
    assert reports(tmp_path)[0].name in done.stderr
    assert "RuntimeError: a mistake" in reports(tmp_path)[0].read_text()
