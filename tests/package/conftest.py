"""The package as a user installs it: built once, and installed once into an empty environment."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import lab_directory

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Installed:
    """The console in an environment of its own, outside the checkout."""

    bin: Path
    home: Path
    """Its user's home, empty at first; the programs run there."""

    @property
    def environment(self) -> dict[str, str]:
        """That of a login on a machine that knows nothing of the checkout."""
        return {
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "tmux-256color",
        }

    def run(
        self, *arguments: str, program: str = "bdr-console", seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """The installed console, or another program of its environment."""
        return subprocess.run(
            [self.bin / program, *arguments],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def output(self, *arguments: str, seconds: float = 120) -> str:
        """What it prints; fails with its errors when it does not end with 0."""
        done = self.run(*arguments, seconds=seconds)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def _run(command: Sequence[str | Path], directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def build(source: Path, directory: Path, *kinds: str) -> None:
    """Build `source` as its pyproject.toml says, in an environment made for that."""
    _run([sys.executable, "-m", "build", *kinds, "--outdir", directory, source], directory)


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, and the wheel that was built from it."""
    directory = tmp_path_factory.mktemp("dist")
    build(ROOT, directory)
    return directory


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """The wheel that was built from the sdist."""
    (found,) = distributions.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """That wheel and what it depends on, and nothing else."""
    directory = tmp_path_factory.mktemp("installed")
    venv.create(directory / "environment", with_pip=True)
    programs = directory / "environment" / "bin"
    # What is imported is compiled then; most of what is installed never is.
    _run([programs / "python", "-m", "pip", "install", "--quiet", "--no-compile", wheel], directory)
    home = directory / "home"
    home.mkdir()
    yield Installed(programs, home)
    shutil.rmtree(directory / "environment")  # pytest keeps the directories of its latest runs


@pytest.fixture(scope="session")
def installed_lab(installed: Installed) -> Iterator[Path]:
    """The configuration of a small lab that the installed program has made."""
    directory = lab_directory("wheel")
    try:
        installed.output("lab", "up", "--nodes", "2", "--directory", str(directory))
        yield directory / "config.yaml"
    finally:
        if directory.exists():
            installed.output("lab", "down", "--directory", str(directory))


@pytest.fixture(autouse=True)
def _outside_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the build nor the installed program finds the checkout by the environment."""
    for name in [key for key in os.environ if key.startswith("BDR_CONSOLE_") or key == "PYTHONPATH"]:
        monkeypatch.delenv(name)
