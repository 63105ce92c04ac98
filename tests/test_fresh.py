"""`script/fresh` where it cannot go on: it says why, and leaves nothing behind.

What it does on a machine is tried by running it; here apt-get and unshare are fakes: nothing is installed.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from script import fresh_machine
from tests.waiting import wait_until

_ROOT = Path(__file__).parent.parent
_FAKE_APT_GET = """#!/bin/sh
case "$1" in indextargets) echo "$FAKE_SOURCES" ;; esac
"""
_SUITE = f"nosuch{os.getpid()}"
"""A suite of this process alone: other runs of these tests make machines of their own."""
_SOURCES = "Debian/Debian http://mirror.example/debian/"


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    """A directory of programs that come before the real ones."""
    programs = tmp_path / "programs"
    programs.mkdir()
    return programs


def _fake(fakes: Path, name: str, text: str) -> None:
    (fakes / name).write_text(text)
    (fakes / name).chmod(0o755)


def _environment(fakes: Path, sources: str = _SOURCES) -> dict[str, str]:
    return {**os.environ, "PATH": f"{fakes}:{os.environ['PATH']}", "FAKE_SOURCES": sources}


def _made() -> list[Path]:
    return list(Path("/var/tmp").glob(f"bdr-fresh-{_SUITE}-*"))


def _try_out(fakes: Path, sources: str = _SOURCES) -> subprocess.CompletedProcess[str]:
    _fake(fakes, "apt-get", _FAKE_APT_GET)
    return subprocess.run(
        [sys.executable, "-m", "script.fresh_machine", _SUITE],
        cwd=_ROOT,
        env=_environment(fakes, sources),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_user_who_is_not_root_reads_that_it_needs_root(fakes: Path) -> None:
    _fake(fakes, "id", "#!/bin/sh\necho 1000\n")
    done = subprocess.run(
        [_ROOT / "script" / "fresh"], env=_environment(fakes), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "sudo script/fresh" in done.stderr


def test_a_debian_that_cannot_be_made_is_named_and_removed(fakes: Path) -> None:
    _fake(fakes, "unshare", f"#!/bin/sh\necho 'E: No such script: {_SUITE}'\nexit 1\n")
    done = _try_out(fakes)
    assert done.returncode == 1
    assert "failed with exit code 1" in done.stderr
    assert f"debootstrap --variant=minbase {_SUITE}" in done.stderr
    assert "http://mirror.example/debian/" in done.stderr
    assert f"E: No such script: {_SUITE}" in done.stderr
    assert not _made()


def test_a_machine_without_a_source_of_debian_is_told_what_to_add(fakes: Path) -> None:
    done = _try_out(fakes, sources="Other/Other http://mirror.example/other/")
    assert done.returncode == 1
    assert "none of this machine's apt sources is Debian's" in done.stderr
    assert not _made()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_in_the_middle_leaves_nothing(fakes: Path, number: signal.Signals, tmp_path: Path) -> None:
    _fake(fakes, "apt-get", _FAKE_APT_GET)
    _fake(fakes, "unshare", f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 300\n")
    with subprocess.Popen(
        [sys.executable, "-m", "script.fresh_machine", _SUITE], cwd=_ROOT, env=_environment(fakes)
    ) as running:
        wait_until(
            lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "it makes a Debian"
        )
        assert _made()
        running.send_signal(number)
        assert running.wait(30) == 128 + number
    assert not _made()
    child = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{child}").exists(), "debootstrap has ended too")


def test_indexes_that_pip_finds_on_this_machine_go_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("wheels", "index/simple"):
        (tmp_path / name).mkdir(parents=True)
    settings = tmp_path / "pip.conf"
    settings.write_text(
        f"[global]\nextra-index-url = file://{tmp_path}/index/simple https://index.example/simple\n"
    )
    monkeypatch.setattr(fresh_machine, "_PIP_OF_USER", settings)
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path}/wheels {tmp_path}/none")
    found = fresh_machine._local_indexes()
    assert {str(tmp_path / "wheels"), str(tmp_path / "index")} <= set(found)
    assert not any("none" in place or "example" in place for place in found)
