"""The log: what is swallowed elsewhere stands there with its traceback, and no secret; it never hurts."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

FAILS = """
import asyncio, logging
from bdr_console import logs
from bdr_console.config import ClusterSettings
from bdr_console.monitor import Monitor
logs.start()
logs.start()

async def main():
    nodes = {'nodes': {'node1': {'dsn': 'host=127.0.0.1 port=1'}}}
    monitor = Monitor('shop', ClusterSettings.model_validate(nodes), 1.0)
    target = monitor._targets()[0]
    async def read():
        raise KeyError("connection failed: host=db password=hunter2 user=app")
    target._read = read
    for _ in range(3):
        assert not await target._once()
    print(target.observed.error)
    await monitor.close()
asyncio.run(main())
"""


def run(code: str, state: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A program of its own: a log belongs to a process."""
    environment = {**os.environ, "BDR_CONSOLE_STATE": str(state), **more}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_an_answer_that_is_not_understood_is_logged_once_with_its_traceback_and_no_password(
    tmp_path: Path,
) -> None:
    done = run(FAILS, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "its answer could not be understood: KeyError" in done.stdout
    log = tmp_path / "bdr-console.log"
    text = log.read_text()
    assert text.count("Traceback (most recent call last)") == 1, "the same again is not news"
    assert "node1" in text
    assert "in _once" in text
    assert "hunter2" not in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


LOGS = """
import logging
from bdr_console import logs
logs.start(debug={debug})
log = logging.getLogger('bdr_console.test')
for number in range({count}):
    log.debug('a remark %d', number)
    log.error('%s %d', 'x' * {width}, number)
print('goes on')
"""


def test_remarks_are_kept_with_debug_alone(tmp_path: Path) -> None:
    run(LOGS.format(debug=False, count=1, width=1), tmp_path)
    assert "a remark" not in (tmp_path / "bdr-console.log").read_text()
    run(LOGS.format(debug=True, count=1, width=1), tmp_path)
    assert "a remark 0" in (tmp_path / "bdr-console.log").read_text()


def test_old_files_go_and_each_is_private(tmp_path: Path) -> None:
    for _ in range(6):
        run(LOGS.format(debug=False, count=90, width=9000), tmp_path)
    files = sorted(tmp_path.glob("bdr-console.log*"))
    assert [file.name for file in files] == ["bdr-console.log", *(f"bdr-console.log.{n}" for n in (1, 2, 3))]
    assert all(file.stat().st_size <= 1 << 20 for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("limit", ["resource.RLIMIT_FSIZE", None], ids=["full disk", "no directory"])
def test_a_log_that_cannot_be_written_never_hurts(tmp_path: Path, limit: str | None) -> None:
    code = LOGS.format(debug=False, count=3, width=9000)
    if limit is None:
        state = tmp_path / "file"
        state.write_text("not a directory")
    else:
        state = tmp_path
        code = (
            "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            f"resource.setrlimit({limit}, (0, 0))\n{code}"
        )
    done = run(code, state)
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")
