"""`script/bootstrap` on machines where something is missing or fails: it says so, and what to do.

Every program that would change this machine is a fake that writes down how it was called.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent
_REAL = (
    "env",
    "bash",
    "cut",
    "sort",
    "sed",
    "tail",
    "head",
    "dirname",
    "sha256sum",
    "cat",
    "grep",
    "mkdir",
    "cp",
)
_FAKE_RECORDER = '#!/bin/bash\necho "${0##*/} $*" >> "$CALLS"\n'
_FAKE_PYTHON = """#!/bin/bash
case "$*" in
    "-m venv"*) /bin/mkdir -p "${@: -1}/bin" && /bin/cp "$0" "${@: -1}/bin/python" ;;
    --version) echo "Python 3.99.1" ;;
    -c*print*) echo 3.99 ;;
esac
"""
_FAKE_APT_CACHE = """#!/bin/bash
case "$*" in
    "depends postgresql") echo "  Depends: postgresql-99" ;;
    "show bucardo") echo "Package: bucardo" ;;
esac
"""


@dataclass
class FakeMachine:
    """A checkout, and a PATH on which all programs exist that were not taken away."""

    checkout: Path
    programs: Path

    def fake(self, name: str, does: str = "") -> None:
        program = self.programs / name
        program.unlink(missing_ok=True)
        program.write_text(does if does.startswith("#!") else _FAKE_RECORDER + does)
        program.chmod(0o755)

    def bootstrap(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.checkout / "script" / "bootstrap")],
            env={
                "PATH": str(self.programs),
                "CALLS": str(self.calls),
                "HOME": str(self.checkout),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    @property
    def calls(self) -> Path:
        return self.checkout / "calls"

    def called(self) -> str:
        return self.calls.read_text() if self.calls.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    """A machine on which everything is there except the virtual environment."""
    checkout, programs, server = (tmp_path / name for name in ("checkout", "programs", "pg/99"))
    for directory in (checkout / "script", programs, server / "bin", server / "lib"):
        directory.mkdir(parents=True)
    shutil.copy(_ROOT / "script" / "bootstrap", checkout / "script")
    shutil.copy(_ROOT / "pyproject.toml", checkout)
    for name in _REAL:
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    for library in ("pglogical", "plperl"):
        (server / "lib" / f"{library}.so").touch()
    made = FakeMachine(checkout, programs)
    for name in ("pgbench", "haproxy", "pgbouncer", "bucardo", "sshd", "ssh", "socat", "tmux", "apt-get"):
        made.fake(name)
    made.fake("find", f"#!/bin/bash\necho {server}/bin/postgres\n")
    made.fake("id", "#!/bin/bash\necho 0\n")
    made.fake("python3", _FAKE_PYTHON)
    made.fake("apt-cache", _FAKE_APT_CACHE)
    made.fake("dpkg-query", "#!/bin/bash\nexit 1\n")
    return made


def _without_postgresql(machine: FakeMachine) -> None:
    machine.fake("find", "#!/bin/bash\nexit 1\n")  # as it does where /usr/lib/postgresql does not exist


def test_a_machine_with_everything_gets_its_environment_and_its_name_on_stdout(machine: FakeMachine) -> None:
    done = machine.bootstrap()
    assert (done.returncode, done.stdout) == (0, ".venv\n"), done.stderr
    assert "apt-get" not in machine.called()
    again = machine.bootstrap()
    assert (again.returncode, again.stdout, again.stderr) == (0, ".venv\n", "")


def test_a_machine_without_postgresql_gets_debian_s_version_installed(machine: FakeMachine) -> None:
    _without_postgresql(machine)
    done = machine.bootstrap()
    assert "apt-get -qq -o DPkg::Lock::Timeout=300 update" in machine.called()
    assert "postgresql-99 postgresql-99-pglogical postgresql-plperl-99" in machine.called()
    # This apt-get installed nothing; what is missing still is said.
    assert done.returncode == 1
    assert "postgres (PostgreSQL server)" in done.stderr


def test_bucardo_is_installed_where_apt_has_it_and_not_asked_for_elsewhere(machine: FakeMachine) -> None:
    (machine.programs / "bucardo").unlink()
    machine.fake("apt-cache", "#!/bin/bash\n")  # as in sid: nothing said, exit code 0
    assert machine.bootstrap().returncode == 0
    assert "apt-get" not in machine.called()
    machine.fake("apt-cache", _FAKE_APT_CACHE)
    machine.bootstrap()
    assert "--no-install-recommends bucardo" in machine.called()


def test_a_user_installs_with_sudo(machine: FakeMachine) -> None:
    _without_postgresql(machine)
    machine.fake("id", "#!/bin/bash\necho 1000\n")
    machine.fake("sudo")
    machine.bootstrap()
    assert "sudo env DEBIAN_FRONTEND=noninteractive apt-get" in machine.called()


def test_a_user_without_sudo_reads_what_is_missing(machine: FakeMachine) -> None:
    (machine.programs / "tmux").unlink()
    machine.fake("id", "#!/bin/bash\necho 1000\n")
    done = machine.bootstrap()
    assert done.returncode == 1
    assert "neither root nor sudo" in done.stderr
    assert "tmux" in done.stderr.splitlines()
    assert "apt-get" not in machine.called()


def test_a_machine_without_apt_reads_what_is_missing(machine: FakeMachine) -> None:
    (machine.programs / "apt-get").unlink()
    (machine.programs / "socat").unlink()
    done = machine.bootstrap()
    assert done.returncode == 1
    assert "install them with your system's package manager" in done.stderr
    assert done.stderr.splitlines()[-1] == "socat"


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ("apt-get update", ("apt-get -qq", "update", "Check the network and /etc/apt/sources.list")),
        ("apt-get install", ("apt-get -qq", "install -y", "tmux", "See apt's message above")),
        ("python3 -m venv", ("python3 -m venv --clear .venv", "python3-venv")),
        ("python3 -m pip install", (".venv/bin/python -m pip install", "and pip's settings")),
        ("sha256sum", ("line", "sha256sum pyproject.toml", "bash -x script/bootstrap")),
        ("apt-cache", ("apt knows no package postgresql", "/etc/apt/sources.list")),
    ],
)
def test_a_command_that_fails_is_named_with_what_to_do(
    machine: FakeMachine, failing: str, said: tuple[str, ...]
) -> None:
    program, _, argument = failing.partition(" ")
    if program.startswith("apt"):
        _without_postgresql(machine)
        (machine.programs / "tmux").unlink()
    otherwise = _FAKE_PYTHON.removeprefix("#!/bin/bash\n") if program == "python3" else ""
    machine.fake(program, f'#!/bin/bash\n[[ " $* " != *"{argument}"* ]] || exit 7\n{otherwise}')
    done = machine.bootstrap()
    assert done.returncode != 0
    assert done.stdout == ""
    for words in said:
        assert words in done.stderr, done.stderr


def test_an_environment_half_made_is_made_again(machine: FakeMachine) -> None:
    machine.fake("python3", _FAKE_PYTHON.replace("case", '[[ "$*" != *"pip install"* ]] || exit 1\ncase', 1))
    assert machine.bootstrap().returncode == 1
    (machine.checkout / ".venv/bin/python").unlink()
    machine.fake("python3", _FAKE_PYTHON)
    done = machine.bootstrap()
    assert (done.returncode, done.stdout) == (0, ".venv\n"), done.stderr
    assert os.access(machine.checkout / ".venv/bin/python", os.X_OK)


def test_another_python_has_an_environment_of_its_own(machine: FakeMachine) -> None:
    pyenv = machine.checkout / ".pyenv/versions/3.99.1/bin"
    pyenv.mkdir(parents=True)
    (machine.programs / "python3").rename(pyenv / "python3")
    machine.fake("python3", "#!/bin/bash\nexit 1\n")
    for named in ("3.99", "3.99.1", str(pyenv / "python3")):
        done = machine.bootstrap(PYTHON=named)
        assert (done.returncode, done.stdout) == (0, ".venv-3.99\n"), done.stderr
    # A shim of pyenv that leads to no interpreter hides none.
    machine.fake("python3.99", "#!/bin/bash\nexit 127\n")
    assert machine.bootstrap(PYTHON="3.99").stdout == ".venv-3.99\n"


def test_a_python_that_is_not_there_is_named(machine: FakeMachine) -> None:
    done = machine.bootstrap(PYTHON="3.98")
    assert done.returncode == 1
    assert "PYTHON=3.98: no Python >= 3.11 with venv there" in done.stderr
    assert "PYTHON=3.13" in done.stderr
